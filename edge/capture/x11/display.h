// The C half of package x11: one connection to an X server, the damage on its screen, and the way from there to I420.
//
// One thread at a time calls these functions, except display_interrupt. No function blocks without watching the
// interrupt. Instants are CLOCK_MONOTONIC in nanoseconds, 0 for none.
#ifndef NEARLIGHT_CAPTURE_X11_DISPLAY_H
#define NEARLIGHT_CAPTURE_X11_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct display display;

enum display_status {
	DISPLAY_FRAME,       // a picture was converted
	DISPLAY_IDLE,        // nothing changed until wake_at
	DISPLAY_RESIZED,     // the screen may have another size: call display_resize
	DISPLAY_REFUSED,     // the server refuses what it is asked for, as when the screen has just shrunk: call display_resize
	DISPLAY_CURSOR,      // the cursor may have another shape: call display_cursor
	DISPLAY_INTERRUPTED, // display_interrupt was called; it stays so until display_resume
	DISPLAY_GONE,        // the connection is lost
	DISPLAY_LACKS,       // the server lacks what is named in display_failure.what
	DISPLAY_FAILED,      // see display_failure
};

// What went wrong: what was tried, and the X error code or errno of it (0 when there is none).
struct display_failure {
	const char *what;
	int x_error;
	int system_error;
};

// Which frame is wanted: see plan and capture.Limiter on the Go side.
struct display_want {
	int64_t wake_at;    // return DISPLAY_IDLE at this instant, 0 for never
	int64_t not_before; // grab no earlier
	int64_t enough;     // pixels of damage that are grabbed at once
	int64_t quiet;      // nanoseconds
	int64_t limit;      // nanoseconds
};

struct display_planes {
	int width, height; // visible
	int stride_y, stride_u, stride_v;
	int yuv444; // colours are as large as luma
};

struct display_got {
	int64_t first, last; // first and last damage of the burst
	int64_t begun, grabbed, converted;
	int64_t area; // pixels in the burst's bounding box
	uint32_t input;
	int waited; // set when it was waited for: what is 0 before and after was there already
};

struct display_cursor_shape {
	uint32_t serial;
	uint16_t width, height, hot_x, hot_y;
	const uint32_t *argb; // premultiplied; valid until the next call
	size_t pixels;        // how many the reply really holds
};

// display_open takes over the connected socket fd, also when it fails. Without pixels it is for display_await_cursor and
// display_cursor alone.
enum display_status display_open(int fd, const uint8_t *cookie, size_t cookie_size, bool pixels, display **opened,
                                 struct display_failure *failure);
void display_close(display *d);
void display_size(const display *d, int *width, int *height);

// display_resize makes shared memory for the screen's size as it is now; the whole screen is then damaged. If it is interrupted,
// the size is what it was, and display_next returns DISPLAY_RESIZED again.
enum display_status display_resize(display *d, struct display_failure *failure);

// display_next waits for damage, grabs it and converts it into the planes, which keep the rest of the last picture.
// input is read with the first damage; it may be null.
enum display_status display_next(display *d, const struct display_want *want, const struct display_planes *planes,
                                 uint8_t *y, uint8_t *u, uint8_t *v, const uint32_t *input, struct display_got *got,
                                 struct display_failure *failure);

// display_nap sleeps until the instant. It returns false on the interrupt.
bool display_nap(display *d, int64_t instant);

// display_await_cursor waits until the cursor may have another shape, which is DISPLAY_CURSOR.
enum display_status display_await_cursor(display *d);
enum display_status display_cursor(display *d, struct display_cursor_shape *shape, struct display_failure *failure);

// display_interrupt makes a call that waits return. Any thread may call it until display_close begins.
void display_interrupt(display *d);

// display_resume ends an interrupt. It may have come while nobody waited, so whoever is interrupted calls it, whatever it was
// doing, and looks for the interrupt's reason after that.
void display_resume(display *d);

#endif
