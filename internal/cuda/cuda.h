// The functions of libcuda that Nearlight calls, and the one rule for calling them: enter, call, leave, all within one
// call from Go. Everything here is inline or filled in by internal/cuda, so that other drivers' C may include it without
// linking to anything.
#ifndef NEARLIGHT_CUDA_H
#define NEARLIGHT_CUDA_H

#include <ffnvcodec/dynlink_cuda.h>

// What Debian's header does not declare.
typedef CUresult CUDAAPI nl_cuDriverGetVersion(int *version);
typedef CUresult CUDAAPI nl_cuDeviceTotalMem(size_t *bytes, CUdevice device);
typedef CUresult CUDAAPI nl_cuMemGetInfo(size_t *free, size_t *total);
typedef CUresult CUDAAPI nl_cuMemHostAlloc(void **memory, size_t bytes, unsigned int flags);
typedef CUresult CUDAAPI nl_cuMemFreeHost(void *memory);
typedef CUresult CUDAAPI nl_cuGraphicsEGLRegisterImage(CUgraphicsResource *resource, void *image, unsigned flags);
typedef CUresult CUDAAPI nl_cuGraphicsResourceGetMappedEglFrame(CUeglFrame *frame, CUgraphicsResource resource, unsigned index, unsigned level);

enum { NL_CUDA_ARRAY3D_SURFACE_LDST = 2 }; // a flag of CUDA_ARRAY3D_DESCRIPTOR: NVENC reads only such arrays

// Colour formats of a CUeglFrame (cudaEGL.h), which names them by the word: from its highest byte.
enum { NL_EGL_ARGB = 0x06, NL_EGL_ABGR = 0x0e };

typedef struct {
	tcuInit *init;
	nl_cuDriverGetVersion *driver_version;
	tcuGetErrorName *error_name;
	tcuDeviceGetCount *device_count;
	tcuDeviceGet *device;
	tcuDeviceGetName *device_name;
	tcuDeviceGetUuid *device_uuid;
	nl_cuDeviceTotalMem *device_memory;
	tcuDevicePrimaryCtxSetFlags *set_flags;
	tcuDevicePrimaryCtxRetain *retain;
	tcuDevicePrimaryCtxRelease *release;
	tcuCtxPushCurrent_v2 *push;
	tcuCtxPopCurrent_v2 *pop;
	nl_cuMemGetInfo *memory_info;
	tcuMemAllocPitch_v2 *alloc_pitch;
	tcuMemFree_v2 *free;
	nl_cuMemHostAlloc *host_alloc;
	nl_cuMemFreeHost *host_free;
	tcuMemcpy2D_v2 *copy;
	tcuMemcpy2DAsync_v2 *copy_async;
	tcuStreamCreate *stream_create;
	tcuStreamSynchronize *stream_synchronize;
	tcuStreamDestroy_v2 *stream_destroy;
	tcuArray3DCreate *array_create;
	tcuArrayDestroy *array_destroy;
	tcuGraphicsGLRegisterImage *gl_register;
	tcuGraphicsUnregisterResource *graphics_unregister;
	tcuGraphicsMapResources *graphics_map;
	tcuGraphicsUnmapResources *graphics_unmap;
	tcuGraphicsSubResourceGetMappedArray *graphics_array;
	// Not every driver has these: NULL then.
	nl_cuGraphicsEGLRegisterImage *egl_register;
	nl_cuGraphicsResourceGetMappedEglFrame *egl_frame;
} nl_cuda;

typedef struct {
	nl_cuda cuda;
	CUcontext handle;
	CUdevice device;
} nl_cuda_context;

static inline CUresult nl_cuda_enter(const nl_cuda_context *context) { return context->cuda.push(context->handle); }

static inline void nl_cuda_leave(const nl_cuda_context *context) {
	CUcontext popped;
	context->cuda.pop(&popped);
}

// Where a picture lies. Which member of the union counts is said by kind.
enum { NL_LINEAR, NL_ARRAY, NL_TEXTURE };
enum { NL_NV12, NL_BGRA, NL_RGBA };

typedef struct {
	int kind, format;
	int width, height;
	size_t pitch; // bytes from row to row; for NL_ARRAY and NL_TEXTURE the bytes of a row
	union {
		CUdeviceptr linear;
		CUarray array;
		CUgraphicsResource texture;
	} at;
	CUgraphicsResource image; // an EGL image, whose array or memory this is; NULL where it is the picture's own
} nl_cuda_picture;

// nl_cuda_map gives the array behind a texture, until nl_cuda_unmap. GL may not touch the texture in between. Both are work
// on the stream: what GL did before is seen by what follows on it, and what is on it is done before GL goes on.
static inline CUresult nl_cuda_map(const nl_cuda_context *context, nl_cuda_picture *picture, CUstream stream, CUarray *array) {
	if (picture->kind != NL_TEXTURE) {
		*array = picture->at.array;
		return CUDA_SUCCESS;
	}
	CUresult code = context->cuda.graphics_map(1, &picture->at.texture, stream);
	if (code != CUDA_SUCCESS)
		return code;
	code = context->cuda.graphics_array(array, picture->at.texture, 0, 0);
	if (code != CUDA_SUCCESS)
		context->cuda.graphics_unmap(1, &picture->at.texture, stream);
	return code;
}

static inline CUresult nl_cuda_unmap(const nl_cuda_context *context, nl_cuda_picture *picture, CUstream stream) {
	return picture->kind == NL_TEXTURE ? context->cuda.graphics_unmap(1, &picture->at.texture, stream) : CUDA_SUCCESS;
}

#endif
