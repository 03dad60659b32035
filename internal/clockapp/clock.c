#define _GNU_SOURCE
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

struct app_clock {
	xcb_connection_t *x;
	xcb_window_t root, window;
	xcb_gcontext_t context;
	xcb_atom_t input_property;
	uint8_t completion_event, depth;
	int stop;  // eventfd
	int timer; // timerfd: unlike a timeout of poll, it has no slack

	int width, height, travel;
	xcb_shm_seg_t segment; // 0 when none is attached
	uint8_t *pixels;
	size_t picture_size, shared_size;

	bool reading;   // the server has not confirmed the last picture
	bool announced; // the property changed and has not been read
	uint32_t announced_input;
	bool resized;
	struct clock_received received;
};

static enum clock_status failed(struct clock_failure *f, const char *what, int x_error, int system_error) {
	*f = (struct clock_failure){what, x_error, system_error};
	return CLOCK_FAILED;
}

static enum clock_status lacks(struct clock_failure *f, const char *what) {
	*f = (struct clock_failure){what, 0, 0};
	return CLOCK_LACKS;
}

// answered turns the outcome of a request with a reply into a status, and frees the error.
static enum clock_status answered(const void *reply, xcb_generic_error_t *error, const char *what,
                                  struct clock_failure *failure) {
	if (reply) return CLOCK_OK;
	if (!error) return CLOCK_GONE;
	enum clock_status status = failed(failure, what, error->error_code, 0);
	free(error);
	return status;
}

static enum clock_status find_extension(app_clock *c, struct clock_failure *failure) {
	const xcb_query_extension_reply_t *shm = xcb_get_extension_data(c->x, &xcb_shm_id);
	if (!shm) return CLOCK_GONE;
	if (!shm->present) return lacks(failure, "the extension MIT-SHM");
	c->completion_event = shm->first_event + XCB_SHM_COMPLETION;
	xcb_generic_error_t *error = NULL;
	xcb_shm_query_version_reply_t *v = xcb_shm_query_version_reply(c->x, xcb_shm_query_version(c->x), &error);
	enum clock_status status = answered(v, error, "MIT-SHM QueryVersion", failure);
	if (status != CLOCK_OK) return status;
	bool old = v->major_version < 1 || (v->major_version == 1 && v->minor_version < 2);
	free(v);
	return old ? lacks(failure, "MIT-SHM 1.2, which attaches memory by descriptor") : CLOCK_OK;
}

static enum clock_status intern(app_clock *c, struct clock_failure *failure) {
	static const char name[] = "_NEARLIGHT_INPUT";
	xcb_generic_error_t *error = NULL;
	xcb_intern_atom_reply_t *atom = xcb_intern_atom_reply(c->x, xcb_intern_atom(c->x, 0, sizeof name - 1, name), &error);
	enum clock_status status = answered(atom, error, "InternAtom", failure);
	if (status == CLOCK_OK) c->input_property = atom->atom;
	free(atom);
	return status;
}

// make_window covers the screen, without asking a window manager, and takes the keyboard.
static void make_window(app_clock *c, const xcb_screen_t *screen) {
	uint32_t root_events = XCB_EVENT_MASK_PROPERTY_CHANGE | XCB_EVENT_MASK_STRUCTURE_NOTIFY;
	xcb_change_window_attributes(c->x, c->root, XCB_CW_EVENT_MASK, &root_events);
	c->window = xcb_generate_id(c->x);
	uint32_t attributes[] = {
		1, // override redirect
		XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_KEY_RELEASE | XCB_EVENT_MASK_BUTTON_PRESS |
			XCB_EVENT_MASK_BUTTON_RELEASE | XCB_EVENT_MASK_POINTER_MOTION,
	};
	xcb_create_window(c->x, XCB_COPY_FROM_PARENT, c->window, c->root, 0, 0, screen->width_in_pixels,
	                  screen->height_in_pixels, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
	                  XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, attributes);
	static const char title[] = "Nearlight clock";
	xcb_change_property(c->x, XCB_PROP_MODE_REPLACE, c->window, XCB_ATOM_WM_NAME, XCB_ATOM_STRING, 8, sizeof title - 1,
	                    title);
	c->context = xcb_generate_id(c->x);
	xcb_create_gc(c->x, c->context, c->window, 0, NULL);
	xcb_map_window(c->x, c->window);
	xcb_set_input_focus(c->x, XCB_INPUT_FOCUS_POINTER_ROOT, c->window, XCB_CURRENT_TIME);
}

static enum clock_status setup(app_clock *c, int number, struct clock_failure *failure) {
	xcb_screen_iterator_t screens = xcb_setup_roots_iterator(xcb_get_setup(c->x));
	for (; number > 0 && screens.rem > 1; number--) xcb_screen_next(&screens);
	const xcb_screen_t *screen = screens.data;
	if (screen->root_depth != 24) return lacks(failure, "a screen of depth 24");
	c->root = screen->root;
	c->depth = screen->root_depth;
	enum clock_status status = find_extension(c, failure);
	if (status == CLOCK_OK) status = intern(c, failure);
	if (status == CLOCK_OK) make_window(c, screen);
	return status;
}

enum clock_status clock_open(const char *display, app_clock **opened, struct clock_failure *failure) {
	app_clock *c = calloc(1, sizeof *c);
	if (!c) return failed(failure, "allocate a clock", 0, ENOMEM);
	c->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int descriptor_error = errno, number = 0;
	c->x = xcb_connect(display, &number);
	enum clock_status status;
	if (c->stop < 0 || c->timer < 0) {
		status = failed(failure, "eventfd or timerfd", 0, descriptor_error);
	} else if (xcb_connection_has_error(c->x)) {
		status = failed(failure, "connect to the X display (see DISPLAY and XAUTHORITY)", 0, 0);
	} else {
		status = setup(c, number, failure);
	}
	if (status != CLOCK_OK) {
		clock_close(c);
		return status;
	}
	*opened = c;
	return CLOCK_OK;
}

static void release_pixels(app_clock *c) {
	if (c->segment) xcb_shm_detach(c->x, c->segment);
	if (c->pixels) munmap(c->pixels, c->shared_size);
	c->segment = 0;
	c->pixels = NULL;
}

void clock_close(app_clock *c) {
	release_pixels(c);
	xcb_disconnect(c->x);
	if (c->stop >= 0) close(c->stop);
	if (c->timer >= 0) close(c->timer);
	free(c);
}

static enum clock_status attach(app_clock *c, int memory, struct clock_failure *failure) {
	void *pixels = mmap(NULL, c->shared_size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (pixels == MAP_FAILED) {
		int error = errno;
		close(memory);
		return failed(failure, "map shared memory", 0, error);
	}
	c->pixels = pixels;
	xcb_shm_seg_t segment = xcb_generate_id(c->x);
	xcb_generic_error_t *error = xcb_request_check(c->x, xcb_shm_attach_fd_checked(c->x, segment, memory, 1)); // closes memory
	if (xcb_connection_has_error(c->x)) return CLOCK_GONE;
	if (error) {
		enum clock_status status = failed(failure, "MIT-SHM AttachFd", error->error_code, 0);
		free(error);
		return status;
	}
	c->segment = segment;
	return CLOCK_OK;
}

enum clock_status clock_share(app_clock *c, int pictures, int travel, struct clock_failure *failure) {
	xcb_generic_error_t *error = NULL;
	xcb_get_geometry_reply_t *g = xcb_get_geometry_reply(c->x, xcb_get_geometry(c->x, c->root), &error);
	enum clock_status status = answered(g, error, "GetGeometry of the root window", failure);
	if (status != CLOCK_OK) return status;
	release_pixels(c);
	c->width = g->width;
	c->height = g->height;
	free(g);
	c->travel = travel;
	c->resized = false;
	c->reading = false;
	uint32_t size[] = {(uint32_t)c->width, (uint32_t)c->height};
	xcb_configure_window(c->x, c->window, XCB_CONFIG_WINDOW_WIDTH | XCB_CONFIG_WINDOW_HEIGHT, size);
	c->picture_size = (size_t)(c->width + travel) * (c->height + travel) * 4;
	c->shared_size = c->picture_size * pictures;
	int memory = memfd_create("nearlight-clock", MFD_CLOEXEC);
	if (memory < 0) return failed(failure, "memfd_create", 0, errno);
	if (ftruncate(memory, (off_t)c->shared_size) < 0) {
		int system_error = errno;
		close(memory);
		return failed(failure, "size shared memory", 0, system_error);
	}
	return attach(c, memory, failure);
}

void clock_screen(const app_clock *c, int *width, int *height) {
	*width = c->width;
	*height = c->height;
}

uint8_t *clock_picture(const app_clock *c, int index) { return c->pixels + index * c->picture_size; }

// read_announced fetches the sequence that the property holds now. It may already be that of the next input, whose event
// is then a few microseconds behind.
static void read_announced(app_clock *c) {
	xcb_get_property_reply_t *p = xcb_get_property_reply(
		c->x, xcb_get_property(c->x, 0, c->root, c->input_property, XCB_ATOM_CARDINAL, 0, 1), NULL);
	if (p && p->format == 32 && xcb_get_property_value_length(p) >= 4) {
		c->announced_input = *(uint32_t *)xcb_get_property_value(p);
	}
	free(p);
	c->announced = false;
}

static void read_events(app_clock *c) {
	bool input = false;
	xcb_generic_event_t *event;
	while ((event = xcb_poll_for_event(c->x))) {
		switch (event->response_type & 0x7f) {
		case XCB_KEY_PRESS:
		case XCB_BUTTON_PRESS:
			c->received.presses++; // fall through
		case XCB_KEY_RELEASE:
		case XCB_BUTTON_RELEASE:
		case XCB_MOTION_NOTIFY:
			input = true;
			break;
		case XCB_PROPERTY_NOTIFY:
			if (((xcb_property_notify_event_t *)event)->atom == c->input_property) c->announced = true;
			break;
		case XCB_CONFIGURE_NOTIFY: {
			xcb_configure_notify_event_t *e = (xcb_configure_notify_event_t *)event;
			if (e->window == c->root && (e->width != c->width || e->height != c->height)) c->resized = true;
			break;
		}
		default:
			if ((event->response_type & 0x7f) == c->completion_event) c->reading = false;
		}
		free(event);
	}
	if (c->announced) read_announced(c);
	if (input) c->received.input = c->announced_input;
}

enum clock_status clock_wait(app_clock *c, int64_t instant, struct clock_received *received) {
	struct itimerspec at = {.it_value = {instant / 1000000000, instant % 1000000000}};
	timerfd_settime(c->timer, TFD_TIMER_ABSTIME, &at, NULL);
	bool due = false;
	for (;;) {
		read_events(c);
		if (xcb_connection_has_error(c->x)) return CLOCK_GONE;
		if (c->resized) return CLOCK_RESIZED;
		if (due && !c->reading) {
			*received = c->received;
			return CLOCK_OK;
		}
		struct pollfd watched[] = {{.fd = xcb_get_file_descriptor(c->x), .events = POLLIN},
		                           {.fd = c->stop, .events = POLLIN},
		                           {.fd = due ? -1 : c->timer, .events = POLLIN}};
		if (poll(watched, 3, -1) < 0) continue; // only a signal
		if (watched[1].revents) return CLOCK_STOPPED;
		if (watched[2].revents) due = true;
	}
}

void clock_show(app_clock *c, int index, int left, int top) {
	xcb_shm_put_image(c->x, c->window, c->context, (uint16_t)(c->width + c->travel), (uint16_t)(c->height + c->travel),
	                  (uint16_t)left, (uint16_t)top, (uint16_t)c->width, (uint16_t)c->height, 0, 0, c->depth,
	                  XCB_IMAGE_FORMAT_Z_PIXMAP, 1, c->segment, (uint32_t)(index * c->picture_size));
	xcb_flush(c->x);
	c->reading = true;
}

void clock_stop(app_clock *c) {
	uint64_t one = 1;
	while (write(c->stop, &one, sizeof one) < 0 && errno == EINTR) {
	}
}
