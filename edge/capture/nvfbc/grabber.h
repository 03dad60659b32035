// The C half of package nvfbc: a handle of NvFBC's, its capture session, and one call for each frame.
//
// NvFBC ties a handle to the thread that last bound it. A goroutine changes threads, so each function here binds the handle
// (and CUDA's context, where pictures go to a GPU), does its work and lets go of both. One thread at a time calls them,
// except grabber_interrupt. Instants are CLOCK_MONOTONIC in nanoseconds, 0 for none.
#ifndef NEARLIGHT_CAPTURE_NVFBC_GRABBER_H
#define NEARLIGHT_CAPTURE_NVFBC_GRABBER_H

#include "../../../internal/cuda/cuda.h"

#include <stddef.h>
#include <stdint.h>

typedef struct grabber grabber;

enum grabber_status {
	GRABBER_FRAME,       // a picture was grabbed
	GRABBER_IDLE,        // nothing changed until idle_at
	GRABBER_RESIZED,     // a picture of another size than wanted was grabbed: for a GPU's picture, call grabber_copy
	GRABBER_INTERRUPTED, // grabber_interrupt was called; it stays so until grabber_resume
	GRABBER_RESTED,      // grabber_rest is over
	GRABBER_FAILED,      // see grabber_failure
};

// The call that failed: of NvFBC, or of CUDA where cuda is set.
struct grabber_failure {
	const char *call; // NULL where no call failed, and said is all
	int code;
	int cuda;
	char said[512]; // the driver's own words, or the code's name
};

struct grabber_report {
	int possible, creatable, in_modeset;
	int width, height; // of the screen
	uint32_t library;  // its API version, as FBC_API
};

struct grabber_want {
	int64_t idle_at;    // return GRABBER_IDLE at this instant, 0 for never
	int64_t not_before; // grab no earlier
	int width, height;  // of the picture that there is
};

struct grabber_got {
	int width, height;
	int64_t asked, grabbed, copied;
	int64_t rendered; // as the driver says; of an unknown clock
	uint32_t input;
	int first; // the first of its session, which shows the screen as it was
	const uint8_t *pixels; // in host memory, until the next call
	size_t size, stride;   // bytes in all, and from row to row
};

// grabber_new makes what the rest needs. context is that of the GPU, or NULL for pictures in host memory. It returns NULL where
// memory or a descriptor is lacking.
grabber *grabber_new(nl_cuda_context *context);

// grabber_open opens a handle, by the library's NvFBCCreateInstance.
enum grabber_status grabber_open(grabber *g, void *create_instance);
enum grabber_status grabber_ask(grabber *g, struct grabber_report *report);

// grabber_begin makes a capture session, grabber_end takes it away; what was grabbed goes with it.
enum grabber_status grabber_begin(grabber *g);
enum grabber_status grabber_end(grabber *g);

// grabber_next waits for the next frame and copies it into a picture of the wanted size (NULL for host memory). input is read
// when the frame is there; it may be NULL.
enum grabber_status grabber_next(grabber *g, const struct grabber_want *want, const nl_cuda_picture *to, const uint32_t *input,
                                 struct grabber_got *got);

// grabber_copy copies what was grabbed last.
enum grabber_status grabber_copy(grabber *g, const nl_cuda_picture *to, struct grabber_got *got);

// grabber_rest waits without grabbing.
enum grabber_status grabber_rest(grabber *g, int64_t until);

// grabber_interrupt makes a call that waits return. Any thread may call it until grabber_close begins.
void grabber_interrupt(grabber *g);
void grabber_resume(grabber *g);

// grabber_close gives back what the driver holds. What it refuses to take is lost: grabber_free comes next all the same.
enum grabber_status grabber_close(grabber *g);
void grabber_free(grabber *g);

// grabber_failure_of is why the last call failed, until the next one or grabber_free.
const struct grabber_failure *grabber_failure_of(const grabber *g);

#endif
