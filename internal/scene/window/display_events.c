//go:build linux && cgo

#define _GNU_SOURCE
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "display_private.h"

int nl_gone(nl_display *d) { return xcb_connection_has_error(d->connection) != 0; }

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

void nl_pump(nl_display *d) {
	xcb_generic_event_t *event;
	while ((event = xcb_poll_for_event(d->connection)))
		if (nl_take_completion(d, event))
			free(event);
		else
			push(d, event);
}

int nl_readable(nl_display *d, int patience_ms) {
	struct pollfd p = {xcb_get_file_descriptor(d->connection), POLLIN, 0};
	return poll(&p, 1, patience_ms) > 0;
}

void nl_load_keys(nl_display *d) {
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

int nl_display_wait(nl_display *d, int wake_fd, int64_t due, int events) {
	struct pollfd fds[2] = {{wake_fd, POLLIN, 0}, {xcb_get_file_descriptor(d->connection), POLLIN, 0}};
	if (events) {
		nl_pump(d); // what has been read already does not make the socket readable
		if (d->head < d->count || nl_gone(d))
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
	nl_pump(d);
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
		nl_load_keys(d);
		return 0;
	}
	return 0;
}

int nl_display_events(nl_display *d, nl_event *out, int max) {
	int n = 0;
	nl_pump(d);
	while (n < max && d->head < d->count) {
		n += translate(d, &out[n]);
		free(d->queue[d->head++].event);
	}
	return n == 0 && nl_gone(d) ? -1 : n;
}
