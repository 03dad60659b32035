// The state of the double: the screen that tests draw, the faults that they ask for, and what callers hold and did wrong. All
// of it is guarded by one lock, which every function here but those for tests expects to be held.
#ifndef FAKEFBC_BOOKS_H
#define FAKEFBC_BOOKS_H

#include "interface.h"

#include <pthread.h>
#include <stddef.h>

// Faults, in the order of the names in books.c. Those marked n act on so many calls.
enum fault {
	NO_FAULT,
	NO_X,          // no X server can be reached
	OTHER_DRIVER,  // an X server on another driver
	NOT_SUPPORTED, // a GPU without NvFBC
	DRIVER_TOO_OLD,
	DRIVER_1_6,  // takes the calls, and says that it is 1.6
	BUSY,        // no session can be created
	MAX_CLIENTS, // nor a handle
	NO_CUDA,     // no session that shares with CUDA
	MODESET,     // n: a status says that the screen changes its mode; no session can be created
	RECREATE,    // n: a grab wants a new session
	X_GONE,      // the X server has ended: every call fails
	SLOW,        // n: a grab takes 200 ms
	BROKEN,      // n: a grab fails
	SHORT,       // n: a grab brings fewer bytes than the picture has
	OTHER_CLOCK, // frames are stamped on another clock
	FAULTS,
};

struct screen {
	int width, height;
	uint8_t *pixels; // BGRA, rows without gaps
	unsigned frame;  // counts what was shown
	unsigned mode;   // counts sizes
	int64_t rendered_us;
};

extern pthread_mutex_t lock;
extern pthread_cond_t changed; // something was shown, or a fault was set; on CLOCK_MONOTONIC
extern struct screen screen;
extern int handles, sessions; // that are held

__attribute__((format(printf, 1, 2))) void misuse(const char *format, ...);
enum fault fault(void);
int due(enum fault which); // whether a fault that counts acts on this call
int64_t now_us(void);
void waits(int change); // a grab begins or ends to wait

// For the tests.
void fakefbc_show(int width, int height, const uint8_t *pixels);
int fakefbc_inject(const char *name, int calls);
// fakefbc_await returns once a grab waits for a frame, or after ten seconds with 0.
int fakefbc_await(void);
// fakefbc_report says what was done wrong since the last report, and what is still held. It returns how many lines that is.
int fakefbc_report(char *text, size_t size);

#endif
