// What the files of the double's libcuda share. See books.h.
#ifndef FAKEDRIVER_CUDA_H
#define FAKEDRIVER_CUDA_H

#include "books.h"

// Codes of CUresult that Debian's header leaves out.
enum {
	INVALID_VALUE = 1, NO_MEMORY = 2, NOT_INITIALIZED = 3, NO_GPU = 100, INVALID_DEVICE = 101, INVALID_CONTEXT = 201,
	NOT_MAPPED = 211, INVALID_HANDLE = 400, CONTEXT_ACTIVE = 708, NOT_SUPPORTED = 801,
};

// current is the thread's context, NULL and noted where there is none.
CUcontext current(const char *call);
CUresult on_stream(const char *call, CUstream stream);

// graphics_left notes what is still registered in a context that goes.
void graphics_left(CUcontext context);
// graphics_memory finds the memory of a registered EGL image, as fakedriver_memory finds allocations.
uint8_t *graphics_memory(CUdeviceptr pointer, size_t *size);

#endif
