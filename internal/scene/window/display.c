//go:build linux && cgo

#define _GNU_SOURCE
#include "display.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

enum { CANVASES = 2, PUT_IMAGE_HEADER = 24 };
static const int map_patience_ms = 3000;    // a server answers in microseconds; this is for one that hangs
static const int canvas_patience_ms = 100;  // for a server that is stopped

// An event in the queue. For a change of _NEARLIGHT_INPUT, known says that value has been asked for.
typedef struct {
	xcb_generic_event_t *event;
	int known;
	uint32_t value;
} queued;

typedef struct {
	xcb_shm_seg_t segment; // 0: memory of our own, copied through the socket
	uint8_t *pixels;
	size_t octets;
	int busy;
} canvas;

struct nl_display {
	xcb_connection_t *connection;
	xcb_screen_t *screen;
	xcb_window_t window;
	xcb_gcontext_t gc;
	xcb_atom_t input, protocols, delete_window;
	int width, height, follow; // follow: the window covers the root window
	int shared;
	uint8_t shm_event, shm_request;
	xcb_get_keyboard_mapping_reply_t *keys;

	queued *queue;
	int head, count, room;
	uint32_t announced, answered; // sequences: the next input event's, the last input event's

	canvas canvases[CANVASES];
	int current;
	int canvas_width, canvas_height;
};

static xcb_atom_t intern(xcb_connection_t *c, const char *name) {
	xcb_intern_atom_reply_t *r = xcb_intern_atom_reply(c, xcb_intern_atom(c, 0, (uint16_t)strlen(name), name), NULL);
	xcb_atom_t atom = r ? r->atom : XCB_ATOM_NONE;
	free(r);
	return atom;
}

static void load_keys(nl_display *d) {
	const xcb_setup_t *setup = xcb_get_setup(d->connection);
	xcb_keycode_t first = setup->min_keycode;
	free(d->keys);
	d->keys = xcb_get_keyboard_mapping_reply(
		d->connection, xcb_get_keyboard_mapping(d->connection, first, (uint8_t)(setup->max_keycode - first + 1)), NULL);
}

static uint32_t symbol(nl_display *d, xcb_keycode_t code) {
	if (!d->keys || code < xcb_get_setup(d->connection)->min_keycode)
		return 0;
	int at = (code - xcb_get_setup(d->connection)->min_keycode) * d->keys->keysyms_per_keycode;
	if (at >= xcb_get_keyboard_mapping_keysyms_length(d->keys))
		return 0;
	return xcb_get_keyboard_mapping_keysyms(d->keys)[at];
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

static void find_shm(nl_display *d) {
	const xcb_query_extension_reply_t *extension = xcb_get_extension_data(d->connection, &xcb_shm_id);
	if (!extension || !extension->present)
		return;
	xcb_shm_query_version_reply_t *r = xcb_shm_query_version_reply(d->connection, xcb_shm_query_version(d->connection), NULL);
	if (r && (r->major_version > 1 || r->minor_version >= 2)) { // 1.2 passes descriptors
		d->shared = 1;
		d->shm_event = extension->first_event;
		d->shm_request = extension->major_opcode;
	}
	free(r);
}

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

static int gone(nl_display *d) { return xcb_connection_has_error(d->connection) != 0; }

static void push(nl_display *d, xcb_generic_event_t *event) {
	if (d->head > 0 && d->head == d->count)
		d->head = d->count = 0;
	if (d->count == d->room) {
		int room = d->room ? 2 * d->room : 64;
		queued *larger = realloc(d->queue, (size_t)room * sizeof *larger);
		if (!larger) {
			free(event);
			return;
		}
		d->queue = larger;
		d->room = room;
	}
	d->queue[d->count++] = (queued){.event = event};
}

// Completions are taken at once, everything else waits in order.
static void take(nl_display *d, xcb_generic_event_t *event) {
	if (d->shared && (event->response_type & 0x7f) == d->shm_event + XCB_SHM_COMPLETION) {
		for (int i = 0; i < CANVASES; i++)
			if (d->canvases[i].segment == ((xcb_shm_completion_event_t *)event)->shmseg)
				d->canvases[i].busy = 0;
		free(event);
		return;
	}
	if (event->response_type == 0 && ((xcb_generic_error_t *)event)->major_code == d->shm_request)
		for (int i = 0; i < CANVASES; i++)
			d->canvases[i].busy = 0; // it failed, as on a window that is being destroyed: no completion will come
	push(d, event);
}

static void pump(nl_display *d) {
	xcb_generic_event_t *event;
	while ((event = xcb_poll_for_event(d->connection)))
		take(d, event);
}

static int readable(nl_display *d, int patience_ms) {
	struct pollfd p = {xcb_get_file_descriptor(d->connection), POLLIN, 0};
	return poll(&p, 1, patience_ms) > 0;
}

static int wait_mapped(nl_display *d) {
	for (;;) {
		pump(d);
		for (int i = d->head; i < d->count; i++)
			if ((d->queue[i].event->response_type & 0x7f) == XCB_MAP_NOTIFY)
				return 1;
		if (gone(d) || !readable(d, map_patience_ms))
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
	return !gone(d);
}

int nl_display_open(const char *title, int width, int height, nl_display **out) {
	int preferred = 0;
	nl_display *d = calloc(1, sizeof *d);
	d->connection = xcb_connect(NULL, &preferred);
	if (gone(d)) {
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
	find_shm(d);
	load_keys(d);
	if (!create(d, title)) {
		nl_display_close(d);
		return NL_DISPLAY_WINDOW;
	}
	*out = d;
	return NL_DISPLAY_OK;
}

static void drop_canvas(nl_display *d, canvas *k) {
	if (!k->pixels)
		return;
	if (k->segment)
		xcb_shm_detach(d->connection, k->segment);
	munmap(k->pixels, k->octets);
	*k = (canvas){0};
}

void nl_display_close(nl_display *d) {
	for (int i = 0; i < CANVASES; i++)
		drop_canvas(d, &d->canvases[i]);
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

int nl_display_wait(nl_display *d, int wake_fd, int64_t due, int events) {
	struct pollfd fds[2] = {{wake_fd, POLLIN, 0}, {xcb_get_file_descriptor(d->connection), POLLIN, 0}};
	if (events) {
		pump(d); // what has been read already does not make the socket readable
		if (d->head < d->count || gone(d))
			return NL_WAIT_EVENTS;
	}
	for (;;) {
		struct timespec left = {0, 0}, *limit = NULL;
		if (due >= 0) {
			struct timespec now;
			clock_gettime(CLOCK_MONOTONIC, &now);
			int64_t ns = due - (now.tv_sec * 1000000000LL + now.tv_nsec);
			if (ns > 0)
				left = (struct timespec){ns / 1000000000, ns % 1000000000};
			limit = &left;
		}
		int ready = ppoll(fds, events ? 2 : 1, limit, NULL);
		if (ready < 0)
			continue; // a signal, such as the Go runtime's own
		int why = (ready == 0 ? NL_WAIT_DUE : 0) | (fds[0].revents ? NL_WAIT_WOKEN : 0);
		return why | (events && fds[1].revents ? NL_WAIT_EVENTS : 0);
	}
}

static int is_announcement(nl_display *d, xcb_generic_event_t *event) {
	xcb_property_notify_event_t *p = (xcb_property_notify_event_t *)event;
	return (event->response_type & 0x7f) == XCB_PROPERTY_NOTIFY && p->window == d->screen->root && p->atom == d->input;
}

// ask reads _NEARLIGHT_INPUT and gives the value to the change that it stems from: the last one that the server reported
// before it answered. Changes before that one are superseded and say nothing by themselves; each is followed by its
// input event, and claiming too little is right where claiming too much is not.
static void ask(nl_display *d) {
	xcb_get_property_cookie_t cookie = xcb_get_property(d->connection, 0, d->screen->root, d->input, XCB_ATOM_CARDINAL, 0, 1);
	xcb_get_property_reply_t *reply = xcb_get_property_reply(d->connection, cookie, NULL);
	if (!reply)
		return;
	pump(d);
	uint32_t value = xcb_get_property_value_length(reply) == 4 ? *(uint32_t *)xcb_get_property_value(reply) : 0;
	queued *last = NULL;
	for (int i = d->head; i < d->count; i++) {
		queued *q = &d->queue[i];
		if (is_announcement(d, q->event) && (int32_t)(q->event->full_sequence - cookie.sequence) < 0) {
			q->known = 1;
			q->value = 0;
			last = q;
		}
	}
	if (last)
		last->value = value;
	free(reply);
}

static void announce(nl_display *d) {
	if (!d->queue[d->head].known)
		ask(d);
	if (d->queue[d->head].value)
		d->announced = d->queue[d->head].value;
}

static int input_event(nl_display *d, nl_event *out, int kind, uint32_t sym, xcb_timestamp_t time, int x, int y) {
	d->answered = d->announced;
	*out = (nl_event){kind, sym, time, d->answered, x, y};
	return 1;
}

static int configured(nl_display *d, xcb_configure_notify_event_t *e, nl_event *out) {
	if (e->window == d->screen->root) {
		if (d->follow) {
			const uint32_t size[] = {e->width, e->height};
			xcb_configure_window(d->connection, d->window, XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT, size);
			xcb_flush(d->connection);
		}
		return 0;
	}
	if (e->window != d->window || (e->width == d->width && e->height == d->height))
		return 0;
	d->width = e->width;
	d->height = e->height;
	*out = (nl_event){.kind = NL_RESIZED, .sequence = d->answered, .x = e->width, .y = e->height};
	return 1;
}

static int plain(nl_display *d, nl_event *out, int kind) {
	*out = (nl_event){.kind = kind, .sequence = d->answered};
	return 1;
}

// translate turns the event at the queue's head into ours; 0 says that there is nothing to tell.
static int translate(nl_display *d, nl_event *out) {
	xcb_generic_event_t *event = d->queue[d->head].event;
	xcb_key_press_event_t *key = (xcb_key_press_event_t *)event; // buttons and motion are laid out alike
	switch (event->response_type & 0x7f) {
	case XCB_KEY_PRESS:
		return input_event(d, out, NL_KEY_DOWN, symbol(d, key->detail), key->time, key->event_x, key->event_y);
	case XCB_KEY_RELEASE:
		return input_event(d, out, NL_KEY_UP, symbol(d, key->detail), key->time, key->event_x, key->event_y);
	case XCB_BUTTON_PRESS:
		return input_event(d, out, NL_BUTTON_DOWN, key->detail, key->time, key->event_x, key->event_y);
	case XCB_BUTTON_RELEASE:
		return input_event(d, out, NL_BUTTON_UP, key->detail, key->time, key->event_x, key->event_y);
	case XCB_MOTION_NOTIFY:
		return input_event(d, out, NL_MOTION, 0, key->time, key->event_x, key->event_y);
	case XCB_PROPERTY_NOTIFY:
		if (is_announcement(d, event))
			announce(d);
		return 0;
	case XCB_CONFIGURE_NOTIFY:
		return configured(d, (xcb_configure_notify_event_t *)event, out);
	case XCB_EXPOSE:
		return plain(d, out, NL_EXPOSED);
	case XCB_UNMAP_NOTIFY:
		return plain(d, out, NL_HIDDEN);
	case XCB_VISIBILITY_NOTIFY:
		return plain(d, out, ((xcb_visibility_notify_event_t *)event)->state == XCB_VISIBILITY_FULLY_OBSCURED ? NL_HIDDEN : NL_SHOWN);
	case XCB_FOCUS_OUT:
		return plain(d, out, NL_FOCUS_LOST);
	case XCB_DESTROY_NOTIFY:
		return plain(d, out, NL_CLOSED);
	case XCB_CLIENT_MESSAGE:
		return ((xcb_client_message_event_t *)event)->data.data32[0] == d->delete_window ? plain(d, out, NL_CLOSED) : 0;
	case XCB_MAPPING_NOTIFY:
		load_keys(d);
		return 0;
	}
	return 0;
}

int nl_display_events(nl_display *d, nl_event *out, int max) {
	int n = 0;
	pump(d);
	while (n < max && d->head < d->count) {
		n += translate(d, &out[n]);
		free(d->queue[d->head++].event);
	}
	return n == 0 && gone(d) ? -1 : n;
}

static int make_canvas(nl_display *d, canvas *k, size_t octets) {
	int fd = memfd_create("nearlight-scene", MFD_CLOEXEC);
	if (fd < 0)
		return 0;
	if (ftruncate(fd, (off_t)octets) == 0)
		k->pixels = mmap(NULL, octets, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!k->pixels || k->pixels == MAP_FAILED) {
		k->pixels = NULL;
		close(fd);
		return 0;
	}
	k->octets = octets;
	if (!d->shared) {
		close(fd);
		return 1;
	}
	k->segment = xcb_generate_id(d->connection);
	// xcb closes the descriptor once it is sent. A server that refuses it (one reached by TCP) gets pictures by the socket.
	xcb_generic_error_t *error = xcb_request_check(d->connection, xcb_shm_attach_fd_checked(d->connection, k->segment, fd, 1));
	if (error) {
		free(error);
		k->segment = 0;
		d->shared = 0;
	}
	return !gone(d);
}

int nl_display_canvas(nl_display *d, int width, int height, void **pixels) {
	canvas *k = &d->canvases[(d->current + 1) % CANVASES];
	for (int waited = 0; k->busy; waited = 1) {
		if (waited && !readable(d, canvas_patience_ms))
			return NL_CANVAS_BUSY;
		pump(d);
		if (gone(d))
			return NL_CANVAS_GONE;
	}
	size_t octets = (size_t)width * (size_t)height * 4;
	if (k->octets != octets) {
		drop_canvas(d, k);
		if (!make_canvas(d, k, octets))
			return gone(d) ? NL_CANVAS_GONE : NL_CANVAS_MEMORY;
	}
	d->current = (d->current + 1) % CANVASES;
	d->canvas_width = width;
	d->canvas_height = height;
	*pixels = k->pixels;
	return NL_CANVAS_OK;
}

// Through the socket, in as few requests as the server takes.
static void put_by_socket(nl_display *d, canvas *k) {
	uint32_t stride = (uint32_t)d->canvas_width * 4;
	uint64_t most = (uint64_t)xcb_get_maximum_request_length(d->connection) * 4 - PUT_IMAGE_HEADER - 4;
	uint32_t rows = (uint32_t)(most / stride);
	for (int y = 0; y < d->canvas_height && rows > 0; y += (int)rows) {
		uint32_t n = (uint32_t)(d->canvas_height - y) < rows ? (uint32_t)(d->canvas_height - y) : rows;
		xcb_put_image(d->connection, XCB_IMAGE_FORMAT_Z_PIXMAP, d->window, d->gc, (uint16_t)d->canvas_width, (uint16_t)n, 0, (int16_t)y,
			0, d->screen->root_depth, n * stride, k->pixels + (size_t)y * stride);
	}
}

int nl_display_show(nl_display *d) {
	canvas *k = &d->canvases[d->current];
	if (k->segment) {
		xcb_shm_put_image(d->connection, d->window, d->gc, (uint16_t)d->canvas_width, (uint16_t)d->canvas_height, 0, 0,
			(uint16_t)d->canvas_width, (uint16_t)d->canvas_height, 0, 0, d->screen->root_depth, XCB_IMAGE_FORMAT_Z_PIXMAP, 1, k->segment, 0);
		k->busy = 1;
	} else {
		put_by_socket(d, k);
	}
	xcb_flush(d->connection);
	return gone(d) ? -1 : 0;
}
