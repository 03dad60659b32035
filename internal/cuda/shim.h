// Calls into libcuda for internal/cuda itself: each enters the context, calls and leaves. What fails is named in *failed.
#ifndef NEARLIGHT_CUDA_SHIM_H
#define NEARLIGHT_CUDA_SHIM_H

#include "cuda.h"

enum { NL_TEXT = 256 };

// nl_library_open opens a shared library for good: NVIDIA's libraries keep threads and state that must not be unmapped.
void *nl_library_open(const char *path, char *error);

// nl_cuda_open fills in the table. It returns NULL, or the name of the first function that the library lacks.
const char *nl_cuda_open(void *library, nl_cuda *cuda);

CUresult nl_cuda_start(const nl_cuda *cuda, int *version, int *devices, const char **failed);
const char *nl_cuda_error_name(const nl_cuda *cuda, CUresult code);

CUresult nl_cuda_retain(nl_cuda_context *context, int ordinal, const char **failed);
CUresult nl_cuda_release(const nl_cuda_context *context, const char **failed);
CUresult nl_cuda_describe(const nl_cuda *cuda, int ordinal, char *name, unsigned char *uuid, size_t *memory, const char **failed);
CUresult nl_cuda_memory(const nl_cuda_context *context, size_t *free, size_t *total, const char **failed);

CUresult nl_cuda_create(const nl_cuda_context *context, nl_cuda_picture *picture, const char **failed);
CUresult nl_cuda_import(const nl_cuda_context *context, nl_cuda_picture *picture, unsigned texture, unsigned target, const char **failed);

// nl_cuda_import_image makes a picture of an EGL image of the picture's format and size. Where the image is not that,
// *flaw says what it is instead, and nothing is left registered.
CUresult nl_cuda_import_image(const nl_cuda_context *context, nl_cuda_picture *picture, void *image, const char **flaw, const char **failed);
CUresult nl_cuda_destroy(const nl_cuda_context *context, nl_cuda_picture *picture, const char **failed);

// nl_cuda_copy moves rows between a picture and host memory. With a stream it returns before it is done.
CUresult nl_cuda_copy(const nl_cuda_context *context, nl_cuda_picture *picture, void *host, size_t stride, size_t row_bytes,
	size_t rows, int write, CUstream stream, const char **failed);

// nl_cuda_copy_picture copies a picture's bytes to another one on the GPU, on the default stream: it may return before they are
// there, but what is on that stream later, an encoder's work too, finds them.
CUresult nl_cuda_copy_picture(const nl_cuda_context *context, nl_cuda_picture *to, nl_cuda_picture *from, size_t row_bytes, size_t rows,
	const char **failed);
CUresult nl_cuda_stream(const nl_cuda_context *context, CUstream *stream, const char **failed);
CUresult nl_cuda_synchronize(const nl_cuda_context *context, CUstream stream, const char **failed);
CUresult nl_cuda_stream_close(const nl_cuda_context *context, CUstream stream, const char **failed);

CUresult nl_cuda_pin(const nl_cuda_context *context, void **memory, size_t bytes, const char **failed);
CUresult nl_cuda_unpin(const nl_cuda_context *context, void *memory, const char **failed);

CUresult nl_cuda_push(const nl_cuda_context *context);
void nl_cuda_pop(const nl_cuda_context *context);

#endif
