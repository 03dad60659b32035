//go:build linux

#include "gl_private.h"

#include <GLES2/gl2ext.h>

int nl_image_open(nl_gl *g, nl_egl *egl, nl_image *image) {
	PFNGLEGLIMAGETARGETTEXTURE2DOESPROC fill = (PFNGLEGLIMAGETARGETTEXTURE2DOESPROC)nl_egl_function(egl, "glEGLImageTargetTexture2DOES");
	if (!fill)
		return -1;
	while (g->glGetError() != GL_NO_ERROR) // what is asked below is of this image
		;
	g->glGenTextures(1, &image->texture);
	g->glBindTexture(GL_TEXTURE_2D, image->texture);
	g->glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
	fill(GL_TEXTURE_2D, image->image);
	g->glBindTexture(GL_TEXTURE_2D, 0);
	GLenum code = g->glGetError();
	if (code != GL_NO_ERROR)
		return (int)code;
	g->glGenFramebuffers(1, &image->framebuffer);
	g->glBindFramebuffer(GL_FRAMEBUFFER, image->framebuffer);
	g->glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, image->texture, 0);
	GLenum status = g->glCheckFramebufferStatus(GL_FRAMEBUFFER);
	g->glBindFramebuffer(GL_FRAMEBUFFER, 0);
	if (status != GL_FRAMEBUFFER_COMPLETE)
		return (int)status;
	return (int)g->glGetError();
}

int nl_image_fill(nl_gl *g, nl_image *image, float red, float green, float blue, uint64_t nanoseconds) {
	g->glBindFramebuffer(GL_FRAMEBUFFER, image->framebuffer);
	g->glClearColor(red, green, blue, 1);
	g->glClear(GL_COLOR_BUFFER_BIT);
	void *fence = g->glFenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0);
	int outcome = nl_gl_await(g, &fence, nanoseconds);
	g->glDeleteSync(fence);
	return outcome;
}

void nl_image_close(nl_gl *g, nl_image *image) {
	g->glDeleteFramebuffers(1, &image->framebuffer);
	g->glDeleteTextures(1, &image->texture);
	image->framebuffer = image->texture = 0;
}

static void blit(nl_gl *g, int from_x, int from_y, int width, int height, int to_x, int to_y, int upside_down) {
	g->glBlitFramebuffer(from_x, from_y, from_x + width, from_y + height,
		to_x, upside_down ? to_y + height : to_y, to_x + width, upside_down ? to_y : to_y + height, GL_COLOR_BUFFER_BIT, GL_NEAREST);
}

void nl_ring_copy(nl_gl *g, nl_ring *ring, int target, const nl_image *image, int upside_down) {
	int width = image->width, height = image->height, last = upside_down ? 0 : height - 1;
	g->glBindFramebuffer(GL_READ_FRAMEBUFFER, image->framebuffer);
	g->glBindFramebuffer(GL_DRAW_FRAMEBUFFER, ring->targets[target].framebuffer);
	blit(g, 0, 0, width, height, 0, 0, upside_down);
	if (ring->width > width)
		blit(g, width - 1, 0, 1, height, width, 0, upside_down);
	if (ring->height > height)
		blit(g, 0, last, width, 1, 0, height, 0);
	if (ring->width > width && ring->height > height)
		blit(g, width - 1, last, 1, 1, width, height, 0);
	nl_ring_fence(g, ring, target);
}
