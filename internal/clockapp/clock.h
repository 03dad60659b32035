// The C half of package clockapp: a window that shows parts of pictures in shared memory.
//
// One thread calls these functions, except clock_stop. Instants are CLOCK_MONOTONIC in nanoseconds.
#ifndef NEARLIGHT_CLOCKAPP_CLOCK_H
#define NEARLIGHT_CLOCKAPP_CLOCK_H

#include <stdint.h>

enum clock_status {
	CLOCK_OK,
	CLOCK_STOPPED, // clock_stop was called
	CLOCK_RESIZED, // the screen has another size: call clock_share
	CLOCK_GONE,    // the connection is lost
	CLOCK_LACKS,   // the server lacks what
	CLOCK_FAILED,  // what failed, with an errno or an X error code
};

typedef struct app_clock app_clock;

struct clock_failure {
	const char *what;
	int x_error;
	int system_error;
};

// What the app has received since clock_open.
struct clock_received {
	uint32_t input;   // sequence of the last input
	uint32_t presses; // keys and buttons
};

// clock_open connects to a display (null: the environment's).
enum clock_status clock_open(const char *display, app_clock **opened, struct clock_failure *failure);
void clock_close(app_clock *c);

// clock_share makes memory for the given number of pictures, each larger than the screen is now by travel in either
// direction, and fits the window to the screen.
enum clock_status clock_share(app_clock *c, int pictures, int travel, struct clock_failure *failure);
void clock_screen(const app_clock *c, int *width, int *height);
uint8_t *clock_picture(const app_clock *c, int index);

// clock_wait takes in what the server sends until the instant has come and the server has read the last picture shown.
enum clock_status clock_wait(app_clock *c, int64_t instant, struct clock_received *received);

// clock_show puts the part of a picture that begins at left and top on the whole screen.
void clock_show(app_clock *c, int index, int left, int top);

// clock_stop makes clock_wait return. Any thread may call it until clock_close begins.
void clock_stop(app_clock *c);

#endif
