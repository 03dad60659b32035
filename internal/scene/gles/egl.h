// EGL, opened at run time.
#ifndef NEARLIGHT_SCENE_EGL_H
#define NEARLIGHT_SCENE_EGL_H

#include <stdint.h>

typedef struct nl_egl nl_egl;

// What failed; the code beside it is eglGetError's, or 0.
enum {
	NL_EGL_OK,
	NL_EGL_NO_LIBRARY,  // libEGL.so.1 cannot be opened
	NL_EGL_NO_FUNCTION, // it is older than EGL 1.5
	NL_EGL_NO_DISPLAY,  // no platform gave a display that initializes
	NL_EGL_NO_CONFIG,
	NL_EGL_NO_CONTEXT,
	NL_EGL_NO_SURFACE,
	NL_EGL_NO_CURRENT,
	NL_EGL_NO_DEVICE, // none is the adapter that was asked for
};

// Which GPU to draw on off screen.
typedef struct {
	int cuda;                // CUDA's number of it, negative for any
	const char *render_node; // its file, NULL for any
} nl_adapter;

// nl_egl_open makes a context current on this thread: for a window of an xcb connection, or off screen if connection is
// NULL, on the adapter that is wanted, or where any will do on a GPU, else in software. raster_threads is for llvmpipe and yields to LP_NUM_THREADS in the environment.
int nl_egl_open(void *connection, uint32_t window, uint32_t visual, const nl_adapter *wanted, int raster_threads, nl_egl **out, int *code);
int nl_egl_swap(nl_egl *e); // eglGetError's code, 0 if all is well
// nl_egl_enter and nl_egl_leave make the context current on this thread, and no longer; eglGetError's code, 0 if all is well.
int nl_egl_enter(nl_egl *e);
int nl_egl_leave(nl_egl *e);
void nl_egl_close(nl_egl *e);
void *nl_egl_function(nl_egl *e, const char *name);

#endif
