// The renderer's calls to OpenGL ES 3.
#ifndef NEARLIGHT_SCENE_GL_H
#define NEARLIGHT_SCENE_GL_H

#include <stdint.h>

#include "egl.h"

typedef struct nl_gl nl_gl;

// A mesh in the driver's memory.
typedef struct {
	uint32_t array, vertices, indices;
	int32_t count;
} nl_mesh;

typedef struct {
	uint32_t array;
	int32_t count;
	float model[16];
} nl_solid;

// The light of one picture; the names are scene.Light's.
typedef struct {
	float sun[3], sunlight[3], skylight[3], bounce[3], zenith[3], warm[3], far_horizon[3], glow[3];
	float haze, time, falloff;
} nl_light;

// nl_gl_open compiles the shaders. On failure it returns NULL and a message of at most size octets.
nl_gl *nl_gl_open(nl_egl *egl, int offscreen, char *message, int size);
void nl_gl_close(nl_gl *g);
const char *nl_gl_driver(nl_gl *g);
int nl_gl_resize(nl_gl *g, int width, int height); // 0, or the framebuffer's status
void nl_gl_bind(nl_gl *g); // what is drawn next goes to the renderer's own framebuffer, or to the window
void nl_gl_mesh_make(nl_gl *g, const void *vertices, int vertex_octets, const void *indices, int index_count, nl_mesh *out);
void nl_gl_mesh_free(nl_gl *g, const nl_mesh *mesh);
void nl_gl_begin(nl_gl *g, float red, float green, float blue);
void nl_gl_solids(nl_gl *g, const float *view, const nl_light *light, const nl_solid *solids, int count);
// nl_gl_smooth draws smooth triangles: over everything, or blended and tested against the solids' depth. There is no third
// way, since llvmpipe compiles each when it is first used.
void nl_gl_smooth(nl_gl *g, const float *view, int blended, const void *vertices, int vertex_octets, const void *indices, int index_count);
void nl_gl_read(nl_gl *g, void *pixels);
int nl_gl_error(nl_gl *g);

enum { NL_RING = 2 };

// One render target of a ring.
typedef struct {
	uint32_t texture, framebuffer, buffer; // buffer takes the pixels on their way to memory
	void *drawn, *fetched;                 // fences, NULL when there is nothing to wait for
	void *pixels;                          // while they are lent
} nl_target;

// Render targets of one size that share a depth buffer.
typedef struct {
	int32_t width, height;
	uint32_t depth;
	nl_target targets[NL_RING];
} nl_ring;

enum { NL_WAIT_DONE, NL_WAIT_LATE, NL_WAIT_FAILED };

int nl_ring_open(nl_gl *g, nl_ring *ring); // width and height are set; 0, or what went wrong: the framebuffer's status or glGetError's code
void nl_ring_close(nl_gl *g, nl_ring *ring);
void nl_ring_bind(nl_gl *g, nl_ring *ring, int target);  // what is drawn next goes there
void nl_ring_fence(nl_gl *g, nl_ring *ring, int target); // what was drawn is to be waited for
// A picture of another process, as a texture that is read from.
typedef struct {
	int32_t width, height;
	void *image; // the EGLImage
	uint32_t texture, framebuffer;
} nl_image;

// nl_image_open makes a texture of an EGLImage; width, height and image are set. It returns 0, or what went wrong: the
// framebuffer's status or glGetError's code, -1 where OpenGL takes no EGLImage.
int nl_image_open(nl_gl *g, nl_egl *egl, nl_image *image);
int nl_image_fill(nl_gl *g, nl_image *image, float red, float green, float blue, uint64_t nanoseconds); // NL_WAIT_DONE and so on
void nl_image_close(nl_gl *g, nl_image *image);
// nl_ring_copy brings a picture into a target, turned upside down where that is asked for. Where the ring is larger, its margin repeats
// the picture's last row and column. What is to be waited for is as with nl_ring_fence.
void nl_ring_copy(nl_gl *g, nl_ring *ring, int target, const nl_image *image, int upside_down);
int nl_ring_wait(nl_gl *g, nl_ring *ring, int target, uint64_t nanoseconds);
void nl_ring_fetch(nl_gl *g, nl_ring *ring, int target); // starts copying the pixels towards memory
// nl_ring_map waits for the copy and lends its memory as the target's pixels, until nl_ring_unmap.
int nl_ring_map(nl_gl *g, nl_ring *ring, int target, uint64_t nanoseconds);
void nl_ring_unmap(nl_gl *g, nl_ring *ring, int target);

#endif
