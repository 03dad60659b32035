//go:build linux

#include "gl_private.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "shaders.h"

enum { POSITION = 0, NORMAL = 1, COLOUR = 2 };
enum { SOLID_STRIDE = 20, SMOOTH_STRIDE = 16 }; // sizes of scene.Vertex and scene.Blend

static GLuint compile(nl_gl *g, GLenum kind, const char *text, char *message, int size) {
	const char *parts[] = {g->offscreen ? SHADER_HEAD_OFFSCREEN : SHADER_HEAD_WINDOW, text};
	GLuint shader = g->glCreateShader(kind);
	g->glShaderSource(shader, 2, parts, NULL);
	g->glCompileShader(shader);
	GLint good = 0;
	g->glGetShaderiv(shader, GL_COMPILE_STATUS, &good);
	if (good)
		return shader;
	g->glGetShaderInfoLog(shader, size, NULL, message);
	g->glDeleteShader(shader);
	return 0;
}

static GLuint link(nl_gl *g, const char *vertex_text, const char *fragment_text, char *message, int size) {
	GLuint vertex = compile(g, GL_VERTEX_SHADER, vertex_text, message, size);
	GLuint fragment = vertex ? compile(g, GL_FRAGMENT_SHADER, fragment_text, message, size) : 0;
	GLuint program = 0;
	if (fragment) {
		GLint good = 0;
		program = g->glCreateProgram();
		g->glAttachShader(program, vertex);
		g->glAttachShader(program, fragment);
		g->glLinkProgram(program);
		g->glGetProgramiv(program, GL_LINK_STATUS, &good);
		if (!good) {
			g->glGetProgramInfoLog(program, size, NULL, message);
			g->glDeleteProgram(program);
			program = 0;
		}
	}
	g->glDeleteShader(fragment);
	g->glDeleteShader(vertex);
	return program;
}

static void locate(nl_gl *g) {
	g->view = g->glGetUniformLocation(g->solid, "u_view");
	g->model = g->glGetUniformLocation(g->solid, "u_model");
	g->air = g->glGetUniformLocation(g->solid, "u_air");
	g->sun = g->glGetUniformLocation(g->solid, "u_sun");
	g->sunlight = g->glGetUniformLocation(g->solid, "u_sunlight");
	g->skylight = g->glGetUniformLocation(g->solid, "u_skylight");
	g->bounce = g->glGetUniformLocation(g->solid, "u_bounce");
	g->zenith = g->glGetUniformLocation(g->solid, "u_zenith");
	g->warm = g->glGetUniformLocation(g->solid, "u_warm");
	g->far_horizon = g->glGetUniformLocation(g->solid, "u_far");
	g->glow = g->glGetUniformLocation(g->solid, "u_glow");
	g->smooth_view = g->glGetUniformLocation(g->smooth, "u_view");
}

nl_gl *nl_gl_open(nl_egl *egl, int offscreen, char *message, int size) {
	nl_gl *g = calloc(1, sizeof *g);
	g->offscreen = offscreen;
#define LOAD(name) \
	*(void **)&g->name = nl_egl_function(egl, #name); \
	if (!g->name) { \
		snprintf(message, size, "the driver has no %s", #name); \
		free(g); \
		return NULL; \
	}
	FUNCTIONS(LOAD)
#undef LOAD
	g->solid = link(g, solid_vertex, solid_fragment, message, size);
	g->smooth = g->solid ? link(g, smooth_vertex, smooth_fragment, message, size) : 0;
	if (!g->smooth) {
		nl_gl_close(g);
		return NULL;
	}
	locate(g);
	g->glGenVertexArrays(1, &g->smooth_array);
	g->glGenBuffers(1, &g->smooth_vertices);
	g->glGenBuffers(1, &g->smooth_indices);
	g->glBindVertexArray(g->smooth_array);
	g->glBindBuffer(GL_ARRAY_BUFFER, g->smooth_vertices);
	g->glBindBuffer(GL_ELEMENT_ARRAY_BUFFER, g->smooth_indices);
	g->glVertexAttribPointer(POSITION, 3, GL_FLOAT, GL_FALSE, SMOOTH_STRIDE, (void *)0);
	g->glVertexAttribPointer(COLOUR, 4, GL_UNSIGNED_BYTE, GL_TRUE, SMOOTH_STRIDE, (void *)12);
	g->glEnableVertexAttribArray(POSITION);
	g->glEnableVertexAttribArray(COLOUR);
	g->glCullFace(GL_BACK);
	g->glFrontFace(offscreen ? GL_CW : GL_CCW); // turned upside down, triangles go round the other way
	g->glDepthFunc(GL_LEQUAL);
	g->glBlendFunc(GL_ONE, GL_ONE_MINUS_SRC_ALPHA);
	return g;
}

static void drop_framebuffer(nl_gl *g) {
	g->glBindFramebuffer(GL_FRAMEBUFFER, 0);
	g->glDeleteFramebuffers(1, &g->framebuffer);
	g->glDeleteRenderbuffers(1, &g->colour);
	g->glDeleteRenderbuffers(1, &g->depth);
	g->framebuffer = g->colour = g->depth = 0;
}

void nl_gl_close(nl_gl *g) {
	drop_framebuffer(g);
	g->glDeleteVertexArrays(1, &g->smooth_array);
	g->glDeleteBuffers(1, &g->smooth_vertices);
	g->glDeleteBuffers(1, &g->smooth_indices);
	g->glDeleteProgram(g->solid);
	g->glDeleteProgram(g->smooth);
	free(g);
}

const char *nl_gl_driver(nl_gl *g) {
	const char *name = (const char *)g->glGetString(GL_RENDERER);
	return name ? name : "";
}

static GLuint renderbuffer(nl_gl *g, GLenum format, GLenum attachment) {
	GLuint buffer;
	g->glGenRenderbuffers(1, &buffer);
	g->glBindRenderbuffer(GL_RENDERBUFFER, buffer);
	g->glRenderbufferStorage(GL_RENDERBUFFER, format, g->width, g->height);
	g->glFramebufferRenderbuffer(GL_FRAMEBUFFER, attachment, GL_RENDERBUFFER, buffer);
	return buffer;
}

int nl_gl_resize(nl_gl *g, int width, int height) {
	g->width = width;
	g->height = height;
	g->glViewport(0, 0, width, height);
	if (!g->offscreen)
		return 0;
	drop_framebuffer(g);
	g->glGenFramebuffers(1, &g->framebuffer);
	g->glBindFramebuffer(GL_FRAMEBUFFER, g->framebuffer);
	g->colour = renderbuffer(g, GL_RGBA8, GL_COLOR_ATTACHMENT0);
	g->depth = renderbuffer(g, GL_DEPTH_COMPONENT24, GL_DEPTH_ATTACHMENT);
	GLenum status = g->glCheckFramebufferStatus(GL_FRAMEBUFFER);
	return status == GL_FRAMEBUFFER_COMPLETE ? 0 : (int)status;
}

void nl_gl_mesh_make(nl_gl *g, const void *vertices, int vertex_octets, const void *indices, int index_count, nl_mesh *out) {
	out->count = index_count;
	g->glGenVertexArrays(1, &out->array);
	g->glGenBuffers(1, &out->vertices);
	g->glGenBuffers(1, &out->indices);
	g->glBindVertexArray(out->array);
	g->glBindBuffer(GL_ARRAY_BUFFER, out->vertices);
	g->glBufferData(GL_ARRAY_BUFFER, vertex_octets, vertices, GL_STATIC_DRAW);
	g->glBindBuffer(GL_ELEMENT_ARRAY_BUFFER, out->indices);
	g->glBufferData(GL_ELEMENT_ARRAY_BUFFER, 2 * (GLsizeiptr)index_count, indices, GL_STATIC_DRAW);
	g->glVertexAttribPointer(POSITION, 3, GL_FLOAT, GL_FALSE, SOLID_STRIDE, (void *)0);
	g->glVertexAttribPointer(NORMAL, 4, GL_BYTE, GL_TRUE, SOLID_STRIDE, (void *)12);
	g->glVertexAttribPointer(COLOUR, 4, GL_UNSIGNED_BYTE, GL_TRUE, SOLID_STRIDE, (void *)16);
	g->glEnableVertexAttribArray(POSITION);
	g->glEnableVertexAttribArray(NORMAL);
	g->glEnableVertexAttribArray(COLOUR);
}

void nl_gl_mesh_free(nl_gl *g, const nl_mesh *mesh) {
	g->glDeleteVertexArrays(1, &mesh->array);
	g->glDeleteBuffers(1, &mesh->vertices);
	g->glDeleteBuffers(1, &mesh->indices);
}

void nl_gl_begin(nl_gl *g, float red, float green, float blue) {
	g->glClearColor(g->offscreen ? blue : red, green, g->offscreen ? red : blue, 1);
	g->glDepthMask(GL_TRUE);
	g->glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT);
}

static void light_solids(nl_gl *g, const float *view, const nl_light *light) {
	g->glUseProgram(g->solid);
	g->glUniformMatrix4fv(g->view, 1, GL_FALSE, view);
	g->glUniform3fv(g->sun, 1, light->sun);
	g->glUniform3fv(g->sunlight, 1, light->sunlight);
	g->glUniform3fv(g->skylight, 1, light->skylight);
	g->glUniform3fv(g->bounce, 1, light->bounce);
	g->glUniform3fv(g->zenith, 1, light->zenith);
	g->glUniform3fv(g->warm, 1, light->warm);
	g->glUniform3fv(g->far_horizon, 1, light->far_horizon);
	g->glUniform3fv(g->glow, 1, light->glow);
	g->glUniform3f(g->air, light->haze, light->time, light->falloff);
}

void nl_gl_solids(nl_gl *g, const float *view, const nl_light *light, const nl_solid *solids, int count) {
	light_solids(g, view, light);
	g->glDepthMask(GL_TRUE);
	g->glEnable(GL_DEPTH_TEST);
	g->glEnable(GL_CULL_FACE);
	g->glDisable(GL_BLEND);
	for (int i = 0; i < count; i++) {
		g->glUniformMatrix4fv(g->model, 1, GL_FALSE, solids[i].model);
		g->glBindVertexArray(solids[i].array);
		g->glDrawElements(GL_TRIANGLES, solids[i].count, GL_UNSIGNED_SHORT, NULL);
	}
}

void nl_gl_smooth(nl_gl *g, const float *view, int blended, const void *vertices, int vertex_octets, const void *indices, int index_count) {
	if (index_count == 0)
		return;
	g->glUseProgram(g->smooth);
	g->glUniformMatrix4fv(g->smooth_view, 1, GL_FALSE, view);
	(blended ? g->glEnable : g->glDisable)(GL_DEPTH_TEST);
	(blended ? g->glEnable : g->glDisable)(GL_BLEND);
	g->glDisable(GL_CULL_FACE);
	g->glDepthMask(GL_FALSE);
	g->glBindVertexArray(g->smooth_array);
	g->glBindBuffer(GL_ARRAY_BUFFER, g->smooth_vertices);
	g->glBufferData(GL_ARRAY_BUFFER, vertex_octets, vertices, GL_STREAM_DRAW);
	g->glBufferData(GL_ELEMENT_ARRAY_BUFFER, 2 * (GLsizeiptr)index_count, indices, GL_STREAM_DRAW);
	g->glDrawElements(GL_TRIANGLES, index_count, GL_UNSIGNED_SHORT, NULL);
}

void nl_gl_bind(nl_gl *g) {
	g->glBindFramebuffer(GL_FRAMEBUFFER, g->framebuffer); // 0 is the window
	g->glViewport(0, 0, g->width, g->height);
}

void nl_gl_read(nl_gl *g, void *pixels) {
	nl_gl_bind(g);
	g->glReadPixels(0, 0, g->width, g->height, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
}

int nl_gl_error(nl_gl *g) { return (int)g->glGetError(); }
