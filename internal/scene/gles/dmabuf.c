//go:build linux

#include "egl_private.h"

#include <stdlib.h>
#include <string.h>

static const char import_extension[] = "EGL_EXT_image_dma_buf_import", layouts_extension[] = "EGL_EXT_image_dma_buf_import_modifiers";

int nl_egl_modifiers(nl_egl *e, uint32_t format, uint64_t *modifiers, int size) {
	const char *extensions = e->eglQueryString(e->display, EGL_EXTENSIONS);
	if (!nl_egl_has(extensions, import_extension))
		return -2;
	PFNEGLQUERYDMABUFMODIFIERSEXTPROC query = (PFNEGLQUERYDMABUFMODIFIERSEXTPROC)e->eglGetProcAddress("eglQueryDmaBufModifiersEXT");
	if (!nl_egl_has(extensions, layouts_extension) || !query)
		return -1;
	EGLint count = 0;
	if (!query(e->display, (EGLint)format, 0, NULL, NULL, &count) || count <= 0)
		return 0;
	EGLuint64KHR *layouts = calloc(count, sizeof *layouts);
	EGLBoolean *external = calloc(count, sizeof *external);
	int kept = 0;
	if (query(e->display, (EGLint)format, count, layouts, external, &count))
		for (EGLint i = 0; i < count && kept < size; i++)
			if (!external[i]) // those others can be sampled, but not be a framebuffer's
				modifiers[kept++] = layouts[i];
	free(layouts);
	free(external);
	return kept;
}

// Attributes of the planes (EGL_EXT_image_dma_buf_import, and _modifiers for the fourth).
static const struct {
	EGLAttrib descriptor, offset, stride, low, high;
} plane_names[NL_PLANES] = {
	{EGL_DMA_BUF_PLANE0_FD_EXT, EGL_DMA_BUF_PLANE0_OFFSET_EXT, EGL_DMA_BUF_PLANE0_PITCH_EXT, EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT},
	{EGL_DMA_BUF_PLANE1_FD_EXT, EGL_DMA_BUF_PLANE1_OFFSET_EXT, EGL_DMA_BUF_PLANE1_PITCH_EXT, EGL_DMA_BUF_PLANE1_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE1_MODIFIER_HI_EXT},
	{EGL_DMA_BUF_PLANE2_FD_EXT, EGL_DMA_BUF_PLANE2_OFFSET_EXT, EGL_DMA_BUF_PLANE2_PITCH_EXT, EGL_DMA_BUF_PLANE2_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE2_MODIFIER_HI_EXT},
	{EGL_DMA_BUF_PLANE3_FD_EXT, EGL_DMA_BUF_PLANE3_OFFSET_EXT, EGL_DMA_BUF_PLANE3_PITCH_EXT, EGL_DMA_BUF_PLANE3_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE3_MODIFIER_HI_EXT},
};

void *nl_egl_import(nl_egl *e, const nl_dmabuf *buffer, int *code) {
	EGLAttrib list[7 + NL_PLANES * 10] = {
		EGL_WIDTH, buffer->width, EGL_HEIGHT, buffer->height, EGL_LINUX_DRM_FOURCC_EXT, (EGLAttrib)buffer->format,
	};
	int used = 6;
	for (int i = 0; i < buffer->planes && i < NL_PLANES; i++) {
		const EGLAttrib plane[] = {
			plane_names[i].descriptor, buffer->descriptors[i], plane_names[i].offset, buffer->offsets[i], plane_names[i].stride, buffer->strides[i],
			plane_names[i].low, (EGLAttrib)(buffer->modifier & 0xffffffff), plane_names[i].high, (EGLAttrib)(buffer->modifier >> 32),
		};
		int count = buffer->modifier == NL_NO_MODIFIER ? 6 : 10;
		memcpy(list + used, plane, count * sizeof *plane);
		used += count;
	}
	list[used] = EGL_NONE;
	EGLImage image = e->eglCreateImage(e->display, EGL_NO_CONTEXT, EGL_LINUX_DMA_BUF_EXT, NULL, list);
	*code = image == EGL_NO_IMAGE ? e->eglGetError() : 0;
	return image;
}

void nl_egl_forget(nl_egl *e, void *image) { e->eglDestroyImage(e->display, image); }
