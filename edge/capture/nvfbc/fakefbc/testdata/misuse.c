// Does what a caller of NvFBC must not do, one thing after the other, and prints what the double says of each.
#include "../driver/books.h"

#include <ffnvcodec/dynlink_cuda.h>
#include <stdio.h>
#include <string.h>

int NvFBCCreateInstance(struct functions *f);
CUresult cuInit(unsigned flags);
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device);
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device);
CUresult cuCtxPushCurrent_v2(CUcontext context);
CUresult cuCtxPopCurrent_v2(CUcontext *context);

enum { WIDTH = 64, HEIGHT = 32 };

static struct functions api = {.dwVersion = API};
static session_handle handle;

#define ENTRY(number, type) ((int (*)(session_handle, struct type *))api.entry[number])

static void say(const char *what, int code) {
	char text[4096];
	fakefbc_report(text, sizeof text);
	char *held = strstr(text, "held:");
	if (held)
		*held = 0;
	printf("%s: %d %s\n", what, code, text[0] ? strtok(text, "\n") : "nothing");
}

static int simple(enum entry number) {
	struct one_word p = {VERSION_ONE_WORD};
	return ENTRY(number, one_word)(handle, &p);
}

static int create(enum capture_type type, int push) {
	struct create_session p = {VERSION_CREATE_SESSION, .eCaptureType = type, .eTrackingType = TRACKING_SCREEN, .bDisableAutoModesetRecovery = 1,
		.bPushModel = push, .bAllowDirectCapture = 1};
	return ENTRY(CREATE_SESSION, create_session)(handle, &p);
}

static int set_up(void) {
	struct cuda_setup p = {VERSION_CUDA_SETUP, FORMAT_BGRA};
	return ENTRY(TO_CUDA_SETUP, cuda_setup)(handle, &p);
}

static int grab(void) {
	CUdeviceptr buffer;
	struct grab_info info;
	struct cuda_grab p = {VERSION_CUDA_GRAB, NOWAIT, &buffer, &info, 0};
	return ENTRY(TO_CUDA_GRAB, cuda_grab)(handle, &p);
}

static void *elsewhere(void *unused) {
	say("bind on another thread", simple(BIND_CONTEXT));
	say("grab on another thread", grab());
	say("release on another thread", simple(RELEASE_CONTEXT));
	return unused;
}

int main(void) {
	uint8_t pixels[WIDTH * HEIGHT * 4] = {0};
	fakefbc_show(WIDTH, HEIGHT, pixels);
	api.dwVersion = 0x101;
	say("an old API", NvFBCCreateInstance(&api));
	api.dwVersion = API;
	say("begin", NvFBCCreateInstance(&api));
	struct create_handle of = {0};
	say("a handle without a version", ((int (*)(session_handle *, struct create_handle *))api.entry[CREATE_HANDLE])(&handle, &of));
	of.dwVersion = VERSION_CREATE_HANDLE;
	((int (*)(session_handle *, struct create_handle *))api.entry[CREATE_HANDLE])(&handle, &of);

	CUcontext context, popped;
	cuInit(0);
	cuDevicePrimaryCtxRetain(&context, 0);
	say("share with CUDA without a context", create(SHARED_CUDA, 1));
	cuCtxPushCurrent_v2(context);
	say("grab without a session", grab());
	say("direct capture without push model", create(SHARED_CUDA, 0));
	say("a second session", create(SHARED_CUDA, 1));
	say("grab before setting up", grab());
	say("set up", set_up());
	say("grab", grab());

	pthread_t thread;
	pthread_create(&thread, NULL, elsewhere, NULL);
	pthread_join(thread, NULL);

	say("release", simple(RELEASE_CONTEXT));
	say("grab when released", grab());
	simple(BIND_CONTEXT);
	cuCtxPopCurrent_v2(&popped);
	say("grab without CUDA's context", grab());
	cuCtxPushCurrent_v2(context);
	say("destroy the handle first", simple(DESTROY_HANDLE));
	say("destroy it twice", simple(DESTROY_HANDLE));
	cuCtxPopCurrent_v2(&popped);
	cuDevicePrimaryCtxRelease_v2(0);
	return 0;
}
