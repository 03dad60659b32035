// What the C files of package x11 share.
#ifndef NEARLIGHT_CAPTURE_X11_INTERNAL_H
#define NEARLIGHT_CAPTURE_X11_INTERNAL_H

#include "display.h"

#include <time.h>
#include <xcb/damage.h>
#include <xcb/randr.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>
#include <xcb/xcbext.h>
#include <xcb/xfixes.h>

struct box {
	int left, top, right, bottom; // right and bottom are outside; empty when right <= left
};

struct display {
	xcb_connection_t *x;
	int interrupt; // eventfd
	xcb_window_t root;
	int width, height;

	uint8_t damage_event, fixes_event, randr_event; // first event code of each extension
	xcb_damage_damage_t damage;

	xcb_shm_seg_t segment; // 0 when none is attached
	uint8_t *pixels;
	size_t pixels_size;

	// Damage that no grab has covered yet. first is 0 when there is none.
	struct box box;
	int64_t first, last, area; // of the burst: area and last stand still once it is over
	uint32_t input;

	// The last grab, to tell damage before it from damage after it.
	struct box grabbed;
	unsigned int subtract_request; // its sequence number

	bool resized, cursor_changed;
	void *cursor_reply;
};

static inline int64_t now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline bool box_empty(struct box b) { return b.right <= b.left || b.bottom <= b.top; }

static inline int64_t box_area(struct box b) {
	return box_empty(b) ? 0 : (int64_t)(b.right - b.left) * (b.bottom - b.top);
}

static inline enum display_status failed(struct display_failure *f, const char *what, int x_error, int system_error) {
	*f = (struct display_failure){what, x_error, system_error};
	return DISPLAY_FAILED;
}

// wait_until sleeps until the instant (0: for ever), the interrupt, or, when watch_x is set, something to read from the
// server. It returns false on the interrupt.
bool wait_until(display *d, int64_t instant, bool watch_x);

// await_reply fetches the reply to a request without ever blocking beyond the interrupt. Reply and error belong to the caller;
// DISPLAY_FRAME means that one of them is there.
enum display_status await_reply(display *d, unsigned int request, void **reply, xcb_generic_error_t **error);

void damage_everything(display *d);

// grab fetches the damaged box into the planes: see display_next. If it fails the box stays damaged.
enum display_status grab(display *d, const struct display_planes *p, uint8_t *y, uint8_t *u, uint8_t *v,
                         struct display_got *got, struct display_failure *failure);

#endif
