//go:build linux

#include "gbm.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// From gbm.h of Mesa, which need not be installed.
struct gbm_device;
struct gbm_bo;
enum { GBM_BO_USE_RENDERING = 1 << 2 };

struct nl_gbm {
	struct gbm_device *device;
	struct gbm_device *(*create_device)(int);
	void (*destroy_device)(struct gbm_device *);
	struct gbm_bo *(*create)(struct gbm_device *, uint32_t, uint32_t, uint32_t, uint32_t);
	struct gbm_bo *(*create_in)(struct gbm_device *, uint32_t, uint32_t, uint32_t, const uint64_t *, unsigned);
	struct gbm_bo *(*create_for)(struct gbm_device *, uint32_t, uint32_t, uint32_t, const uint64_t *, unsigned, uint32_t); // NULL before Mesa 21.3
	void (*destroy)(struct gbm_bo *);
	uint64_t (*modifier)(struct gbm_bo *);
	int (*planes)(struct gbm_bo *);
	int (*descriptor)(struct gbm_bo *, int);
	uint32_t (*offset)(struct gbm_bo *, int);
	uint32_t (*stride)(struct gbm_bo *, int);
};

static int load(nl_gbm *g, char *text) {
	// The library stays open: drivers leave threads and exit handlers behind that must find their code.
	void *library = dlopen("libgbm.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!library) {
		snprintf(text, NL_GBM_TEXT, "%s; install libgbm1", dlerror());
		return -1;
	}
	const struct {
		void **function;
		const char *name;
	} wanted[] = {
		{(void **)&g->create_device, "gbm_create_device"}, {(void **)&g->destroy_device, "gbm_device_destroy"},
		{(void **)&g->create, "gbm_bo_create"}, {(void **)&g->create_in, "gbm_bo_create_with_modifiers"},
		{(void **)&g->destroy, "gbm_bo_destroy"}, {(void **)&g->modifier, "gbm_bo_get_modifier"},
		{(void **)&g->planes, "gbm_bo_get_plane_count"}, {(void **)&g->descriptor, "gbm_bo_get_fd_for_plane"},
		{(void **)&g->offset, "gbm_bo_get_offset"}, {(void **)&g->stride, "gbm_bo_get_stride_for_plane"},
	};
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		*wanted[i].function = dlsym(library, wanted[i].name);
		if (!*wanted[i].function) {
			snprintf(text, NL_GBM_TEXT, "libgbm.so.1 has no %s; it is older than 21.1", wanted[i].name);
			return -1;
		}
	}
	*(void **)&g->create_for = dlsym(library, "gbm_bo_create_with_modifiers2");
	return 0;
}

nl_gbm *nl_gbm_open(int node, char *text) {
	nl_gbm *g = calloc(1, sizeof *g);
	if (load(g, text) == 0) {
		g->device = g->create_device(node);
		if (g->device)
			return g;
		snprintf(text, NL_GBM_TEXT, "gbm_create_device: no driver for it; install libgl1-mesa-dri, or for NVIDIA's libnvidia-egl-gbm1");
	}
	free(g);
	return NULL;
}

void nl_gbm_close(nl_gbm *g) {
	g->destroy_device(g->device);
	free(g);
}

static struct gbm_bo *create(nl_gbm *g, uint32_t width, uint32_t height, uint32_t format, const uint64_t *modifiers, unsigned count) {
	if (count == 0)
		return g->create(g->device, width, height, format, GBM_BO_USE_RENDERING);
	if (g->create_for)
		return g->create_for(g->device, width, height, format, modifiers, count, GBM_BO_USE_RENDERING);
	return g->create_in(g->device, width, height, format, modifiers, count);
}

int nl_gbm_allocate(nl_gbm *g, uint32_t width, uint32_t height, uint32_t format, const uint64_t *modifiers, unsigned count, nl_gbm_buffer *buffer) {
	errno = 0;
	struct gbm_bo *object = create(g, width, height, format, modifiers, count);
	if (!object)
		return errno ? errno : EINVAL; // drivers do not always say
	*buffer = (nl_gbm_buffer){.object = object, .modifier = g->modifier(object), .planes = g->planes(object)};
	for (int i = 0; i < buffer->planes && i < NL_GBM_PLANES; i++) {
		errno = 0;
		buffer->descriptors[i] = g->descriptor(object, i);
		buffer->offsets[i] = g->offset(object, i);
		buffer->strides[i] = g->stride(object, i);
		if (buffer->descriptors[i] >= 0)
			continue;
		int reason = errno ? errno : EINVAL;
		while (i-- > 0)
			close(buffer->descriptors[i]);
		g->destroy(object);
		return reason;
	}
	return 0;
}

void nl_gbm_free(nl_gbm *g, nl_gbm_buffer *buffer) { g->destroy(buffer->object); }
