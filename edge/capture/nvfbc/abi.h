// The part of NvFBC's binary interface that Nearlight calls: API version 1.7, as NVIDIA's Capture SDK documents it for Linux on
// 64-bit machines. NVIDIA ships no header with its driver and Debian has none, so it is declared here, in our own names.
// Sizes are part of each structure's version number, and are checked below.
#ifndef NEARLIGHT_NVFBC_ABI_H
#define NEARLIGHT_NVFBC_ABI_H

#include <stdint.h>

enum { FBC_API = 1 << 8 | 7 };

// A structure's version: its size, its revision, and the low byte of the API's version.
#define FBC_VERSION(type, revision) ((uint32_t)sizeof(type) | (uint32_t)(revision) << 16 | (uint32_t)(FBC_API & 0xff) << 24)

typedef uint64_t fbc_handle;
typedef int fbc_status; // errors.go has their names

enum { FBC_OK = 0, FBC_MUST_RECREATE = 16 };
enum { FBC_TO_SYSTEM = 0, FBC_TO_CUDA = 1 };                // capture types
enum { FBC_TRACK_SCREEN = 2 };                              // the whole X screen, not one output of it
enum { FBC_BGRA = 5 };                                      // the format of the screen itself: no conversion
enum { FBC_NO_WAIT = 1 << 0, FBC_NO_WAIT_IF_NEW = 1 << 2 }; // flags of a grab
enum { FBC_OUTPUTS = 5, FBC_OUTPUT_NAME = 128 };

typedef struct {
	uint32_t x, y, width, height;
} fbc_box;

typedef struct {
	uint32_t width, height;
} fbc_size;

typedef struct {
	uint32_t version;
	const void *private_data;
	uint32_t private_size;
	uint32_t own_context; // set: the caller's GL context, not one of NvFBC's
	void *glx_context, *glx_config;
} fbc_create_handle;

// What several calls take: nothing but a version.
typedef struct {
	uint32_t version;
} fbc_nothing;

typedef struct {
	uint32_t id;
	char name[FBC_OUTPUT_NAME];
	fbc_box tracked;
} fbc_output;

typedef struct {
	uint32_t version;
	uint32_t possible, capturing, creatable;
	fbc_size screen;
	uint32_t randr;
	fbc_output outputs[FBC_OUTPUTS];
	uint32_t output_count;
	uint32_t library;    // the API version of the library
	uint32_t in_modeset; // no session can be created now
} fbc_get_status;

typedef struct {
	uint32_t version;
	uint32_t type, tracking, output;
	fbc_box crop;         // all zero: the whole
	fbc_size scaled;      // all zero: as it is
	uint32_t cursor;      // draw it into the picture
	uint32_t no_recovery; // report mode changes in place of hiding them
	uint32_t rounded;
	uint32_t sampling_ms; // unless push
	uint32_t push;        // a frame for each damage, in place of one for each tick
	uint32_t direct;      // take frames from a fullscreen app as it presents them
} fbc_create_session;

typedef struct {
	uint32_t version;
	uint32_t format;
} fbc_cuda_setup;

typedef struct {
	uint32_t version;
	uint32_t format;
	void **buffer; // where the library writes the buffer's address
	uint32_t diff_map;
	void **diff_buffer;
	uint32_t diff_scale;
	fbc_size diff_size;
} fbc_system_setup;

// It has no version of its own; a library of a later API may know more members, so fbc_grabbed leaves room for them.
typedef struct {
	uint32_t width, height, bytes;
	uint32_t number;
	uint32_t is_new;
	uint64_t rendered_us; // when the display server began the frame, on a clock that is not documented
	uint32_t missed;
	uint32_t converted;
	uint32_t direct;
} fbc_frame;

typedef union {
	fbc_frame frame;
	char room[256];
} fbc_grabbed;

typedef struct {
	uint32_t version;
	uint32_t flags;
	void *buffer; // a CUdeviceptr *
	fbc_grabbed *grabbed;
	uint32_t timeout_ms; // 0 waits for ever
} fbc_cuda_grab;

typedef struct {
	uint32_t version;
	uint32_t flags;
	fbc_grabbed *grabbed;
	uint32_t timeout_ms;
} fbc_system_grab;

typedef struct {
	uint32_t version; // FBC_API
	const char *(*last_error)(fbc_handle);
	fbc_status (*create_handle)(fbc_handle *, fbc_create_handle *);
	fbc_status (*destroy_handle)(fbc_handle, fbc_nothing *);
	fbc_status (*get_status)(fbc_handle, fbc_get_status *);
	fbc_status (*create_session)(fbc_handle, fbc_create_session *);
	fbc_status (*destroy_session)(fbc_handle, fbc_nothing *);
	fbc_status (*system_setup)(fbc_handle, fbc_system_setup *);
	fbc_status (*system_grab)(fbc_handle, fbc_system_grab *);
	fbc_status (*cuda_setup)(fbc_handle, fbc_cuda_setup *);
	fbc_status (*cuda_grab)(fbc_handle, fbc_cuda_grab *);
	void *retired_h264[3];
	fbc_status (*bind)(fbc_handle, fbc_nothing *);
	fbc_status (*release)(fbc_handle, fbc_nothing *);
	void *retired_encoder[4];
	void *to_gl[2];
} fbc_functions;

typedef fbc_status fbc_create_instance(fbc_functions *);

_Static_assert(sizeof(fbc_create_handle) == 40, "NVFBC_CREATE_HANDLE_PARAMS, revision 2");
_Static_assert(sizeof(fbc_get_status) == 780, "NVFBC_GET_STATUS_PARAMS, revision 2");
_Static_assert(sizeof(fbc_create_session) == 64, "NVFBC_CREATE_CAPTURE_SESSION_PARAMS, revision 6");
_Static_assert(sizeof(fbc_cuda_setup) == 8, "NVFBC_TOCUDA_SETUP_PARAMS, revision 1");
_Static_assert(sizeof(fbc_system_setup) == 48, "NVFBC_TOSYS_SETUP_PARAMS, revision 3");
_Static_assert(sizeof(fbc_frame) == 48, "NVFBC_FRAME_GRAB_INFO of API 1.7");
_Static_assert(sizeof(fbc_cuda_grab) == 32, "NVFBC_TOCUDA_GRAB_FRAME_PARAMS, revision 2");
_Static_assert(sizeof(fbc_system_grab) == 24, "NVFBC_TOSYS_GRAB_FRAME_PARAMS, revision 2");
_Static_assert(sizeof(fbc_functions) == 176, "NVFBC_API_FUNCTION_LIST");

#endif
