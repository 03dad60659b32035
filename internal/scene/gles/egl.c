//go:build linux

#define _GNU_SOURCE
#include "egl_private.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef EGL_PLATFORM_XCB_EXT
#define EGL_PLATFORM_XCB_EXT 0x31DC
#define EGL_PLATFORM_XCB_SCREEN_EXT 0x31DE
#endif

#ifndef EGL_DRM_RENDER_NODE_FILE_EXT
#define EGL_DRM_RENDER_NODE_FILE_EXT 0x3377
#endif

#define MAX_DEVICES 16

static int load(nl_egl *e) {
	// The library stays open: drivers leave threads and exit handlers behind that must find their code.
	e->library = dlopen("libEGL.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!e->library)
		return NL_EGL_NO_LIBRARY;
#define LOAD(name) \
	*(void **)&e->name = dlsym(e->library, #name); \
	if (!e->name) \
		return NL_EGL_NO_FUNCTION;
	FUNCTIONS(LOAD)
#undef LOAD
	return NL_EGL_OK;
}

int nl_egl_has(const char *list, const char *name) {
	size_t length = strlen(name);
	for (const char *at = list; at && (at = strstr(at, name)); at += length)
		if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0))
			return 1;
	return 0;
}

static int initialize(nl_egl *e, EGLenum platform, void *native, const EGLAttrib *attributes) {
	EGLDisplay display = e->eglGetPlatformDisplay(platform, native, attributes);
	if (display == EGL_NO_DISPLAY || !e->eglInitialize(display, NULL, NULL))
		return 0;
	e->display = display;
	return 1;
}

// The machine's EGL devices, as far as the library tells them.
typedef struct {
	EGLDeviceEXT list[MAX_DEVICES];
	EGLint count;
	PFNEGLQUERYDEVICESTRINGEXTPROC describe;
	PFNEGLQUERYDEVICEATTRIBEXTPROC attribute;
} devices;

static int find_devices(nl_egl *e, devices *d) {
	if (!nl_egl_has(e->eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS), "EGL_EXT_platform_device"))
		return 0;
	PFNEGLQUERYDEVICESEXTPROC query = (PFNEGLQUERYDEVICESEXTPROC)e->eglGetProcAddress("eglQueryDevicesEXT");
	d->describe = (PFNEGLQUERYDEVICESTRINGEXTPROC)e->eglGetProcAddress("eglQueryDeviceStringEXT");
	d->attribute = (PFNEGLQUERYDEVICEATTRIBEXTPROC)e->eglGetProcAddress("eglQueryDeviceAttribEXT");
	return query && d->describe && d->attribute && query(MAX_DEVICES, d->list, &d->count);
}

// suits reports whether a device is the one that is asked for.
static int suits(const devices *d, EGLDeviceEXT device, const nl_adapter *wanted) {
	const char *extensions = d->describe(device, EGL_EXTENSIONS);
	EGLAttrib ordinal = -1;
	if (wanted->cuda >= 0)
		return nl_egl_has(extensions, "EGL_NV_device_cuda") && d->attribute(device, EGL_CUDA_DEVICE_NV, &ordinal) && ordinal == wanted->cuda;
	const char *node = nl_egl_has(extensions, "EGL_EXT_device_drm_render_node") ? d->describe(device, EGL_DRM_RENDER_NODE_FILE_EXT) : NULL;
	return node && strcmp(node, wanted->render_node) == 0;
}

static int open_adapter(nl_egl *e, const nl_adapter *wanted) {
	devices d = {.count = 0};
	if (find_devices(e, &d))
		for (EGLint i = 0; i < d.count; i++)
			if (suits(&d, d.list[i], wanted)) {
				e->device = d.list[i];
				return initialize(e, EGL_PLATFORM_DEVICE_EXT, e->device, NULL) ? NL_EGL_OK : NL_EGL_NO_DISPLAY;
			}
	return NL_EGL_NO_DEVICE;
}

// A device of the wanted kind. Mesa marks its software rasterizers; no one else has any.
static int open_device(nl_egl *e, int software) {
	devices d = {.count = 0};
	if (!find_devices(e, &d))
		return 0;
	for (EGLint i = 0; i < d.count; i++)
		if (nl_egl_has(d.describe(d.list[i], EGL_EXTENSIONS), "EGL_MESA_device_software") == software &&
		    initialize(e, EGL_PLATFORM_DEVICE_EXT, d.list[i], NULL))
			return 1;
	return 0;
}

static int open_offscreen(nl_egl *e, const nl_adapter *wanted) {
	if (wanted->cuda >= 0 || wanted->render_node)
		return open_adapter(e, wanted);
	if (open_device(e, 0))
		return NL_EGL_OK;
	if (nl_egl_has(e->eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS), "EGL_MESA_platform_surfaceless") &&
	    initialize(e, EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL))
		return NL_EGL_OK;
	return open_device(e, 1) ? NL_EGL_OK : NL_EGL_NO_DISPLAY;
}

static int open_window(nl_egl *e, void *connection) {
	const EGLAttrib attributes[] = {EGL_PLATFORM_XCB_SCREEN_EXT, 0, EGL_NONE};
	return nl_egl_has(e->eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS), "EGL_EXT_platform_xcb") &&
	       initialize(e, EGL_PLATFORM_XCB_EXT, connection, attributes);
}

// The configuration with the window's visual; any that suits off screen.
static int choose(nl_egl *e, int windowed, uint32_t visual) {
	const EGLint wanted[] = {
		EGL_SURFACE_TYPE, windowed ? EGL_WINDOW_BIT : EGL_DONT_CARE, EGL_RENDERABLE_TYPE, EGL_OPENGL_ES3_BIT,
		EGL_RED_SIZE, 8, EGL_GREEN_SIZE, 8, EGL_BLUE_SIZE, 8, EGL_DEPTH_SIZE, windowed ? 24 : 0, EGL_NONE,
	};
	EGLConfig configs[128];
	EGLint count = 0;
	if (!e->eglChooseConfig(e->display, wanted, configs, 128, &count))
		return 0;
	for (EGLint i = 0; i < count; i++) {
		EGLint id = 0;
		if (windowed && (!e->eglGetConfigAttrib(e->display, configs[i], EGL_NATIVE_VISUAL_ID, &id) || (uint32_t)id != visual))
			continue;
		e->config = configs[i];
		return 1;
	}
	return 0;
}

static int open_display(nl_egl *e, void *connection, const nl_adapter *wanted) {
	if (!connection)
		return open_offscreen(e, wanted);
	return open_window(e, connection) ? NL_EGL_OK : NL_EGL_NO_DISPLAY;
}

static int open_context(nl_egl *e, void *connection, uint32_t window, uint32_t visual, const nl_adapter *wanted) {
	e->windowed = connection != NULL;
	int what = open_display(e, connection, wanted);
	if (what != NL_EGL_OK)
		return what;
	e->eglBindAPI(EGL_OPENGL_ES_API);
	if (!choose(e, connection != NULL, visual))
		return NL_EGL_NO_CONFIG;
	const EGLint version[] = {EGL_CONTEXT_MAJOR_VERSION, 3, EGL_NONE};
	e->context = e->eglCreateContext(e->display, e->config, EGL_NO_CONTEXT, version);
	if (e->context == EGL_NO_CONTEXT)
		return NL_EGL_NO_CONTEXT;
	if (connection) {
		e->surface = e->eglCreateWindowSurface(e->display, e->config, (EGLNativeWindowType)(uintptr_t)window, NULL);
		if (e->surface == EGL_NO_SURFACE)
			return NL_EGL_NO_SURFACE;
	}
	if (!e->eglMakeCurrent(e->display, e->surface, e->surface, e->context))
		return NL_EGL_NO_CURRENT;
	if (connection)
		e->eglSwapInterval(e->display, 0); // pictures are paced by the caller
	return NL_EGL_OK;
}

int nl_egl_open(void *connection, uint32_t window, uint32_t visual, const nl_adapter *wanted, int raster_threads, nl_egl **out, int *code) {
	char threads[16];
	snprintf(threads, sizeof threads, "%d", raster_threads);
	setenv("LP_NUM_THREADS", threads, 0);
	nl_egl *e = calloc(1, sizeof *e);
	int what = load(e);
	if (what == NL_EGL_OK)
		what = open_context(e, connection, window, visual, wanted);
	*code = 0;
	if (what != NL_EGL_OK) {
		if (e->eglGetError)
			*code = e->eglGetError();
		nl_egl_close(e);
		return what;
	}
	*out = e;
	return NL_EGL_OK;
}

int nl_egl_cuda(nl_egl *e) {
	devices d = {.count = 0};
	EGLAttrib ordinal = -1;
	if (!e->device || !find_devices(e, &d) || !nl_egl_has(d.describe(e->device, EGL_EXTENSIONS), "EGL_NV_device_cuda") ||
	    !d.attribute(e->device, EGL_CUDA_DEVICE_NV, &ordinal))
		return -1;
	return (int)ordinal;
}

int nl_egl_swap(nl_egl *e) {
	return e->eglSwapBuffers(e->display, e->surface) ? 0 : e->eglGetError();
}

int nl_egl_enter(nl_egl *e) {
	return e->eglMakeCurrent(e->display, e->surface, e->surface, e->context) ? 0 : e->eglGetError();
}

int nl_egl_leave(nl_egl *e) {
	return e->eglMakeCurrent(e->display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT) ? 0 : e->eglGetError();
}

void nl_egl_close(nl_egl *e) {
	if (e->display != EGL_NO_DISPLAY) {
		e->eglMakeCurrent(e->display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
		if (e->surface != EGL_NO_SURFACE)
			e->eglDestroySurface(e->display, e->surface);
		if (e->context != EGL_NO_CONTEXT)
			e->eglDestroyContext(e->display, e->context);
		if (e->windowed) // others off screen have the same display: EGL has one for each GPU, and ending it would end them all
			e->eglTerminate(e->display);
		e->eglReleaseThread();
	}
	free(e);
}

void *nl_egl_function(nl_egl *e, const char *name) {
	void *function = (void *)e->eglGetProcAddress(name);
	return function ? function : dlsym(e->library, name);
}
