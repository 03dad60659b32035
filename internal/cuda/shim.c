//go:build cgo

#include "shim.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

void *nl_library_open(const char *path, char *error) {
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!library)
		snprintf(error, NL_TEXT, "%s", dlerror());
	return library;
}

const char *nl_cuda_open(void *library, nl_cuda *cuda) {
	// The names' suffixes are CUDA's: each stands for one shape of the arguments, and old shapes stay exported.
	const struct {
		void **function;
		const char *name;
	} wanted[] = {
		{(void **)&cuda->init, "cuInit"},
		{(void **)&cuda->driver_version, "cuDriverGetVersion"},
		{(void **)&cuda->error_name, "cuGetErrorName"},
		{(void **)&cuda->device_count, "cuDeviceGetCount"},
		{(void **)&cuda->device, "cuDeviceGet"},
		{(void **)&cuda->device_name, "cuDeviceGetName"},
		{(void **)&cuda->device_uuid, "cuDeviceGetUuid"},
		{(void **)&cuda->device_memory, "cuDeviceTotalMem_v2"},
		{(void **)&cuda->set_flags, "cuDevicePrimaryCtxSetFlags_v2"},
		{(void **)&cuda->retain, "cuDevicePrimaryCtxRetain"},
		{(void **)&cuda->release, "cuDevicePrimaryCtxRelease_v2"},
		{(void **)&cuda->push, "cuCtxPushCurrent_v2"},
		{(void **)&cuda->pop, "cuCtxPopCurrent_v2"},
		{(void **)&cuda->memory_info, "cuMemGetInfo_v2"},
		{(void **)&cuda->alloc_pitch, "cuMemAllocPitch_v2"},
		{(void **)&cuda->free, "cuMemFree_v2"},
		{(void **)&cuda->host_alloc, "cuMemHostAlloc"},
		{(void **)&cuda->host_free, "cuMemFreeHost"},
		{(void **)&cuda->copy, "cuMemcpy2D_v2"},
		{(void **)&cuda->copy_async, "cuMemcpy2DAsync_v2"},
		{(void **)&cuda->stream_create, "cuStreamCreate"},
		{(void **)&cuda->stream_synchronize, "cuStreamSynchronize"},
		{(void **)&cuda->stream_destroy, "cuStreamDestroy_v2"},
		{(void **)&cuda->array_create, "cuArray3DCreate_v2"},
		{(void **)&cuda->array_destroy, "cuArrayDestroy"},
		{(void **)&cuda->gl_register, "cuGraphicsGLRegisterImage"},
		{(void **)&cuda->graphics_unregister, "cuGraphicsUnregisterResource"},
		{(void **)&cuda->graphics_map, "cuGraphicsMapResources"},
		{(void **)&cuda->graphics_unmap, "cuGraphicsUnmapResources"},
		{(void **)&cuda->graphics_array, "cuGraphicsSubResourceGetMappedArray"},
	};
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		*wanted[i].function = dlsym(library, wanted[i].name);
		if (!*wanted[i].function)
			return wanted[i].name;
	}
	*(void **)&cuda->egl_register = dlsym(library, "cuGraphicsEGLRegisterImage");
	*(void **)&cuda->egl_frame = dlsym(library, "cuGraphicsResourceGetMappedEglFrame");
	return NULL;
}

// call runs a function, and notes its name where it fails.
#define call(name, expression) ((*failed = (name)), (expression))

CUresult nl_cuda_start(const nl_cuda *cuda, int *version, int *devices, const char **failed) {
	CUresult code = call("cuInit", cuda->init(0));
	if (code == CUDA_SUCCESS)
		code = call("cuDriverGetVersion", cuda->driver_version(version));
	if (code == CUDA_SUCCESS)
		code = call("cuDeviceGetCount", cuda->device_count(devices));
	return code;
}

const char *nl_cuda_error_name(const nl_cuda *cuda, CUresult code) {
	const char *name = NULL;
	return cuda->error_name(code, &name) == CUDA_SUCCESS && name ? name : "unknown code";
}

CUresult nl_cuda_retain(nl_cuda_context *context, int ordinal, const char **failed) {
	CUresult code = call("cuDeviceGet", context->cuda.device(&context->device, ordinal));
	// A thread that waits for the GPU sleeps: the cores are the game's. Refused where the context is in use already, and then as
	// its first user wanted it.
	if (code == CUDA_SUCCESS)
		context->cuda.set_flags(context->device, CU_CTX_SCHED_BLOCKING_SYNC);
	if (code == CUDA_SUCCESS)
		code = call("cuDevicePrimaryCtxRetain", context->cuda.retain(&context->handle, context->device));
	return code;
}

CUresult nl_cuda_release(const nl_cuda_context *context, const char **failed) {
	return call("cuDevicePrimaryCtxRelease", context->cuda.release(context->device));
}

CUresult nl_cuda_describe(const nl_cuda *cuda, int ordinal, char *name, unsigned char *uuid, size_t *memory, const char **failed) {
	CUdevice device;
	CUuuid identity = {{0}};
	CUresult code = call("cuDeviceGet", cuda->device(&device, ordinal));
	if (code == CUDA_SUCCESS)
		code = call("cuDeviceGetName", cuda->device_name(name, NL_TEXT, device));
	if (code == CUDA_SUCCESS)
		code = call("cuDeviceGetUuid", cuda->device_uuid(&identity, device));
	if (code == CUDA_SUCCESS)
		code = call("cuDeviceTotalMem", cuda->device_memory(memory, device));
	memcpy(uuid, identity.bytes, sizeof identity.bytes);
	return code;
}

// within enters the context for one expression.
#define within(context, name, expression) \
	do { \
		CUresult code = call("cuCtxPushCurrent", nl_cuda_enter(context)); \
		if (code != CUDA_SUCCESS) \
			return code; \
		code = call(name, expression); \
		nl_cuda_leave(context); \
		return code; \
	} while (0)

CUresult nl_cuda_memory(const nl_cuda_context *context, size_t *free, size_t *total, const char **failed) {
	within(context, "cuMemGetInfo", context->cuda.memory_info(free, total));
}

static CUresult create_linear(const nl_cuda_context *context, nl_cuda_picture *picture) {
	size_t row = picture->format == NL_NV12 ? picture->width : 4 * picture->width;
	size_t rows = picture->format == NL_NV12 ? picture->height + picture->height / 2 : picture->height;
	// 16 is the widest element that a copy may move at a time, so that the pitch suits every copy.
	return context->cuda.alloc_pitch(&picture->at.linear, &picture->pitch, row, rows, 16);
}

static CUresult create_array(const nl_cuda_context *context, nl_cuda_picture *picture) {
	CUDA_ARRAY3D_DESCRIPTOR shape = {
		.Width = picture->width,
		.Height = picture->format == NL_NV12 ? picture->height + picture->height / 2 : picture->height,
		.Format = CU_AD_FORMAT_UNSIGNED_INT8,
		.NumChannels = picture->format == NL_NV12 ? 1 : 4,
		.Flags = NL_CUDA_ARRAY3D_SURFACE_LDST,
	};
	picture->pitch = shape.Width * shape.NumChannels;
	return context->cuda.array_create(&picture->at.array, &shape);
}

CUresult nl_cuda_create(const nl_cuda_context *context, nl_cuda_picture *picture, const char **failed) {
	if (picture->kind == NL_ARRAY)
		within(context, "cuArray3DCreate", create_array(context, picture));
	within(context, "cuMemAllocPitch", create_linear(context, picture));
}

CUresult nl_cuda_import(const nl_cuda_context *context, nl_cuda_picture *picture, unsigned texture, unsigned target, const char **failed) {
	picture->pitch = 4 * picture->width;
	within(context, "cuGraphicsGLRegisterImage",
		context->cuda.gl_register(&picture->at.texture, texture, target, CU_GRAPHICS_REGISTER_FLAGS_READ_ONLY));
}

// adopt takes over where an EGL image lies, or says why it cannot be read as the picture that it should be.
static const char *adopt(nl_cuda_picture *picture, const CUeglFrame *frame) {
	if (frame->planeCount != 1)
		return "of several planes";
	if (frame->numChannels != 4 || frame->cuFormat != CU_AD_FORMAT_UNSIGNED_INT8)
		return "not of four bytes a pixel";
	if ((int)frame->eglColorFormat != (picture->format == NL_RGBA ? NL_EGL_ABGR : NL_EGL_ARGB))
		return "of another order of colours";
	if (frame->width != (unsigned)picture->width || frame->height != (unsigned)picture->height)
		return "of another size";
	size_t row = 4 * (size_t)picture->width;
	switch (frame->frameType) {
	case CU_EGL_FRAME_TYPE_ARRAY:
		picture->kind = NL_ARRAY;
		picture->pitch = row;
		picture->at.array = frame->frame.pArray[0];
		return picture->at.array ? NULL : "without an array";
	case CU_EGL_FRAME_TYPE_PITCH:
		picture->kind = NL_LINEAR;
		picture->pitch = frame->pitch;
		picture->at.linear = (CUdeviceptr)(uintptr_t)frame->frame.pPitch[0];
		return picture->at.linear && picture->pitch >= row ? NULL : "without memory that holds its rows";
	}
	return "neither an array nor memory";
}

static CUresult import_image(const nl_cuda_context *context, nl_cuda_picture *picture, void *image, const char **flaw, const char **failed) {
	CUresult code = call("cuGraphicsEGLRegisterImage",
		context->cuda.egl_register(&picture->image, image, CU_GRAPHICS_REGISTER_FLAGS_READ_ONLY));
	if (code != CUDA_SUCCESS)
		return code;
	CUeglFrame frame = {.planeCount = 0};
	code = call("cuGraphicsResourceGetMappedEglFrame", context->cuda.egl_frame(&frame, picture->image, 0, 0));
	if (code == CUDA_SUCCESS)
		*flaw = adopt(picture, &frame);
	if (code != CUDA_SUCCESS || *flaw)
		context->cuda.graphics_unregister(picture->image);
	return code;
}

CUresult nl_cuda_import_image(const nl_cuda_context *context, nl_cuda_picture *picture, void *image, const char **flaw, const char **failed) {
	CUresult code = call("cuCtxPushCurrent", nl_cuda_enter(context));
	if (code != CUDA_SUCCESS)
		return code;
	code = import_image(context, picture, image, flaw, failed);
	nl_cuda_leave(context);
	return code;
}

CUresult nl_cuda_destroy(const nl_cuda_context *context, nl_cuda_picture *picture, const char **failed) {
	if (picture->image)
		within(context, "cuGraphicsUnregisterResource", context->cuda.graphics_unregister(picture->image));
	switch (picture->kind) {
	case NL_ARRAY:
		within(context, "cuArrayDestroy", context->cuda.array_destroy(picture->at.array));
	case NL_TEXTURE:
		within(context, "cuGraphicsUnregisterResource", context->cuda.graphics_unregister(picture->at.texture));
	}
	within(context, "cuMemFree", context->cuda.free(picture->at.linear));
}

static CUresult copy(const nl_cuda_context *context, nl_cuda_picture *picture, void *host, size_t stride, size_t row_bytes,
	size_t rows, int write, CUstream stream, const char **failed) {
	CUDA_MEMCPY2D move = {.WidthInBytes = row_bytes, .Height = rows};
	CUarray array = NULL;
	CUresult code = CUDA_SUCCESS;
	if (picture->kind != NL_LINEAR)
		code = call("cuGraphicsMapResources", nl_cuda_map(context, picture, stream, &array));
	if (code != CUDA_SUCCESS)
		return code;
	CUmemorytype there = array ? CU_MEMORYTYPE_ARRAY : CU_MEMORYTYPE_DEVICE;
	if (write) {
		move.srcMemoryType = CU_MEMORYTYPE_HOST, move.srcHost = host, move.srcPitch = stride;
		move.dstMemoryType = there, move.dstArray = array, move.dstPitch = picture->pitch;
		move.dstDevice = array ? 0 : picture->at.linear;
	} else {
		move.srcMemoryType = there, move.srcArray = array, move.srcPitch = picture->pitch;
		move.srcDevice = array ? 0 : picture->at.linear;
		move.dstMemoryType = CU_MEMORYTYPE_HOST, move.dstHost = host, move.dstPitch = stride;
	}
	code = call("cuMemcpy2D", stream ? context->cuda.copy_async(&move, stream) : context->cuda.copy(&move));
	CUresult unmapped = nl_cuda_unmap(context, picture, stream);
	return code != CUDA_SUCCESS ? code : unmapped;
}

CUresult nl_cuda_copy(const nl_cuda_context *context, nl_cuda_picture *picture, void *host, size_t stride, size_t row_bytes,
	size_t rows, int write, CUstream stream, const char **failed) {
	CUresult code = call("cuCtxPushCurrent", nl_cuda_enter(context));
	if (code != CUDA_SUCCESS)
		return code;
	code = copy(context, picture, host, stride, row_bytes, rows, write, stream, failed);
	nl_cuda_leave(context);
	return code;
}

static CUresult copy_picture(const nl_cuda_context *context, nl_cuda_picture *to, nl_cuda_picture *from, size_t row_bytes, size_t rows,
	const char **failed) {
	CUarray source = NULL;
	CUresult code = CUDA_SUCCESS;
	if (from->kind != NL_LINEAR)
		code = call("cuGraphicsMapResources", nl_cuda_map(context, from, NULL, &source));
	if (code != CUDA_SUCCESS)
		return code;
	CUDA_MEMCPY2D move = {
		.srcMemoryType = source ? CU_MEMORYTYPE_ARRAY : CU_MEMORYTYPE_DEVICE,
		.srcArray = source,
		.srcDevice = source ? 0 : from->at.linear,
		.srcPitch = from->pitch,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = to->at.linear,
		.dstPitch = to->pitch,
		.WidthInBytes = row_bytes,
		.Height = rows,
	};
	code = call("cuMemcpy2D", context->cuda.copy(&move));
	CUresult unmapped = nl_cuda_unmap(context, from, NULL);
	if (code == CUDA_SUCCESS && unmapped != CUDA_SUCCESS)
		code = call("cuGraphicsUnmapResources", unmapped);
	return code;
}

CUresult nl_cuda_copy_picture(const nl_cuda_context *context, nl_cuda_picture *to, nl_cuda_picture *from, size_t row_bytes, size_t rows,
	const char **failed) {
	CUresult code = call("cuCtxPushCurrent", nl_cuda_enter(context));
	if (code != CUDA_SUCCESS)
		return code;
	code = copy_picture(context, to, from, row_bytes, rows, failed);
	nl_cuda_leave(context);
	return code;
}

CUresult nl_cuda_stream(const nl_cuda_context *context, CUstream *stream, const char **failed) {
	within(context, "cuStreamCreate", context->cuda.stream_create(stream, CU_STREAM_NON_BLOCKING));
}

CUresult nl_cuda_synchronize(const nl_cuda_context *context, CUstream stream, const char **failed) {
	within(context, "cuStreamSynchronize", context->cuda.stream_synchronize(stream));
}

CUresult nl_cuda_stream_close(const nl_cuda_context *context, CUstream stream, const char **failed) {
	within(context, "cuStreamDestroy", context->cuda.stream_destroy(stream));
}

CUresult nl_cuda_pin(const nl_cuda_context *context, void **memory, size_t bytes, const char **failed) {
	within(context, "cuMemHostAlloc", context->cuda.host_alloc(memory, bytes, 0));
}

CUresult nl_cuda_unpin(const nl_cuda_context *context, void *memory, const char **failed) {
	within(context, "cuMemFreeHost", context->cuda.host_free(memory));
}

CUresult nl_cuda_push(const nl_cuda_context *context) { return nl_cuda_enter(context); }
void nl_cuda_pop(const nl_cuda_context *context) { nl_cuda_leave(context); }
