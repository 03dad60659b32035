// Opening, resizing and closing a display, and the cursor's shape.
#define _GNU_SOURCE
#include "display_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

bool wait_until(display *d, int64_t instant, bool watch_x) {
	struct pollfd watched[2] = {{.fd = d->interrupt, .events = POLLIN},
	                            {.fd = xcb_get_file_descriptor(d->x), .events = POLLIN}};
	for (;;) {
		struct timespec left, *timeout = NULL;
		if (instant != 0) {
			int64_t ns = instant - now_ns();
			if (ns < 0) ns = 0;
			left = (struct timespec){ns / 1000000000, ns % 1000000000};
			timeout = &left;
		}
		if (ppoll(watched, watch_x ? 2 : 1, timeout, NULL) >= 0 || errno != EINTR) return watched[0].revents == 0;
	}
}

enum display_status await_reply(display *d, unsigned int request, void **reply, xcb_generic_error_t **error) {
	xcb_flush(d->x);
	for (;;) {
		if (xcb_poll_for_reply(d->x, request, reply, error)) {
			return *reply || *error ? DISPLAY_FRAME : DISPLAY_GONE;
		}
		if (xcb_connection_has_error(d->x)) return DISPLAY_GONE;
		if (!wait_until(d, 0, true)) {
			xcb_discard_reply(d->x, request);
			return DISPLAY_INTERRUPTED;
		}
	}
}

// round_trip is await_reply for requests outside the frame's path, where an error is a failure.
static enum display_status round_trip(display *d, unsigned int request, void **reply, const char *what,
                                      struct display_failure *failure) {
	xcb_generic_error_t *error = NULL;
	*reply = NULL;
	enum display_status status = await_reply(d, request, reply, &error);
	if (status == DISPLAY_FRAME && error) {
		status = failed(failure, what, error->error_code, 0);
		free(error);
	}
	return status;
}

static enum display_status lacks(struct display_failure *failure, const char *what) {
	*failure = (struct display_failure){what, 0, 0};
	return DISPLAY_LACKS;
}

// checked waits until a request without a reply is known to have succeeded: when a later one is answered,
// xcb_request_check has no need to block.
static enum display_status checked(display *d, xcb_void_cookie_t cookie, const char *what,
                                   struct display_failure *failure) {
	void *reply;
	enum display_status status = round_trip(d, xcb_get_input_focus(d->x).sequence, &reply, what, failure);
	if (status != DISPLAY_FRAME) {
		xcb_discard_reply(d->x, cookie.sequence);
		return status;
	}
	free(reply);
	xcb_generic_error_t *error = xcb_request_check(d->x, cookie);
	if (!error) return DISPLAY_FRAME;
	status = failed(failure, what, error->error_code, 0);
	free(error);
	return status;
}

// check_pixels refuses screens whose pixels are not what libyuv calls ARGB.
static enum display_status check_pixels(display *d, const xcb_screen_t *screen, struct display_failure *failure) {
	const xcb_setup_t *setup = xcb_get_setup(d->x);
	if (setup->image_byte_order != XCB_IMAGE_ORDER_LSB_FIRST) return lacks(failure, "little-endian pixels");
	int bits = 0;
	for (xcb_format_iterator_t i = xcb_setup_pixmap_formats_iterator(setup); i.rem; xcb_format_next(&i)) {
		if (i.data->depth == screen->root_depth) bits = i.data->bits_per_pixel;
	}
	uint32_t red = 0, blue = 0;
	for (xcb_depth_iterator_t i = xcb_screen_allowed_depths_iterator(screen); i.rem; xcb_depth_next(&i)) {
		for (xcb_visualtype_iterator_t v = xcb_depth_visuals_iterator(i.data); v.rem; xcb_visualtype_next(&v)) {
			if (v.data->visual_id == screen->root_visual) {
				red = v.data->red_mask;
				blue = v.data->blue_mask;
			}
		}
	}
	if (bits != 32 || red != 0xff0000 || blue != 0xff) return lacks(failure, "a screen of depth 24 (Xvfb -screen 0 1280x720x24)");
	return DISPLAY_FRAME;
}

static enum display_status check_versions(display *d, struct display_failure *failure) {
	struct {
		xcb_extension_t *extension;
		const char *what;
		uint8_t *first_event;
	} needed[] = {
		{&xcb_shm_id, "the extension MIT-SHM", NULL},
		{&xcb_damage_id, "the extension DAMAGE", &d->damage_event},
		{&xcb_xfixes_id, "the extension XFIXES", &d->fixes_event},
		{&xcb_randr_id, "the extension RANDR", &d->randr_event},
	};
	size_t count = sizeof needed / sizeof *needed;
	for (size_t i = 0; i < count; i++) xcb_prefetch_extension_data(d->x, needed[i].extension);
	for (size_t i = 0; i < count; i++) {
		const xcb_query_extension_reply_t *data = xcb_get_extension_data(d->x, needed[i].extension);
		if (!data) return DISPLAY_GONE;
		if (!data->present) return lacks(failure, needed[i].what);
		if (needed[i].first_event) *needed[i].first_event = data->first_event;
	}

	xcb_shm_query_version_cookie_t shm = xcb_shm_query_version(d->x);
	xcb_damage_query_version_cookie_t damage = xcb_damage_query_version(d->x, 1, 1);
	xcb_xfixes_query_version_cookie_t fixes = xcb_xfixes_query_version(d->x, 4, 0);
	xcb_randr_query_version_cookie_t randr = xcb_randr_query_version(d->x, 1, 2);
	void *reply;
	enum display_status status = round_trip(d, shm.sequence, &reply, "MIT-SHM QueryVersion", failure);
	if (status != DISPLAY_FRAME) return status;
	xcb_shm_query_version_reply_t *version = reply;
	bool old = version->major_version < 1 || (version->major_version == 1 && version->minor_version < 2);
	free(reply);
	if (old) return lacks(failure, "MIT-SHM 1.2, which attaches memory by descriptor");
	struct {
		unsigned int request;
		const char *what;
	} rest[] = {{damage.sequence, "DAMAGE QueryVersion"}, {fixes.sequence, "XFIXES QueryVersion"}, {randr.sequence, "RANDR QueryVersion"}};
	for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
		status = round_trip(d, rest[i].request, &reply, rest[i].what, failure);
		if (status != DISPLAY_FRAME) return status;
		free(reply);
	}
	return DISPLAY_FRAME;
}

static void watch_cursor(display *d) {
	xcb_xfixes_select_cursor_input(d->x, d->root, XCB_XFIXES_CURSOR_NOTIFY_MASK_DISPLAY_CURSOR);
	d->cursor_changed = true;
}

static enum display_status watch_pixels(display *d, struct display_failure *failure) {
	uint32_t structure = XCB_EVENT_MASK_STRUCTURE_NOTIFY;
	xcb_change_window_attributes(d->x, d->root, XCB_CW_EVENT_MASK, &structure);
	xcb_randr_select_input(d->x, d->root, XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE);
	d->damage = xcb_generate_id(d->x);
	// A bounding box reports each growth of the damage since the last subtraction, and no more: a storm of draws inside
	// what is damaged already costs nothing.
	return checked(d, xcb_damage_create_checked(d->x, d->damage, d->root, XCB_DAMAGE_REPORT_LEVEL_BOUNDING_BOX),
	               "DAMAGE Create", failure);
}

enum display_status display_open(int fd, const uint8_t *cookie, size_t cookie_size, bool pixels, display **opened,
                                 struct display_failure *failure) {
	display *d = calloc(1, sizeof *d);
	if (!d) {
		close(fd);
		return failed(failure, "allocate a display", 0, ENOMEM);
	}
	d->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->interrupt < 0) {
		int error = errno;
		close(fd);
		free(d);
		return failed(failure, "eventfd", 0, error);
	}
	static char name[] = "MIT-MAGIC-COOKIE-1";
	xcb_auth_info_t auth = {.namelen = sizeof name - 1, .name = name, .datalen = (int)cookie_size, .data = (char *)cookie};
	d->x = xcb_connect_to_fd(fd, cookie_size ? &auth : NULL);
	enum display_status status = DISPLAY_FRAME;
	if (xcb_connection_has_error(d->x)) {
		status = failed(failure, "connect: refused by the X server (a wrong cookie?)", 0, 0);
	} else {
		const xcb_screen_t *screen = xcb_setup_roots_iterator(xcb_get_setup(d->x)).data;
		d->root = screen->root;
		status = check_pixels(d, screen, failure);
		if (status == DISPLAY_FRAME) status = check_versions(d, failure);
		if (status == DISPLAY_FRAME) watch_cursor(d);
		if (status == DISPLAY_FRAME && pixels) status = watch_pixels(d, failure);
		if (status == DISPLAY_FRAME && pixels) status = display_resize(d, failure);
	}
	if (status != DISPLAY_FRAME) {
		display_close(d);
		return status;
	}
	*opened = d;
	return status;
}

static void release_pixels(display *d) {
	if (d->segment) xcb_shm_detach(d->x, d->segment);
	if (d->pixels) munmap(d->pixels, d->pixels_size);
	d->segment = 0;
	d->pixels = NULL;
}

void display_close(display *d) {
	release_pixels(d);
	xcb_disconnect(d->x);
	close(d->interrupt);
	free(d->cursor_reply);
	free(d);
}

void display_size(const display *d, int *width, int *height) {
	*width = d->width;
	*height = d->height;
}

void damage_everything(display *d) {
	d->box = (struct box){0, 0, d->width, d->height};
	d->area = box_area(d->box);
}

// share makes memory for one whole picture that both sides map. It is sealed, so that nobody who holds the descriptor
// can shrink it under our feet.
static enum display_status share(display *d, int width, int height, struct display_failure *failure) {
	size_t size = (size_t)width * height * 4;
	int memory = memfd_create("nearlight-capture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memory < 0) return failed(failure, "memfd_create", 0, errno);
	if (ftruncate(memory, (off_t)size) < 0 || fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		int error = errno;
		close(memory);
		return failed(failure, "size and seal shared memory", 0, error);
	}
	void *pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, memory, 0);
	if (pixels == MAP_FAILED) {
		int error = errno;
		close(memory);
		return failed(failure, "map shared memory", 0, error);
	}
	d->pixels = pixels;
	d->pixels_size = size;
	d->segment = xcb_generate_id(d->x);
	return checked(d, xcb_shm_attach_fd_checked(d->x, d->segment, memory, 0), "MIT-SHM AttachFd", failure); // closes memory
}

enum display_status display_resize(display *d, struct display_failure *failure) {
	d->resized = true; // until it is taken in
	void *reply;
	enum display_status status =
	    round_trip(d, xcb_get_geometry(d->x, d->root).sequence, &reply, "GetGeometry of the root window", failure);
	if (status != DISPLAY_FRAME) return status;
	xcb_get_geometry_reply_t *geometry = reply;
	int width = geometry->width, height = geometry->height;
	free(reply);
	if (width != d->width || height != d->height || !d->pixels) {
		release_pixels(d);
		status = share(d, width, height, failure);
		if (status != DISPLAY_FRAME) {
			release_pixels(d); // an interrupted attachment, too, is asked for anew
			return status;
		}
	}
	d->width = width;
	d->height = height;
	d->resized = false;
	if (!d->first) d->first = d->last = now_ns();
	damage_everything(d);
	return DISPLAY_FRAME;
}

enum display_status display_cursor(display *d, struct display_cursor_shape *shape, struct display_failure *failure) {
	free(d->cursor_reply);
	d->cursor_reply = NULL;
	d->cursor_changed = false;
	enum display_status status = round_trip(d, xcb_xfixes_get_cursor_image(d->x).sequence, &d->cursor_reply,
	                                        "XFIXES GetCursorImage", failure);
	if (status != DISPLAY_FRAME) {
		d->cursor_changed = status == DISPLAY_INTERRUPTED;
		return status;
	}
	xcb_xfixes_get_cursor_image_reply_t *r = d->cursor_reply;
	*shape = (struct display_cursor_shape){.serial = r->cursor_serial, .width = r->width, .height = r->height,
	                                       .hot_x = r->xhot, .hot_y = r->yhot,
	                                       .argb = xcb_xfixes_get_cursor_image_cursor_image(r), .pixels = r->length}; // what follows the header, in words
	return DISPLAY_FRAME;
}

bool display_nap(display *d, int64_t instant) { return wait_until(d, instant, false); }

void display_interrupt(display *d) {
	uint64_t one = 1;
	// It can only fail when the counter is full, and then it is readable, which is all that is wanted.
	while (write(d->interrupt, &one, sizeof one) < 0 && errno == EINTR) {
	}
}

void display_resume(display *d) {
	uint64_t count;
	while (read(d->interrupt, &count, sizeof count) < 0 && errno == EINTR) {
	}
}
