//go:build linux

#include <stddef.h>

#include "gl_private.h"

static void make_target(nl_gl *g, nl_ring *ring, nl_target *t) {
	g->glGenTextures(1, &t->texture);
	g->glBindTexture(GL_TEXTURE_2D, t->texture);
	g->glTexStorage2D(GL_TEXTURE_2D, 1, GL_RGBA8, ring->width, ring->height); // immutable, as CUDA wants what it registers
	g->glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
	g->glBindTexture(GL_TEXTURE_2D, 0);
	g->glGenFramebuffers(1, &t->framebuffer);
	g->glBindFramebuffer(GL_FRAMEBUFFER, t->framebuffer);
	g->glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, t->texture, 0);
	g->glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_DEPTH_ATTACHMENT, GL_RENDERBUFFER, ring->depth);
}

int nl_ring_open(nl_gl *g, nl_ring *ring) {
	g->glGenRenderbuffers(1, &ring->depth);
	g->glBindRenderbuffer(GL_RENDERBUFFER, ring->depth);
	g->glRenderbufferStorage(GL_RENDERBUFFER, GL_DEPTH_COMPONENT24, ring->width, ring->height);
	for (int i = 0; i < NL_RING; i++) {
		make_target(g, ring, &ring->targets[i]);
		GLenum status = g->glCheckFramebufferStatus(GL_FRAMEBUFFER);
		if (status != GL_FRAMEBUFFER_COMPLETE)
			return status ? (int)status : (int)g->glGetError();
	}
	return (int)g->glGetError();
}

static void drop_fence(nl_gl *g, void **fence) {
	g->glDeleteSync(*fence); // of NULL it does nothing
	*fence = NULL;
}

void nl_ring_close(nl_gl *g, nl_ring *ring) {
	g->glBindFramebuffer(GL_FRAMEBUFFER, 0);
	for (int i = 0; i < NL_RING; i++) {
		nl_target *t = &ring->targets[i];
		nl_ring_unmap(g, ring, i);
		drop_fence(g, &t->drawn);
		drop_fence(g, &t->fetched);
		g->glDeleteFramebuffers(1, &t->framebuffer);
		g->glDeleteTextures(1, &t->texture);
		g->glDeleteBuffers(1, &t->buffer);
	}
	g->glDeleteRenderbuffers(1, &ring->depth);
	*ring = (nl_ring){0};
}

void nl_ring_bind(nl_gl *g, nl_ring *ring, int target) {
	g->glBindFramebuffer(GL_FRAMEBUFFER, ring->targets[target].framebuffer);
	g->glViewport(0, 0, ring->width, ring->height);
}

static void set_fence(nl_gl *g, void **fence) {
	drop_fence(g, fence);
	*fence = g->glFenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0);
}

void nl_ring_fence(nl_gl *g, nl_ring *ring, int target) { set_fence(g, &ring->targets[target].drawn); }

int nl_gl_await(nl_gl *g, void **fence, uint64_t nanoseconds) {
	if (!*fence)
		return NL_WAIT_FAILED;
	switch (g->glClientWaitSync(*fence, GL_SYNC_FLUSH_COMMANDS_BIT, nanoseconds)) {
	case GL_ALREADY_SIGNALED:
	case GL_CONDITION_SATISFIED:
		return NL_WAIT_DONE;
	case GL_TIMEOUT_EXPIRED:
		return NL_WAIT_LATE;
	}
	return NL_WAIT_FAILED;
}

int nl_ring_wait(nl_gl *g, nl_ring *ring, int target, uint64_t nanoseconds) {
	return nl_gl_await(g, &ring->targets[target].drawn, nanoseconds);
}

void nl_ring_fetch(nl_gl *g, nl_ring *ring, int target) {
	nl_target *t = &ring->targets[target];
	nl_ring_unmap(g, ring, target);
	g->glBindFramebuffer(GL_FRAMEBUFFER, t->framebuffer);
	if (!t->buffer) {
		g->glGenBuffers(1, &t->buffer);
		g->glBindBuffer(GL_PIXEL_PACK_BUFFER, t->buffer);
		g->glBufferData(GL_PIXEL_PACK_BUFFER, 4 * (GLsizeiptr)ring->width * ring->height, NULL, GL_STREAM_READ);
	}
	g->glBindBuffer(GL_PIXEL_PACK_BUFFER, t->buffer);
	g->glReadPixels(0, 0, ring->width, ring->height, GL_RGBA, GL_UNSIGNED_BYTE, NULL);
	g->glBindBuffer(GL_PIXEL_PACK_BUFFER, 0);
	set_fence(g, &t->fetched);
}

int nl_ring_map(nl_gl *g, nl_ring *ring, int target, uint64_t nanoseconds) {
	nl_target *t = &ring->targets[target];
	int outcome = nl_gl_await(g, &t->fetched, nanoseconds);
	if (outcome != NL_WAIT_DONE)
		return outcome;
	g->glBindBuffer(GL_PIXEL_PACK_BUFFER, t->buffer);
	t->pixels = g->glMapBufferRange(GL_PIXEL_PACK_BUFFER, 0, 4 * (GLsizeiptr)ring->width * ring->height, GL_MAP_READ_BIT);
	g->glBindBuffer(GL_PIXEL_PACK_BUFFER, 0);
	return t->pixels ? NL_WAIT_DONE : NL_WAIT_FAILED;
}

void nl_ring_unmap(nl_gl *g, nl_ring *ring, int target) {
	nl_target *t = &ring->targets[target];
	if (!t->pixels)
		return;
	g->glBindBuffer(GL_PIXEL_PACK_BUFFER, t->buffer);
	g->glUnmapBuffer(GL_PIXEL_PACK_BUFFER);
	g->glBindBuffer(GL_PIXEL_PACK_BUFFER, 0);
	t->pixels = NULL;
}
