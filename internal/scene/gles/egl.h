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
int nl_egl_cuda(nl_egl *e); // CUDA's number of the display's GPU, -1 where it has none

// A picture that lies in a DMA-BUF of one to four planes. modifier is DRM_FORMAT_MOD_INVALID where the layout is the driver's own.
enum { NL_PLANES = 4 };
#define NL_NO_MODIFIER 0x00ffffffffffffffull // DRM_FORMAT_MOD_INVALID
typedef struct {
	int32_t width, height;
	uint32_t format; // DRM's fourcc
	uint64_t modifier;
	int32_t planes;
	int32_t descriptors[NL_PLANES], offsets[NL_PLANES], strides[NL_PLANES];
} nl_dmabuf;

// nl_egl_modifiers lists the layouts of a format that can be imported as an ordinary texture: at most size of them. It returns
// how many, -1 where the library does not tell layouts, -2 where it imports no DMA-BUF at all.
int nl_egl_modifiers(nl_egl *e, uint32_t format, uint64_t *modifiers, int size);
void *nl_egl_import(nl_egl *e, const nl_dmabuf *buffer, int *code); // an EGLImage, or NULL and eglGetError's code
void nl_egl_forget(nl_egl *e, void *image);

#endif
