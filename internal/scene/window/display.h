// One window on an X display.
#ifndef NEARLIGHT_SCENE_DISPLAY_H
#define NEARLIGHT_SCENE_DISPLAY_H

#include <stdint.h>

typedef struct nl_display nl_display;

// What failed when a display was opened.
enum { NL_DISPLAY_OK, NL_DISPLAY_REFUSED, NL_DISPLAY_DEPTH, NL_DISPLAY_WINDOW };

enum {
	NL_KEY_DOWN = 1,
	NL_KEY_UP,
	NL_BUTTON_DOWN,
	NL_BUTTON_UP,
	NL_MOTION,
	NL_FOCUS_LOST,
	NL_RESIZED,
	NL_EXPOSED,
	NL_HIDDEN,
	NL_SHOWN,
	NL_CLOSED,
};

typedef struct {
	int32_t kind;
	uint32_t symbol;   // keys: the keysym; buttons: the number
	uint32_t time;     // the server's, in milliseconds
	uint32_t sequence; // the last announced input that this event or an earlier one was
	int32_t x, y;      // keys, buttons, motion: where the pointer is; resized: the size
} nl_event;

// Why nl_display_wait returned.
enum { NL_WAIT_DUE = 1, NL_WAIT_EVENTS = 2, NL_WAIT_WOKEN = 4 };

// nl_display_open connects to $DISPLAY and maps a window; a width of 0 covers the root window.
int nl_display_open(const char *title, int width, int height, nl_display **out);
void nl_display_close(nl_display *d);
void nl_display_size(nl_display *d, int *width, int *height);
void *nl_display_connection(nl_display *d);
uint32_t nl_display_window(nl_display *d);
uint32_t nl_display_visual(nl_display *d);
int nl_display_direct(nl_display *d); // a GPU stands behind the display
int nl_display_shared(nl_display *d); // pictures are handed over in shared memory

// nl_display_wait sleeps until due (CLOCK_MONOTONIC in ns, negative for never), wake_fd is readable, or, if events is
// set, the display has something to say. It returns a set of NL_WAIT flags.
int nl_display_wait(nl_display *d, int wake_fd, int64_t due, int events);

// nl_display_events takes up to max events without waiting; -1 says that the display is gone.
int nl_display_events(nl_display *d, nl_event *out, int max);

enum { NL_CANVAS_OK, NL_CANVAS_BUSY, NL_CANVAS_GONE, NL_CANVAS_MEMORY };

// nl_display_canvas gives memory for a picture that the server is not reading. It waits a moment if need be, and says busy
// rather than wait long for a server that does not answer. The memory is valid until the next call of canvas or close.
int nl_display_canvas(nl_display *d, int width, int height, void **pixels);
// nl_display_show hands the canvas over; 0, or -1 when the display is gone.
int nl_display_show(nl_display *d);

#endif
