// Waiting for damage and following it until the burst is over.
#include "display_internal.h"

#include <stdlib.h>

enum { CHECKS_PER_QUIET = 4 };

static bool inside(struct box b, struct box outer) {
	return b.left >= outer.left && b.top >= outer.top && b.right <= outer.right && b.bottom <= outer.bottom;
}

// note_damage adds one report to what is damaged, unless the last grab has it already: it was read after that grab was
// sent, but drawn before the server came to it.
static void note_damage(display *d, const xcb_damage_notify_event_t *e, uint32_t last_request, const uint32_t *input) {
	struct box b = {e->area.x, e->area.y, e->area.x + e->area.width, e->area.y + e->area.height};
	if (b.left < 0) b.left = 0;
	if (b.top < 0) b.top = 0;
	if (b.right > d->width) b.right = d->width;
	if (b.bottom > d->height) b.bottom = d->height;
	if (box_empty(b)) return;
	if ((int32_t)(last_request - d->subtract_request) < 0 && inside(b, d->grabbed)) return;
	if (box_empty(d->box)) {
		d->box = b;
	} else {
		if (b.left < d->box.left) d->box.left = b.left;
		if (b.top < d->box.top) d->box.top = b.top;
		if (b.right > d->box.right) d->box.right = b.right;
		if (b.bottom > d->box.bottom) d->box.bottom = b.bottom;
	}
	if (!d->first) {
		d->first = now_ns();
		d->input = input ? __atomic_load_n(input, __ATOMIC_ACQUIRE) : 0;
	}
}

// read_events takes in what the server has sent. It reports whether there was damage.
static bool read_events(display *d, const uint32_t *input) {
	bool damaged = false;
	xcb_generic_event_t *event;
	while ((event = xcb_poll_for_event(d->x))) {
		uint8_t type = event->response_type & 0x7f;
		if (type == d->damage_event + XCB_DAMAGE_NOTIFY) {
			note_damage(d, (xcb_damage_notify_event_t *)event, event->full_sequence, input);
			damaged = true;
		} else if (type == XCB_CONFIGURE_NOTIFY) {
			xcb_configure_notify_event_t *e = (xcb_configure_notify_event_t *)event;
			if (e->window == d->root && (e->width != d->width || e->height != d->height)) d->resized = true;
		} else if (type == d->randr_event + XCB_RANDR_SCREEN_CHANGE_NOTIFY) {
			d->resized = true;
		} else if (type == d->fixes_event + XCB_XFIXES_CURSOR_NOTIFY) {
			d->cursor_changed = true;
		}
		free(event);
	}
	return damaged && d->first;
}

// deadline is plan.deadline on the Go side.
static int64_t deadline(const display *d, const struct display_want *want) {
	if (d->area >= want->enough) return d->last;
	int64_t limit = d->first + want->limit, quiet = d->last + want->quiet;
	return limit < quiet ? limit : quiet;
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

// sleep_on_damage waits for the burst to go on or to be over. It does not wake for each of a storm of draws.
static bool sleep_on_damage(display *d, const struct display_want *want, int64_t now, int64_t over, int64_t due) {
	if (now >= over) return wait_until(d, due, false); // only the cap is in the way
	// What was reported is subtracted, or drawing over it once more would go unnoticed.
	xcb_damage_subtract(d->x, d->damage, XCB_NONE, XCB_NONE);
	xcb_flush(d->x);
	if (want->enough < INT64_MAX) return wait_until(d, over, true);
	int64_t check = now + want->quiet / CHECKS_PER_QUIET;
	return wait_until(d, check < over ? check : over, false);
}

enum display_status display_next(display *d, const struct display_want *want, const struct display_planes *planes,
                                 uint8_t *y, uint8_t *u, uint8_t *v, const uint32_t *input, struct display_got *got,
                                 struct display_failure *failure) {
	bool over = false;
	for (;;) {
		bool damaged = read_events(d, input);
		if (xcb_connection_has_error(d->x)) return DISPLAY_GONE;
		int64_t now = now_ns();
		if (damaged && !over) {
			d->last = now;
			d->area = box_area(d->box);
		}
		if (d->resized) return DISPLAY_RESIZED;
		// Before the damage, or an app that never stops drawing would hide each change of its cursor.
		if (d->cursor_changed) return DISPLAY_CURSOR;
		bool awake;
		if (d->first) {
			int64_t end = deadline(d, want), due = later(end, want->not_before);
			over = now >= end;
			if (now >= due) return grab(d, planes, y, u, v, got, failure);
			awake = sleep_on_damage(d, want, now, end, due);
		} else if (want->wake_at && now >= want->wake_at) {
			return DISPLAY_IDLE;
		} else {
			awake = wait_until(d, want->wake_at, true);
		}
		got->waited = 1;
		if (!awake) return DISPLAY_INTERRUPTED;
	}
}

enum display_status display_await_cursor(display *d) {
	for (;;) {
		read_events(d, NULL);
		if (xcb_connection_has_error(d->x)) return DISPLAY_GONE;
		if (d->cursor_changed) return DISPLAY_CURSOR;
		xcb_flush(d->x);
		if (!wait_until(d, 0, true)) return DISPLAY_INTERRUPTED;
	}
}
