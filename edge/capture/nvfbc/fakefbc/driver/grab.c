// A double of NVIDIA's NvFBC, for tests; it proves nothing about a driver or a GPU. See interface.h. This file: grabs.
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

CUcontext fakedriver_current(void);

enum { SLOW_US = 200000, CURSOR = 8, STALE = 0xdb };

static struct timespec in_ms(uint32_t ms) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

// await waits for a frame that the caller has not seen, as its flags say.
static void await(struct client *c, uint32_t flags, uint32_t timeout_ms) {
	if (flags & NOWAIT)
		return;
	// Without the flag a frame counts only if it comes after the call.
	unsigned seen = flags & NOWAIT_IF_NEW_FRAME_READY ? c->seen : screen.frame;
	struct timespec until = in_ms(timeout_ms);
	int late = 0;
	waits(1);
	while (screen.frame == seen && screen.mode == c->mode && fault() != X_GONE && fault() != RECREATE && !late)
		late = timeout_ms ? pthread_cond_timedwait(&changed, &lock, &until) : pthread_cond_wait(&changed, &lock);
	waits(-1);
}

static void draw_cursor(uint8_t *pixels, int width, int height) {
	for (int y = 0; y < CURSOR && y < height; y++)
		for (int x = 0; x < CURSOR && x < width; x++)
			memset(pixels + ((size_t)y * width + x) * 4, 0xff, 4);
}

// grab fills the next buffer. What the last grab brought is spoilt: nobody may read it by now.
static int grab(struct client *c, const char *call, enum capture_type type, uint32_t flags, uint32_t timeout_ms, struct grab_info *info) {
	if (!c->session || !c->set_up || c->type != type) {
		misuse("%s before a capture session of its type was set up", call);
		return refuse(c, ERR_BAD_REQUEST, "Nothing is set up");
	}
	if (!info)
		return refuse(c, ERR_INVALID_PTR, "No frame information");
	size_t size = (size_t)c->width * c->height * 4;
	uint8_t *last = c->buffer[c->grabs % BUFFERS], *next = c->buffer[(c->grabs + 1) % BUFFERS];
	memset(last, STALE, size);
	if (due(SLOW)) {
		pthread_mutex_unlock(&lock);
		usleep(SLOW_US);
		pthread_mutex_lock(&lock);
	}
	await(c, flags, timeout_ms);
	if (fault() == X_GONE)
		return refuse(c, ERR_X, "X server closed the connection");
	if (due(BROKEN))
		return refuse(c, ERR_INTERNAL, "Something is broken");
	if (due(RECREATE) || screen.mode != c->mode)
		return refuse(c, ERR_MUST_RECREATE, "A modeset has occurred");
	int is_new = c->seen != screen.frame;
	memcpy(next, screen.pixels, size);
	if (c->cursor)
		draw_cursor(next, c->width, c->height);
	*info = (struct grab_info){
		.dwWidth = c->width, .dwHeight = c->height, .dwByteSize = due(SHORT) ? size / 2 : size,
		.dwCurrentFrame = screen.frame, .bIsNewFrame = is_new, .ulTimestampUs = screen.rendered_us,
		.dwMissedFrames = is_new ? screen.frame - c->seen - 1 : 0,
	};
	c->seen = screen.frame;
	c->grabs++;
	return SUCCESS;
}

int system_setup(session_handle handle, struct system_setup *p) {
	struct client *c;
	int code = begin_call("NvFBCToSysSetUp", handle, p, VERSION_SYSTEM_SETUP, 1, &c);
	if (code == SUCCESS && !p->ppBuffer)
		code = refuse(c, ERR_INVALID_PTR, "No place for the buffer's address");
	if (code == SUCCESS)
		code = set_up(c, "NvFBCToSysSetUp", TO_SYS, p->eBufferFormat);
	if (code == SUCCESS) {
		c->address = p->ppBuffer;
		*c->address = c->buffer[0];
	}
	return end_call(code);
}

int system_grab(session_handle handle, struct system_grab *p) {
	struct client *c;
	int code = begin_call("NvFBCToSysGrabFrame", handle, p, VERSION_SYSTEM_GRAB, 1, &c);
	if (code == SUCCESS)
		code = grab(c, "NvFBCToSysGrabFrame", TO_SYS, p->dwFlags, p->dwTimeoutMs, p->pFrameGrabInfo);
	if (code == SUCCESS)
		*c->address = c->buffer[c->grabs % BUFFERS];
	return end_call(code);
}

int cuda_setup(session_handle handle, struct cuda_setup *p) {
	struct client *c;
	int code = begin_call("NvFBCToCudaSetUp", handle, p, VERSION_CUDA_SETUP, 1, &c);
	if (code == SUCCESS)
		code = set_up(c, "NvFBCToCudaSetUp", SHARED_CUDA, p->eBufferFormat);
	return end_call(code);
}

int cuda_grab(session_handle handle, struct cuda_grab *p) {
	struct client *c;
	int code = begin_call("NvFBCToCudaGrabFrame", handle, p, VERSION_CUDA_GRAB, 1, &c);
	if (code == SUCCESS && !fakedriver_current()) {
		misuse("NvFBCToCudaGrabFrame without a current CUDA context");
		code = refuse(c, ERR_CUDA, "No CUDA context");
	}
	if (code == SUCCESS)
		code = grab(c, "NvFBCToCudaGrabFrame", SHARED_CUDA, p->dwFlags, p->dwTimeoutMs, p->pFrameGrabInfo);
	if (code == SUCCESS)
		*(CUdeviceptr *)p->pCUDADeviceBuffer = c->device[c->grabs % BUFFERS];
	return end_call(code);
}
