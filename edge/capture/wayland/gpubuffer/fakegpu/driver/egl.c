// A double of libEGL, for tests: the system's, whose processor code imports no DMA-BUF, with the extensions that a GPU's has.
// What is imported is memory that processes share; its pixels become a texture's each time that they are copied from. It
// proves nothing about a GPU. REAL names the system's library.
#define _GNU_SOURCE
#define EGL_EGLEXT_PROTOTYPES
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES3/gl3.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef EGL_CUDA_DEVICE_NV
#define EGL_CUDA_DEVICE_NV 0x323A
#endif
#ifndef EGL_DRM_RENDER_NODE_FILE_EXT
#define EGL_DRM_RENDER_NODE_FILE_EXT 0x3377
#endif

enum { IMAGES = 16, XRGB = 0x34325258, ARGB = 0x34325241, XBGR = 0x34324258, ABGR = 0x34324241 };

// Layouts that are imported: those of the double of libgbm, and one that can only be sampled.
static const uint64_t linear = 0, own = 0x0f00000000000001, sampled = 0x0f00000000000002, unknown = 0x00ffffffffffffff;

typedef struct {
	EGLImage image; // NULL for a free place
	GLuint texture;
	int width, height, stride, offset, red_first, opaque;
	uint8_t *memory;
	size_t size;
} import;

// As fakedriver_image of the driver's double.
typedef struct {
	int width, height, planes, channels;
	size_t stride;
	int red_first, pitched;
	uint8_t *pixels;
} cuda_image;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *library;
static import imports[IMAGES];
static char fault[32], node[256];
static int ordinal = -1, held, pitched;
static EGLint refused;

__attribute__((constructor)) static void start(void) {
	library = dlopen(REAL, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!library) {
		fprintf(stderr, "the double of libEGL: %s\n", dlerror());
		abort();
	}
}

#define real(name) ((__typeof__(&name))dlsym(library, #name))
#define gl(type, name) ((type)real(eglGetProcAddress)(#name))

static int faulty(const char *name) { return strcmp(fault, name) == 0; }

// For the tests.

void fakegpu_egl_inject(const char *name) { snprintf(fault, sizeof fault, "%s", name); }

// fakegpu_egl_place says which GPU the double stands for: its file, and CUDA's number of it or -1. as_memory has CUDA see images as memory.
void fakegpu_egl_place(const char *file, int cuda, int as_memory) {
	snprintf(node, sizeof node, "%s", file);
	ordinal = cuda;
	pitched = as_memory;
}

void fakegpu_egl_report(char *text, size_t size) {
	text[0] = 0;
	if (held)
		snprintf(text, size, "held: %d images of EGL\n", held);
}

// What is passed on as it is.

EGLBoolean eglInitialize(EGLDisplay d, EGLint *major, EGLint *minor) { return real(eglInitialize)(d, major, minor); }
EGLBoolean eglTerminate(EGLDisplay d) { return real(eglTerminate)(d); }
EGLBoolean eglBindAPI(EGLenum api) { return real(eglBindAPI)(api); }
EGLBoolean eglReleaseThread(void) { return real(eglReleaseThread)(); }
EGLBoolean eglSwapInterval(EGLDisplay d, EGLint interval) { return real(eglSwapInterval)(d, interval); }
EGLBoolean eglSwapBuffers(EGLDisplay d, EGLSurface s) { return real(eglSwapBuffers)(d, s); }
EGLBoolean eglDestroyContext(EGLDisplay d, EGLContext c) { return real(eglDestroyContext)(d, c); }
EGLBoolean eglDestroySurface(EGLDisplay d, EGLSurface s) { return real(eglDestroySurface)(d, s); }
EGLDisplay eglGetPlatformDisplay(EGLenum platform, void *native, const EGLAttrib *list) {
	return real(eglGetPlatformDisplay)(platform, native, list);
}
EGLBoolean eglChooseConfig(EGLDisplay d, const EGLint *list, EGLConfig *configs, EGLint size, EGLint *count) {
	return real(eglChooseConfig)(d, list, configs, size, count);
}
EGLBoolean eglGetConfigAttrib(EGLDisplay d, EGLConfig c, EGLint name, EGLint *value) { return real(eglGetConfigAttrib)(d, c, name, value); }
EGLContext eglCreateContext(EGLDisplay d, EGLConfig c, EGLContext share, const EGLint *list) { return real(eglCreateContext)(d, c, share, list); }
EGLSurface eglCreateWindowSurface(EGLDisplay d, EGLConfig c, EGLNativeWindowType w, const EGLint *list) {
	return real(eglCreateWindowSurface)(d, c, w, list);
}
EGLBoolean eglMakeCurrent(EGLDisplay d, EGLSurface draw, EGLSurface read, EGLContext c) { return real(eglMakeCurrent)(d, draw, read, c); }

// What a GPU's library has besides.

EGLint eglGetError(void) {
	EGLint code = refused;
	refused = 0;
	return code ? code : real(eglGetError)();
}

static const char *longer(char *text, size_t size, const char *had, const char *more) {
	snprintf(text, size, "%s %s", had ? had : "", more);
	return text;
}

const char *eglQueryString(EGLDisplay d, EGLint name) {
	static char text[8192];
	const char *said = real(eglQueryString)(d, name);
	if (d == EGL_NO_DISPLAY || name != EGL_EXTENSIONS || faulty("no-import"))
		return said;
	return longer(text, sizeof text, said, faulty("no-layouts") ? "EGL_EXT_image_dma_buf_import" :
		"EGL_EXT_image_dma_buf_import EGL_EXT_image_dma_buf_import_modifiers");
}

static const char *describe_device(EGLDeviceEXT device, EGLint name) {
	static char text[4096];
	if (name == EGL_DRM_RENDER_NODE_FILE_EXT)
		return node;
	const char *said = gl(PFNEGLQUERYDEVICESTRINGEXTPROC, eglQueryDeviceStringEXT)(device, name);
	if (name != EGL_EXTENSIONS)
		return said;
	return longer(text, sizeof text, said, ordinal < 0 ? "EGL_EXT_device_drm_render_node" : "EGL_EXT_device_drm_render_node EGL_NV_device_cuda");
}

static EGLBoolean device_attribute(EGLDeviceEXT device, EGLint name, EGLAttrib *value) {
	if (name != EGL_CUDA_DEVICE_NV || ordinal < 0)
		return gl(PFNEGLQUERYDEVICEATTRIBEXTPROC, eglQueryDeviceAttribEXT)(device, name, value);
	*value = ordinal;
	return EGL_TRUE;
}

static EGLBoolean query_layouts(EGLDisplay d, EGLint format, EGLint size, EGLuint64KHR *layouts, EGLBoolean *external, EGLint *count) {
	const uint64_t known[] = {sampled, own, linear};
	*count = faulty("no-format") ? 0 : 3;
	for (int i = 0; i < *count && i < size; i++) {
		layouts[i] = known[i];
		external[i] = known[i] == sampled;
	}
	return EGL_TRUE;
}

static void tell_cuda(EGLImage image, const cuda_image *is) {
	void *cuda = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
	int (*set)(void *, const cuda_image *) = cuda ? (int (*)(void *, const cuda_image *))dlsym(cuda, "fakedriver_set_image") : NULL;
	if (set)
		set(image, is);
	if (cuda)
		dlclose(cuda);
}

// fill brings an import's pixels into its texture.
static void fill(import *from) {
	uint8_t *pixels = malloc(4 * (size_t)from->width * from->height);
	for (int y = 0; y < from->height; y++)
		for (int x = 0; x < from->width; x++) {
			const uint8_t *pixel = from->memory + from->offset + (size_t)y * from->stride + 4 * x;
			uint8_t *to = pixels + 4 * ((size_t)y * from->width + x);
			to[0] = pixel[from->red_first ? 0 : 2], to[1] = pixel[1], to[2] = pixel[from->red_first ? 2 : 0];
			to[3] = from->opaque ? 255 : pixel[3];
		}
	GLint bound = 0;
	gl(PFNGLGETINTEGERVPROC, glGetIntegerv)(GL_TEXTURE_BINDING_2D, &bound);
	gl(PFNGLBINDTEXTUREPROC, glBindTexture)(GL_TEXTURE_2D, from->texture);
	gl(PFNGLTEXSUBIMAGE2DPROC, glTexSubImage2D)(GL_TEXTURE_2D, 0, 0, 0, from->width, from->height, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
	gl(PFNGLBINDTEXTUREPROC, glBindTexture)(GL_TEXTURE_2D, bound);
	free(pixels);
}

static void copy_pixels(GLint a, GLint b, GLint c, GLint d, GLint e, GLint f, GLint g, GLint h, GLbitfield mask, GLenum filter) {
	for (int i = 0; i < IMAGES; i++)
		if (imports[i].image)
			fill(&imports[i]);
	gl(PFNGLBLITFRAMEBUFFERPROC, glBlitFramebuffer)(a, b, c, d, e, f, g, h, mask, filter);
}

// take brings a texture's pixels into an import's memory, where somebody has drawn into it.
static void take(import *to) {
	uint8_t *pixels = malloc(4 * (size_t)to->width * to->height);
	GLint bound = 0;
	GLuint framebuffer = 0;
	gl(PFNGLGETINTEGERVPROC, glGetIntegerv)(GL_READ_FRAMEBUFFER_BINDING, &bound);
	gl(PFNGLGENFRAMEBUFFERSPROC, glGenFramebuffers)(1, &framebuffer);
	gl(PFNGLBINDFRAMEBUFFERPROC, glBindFramebuffer)(GL_READ_FRAMEBUFFER, framebuffer);
	gl(PFNGLFRAMEBUFFERTEXTURE2DPROC, glFramebufferTexture2D)(GL_READ_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, to->texture, 0);
	gl(PFNGLREADPIXELSPROC, glReadPixels)(0, 0, to->width, to->height, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
	gl(PFNGLBINDFRAMEBUFFERPROC, glBindFramebuffer)(GL_READ_FRAMEBUFFER, bound);
	gl(PFNGLDELETEFRAMEBUFFERSPROC, glDeleteFramebuffers)(1, &framebuffer);
	for (int y = 0; y < to->height; y++)
		for (int x = 0; x < to->width; x++) {
			const uint8_t *pixel = pixels + 4 * ((size_t)y * to->width + x);
			uint8_t *at = to->memory + to->offset + (size_t)y * to->stride + 4 * x;
			at[to->red_first ? 0 : 2] = pixel[0], at[1] = pixel[1], at[to->red_first ? 2 : 0] = pixel[2], at[3] = pixel[3];
		}
	free(pixels);
}

static void clear(GLbitfield mask) {
	for (int i = 0; i < IMAGES; i++)
		if (imports[i].image)
			fill(&imports[i]);
	gl(PFNGLCLEARPROC, glClear)(mask);
	for (int i = 0; i < IMAGES; i++)
		if (imports[i].image)
			take(&imports[i]);
}

static EGLImage refuse(EGLint code) {
	refused = code;
	return EGL_NO_IMAGE;
}

static EGLImage import_memory(EGLDisplay d, const EGLAttrib *list) {
	import *place = NULL;
	for (int i = 0; i < IMAGES && !place; i++)
		if (!imports[i].image)
			place = &imports[i];
	int descriptor = -1, format = 0, planes = 0;
	uint64_t modifier = unknown, low = 0, high = 0;
	import made = {.stride = 0};
	for (; *list != EGL_NONE; list += 2)
		switch (list[0]) {
		case EGL_WIDTH: made.width = list[1]; break;
		case EGL_HEIGHT: made.height = list[1]; break;
		case EGL_LINUX_DRM_FOURCC_EXT: format = list[1]; break;
		case EGL_DMA_BUF_PLANE0_FD_EXT: descriptor = list[1], planes++; break;
		case EGL_DMA_BUF_PLANE0_OFFSET_EXT: made.offset = list[1]; break;
		case EGL_DMA_BUF_PLANE0_PITCH_EXT: made.stride = list[1]; break;
		case EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT: low = list[1]; break;
		case EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT: high = list[1], modifier = high << 32 | low; break;
		default: planes = 9; // more than one plane, or what nobody knows
		}
	made.red_first = format == XBGR || format == ABGR;
	made.opaque = format == XRGB || format == XBGR;
	if (faulty("import-fails") || !place || planes != 1 || (format != XRGB && format != ARGB && format != XBGR && format != ABGR))
		return refuse(EGL_BAD_MATCH);
	if (modifier != linear && modifier != own && modifier != unknown)
		return refuse(EGL_BAD_PARAMETER);
	made.size = (size_t)made.offset + (size_t)made.stride * made.height;
	off_t there = lseek(descriptor, 0, SEEK_END);
	if (made.stride < 4 * made.width || there < (off_t)made.size)
		return refuse(EGL_BAD_ACCESS);
	made.memory = mmap(NULL, made.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	if (made.memory == MAP_FAILED)
		return refuse(EGL_BAD_ACCESS);
	gl(PFNGLGENTEXTURESPROC, glGenTextures)(1, &made.texture);
	gl(PFNGLBINDTEXTUREPROC, glBindTexture)(GL_TEXTURE_2D, made.texture);
	gl(PFNGLTEXSTORAGE2DPROC, glTexStorage2D)(GL_TEXTURE_2D, 1, GL_RGBA8, made.width, made.height);
	gl(PFNGLBINDTEXTUREPROC, glBindTexture)(GL_TEXTURE_2D, 0);
	const EGLAttrib level[] = {EGL_GL_TEXTURE_LEVEL, 0, EGL_NONE};
	made.image = real(eglCreateImage)(d, real(eglGetCurrentContext)(), EGL_GL_TEXTURE_2D, (EGLClientBuffer)(uintptr_t)made.texture, level);
	if (made.image == EGL_NO_IMAGE) {
		munmap(made.memory, made.size);
		return EGL_NO_IMAGE;
	}
	*place = made;
	held++;
	tell_cuda(made.image, &(cuda_image){made.width, made.height, 1, 4, made.stride, made.red_first, pitched, made.memory + made.offset});
	return made.image;
}

EGLImage eglCreateImage(EGLDisplay d, EGLContext c, EGLenum target, EGLClientBuffer buffer, const EGLAttrib *list) {
	if (target != EGL_LINUX_DMA_BUF_EXT)
		return real(eglCreateImage)(d, c, target, buffer, list);
	pthread_mutex_lock(&lock);
	EGLImage made = import_memory(d, list);
	pthread_mutex_unlock(&lock);
	return made;
}

EGLBoolean eglDestroyImage(EGLDisplay d, EGLImage image) {
	pthread_mutex_lock(&lock);
	for (int i = 0; i < IMAGES; i++)
		if (imports[i].image == image) {
			tell_cuda(image, NULL);
			gl(PFNGLDELETETEXTURESPROC, glDeleteTextures)(1, &imports[i].texture);
			munmap(imports[i].memory, imports[i].size);
			imports[i].image = NULL;
			held--;
		}
	pthread_mutex_unlock(&lock);
	return real(eglDestroyImage)(d, image);
}

__eglMustCastToProperFunctionPointerType eglGetProcAddress(const char *name) {
	const struct {
		const char *name;
		void *function;
	} ours[] = {
		{"eglQueryDeviceStringEXT", describe_device}, {"eglQueryDeviceAttribEXT", device_attribute},
		{"eglQueryDmaBufModifiersEXT", query_layouts}, {"glBlitFramebuffer", copy_pixels},
		{"glClear", clear},
	};
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (strcmp(name, ours[i].name) == 0)
			return (__eglMustCastToProperFunctionPointerType)ours[i].function;
	return real(eglGetProcAddress)(name);
}
