//go:build linux && cgo

#include <stdlib.h>
#include <string.h>

#include "display_private.h"

static const int map_patience_ms = 3000; // a server answers in microseconds; this is for one that hangs

static xcb_atom_t intern(xcb_connection_t *c, const char *name) {
	xcb_intern_atom_reply_t *r = xcb_intern_atom_reply(c, xcb_intern_atom(c, 0, (uint16_t)strlen(name), name), NULL);
	xcb_atom_t atom = r ? r->atom : XCB_ATOM_NONE;
	free(r);
	return atom;
}

// The pointer is hidden: the picture shows where it is.
static xcb_cursor_t blank_cursor(xcb_connection_t *c, xcb_window_t root) {
	xcb_pixmap_t pixmap = xcb_generate_id(c);
	xcb_create_pixmap(c, 1, pixmap, root, 1, 1);
	xcb_gcontext_t gc = xcb_generate_id(c);
	const uint32_t foreground = 0;
	xcb_create_gc(c, gc, pixmap, XCB_GC_FOREGROUND, &foreground);
	const xcb_rectangle_t all = {0, 0, 1, 1};
	xcb_poly_fill_rectangle(c, pixmap, gc, 1, &all);
	xcb_cursor_t cursor = xcb_generate_id(c);
	xcb_create_cursor(c, cursor, pixmap, pixmap, 0, 0, 0, 0, 0, 0, 0, 0);
	xcb_free_gc(c, gc);
	xcb_free_pixmap(c, pixmap);
	return cursor;
}

static int has_extension(xcb_connection_t *c, const char *name) {
	xcb_query_extension_reply_t *r = xcb_query_extension_reply(c, xcb_query_extension(c, (uint16_t)strlen(name), name), NULL);
	int present = r && r->present;
	free(r);
	return present;
}

int nl_display_direct(nl_display *d) { return has_extension(d->connection, "DRI3") || has_extension(d->connection, "NV-GLX"); }

static int true_colour(xcb_screen_t *screen) {
	for (xcb_depth_iterator_t depth = xcb_screen_allowed_depths_iterator(screen); depth.rem; xcb_depth_next(&depth))
		for (xcb_visualtype_iterator_t v = xcb_depth_visuals_iterator(depth.data); v.rem; xcb_visualtype_next(&v))
			if (v.data->visual_id == screen->root_visual)
				return depth.data->depth >= 24 && v.data->red_mask == 0xff0000 && v.data->green_mask == 0xff00 && v.data->blue_mask == 0xff;
	return 0;
}

static void describe(nl_display *d, const char *title) {
	xcb_connection_t *c = d->connection;
	static const char class[] = "nearlight\0Nearlight";
	xcb_change_property(c, XCB_PROP_MODE_REPLACE, d->window, XCB_ATOM_WM_NAME, XCB_ATOM_STRING, 8, (uint32_t)strlen(title), title);
	xcb_change_property(c, XCB_PROP_MODE_REPLACE, d->window, XCB_ATOM_WM_CLASS, XCB_ATOM_STRING, 8, sizeof class, class);
	xcb_change_property(c, XCB_PROP_MODE_REPLACE, d->window, d->protocols, XCB_ATOM_ATOM, 32, 1, &d->delete_window);
	if (d->follow) { // for a window manager, should there be one
		xcb_atom_t full = intern(c, "_NET_WM_STATE_FULLSCREEN");
		xcb_change_property(c, XCB_PROP_MODE_REPLACE, d->window, intern(c, "_NET_WM_STATE"), XCB_ATOM_ATOM, 32, 1, &full);
	}
}

static int wait_mapped(nl_display *d) {
	for (;;) {
		nl_pump(d);
		for (int i = d->head; i < d->count; i++)
			if ((d->queue[i].event->response_type & 0x7f) == XCB_MAP_NOTIFY)
				return 1;
		if (nl_gone(d) || !nl_readable(d, map_patience_ms))
			return 0;
	}
}

static int create(nl_display *d, const char *title) {
	xcb_connection_t *c = d->connection;
	d->window = xcb_generate_id(c);
	const uint32_t values[] = {
		XCB_BACK_PIXMAP_NONE,
		XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_KEY_RELEASE | XCB_EVENT_MASK_BUTTON_PRESS | XCB_EVENT_MASK_BUTTON_RELEASE |
			XCB_EVENT_MASK_POINTER_MOTION | XCB_EVENT_MASK_STRUCTURE_NOTIFY | XCB_EVENT_MASK_EXPOSURE |
			XCB_EVENT_MASK_VISIBILITY_CHANGE | XCB_EVENT_MASK_FOCUS_CHANGE,
		blank_cursor(c, d->screen->root),
	};
	xcb_create_window(c, d->screen->root_depth, d->window, d->screen->root, 0, 0, (uint16_t)d->width, (uint16_t)d->height, 0,
		XCB_WINDOW_CLASS_INPUT_OUTPUT, d->screen->root_visual, XCB_CW_BACK_PIXMAP | XCB_CW_EVENT_MASK | XCB_CW_CURSOR, values);
	const uint32_t root_mask = XCB_EVENT_MASK_STRUCTURE_NOTIFY | XCB_EVENT_MASK_PROPERTY_CHANGE;
	xcb_change_window_attributes(c, d->screen->root, XCB_CW_EVENT_MASK, &root_mask);
	d->input = intern(c, "_NEARLIGHT_INPUT");
	d->protocols = intern(c, "WM_PROTOCOLS");
	d->delete_window = intern(c, "WM_DELETE_WINDOW");
	describe(d, title);
	d->gc = xcb_generate_id(c);
	const uint32_t quiet = 0;
	xcb_create_gc(c, d->gc, d->window, XCB_GC_GRAPHICS_EXPOSURES, &quiet);
	xcb_map_window(c, d->window);
	xcb_flush(c);
	if (!wait_mapped(d))
		return 0;
	xcb_set_input_focus(c, XCB_INPUT_FOCUS_POINTER_ROOT, d->window, XCB_CURRENT_TIME);
	xcb_flush(c);
	return !nl_gone(d);
}

int nl_display_open(const char *title, int width, int height, nl_display **out) {
	int preferred = 0;
	nl_display *d = calloc(1, sizeof *d);
	d->connection = xcb_connect(NULL, &preferred);
	if (nl_gone(d)) {
		nl_display_close(d);
		return NL_DISPLAY_REFUSED;
	}
	xcb_screen_iterator_t screens = xcb_setup_roots_iterator(xcb_get_setup(d->connection));
	for (; screens.rem > 1 && preferred > 0; preferred--)
		xcb_screen_next(&screens);
	d->screen = screens.data;
	if (!true_colour(d->screen)) {
		nl_display_close(d);
		return NL_DISPLAY_DEPTH;
	}
	// The setup tells the size the screen had when the server started; it may have changed since.
	xcb_get_geometry_reply_t *root = xcb_get_geometry_reply(d->connection, xcb_get_geometry(d->connection, d->screen->root), NULL);
	d->follow = width == 0;
	d->width = width ? width : root ? root->width : d->screen->width_in_pixels;
	d->height = height ? height : root ? root->height : d->screen->height_in_pixels;
	free(root);
	nl_find_shm(d);
	nl_load_keys(d);
	if (!create(d, title)) {
		nl_display_close(d);
		return NL_DISPLAY_WINDOW;
	}
	*out = d;
	return NL_DISPLAY_OK;
}

void nl_display_close(nl_display *d) {
	nl_drop_canvases(d);
	for (int i = d->head; i < d->count; i++)
		free(d->queue[i].event);
	free(d->queue);
	free(d->keys);
	if (d->connection)
		xcb_disconnect(d->connection);
	free(d);
}

void nl_display_size(nl_display *d, int *width, int *height) {
	*width = d->width;
	*height = d->height;
}

void *nl_display_connection(nl_display *d) { return d->connection; }
uint32_t nl_display_window(nl_display *d) { return d->window; }
uint32_t nl_display_visual(nl_display *d) { return d->screen->root_visual; }
int nl_display_shared(nl_display *d) { return d->shared; }
