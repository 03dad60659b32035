// A double of libcuda, for tests: "device memory" is the host's, and there is no GPU. It proves nothing about one. See books.h.
#include "cuda.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEVICES = 2, DEEPEST = 16, ROW_ALIGNMENT = 512 };

static const size_t total_memory = (size_t)8 << 30, plenty = (size_t)7 << 30, little = (size_t)20 << 20;

struct CUctx_st {
	int device, shares;
};

typedef struct allocation {
	CUdeviceptr pointer;
	size_t size;
	CUcontext context;
	struct allocation *next;
} allocation;

struct CUstream_st {
	CUcontext context;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct CUctx_st primary[DEVICES] = {{.device = 0}, {.device = 1}};
static allocation *allocations;
static int initialized;
static __thread CUcontext stack[DEEPEST];
static __thread int depth;

CUcontext fakedriver_current(void) { return depth > 0 ? stack[depth - 1] : NULL; }

CUcontext current(const char *call) {
	CUcontext now = fakedriver_current();
	if (!now)
		fakedriver_misuse("%s without a current context", call);
	return now;
}

CUresult cuInit(unsigned flags) {
	if (fakedriver_fault() == NO_DEVICE)
		return NO_GPU;
	initialized = 1;
	return flags ? INVALID_VALUE : CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int *version) {
	*version = 11040;
	return CUDA_SUCCESS;
}

CUresult cuGetErrorName(CUresult code, const char **name) {
	switch ((int)code) {
	case CUDA_SUCCESS: *name = "CUDA_SUCCESS"; break;
	case INVALID_VALUE: *name = "CUDA_ERROR_INVALID_VALUE"; break;
	case NO_MEMORY: *name = "CUDA_ERROR_OUT_OF_MEMORY"; break;
	case NOT_INITIALIZED: *name = "CUDA_ERROR_NOT_INITIALIZED"; break;
	case NO_GPU: *name = "CUDA_ERROR_NO_DEVICE"; break;
	case INVALID_DEVICE: *name = "CUDA_ERROR_INVALID_DEVICE"; break;
	case INVALID_CONTEXT: *name = "CUDA_ERROR_INVALID_CONTEXT"; break;
	case NOT_MAPPED: *name = "CUDA_ERROR_NOT_MAPPED"; break;
	case INVALID_HANDLE: *name = "CUDA_ERROR_INVALID_HANDLE"; break;
	case NOT_SUPPORTED: *name = "CUDA_ERROR_NOT_SUPPORTED"; break;
	default: *name = NULL; return INVALID_VALUE;
	}
	return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int *count) {
	if (!initialized)
		return NOT_INITIALIZED;
	*count = DEVICES;
	return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
	if (ordinal < 0 || ordinal >= DEVICES)
		return INVALID_DEVICE;
	*device = ordinal;
	return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
	snprintf(name, length, "Double of a GPU %d", device);
	return CUDA_SUCCESS;
}

CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device) {
	memset(uuid->bytes, device + 1, sizeof uuid->bytes);
	return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
	*bytes = total_memory;
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned flags) {
	pthread_mutex_lock(&lock);
	int active = primary[device].shares > 0;
	pthread_mutex_unlock(&lock);
	return active ? CONTEXT_ACTIVE : CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
	if (device < 0 || device >= DEVICES)
		return INVALID_DEVICE;
	pthread_mutex_lock(&lock);
	primary[device].shares++;
	pthread_mutex_unlock(&lock);
	*context = &primary[device];
	fakedriver_count(CONTEXT, 1);
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
	pthread_mutex_lock(&lock);
	int left = --primary[device].shares;
	for (allocation *a = allocations; a && left == 0; a = a->next)
		if (a->context == &primary[device])
			fakedriver_misuse("cuDevicePrimaryCtxRelease with %zu bytes still allocated", a->size);
	pthread_mutex_unlock(&lock);
	if (left == 0)
		graphics_left(&primary[device]);
	if (left < 0)
		fakedriver_misuse("cuDevicePrimaryCtxRelease without a share");
	fakedriver_count(CONTEXT, -1);
	return CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
	if (!context || context->shares <= 0 || depth == DEEPEST) {
		fakedriver_misuse("cuCtxPushCurrent of a context that is not held, or too deep (%d)", depth);
		return INVALID_CONTEXT;
	}
	stack[depth++] = context;
	return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent_v2(CUcontext *context) {
	if (depth == 0) {
		fakedriver_misuse("cuCtxPopCurrent on an empty stack");
		return INVALID_CONTEXT;
	}
	*context = stack[--depth];
	return CUDA_SUCCESS;
}

CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
	if (!current("cuMemGetInfo"))
		return INVALID_CONTEXT;
	*free_bytes = fakedriver_fault() == OUT_OF_MEMORY ? little : plenty;
	*total = total_memory;
	return CUDA_SUCCESS;
}

CUresult cuMemAllocPitch_v2(CUdeviceptr *pointer, size_t *pitch, size_t width, size_t height, unsigned element) {
	CUcontext context = current("cuMemAllocPitch");
	if (!context)
		return INVALID_CONTEXT;
	if (element != 4 && element != 8 && element != 16)
		return INVALID_VALUE;
	*pitch = (width + ROW_ALIGNMENT - 1) / ROW_ALIGNMENT * ROW_ALIGNMENT;
	allocation *a = malloc(sizeof *a);
	*a = (allocation){(CUdeviceptr)(uintptr_t)malloc(*pitch * height), *pitch * height, context, NULL};
	pthread_mutex_lock(&lock);
	a->next = allocations;
	allocations = a;
	pthread_mutex_unlock(&lock);
	*pointer = a->pointer;
	fakedriver_count(MEMORY, 1);
	return CUDA_SUCCESS;
}

CUresult cuMemFree_v2(CUdeviceptr pointer) {
	CUcontext context = current("cuMemFree");
	if (!context)
		return INVALID_CONTEXT;
	pthread_mutex_lock(&lock);
	allocation **at = &allocations;
	while (*at && (*at)->pointer != pointer)
		at = &(*at)->next;
	allocation *a = *at;
	if (a)
		*at = a->next;
	pthread_mutex_unlock(&lock);
	if (!a) {
		fakedriver_misuse("cuMemFree of what is not allocated");
		return INVALID_VALUE;
	}
	if (a->context != context)
		fakedriver_misuse("cuMemFree in another context");
	free((void *)(uintptr_t)a->pointer);
	free(a);
	fakedriver_count(MEMORY, -1);
	return CUDA_SUCCESS;
}

uint8_t *fakedriver_memory(CUdeviceptr pointer, size_t *size) {
	uint8_t *found = NULL;
	pthread_mutex_lock(&lock);
	for (allocation *a = allocations; a; a = a->next)
		if (a->pointer == pointer) {
			found = (uint8_t *)(uintptr_t)pointer;
			*size = a->size;
		}
	pthread_mutex_unlock(&lock);
	return found ? found : graphics_memory(pointer, size);
}

CUresult cuMemHostAlloc(void **memory, size_t bytes, unsigned flags) {
	if (!current("cuMemHostAlloc"))
		return INVALID_CONTEXT;
	*memory = malloc(bytes);
	fakedriver_count(PINNED, 1);
	return *memory ? CUDA_SUCCESS : NO_MEMORY;
}

CUresult cuMemFreeHost(void *memory) {
	if (!current("cuMemFreeHost"))
		return INVALID_CONTEXT;
	free(memory);
	fakedriver_count(PINNED, -1);
	return CUDA_SUCCESS;
}

CUresult cuArray3DCreate_v2(CUarray *array, const CUDA_ARRAY3D_DESCRIPTOR *shape) {
	if (!current("cuArray3DCreate"))
		return INVALID_CONTEXT;
	if (shape->Format != CU_AD_FORMAT_UNSIGNED_INT8 || shape->Depth != 0)
		return INVALID_VALUE;
	struct CUarray_st *made = calloc(1, sizeof *made);
	*made = (struct CUarray_st){shape->Width, shape->Height, shape->NumChannels, shape->Flags, 0, NULL};
	made->data = calloc(shape->Width * shape->Height, shape->NumChannels);
	*array = made;
	fakedriver_count(ARRAY, 1);
	return CUDA_SUCCESS;
}

CUresult cuArrayDestroy(CUarray array) {
	if (!current("cuArrayDestroy"))
		return INVALID_CONTEXT;
	free(array->data);
	free(array);
	fakedriver_count(ARRAY, -1);
	return CUDA_SUCCESS;
}

// place is one end of a copy: where in its memory the copy begins.
typedef struct {
	CUmemorytype type;
	void *host;
	CUdeviceptr device;
	CUarray array;
	size_t pitch, x, y;
} place;

// end finds one end of a copy. It returns NULL for memory that is none.
static uint8_t *end(place at, const CUDA_MEMCPY2D *move, size_t *stride) {
	size_t size, width = at.x + move->WidthInBytes, height = at.y + move->Height;
	uint8_t *memory = NULL;
	*stride = at.pitch;
	switch (at.type) {
	case CU_MEMORYTYPE_HOST:
		if (width <= at.pitch)
			memory = at.host;
		break;
	case CU_MEMORYTYPE_DEVICE:
		if (fakedriver_memory(at.device, &size) && width <= at.pitch && at.pitch * (height - 1) + width <= size)
			memory = (uint8_t *)(uintptr_t)at.device;
		break;
	case CU_MEMORYTYPE_ARRAY:
		*stride = at.array->stride ? at.array->stride : (size_t)at.array->width * at.array->channels;
		if (width <= (size_t)at.array->width * at.array->channels && height <= (size_t)at.array->height)
			memory = at.array->data; // none where it was unregistered
		break;
	}
	return memory ? memory + at.y * *stride + at.x : NULL;
}

CUresult cuMemcpy2D_v2(const CUDA_MEMCPY2D *move) {
	if (!current("cuMemcpy2D"))
		return INVALID_CONTEXT;
	size_t from_stride, to_stride;
	place source = {move->srcMemoryType, (void *)move->srcHost, move->srcDevice, move->srcArray, move->srcPitch, move->srcXInBytes, move->srcY};
	place target = {move->dstMemoryType, move->dstHost, move->dstDevice, move->dstArray, move->dstPitch, move->dstXInBytes, move->dstY};
	const uint8_t *from = end(source, move, &from_stride);
	uint8_t *to = end(target, move, &to_stride);
	if (!from || !to) {
		fakedriver_misuse("cuMemcpy2D leaves its memory");
		return INVALID_VALUE;
	}
	for (size_t row = 0; row < move->Height; row++)
		memcpy(to + row * to_stride, from + row * from_stride, move->WidthInBytes);
	return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
	CUcontext context = current("cuStreamCreate");
	if (!context)
		return INVALID_CONTEXT;
	*stream = malloc(sizeof **stream);
	(*stream)->context = context;
	fakedriver_count(STREAM, 1);
	return CUDA_SUCCESS;
}

CUresult on_stream(const char *call, CUstream stream) {
	CUcontext context = current(call);
	if (!context)
		return INVALID_CONTEXT;
	if (stream && stream->context != context) {
		fakedriver_misuse("%s on a stream of another context", call);
		return INVALID_HANDLE;
	}
	return CUDA_SUCCESS;
}

CUresult cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *move, CUstream stream) {
	CUresult code = on_stream("cuMemcpy2DAsync", stream);
	return code != CUDA_SUCCESS ? code : cuMemcpy2D_v2(move);
}

CUresult cuStreamSynchronize(CUstream stream) { return on_stream("cuStreamSynchronize", stream); }

CUresult cuStreamDestroy_v2(CUstream stream) {
	CUresult code = on_stream("cuStreamDestroy", stream);
	free(stream);
	fakedriver_count(STREAM, -1);
	return code;
}
