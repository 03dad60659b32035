//go:build cgo

#define _GNU_SOURCE // ppoll

#include "grabber.h"

#include "abi.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { BYTES = 4 }; // a pixel

// A grab that waits cannot be interrupted, so it waits in slices of this many milliseconds. A new frame ends one at once;
// what the slice bounds is how long the end of a context, or Close, goes unnoticed.
enum { SLICE_MS = 10 };

enum { NS_PER_MS = 1000000, NS_PER_US = 1000 };

struct grabber {
	fbc_functions api;
	fbc_handle handle;
	nl_cuda_context *context; // NULL for host memory
	struct grabber_failure failure;
	int interrupt; // eventfd
	int opened, session, started;

	// What was grabbed last.
	void *host;
	CUdeviceptr device;
	int width, height;
	size_t pitch;
};

static int64_t now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

// ---- what failed ----

// failed notes a call of NvFBC, and returns whether it failed. Its words are asked for at once: only the last ones are kept.
static int failed(grabber *g, const char *call, fbc_status code) {
	if (code == FBC_OK)
		return 0;
	const char *said = g->handle ? g->api.last_error(g->handle) : "";
	g->failure.call = call;
	g->failure.code = code;
	g->failure.cuda = 0;
	snprintf(g->failure.said, sizeof g->failure.said, "%s", said ? said : "");
	return 1;
}

static int failed_cuda(grabber *g, const char *call, CUresult code) {
	if (code == CUDA_SUCCESS)
		return 0;
	const char *name = NULL;
	if (g->context->cuda.error_name(code, &name) != CUDA_SUCCESS || !name)
		name = "unknown code";
	g->failure.call = call;
	g->failure.code = code;
	g->failure.cuda = 1;
	snprintf(g->failure.said, sizeof g->failure.said, "%s", name);
	return 1;
}

// ---- binding ----

static int enter_cuda(grabber *g) { return g->context && failed_cuda(g, "cuCtxPushCurrent", nl_cuda_enter(g->context)); }

static void leave_cuda(grabber *g) {
	if (g->context)
		nl_cuda_leave(g->context);
}

static int enter(grabber *g) {
	if (enter_cuda(g))
		return -1;
	fbc_nothing bind = {FBC_VERSION(fbc_nothing, 1)};
	if (!failed(g, "NvFBCBindContext", g->api.bind(g->handle, &bind)))
		return 0;
	leave_cuda(g);
	return -1;
}

// leave lets go of the thread. It keeps the status of what was done, if that failed.
static enum grabber_status leave(grabber *g, enum grabber_status status) {
	fbc_nothing release = {FBC_VERSION(fbc_nothing, 1)};
	struct grabber_failure before = g->failure;
	if (failed(g, "NvFBCReleaseContext", g->api.release(g->handle, &release))) {
		if (status == GRABBER_FAILED)
			g->failure = before;
		status = GRABBER_FAILED;
	}
	leave_cuda(g);
	return status;
}

// ---- life ----

grabber *grabber_new(nl_cuda_context *context) {
	grabber *g = calloc(1, sizeof *g);
	if (!g)
		return NULL;
	g->context = context;
	g->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (g->interrupt >= 0)
		return g;
	free(g);
	return NULL;
}

enum grabber_status grabber_open(grabber *g, void *create_instance) {
	g->api.version = FBC_API;
	if (failed(g, "NvFBCCreateInstance", ((fbc_create_instance *)create_instance)(&g->api)) || enter_cuda(g))
		return GRABBER_FAILED;
	fbc_create_handle create = {.version = FBC_VERSION(fbc_create_handle, 2)};
	fbc_handle handle = 0;
	if (failed(g, "NvFBCCreateHandle", g->api.create_handle(&handle, &create))) {
		leave_cuda(g);
		return GRABBER_FAILED;
	}
	g->handle = handle; // bound to this thread
	g->opened = 1;
	return leave(g, GRABBER_FRAME);
}

enum grabber_status grabber_ask(grabber *g, struct grabber_report *report) {
	if (enter(g))
		return GRABBER_FAILED;
	fbc_get_status status = {.version = FBC_VERSION(fbc_get_status, 2)};
	if (failed(g, "NvFBCGetStatus", g->api.get_status(g->handle, &status)))
		return leave(g, GRABBER_FAILED);
	*report = (struct grabber_report){
		status.possible, status.creatable, status.in_modeset, status.screen.width, status.screen.height, status.library,
	};
	return leave(g, GRABBER_FRAME);
}

static int set_up(grabber *g) {
	if (g->context) {
		fbc_cuda_setup setup = {FBC_VERSION(fbc_cuda_setup, 1), FBC_BGRA};
		return failed(g, "NvFBCToCudaSetUp", g->api.cuda_setup(g->handle, &setup));
	}
	fbc_system_setup setup = {.version = FBC_VERSION(fbc_system_setup, 3), .format = FBC_BGRA, .buffer = &g->host};
	return failed(g, "NvFBCToSysSetUp", g->api.system_setup(g->handle, &setup));
}

static int end_session(grabber *g) {
	g->session = g->started = 0;
	g->host = NULL;
	g->device = 0;
	// The last copy out of the session's memory may still be under way.
	int bad = g->context && failed_cuda(g, "cuStreamSynchronize", g->context->cuda.stream_synchronize(NULL));
	fbc_nothing destroy = {FBC_VERSION(fbc_nothing, 1)};
	return failed(g, "NvFBCDestroyCaptureSession", g->api.destroy_session(g->handle, &destroy)) || bad;
}

enum grabber_status grabber_begin(grabber *g) {
	if (enter(g))
		return GRABBER_FAILED;
	fbc_create_session create = {
		.version = FBC_VERSION(fbc_create_session, 6),
		.type = g->context ? FBC_TO_CUDA : FBC_TO_SYSTEM,
		.tracking = FBC_TRACK_SCREEN,
		// The pointer's picture goes beside the video; direct capture needs it out of the picture too.
		.cursor = 0,
		// A session that NvFBC makes anew by itself waits out of our reach until the mode change is over.
		.no_recovery = 1,
		.push = 1,
		.direct = 1,
	};
	if (failed(g, "NvFBCCreateCaptureSession", g->api.create_session(g->handle, &create)))
		return leave(g, GRABBER_FAILED);
	g->session = 1;
	if (set_up(g)) {
		struct grabber_failure why = g->failure;
		end_session(g);
		g->failure = why;
		return leave(g, GRABBER_FAILED);
	}
	return leave(g, GRABBER_FRAME);
}

enum grabber_status grabber_end(grabber *g) {
	if (!g->session)
		return GRABBER_FRAME;
	if (enter(g)) {
		g->session = g->started = 0;
		return GRABBER_FAILED;
	}
	return leave(g, end_session(g) ? GRABBER_FAILED : GRABBER_FRAME);
}

enum grabber_status grabber_close(grabber *g) {
	if (!g->opened)
		return GRABBER_FRAME;
	enum grabber_status status = grabber_end(g);
	// Also after an X server that is gone, where nothing can be bound: this frees what is ours, and lets go of the thread by itself.
	int entered = enter_cuda(g) == 0;
	fbc_nothing bind = {FBC_VERSION(fbc_nothing, 1)}, destroy = {FBC_VERSION(fbc_nothing, 1)};
	if (!entered || failed(g, "NvFBCBindContext", g->api.bind(g->handle, &bind)))
		status = GRABBER_FAILED;
	if (failed(g, "NvFBCDestroyHandle", g->api.destroy_handle(g->handle, &destroy)))
		status = GRABBER_FAILED;
	if (entered)
		leave_cuda(g);
	g->opened = 0;
	g->handle = 0;
	return status;
}

void grabber_free(grabber *g) {
	close(g->interrupt);
	free(g);
}

const struct grabber_failure *grabber_failure_of(const grabber *g) { return &g->failure; }

// ---- waiting ----

// rest sleeps until the instant or the interrupt, and returns whether it was the interrupt.
static int rest(grabber *g, int64_t until) {
	struct pollfd watched = {.fd = g->interrupt, .events = POLLIN};
	for (;;) {
		int64_t ns = until - now_ns();
		if (ns < 0)
			ns = 0;
		struct timespec left = {ns / 1000000000, ns % 1000000000};
		if (ppoll(&watched, 1, &left, NULL) >= 0 || errno != EINTR)
			return watched.revents != 0;
	}
}

enum grabber_status grabber_rest(grabber *g, int64_t until) { return rest(g, until) ? GRABBER_INTERRUPTED : GRABBER_RESTED; }

void grabber_interrupt(grabber *g) {
	uint64_t one = 1;
	while (write(g->interrupt, &one, sizeof one) < 0 && errno == EINTR)
		;
}

void grabber_resume(grabber *g) {
	uint64_t count;
	while (read(g->interrupt, &count, sizeof count) < 0 && errno == EINTR)
		;
}

// ---- grabbing ----

// grab waits up to timeout_ms for a new frame; with 0 it takes what there is.
static int grab(grabber *g, uint32_t timeout_ms, fbc_frame *frame) {
	uint32_t flags = timeout_ms ? FBC_NO_WAIT_IF_NEW : FBC_NO_WAIT;
	fbc_grabbed grabbed;
	memset(&grabbed, 0, sizeof grabbed);
	fbc_status code;
	const char *call;
	if (g->context) {
		fbc_cuda_grab take = {FBC_VERSION(fbc_cuda_grab, 2), flags, &g->device, &grabbed, timeout_ms};
		call = "NvFBCToCudaGrabFrame", code = g->api.cuda_grab(g->handle, &take);
	} else {
		fbc_system_grab take = {FBC_VERSION(fbc_system_grab, 2), flags, &grabbed, timeout_ms};
		call = "NvFBCToSysGrabFrame", code = g->api.system_grab(g->handle, &take);
	}
	*frame = grabbed.frame;
	return failed(g, call, code);
}

static CUresult copy_rows(grabber *g, const nl_cuda_picture *to, CUdeviceptr from, size_t pitch, int from_x, int from_y, int to_x, int to_y,
                          int width, int height) {
	CUDA_MEMCPY2D move = {
		.srcXInBytes = (size_t)from_x * BYTES, .srcY = from_y, .srcMemoryType = CU_MEMORYTYPE_DEVICE, .srcDevice = from, .srcPitch = pitch,
		.dstXInBytes = (size_t)to_x * BYTES, .dstY = to_y, .dstMemoryType = CU_MEMORYTYPE_DEVICE, .dstDevice = to->at.linear, .dstPitch = to->pitch,
		.WidthInBytes = (size_t)width * BYTES, .Height = height,
	};
	return g->context->cuda.copy(&move);
}

// copy puts what was grabbed into a picture with even sides, and repeats the last column and row where the
// screen's are odd. It is on CUDA's default stream when this returns, which whoever reads the picture waits for.
static int copy(grabber *g, const nl_cuda_picture *to) {
	int width = g->width, height = g->height;
	CUresult code = copy_rows(g, to, g->device, g->pitch, 0, 0, 0, 0, width, height);
	if (code == CUDA_SUCCESS && to->width > width)
		code = copy_rows(g, to, g->device, g->pitch, width - 1, 0, width, 0, 1, height);
	if (code == CUDA_SUCCESS && to->height > height)
		code = copy_rows(g, to, to->at.linear, to->pitch, 0, height - 1, 0, height, to->width, 1);
	return failed_cuda(g, "cuMemcpy2D", code);
}

enum grabber_status grabber_copy(grabber *g, const nl_cuda_picture *to, struct grabber_got *got) {
	if (enter(g))
		return GRABBER_FAILED;
	int bad = copy(g, to);
	got->copied = now_ns();
	return leave(g, bad ? GRABBER_FAILED : GRABBER_FRAME);
}

// slice is how long the next grab waits, in milliseconds; 0 takes what there is.
static uint32_t slice(const grabber *g, int64_t idle_at) {
	if (!g->started)
		return 0; // a screen that stands still has a picture too
	if (!idle_at)
		return SLICE_MS;
	int64_t left = (idle_at - now_ns() + NS_PER_MS - 1) / NS_PER_MS;
	return left <= 0 ? 0 : left < SLICE_MS ? (uint32_t)left : SLICE_MS;
}

static enum grabber_status impossible(grabber *g, const fbc_frame *frame) {
	g->failure.call = NULL;
	snprintf(g->failure.said, sizeof g->failure.said, "NvFBC grabbed %u bytes, which do not hold %ux%u pixels", frame->bytes, frame->width,
	         frame->height);
	return GRABBER_FAILED;
}

// await grabs until there is a frame that was not seen, and fills in got.
static enum grabber_status await(grabber *g, const struct grabber_want *want, const uint32_t *input, struct grabber_got *got) {
	fbc_frame frame;
	for (;;) {
		int64_t asked = now_ns();
		if (grab(g, slice(g, want->idle_at), &frame))
			return GRABBER_FAILED;
		got->asked = asked;
		got->grabbed = now_ns();
		if (frame.is_new || !g->started)
			break;
		if (rest(g, 0))
			return GRABBER_INTERRUPTED;
		if (want->idle_at && got->grabbed >= want->idle_at)
			return GRABBER_IDLE;
	}
	got->first = !g->started;
	got->input = input ? __atomic_load_n(input, __ATOMIC_ACQUIRE) : 0;
	got->rendered = (int64_t)frame.rendered_us * NS_PER_US;
	// The rows' pitch is not told. The documentation's examples take them to be without gaps; if they are not, this tells.
	g->pitch = frame.height ? frame.bytes / frame.height : 0;
	if (g->pitch < (size_t)frame.width * BYTES)
		return impossible(g, &frame);
	g->started = 1;
	g->width = got->width = frame.width;
	g->height = got->height = frame.height;
	got->pixels = g->host;
	got->size = frame.bytes;
	got->stride = g->pitch;
	return got->width == want->width && got->height == want->height ? GRABBER_FRAME : GRABBER_RESIZED;
}

enum grabber_status grabber_next(grabber *g, const struct grabber_want *want, const nl_cuda_picture *to, const uint32_t *input,
                                 struct grabber_got *got) {
	int64_t first = want->idle_at && want->idle_at < want->not_before ? want->idle_at : want->not_before;
	if (rest(g, first))
		return GRABBER_INTERRUPTED;
	if (first < want->not_before)
		return GRABBER_IDLE;
	if (enter(g))
		return GRABBER_FAILED;
	// The last copy is over long since, unless nobody has looked at it; a grab must not change what it reads.
	if (g->context && failed_cuda(g, "cuStreamSynchronize", g->context->cuda.stream_synchronize(NULL)))
		return leave(g, GRABBER_FAILED);
	enum grabber_status status = await(g, want, input, got);
	if (status == GRABBER_FRAME && g->context && copy(g, to))
		status = GRABBER_FAILED;
	got->copied = now_ns();
	return leave(g, status);
}
