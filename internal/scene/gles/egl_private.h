// What egl.c and dmabuf.c share: the library's functions, and what was opened with them.
#ifndef NEARLIGHT_SCENE_EGL_PRIVATE_H
#define NEARLIGHT_SCENE_EGL_PRIVATE_H

#include <EGL/egl.h>
#include <EGL/eglext.h>

#include "egl.h"

#ifndef EGL_CUDA_DEVICE_NV
#define EGL_CUDA_DEVICE_NV 0x323A
#endif

// The functions that are taken from the library itself; extensions come from eglGetProcAddress.
#define FUNCTIONS(F) \
	F(eglGetProcAddress) F(eglGetError) F(eglQueryString) F(eglGetPlatformDisplay) F(eglInitialize) F(eglTerminate) \
	F(eglBindAPI) F(eglChooseConfig) F(eglGetConfigAttrib) F(eglCreateContext) F(eglDestroyContext) F(eglCreateWindowSurface) \
	F(eglDestroySurface) F(eglMakeCurrent) F(eglSwapInterval) F(eglSwapBuffers) F(eglReleaseThread) F(eglCreateImage) F(eglDestroyImage)

struct nl_egl {
	void *library;
	int windowed;
	EGLDeviceEXT device; // NULL where the display is not one's that was asked for
	EGLDisplay display;
	EGLContext context;
	EGLSurface surface;
	EGLConfig config;
#define DECLARE(name) __typeof__(&name) name;
	FUNCTIONS(DECLARE)
#undef DECLARE
};

int nl_egl_has(const char *list, const char *name); // whether a list of extensions has one

#endif
