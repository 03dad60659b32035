// What the parts of a display share: display.c opens and closes it, display_events.c says what happens on it,
// display_canvas.c shows pictures.
#ifndef NEARLIGHT_SCENE_DISPLAY_PRIVATE_H
#define NEARLIGHT_SCENE_DISPLAY_PRIVATE_H

#include <stddef.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

#include "display.h"

enum { CANVASES = 2 };

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

int nl_gone(nl_display *d);
void nl_load_keys(nl_display *d);
void nl_pump(nl_display *d);                      // takes what the server has sent, without waiting
int nl_readable(nl_display *d, int patience_ms); // waits until the server has sent something
void nl_find_shm(nl_display *d);
void nl_drop_canvases(nl_display *d);
int nl_take_completion(nl_display *d, xcb_generic_event_t *event); // 1: it was about a canvas and nothing else

#endif
