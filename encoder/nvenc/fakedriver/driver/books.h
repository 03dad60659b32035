// A double of NVIDIA's driver, for tests: it shows whether a caller keeps the rules of CUDA and NVENC as their headers state
// them. It cannot prove anything about a GPU: neither speed, nor that a real driver takes the same settings.
//
// The books are what a strict driver knows of its callers: what they hold, and what they did wrong. They live in the
// double's libcuda and serve its libnvidia-encode too. Every function here may be called from any thread.
#ifndef FAKEDRIVER_BOOKS_H
#define FAKEDRIVER_BOOKS_H

#include <ffnvcodec/dynlink_cuda.h>
#include <stddef.h>
#include <stdint.h>

// What a caller can hold, and has to give back.
enum thing {
	CONTEXT, MEMORY, PINNED, ARRAY, STREAM, GRAPHICS, MAPPED_GRAPHICS,
	SESSION, INPUT_BUFFER, OUTPUT_BUFFER, REGISTRATION, MAPPING,
	THINGS,
};

// Faults, in the order of the names in books.c. Those marked n act after so many more pictures, the others at once.
enum fault {
	NO_FAULT,
	NO_DEVICE,         // cuInit finds no GPU
	NO_NVENC,          // the GPU has no encoder
	SESSION_LIMIT,     // a new session is "out of memory" though memory is free
	SESSION_LIMIT_KEY, // the same as newer drivers say it: "incompatible client key"
	OUT_OF_MEMORY,     // a new session is out of memory, and memory is full
	OUT_OF_BUFFERS,    // a session opens, its buffers do not
	DRIVER_TOO_OLD,    // speaks API 10.0
	DEVICE_LOST,       // n: each call fails from there on
	SLOW,              // n: one picture takes 200 ms
	BUSY,              // n: one picture is refused as "busy" three times
	FIXED,             // no live change of rate or size, neither invalidation nor refresh
	FIXED_PRESET,      // no live change of the preset
	NO_EGL_IMAGES,     // EGL images are not shared with CUDA
	NO_444,            // no codec in 4:4:4
	NO_10_BIT,         // no codec with 10 bits
	FAULTS,
};

void fakedriver_count(enum thing thing, int change);
__attribute__((format(printf, 1, 2))) void fakedriver_misuse(const char *format, ...);
__attribute__((format(printf, 1, 2))) void fakedriver_note(const char *format, ...);
enum fault fakedriver_fault(void);
int fakedriver_due(void); // whether a fault that waits for pictures acts on this one

// For the tests.
int fakedriver_inject(const char *name, int after);
// fakedriver_report says what was done wrong since the last report, and what is still held. It returns how many lines that is.
int fakedriver_report(char *text, size_t size);
// fakedriver_texture makes a GL texture of a number, of width times height times RGBA.
void fakedriver_texture(unsigned number, int width, int height, const uint8_t *pixels);

// What an EGL image is, as CUDA sees it once it is registered.
typedef struct {
	int width, height, planes, channels;
	size_t stride;   // of the rows in pixels
	int red_first;   // R, G, B, A in memory; else B, G, R, A
	int pitched;     // it is memory; else an array
	uint8_t *pixels; // its owner's
} fakedriver_image;

// fakedriver_set_image says what an EGL image is from now on, NULL that it is destroyed. It returns -1 where there are too many.
int fakedriver_set_image(void *handle, const fakedriver_image *is);

// For the double's libnvidia-encode: what a handle of CUDA stands for.
CUcontext fakedriver_current(void);
uint8_t *fakedriver_memory(CUdeviceptr pointer, size_t *size);

struct CUarray_st {
	int width, height, channels;
	unsigned flags;
	size_t stride; // 0 for rows without gaps
	uint8_t *data;
};

#endif
