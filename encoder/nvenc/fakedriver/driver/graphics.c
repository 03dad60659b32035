// The double of what libcuda shares with GL and EGL: the textures and images are the test's. See books.h.
#include "cuda.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTURES = 8, IMAGES = 64, COLOUR_ARGB = 0x06, COLOUR_ABGR = 0x0e };

// An image that EGL has, by its handle, and what stands for it where it is registered.
typedef struct {
	void *handle; // NULL for a free place
	fakedriver_image is;
	int registered;
	struct CUarray_st array;
} image;

struct CUgraphicsResource_st {
	CUcontext context;
	struct CUarray_st *texture; // NULL for an EGL image
	image *image;               // NULL for a texture
	int mapped;
	struct CUgraphicsResource_st *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct CUarray_st textures[TEXTURES];
static image images[IMAGES];
static CUgraphicsResource resources;

static CUgraphicsResource add(CUcontext context, struct CUarray_st *texture, image *registered) {
	CUgraphicsResource made = calloc(1, sizeof *made);
	*made = (struct CUgraphicsResource_st){context, texture, registered, 0, NULL};
	pthread_mutex_lock(&lock);
	made->next = resources;
	resources = made;
	pthread_mutex_unlock(&lock);
	fakedriver_count(GRAPHICS, 1);
	return made;
}

void graphics_left(CUcontext context) {
	pthread_mutex_lock(&lock);
	int left = 0;
	for (CUgraphicsResource r = resources; r; r = r->next)
		left += r->context == context;
	pthread_mutex_unlock(&lock);
	if (left)
		fakedriver_misuse("cuDevicePrimaryCtxRelease with %d graphics resources still registered", left);
}

// ---- GL ----

void fakedriver_texture(unsigned number, int width, int height, const uint8_t *pixels) {
	struct CUarray_st *texture = &textures[number % TEXTURES];
	free(texture->data);
	*texture = (struct CUarray_st){width, height, 4, 0, 0, malloc((size_t)width * height * 4)};
	memcpy(texture->data, pixels, (size_t)width * height * 4);
}

CUresult cuGraphicsGLRegisterImage(CUgraphicsResource *resource, GLuint texture, GLenum target, unsigned flags) {
	CUcontext context = current("cuGraphicsGLRegisterImage");
	if (!context)
		return INVALID_CONTEXT;
	if (!textures[texture % TEXTURES].data)
		return INVALID_VALUE;
	*resource = add(context, &textures[texture % TEXTURES], NULL);
	return CUDA_SUCCESS;
}

CUresult cuGraphicsUnregisterResource(CUgraphicsResource resource) {
	CUcontext context = current("cuGraphicsUnregisterResource");
	if (!context)
		return INVALID_CONTEXT;
	pthread_mutex_lock(&lock);
	CUgraphicsResource *at = &resources;
	while (*at && *at != resource)
		at = &(*at)->next;
	if (*at)
		*at = resource->next;
	else
		resource = NULL;
	pthread_mutex_unlock(&lock);
	if (!resource) {
		fakedriver_misuse("cuGraphicsUnregisterResource of what is not registered");
		return INVALID_HANDLE;
	}
	if (resource->mapped)
		fakedriver_misuse("cuGraphicsUnregisterResource of a resource that is mapped");
	if (resource->context != context)
		fakedriver_misuse("cuGraphicsUnregisterResource in another context");
	if (resource->image) {
		resource->image->registered = 0;
		resource->image->array.data = NULL;
	}
	free(resource);
	fakedriver_count(GRAPHICS, -1);
	return CUDA_SUCCESS;
}

static CUresult map(const char *call, unsigned count, CUgraphicsResource *list, CUstream stream, int to) {
	CUresult code = on_stream(call, stream);
	for (unsigned i = 0; i < count && code == CUDA_SUCCESS; i++) {
		if (list[i]->image)
			fakedriver_misuse("%s of an EGL image, which is not mapped", call);
		if (list[i]->mapped == to)
			fakedriver_misuse("%s of a resource that is already so", call);
		list[i]->mapped = to;
		fakedriver_count(MAPPED_GRAPHICS, to ? 1 : -1);
	}
	return code;
}

CUresult cuGraphicsMapResources(unsigned count, CUgraphicsResource *list, CUstream stream) {
	return map("cuGraphicsMapResources", count, list, stream, 1);
}

CUresult cuGraphicsUnmapResources(unsigned count, CUgraphicsResource *list, CUstream stream) {
	return map("cuGraphicsUnmapResources", count, list, stream, 0);
}

CUresult cuGraphicsSubResourceGetMappedArray(CUarray *array, CUgraphicsResource resource, unsigned index, unsigned level) {
	if (!resource->mapped) {
		fakedriver_misuse("cuGraphicsSubResourceGetMappedArray of a resource that is not mapped");
		return NOT_MAPPED;
	}
	*array = resource->texture;
	return CUDA_SUCCESS;
}

// ---- EGL ----

// find looks for an image, with the lock held.
static image *find(void *handle) {
	for (int i = 0; i < IMAGES; i++)
		if (images[i].handle == handle)
			return &images[i];
	return NULL;
}

int fakedriver_set_image(void *handle, const fakedriver_image *is) {
	pthread_mutex_lock(&lock);
	image *place = find(handle);
	if (!place && is)
		place = find(NULL);
	int registered = place && place->registered;
	if (place)
		*place = (image){.handle = is ? handle : NULL};
	if (place && is)
		place->is = *is;
	pthread_mutex_unlock(&lock);
	if (registered)
		fakedriver_misuse("an EGL image is destroyed that is registered with CUDA");
	return place ? 0 : -1;
}

#ifndef WITHOUT_EGL_IMAGES // a driver that lacks them is tested too
CUresult cuGraphicsEGLRegisterImage(CUgraphicsResource *resource, void *handle, unsigned flags) {
	CUcontext context = current("cuGraphicsEGLRegisterImage");
	if (!context)
		return INVALID_CONTEXT;
	if (fakedriver_fault() == NO_EGL_IMAGES)
		return NOT_SUPPORTED;
	pthread_mutex_lock(&lock);
	image *known = handle ? find(handle) : NULL;
	int already = known && known->registered;
	if (known && !already) {
		known->registered = 1;
		known->array = (struct CUarray_st){known->is.width, known->is.height, known->is.channels, 0, known->is.stride, known->is.pixels};
	}
	pthread_mutex_unlock(&lock);
	if (already)
		fakedriver_misuse("cuGraphicsEGLRegisterImage of an image that is registered");
	if (!known || already)
		return INVALID_VALUE;
	*resource = add(context, NULL, known);
	return CUDA_SUCCESS;
}

CUresult cuGraphicsResourceGetMappedEglFrame(CUeglFrame *frame, CUgraphicsResource resource, unsigned index, unsigned level) {
	if (!current("cuGraphicsResourceGetMappedEglFrame"))
		return INVALID_CONTEXT;
	image *of = resource->image;
	if (!of) {
		fakedriver_misuse("cuGraphicsResourceGetMappedEglFrame of a resource that is no EGL image");
		return NOT_MAPPED;
	}
	*frame = (CUeglFrame){
		.width = of->is.width, .height = of->is.height, .planeCount = of->is.planes, .numChannels = of->is.channels,
		.eglColorFormat = (CUeglColorFormat)(of->is.red_first ? COLOUR_ABGR : COLOUR_ARGB), .cuFormat = CU_AD_FORMAT_UNSIGNED_INT8,
	};
	if (of->is.pitched) {
		frame->frameType = CU_EGL_FRAME_TYPE_PITCH;
		frame->pitch = of->is.stride;
		frame->frame.pPitch[0] = of->is.pixels;
	} else {
		frame->frameType = CU_EGL_FRAME_TYPE_ARRAY;
		frame->frame.pArray[0] = &of->array;
	}
	return CUDA_SUCCESS;
}
#endif

uint8_t *graphics_memory(CUdeviceptr pointer, size_t *size) {
	uint8_t *found = NULL;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < IMAGES; i++)
		if (images[i].registered && images[i].is.pitched && (CUdeviceptr)(uintptr_t)images[i].is.pixels == pointer) {
			found = images[i].is.pixels;
			*size = images[i].is.stride * images[i].is.height;
		}
	pthread_mutex_unlock(&lock);
	return found;
}
