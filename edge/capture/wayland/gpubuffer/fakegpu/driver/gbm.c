// A double of libgbm, for tests: buffers are memory that processes share, and there is no GPU. It proves nothing about one.
// It keeps books: what is held, and what was done wrong.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { USE_RENDERING = 1 << 2, ALIGNMENT = 256, MARGIN = 4096 };

// Layouts that the double has: linear, rows that are not aligned, and one of its own, whose pictures begin after a margin.
static const uint64_t linear = 0, own = 0x0f00000000000001, unknown = 0x00ffffffffffffff;

struct gbm_device {
	int node;
};

struct gbm_bo {
	struct gbm_device *device;
	int memory;
	uint32_t stride, offset;
	uint64_t modifier;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char fault[32], misuses[4096];
static int devices, buffers;

static void misuse(const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	pthread_mutex_lock(&lock);
	size_t used = strlen(misuses);
	used += snprintf(misuses + used, sizeof misuses - used, "misuse: ");
	vsnprintf(misuses + used, sizeof misuses - used, format, arguments);
	strncat(misuses, "\n", sizeof misuses - strlen(misuses) - 1);
	pthread_mutex_unlock(&lock);
	va_end(arguments);
}

static int faulty(const char *name) { return strcmp(fault, name) == 0; }

static void count(int *held, int change) {
	pthread_mutex_lock(&lock);
	*held += change;
	pthread_mutex_unlock(&lock);
}

void fakegpu_gbm_inject(const char *name) { snprintf(fault, sizeof fault, "%s", name); }

void fakegpu_gbm_report(char *text, size_t size) {
	pthread_mutex_lock(&lock);
	size_t used = snprintf(text, size, "%s", misuses);
	if (devices)
		used += snprintf(text + used, size - used, "held: %d devices of GBM\n", devices);
	if (buffers)
		snprintf(text + used, size - used, "held: %d buffers of GBM\n", buffers);
	misuses[0] = 0;
	pthread_mutex_unlock(&lock);
}

struct gbm_device *gbm_create_device(int node) {
	if (fcntl(node, F_GETFD) < 0)
		misuse("gbm_create_device of a descriptor that is not open");
	if (faulty("no-driver"))
		return NULL;
	struct gbm_device *made = malloc(sizeof *made);
	made->node = node;
	count(&devices, 1);
	return made;
}

void gbm_device_destroy(struct gbm_device *device) {
	if (fcntl(device->node, F_GETFD) < 0)
		misuse("gbm_device_destroy after its descriptor was closed");
	if (buffers)
		misuse("gbm_device_destroy with %d buffers", buffers);
	free(device);
	count(&devices, -1);
}

static struct gbm_bo *create(struct gbm_device *device, uint32_t width, uint32_t height, uint32_t format, uint64_t modifier) {
	if (faulty("no-memory")) {
		errno = ENOMEM;
		return NULL;
	}
	struct gbm_bo *made = malloc(sizeof *made);
	*made = (struct gbm_bo){.device = device, .modifier = modifier, .stride = 4 * width};
	if (modifier != linear) {
		made->stride = (4 * width + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
		made->offset = MARGIN;
	}
	made->memory = memfd_create("fakegpu", MFD_CLOEXEC);
	if (ftruncate(made->memory, (off_t)made->offset + (off_t)made->stride * height) < 0)
		abort();
	count(&buffers, 1);
	return made;
}

struct gbm_bo *gbm_bo_create(struct gbm_device *device, uint32_t width, uint32_t height, uint32_t format, uint32_t flags) {
	if (!(flags & USE_RENDERING))
		misuse("gbm_bo_create of what nobody draws to");
	return create(device, width, height, format, unknown);
}

struct gbm_bo *gbm_bo_create_with_modifiers2(struct gbm_device *device, uint32_t width, uint32_t height, uint32_t format,
	const uint64_t *modifiers, unsigned amount, uint32_t flags) {
	if (!(flags & USE_RENDERING))
		misuse("gbm_bo_create_with_modifiers2 of what nobody draws to");
	for (unsigned i = 0; i < amount; i++) {
		if (modifiers[i] == unknown)
			misuse("gbm_bo_create_with_modifiers2 with a layout that is none");
		if (modifiers[i] == linear || modifiers[i] == own)
			return create(device, width, height, format, modifiers[i]);
	}
	errno = EINVAL;
	return NULL;
}

struct gbm_bo *gbm_bo_create_with_modifiers(struct gbm_device *device, uint32_t width, uint32_t height, uint32_t format,
	const uint64_t *modifiers, unsigned amount) {
	return gbm_bo_create_with_modifiers2(device, width, height, format, modifiers, amount, USE_RENDERING);
}

void gbm_bo_destroy(struct gbm_bo *buffer) {
	close(buffer->memory);
	free(buffer);
	count(&buffers, -1);
}

uint64_t gbm_bo_get_modifier(struct gbm_bo *buffer) { return faulty("other-layout") ? 99 : buffer->modifier; }

int gbm_bo_get_plane_count(struct gbm_bo *buffer) { return faulty("five-planes") ? 5 : faulty("no-planes") ? 0 : 1; }

uint32_t gbm_bo_get_offset(struct gbm_bo *buffer, int plane) { return faulty("huge-offset") ? 0xfffffff0 : buffer->offset; }

uint32_t gbm_bo_get_stride_for_plane(struct gbm_bo *buffer, int plane) {
	return faulty("short-rows") ? 4 : faulty("huge-rows") ? 0x80000000 : buffer->stride;
}

int gbm_bo_get_fd_for_plane(struct gbm_bo *buffer, int plane) {
	if (faulty("no-descriptor")) {
		errno = EMFILE;
		return -1;
	}
	return fcntl(buffer->memory, F_DUPFD_CLOEXEC, 0);
}
