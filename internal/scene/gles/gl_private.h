// What gl.c and ring.c share: the driver's functions, and the renderer's objects.
#ifndef NEARLIGHT_SCENE_GL_PRIVATE_H
#define NEARLIGHT_SCENE_GL_PRIVATE_H

#include <GLES3/gl3.h>

#include "gl.h"

#define FUNCTIONS(F) \
	F(glAttachShader) F(glBindBuffer) F(glBindFramebuffer) F(glBindRenderbuffer) F(glBindTexture) F(glBindVertexArray) F(glBlendFunc) F(glBlitFramebuffer) F(glBufferData) \
	F(glCheckFramebufferStatus) F(glClear) F(glClearColor) F(glClientWaitSync) F(glCompileShader) F(glCreateProgram) F(glCreateShader) F(glCullFace) \
	F(glDeleteBuffers) F(glDeleteFramebuffers) F(glDeleteProgram) F(glDeleteRenderbuffers) F(glDeleteShader) F(glDeleteSync) F(glDeleteTextures) F(glDeleteVertexArrays) \
	F(glDepthFunc) F(glDepthMask) F(glDisable) F(glDrawElements) F(glEnable) F(glEnableVertexAttribArray) F(glFenceSync) \
	F(glFramebufferRenderbuffer) F(glFramebufferTexture2D) \
	F(glFrontFace) F(glGenBuffers) F(glGenFramebuffers) F(glGenRenderbuffers) F(glGenTextures) F(glGenVertexArrays) F(glGetError) F(glGetProgramiv) \
	F(glGetProgramInfoLog) F(glGetShaderInfoLog) F(glGetShaderiv) F(glGetString) F(glGetUniformLocation) F(glLinkProgram) F(glMapBufferRange) F(glReadPixels) \
	F(glRenderbufferStorage) F(glShaderSource) F(glTexParameteri) F(glTexStorage2D) F(glUniform3fv) F(glUniform3f) F(glUniformMatrix4fv) F(glUnmapBuffer) F(glUseProgram) F(glVertexAttribPointer) \
	F(glViewport)

struct nl_gl {
	int offscreen, width, height;
	GLuint framebuffer, colour, depth;
	GLuint solid, smooth;
	GLint view, model, air, smooth_view;
	GLint sun, sunlight, skylight, bounce, zenith, warm, far_horizon, glow;
	GLuint smooth_array, smooth_vertices, smooth_indices;
#define DECLARE(name) __typeof__(&name) name;
	FUNCTIONS(DECLARE)
#undef DECLARE
};

int nl_gl_await(nl_gl *g, void **fence, uint64_t nanoseconds); // NL_WAIT_DONE and so on; a fence that is NULL fails

#endif
