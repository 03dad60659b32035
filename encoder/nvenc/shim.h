// A thin layer over NvEncodeAPI: one call a frame, the whole access unit in memory of our own. No function here calls back
// into Go, and none keeps a pointer that it was given after it has returned, but for the function table's address and
// the context. Each enters the CUDA context and leaves it. Functions that can fail return 0, or -1 and leave the
// reason in nl_nvenc_failure.
#ifndef NEARLIGHT_NVENC_SHIM_H
#define NEARLIGHT_NVENC_SHIM_H

#include <ffnvcodec/nvEncodeAPI.h>
#include <stdint.h>

#include "../../internal/cuda/cuda.h"

enum { NL_H264, NL_HEVC, NL_AV1 };
// A session's pictures have the depth of its stream up to API 12.1. Later ones tell the two apart, and the driver widens.
#define NL_DRIVER_WIDENS (NVENCAPI_MAJOR_VERSION > 12 || (NVENCAPI_MAJOR_VERSION == 12 && NVENCAPI_MINOR_VERSION >= 2))

// H.264 with 10 bits came with API 13.0.
#define NL_H264_10_BIT (NVENCAPI_MAJOR_VERSION >= 13)

enum { NL_RECOVER_KEYFRAME, NL_RECOVER_REFERENCES, NL_RECOVER_REFRESH };

typedef struct {
	const char *call; // the function that failed
	int code;         // what it returned
	int cuda;         // the code is a CUresult, not an NVENCSTATUS
	char text[256];   // what the driver said about it, may be empty
} nl_failure;

// What the device says it can do for one codec.
typedef struct {
	int min_width, min_height, max_width, max_height, macroblocks;
	int rate_modes; // a mask of NV_ENC_PARAMS_RC_MODE
	int live_size, live_rate, custom_vbv;
	int invalidation, refresh, single_slice_refresh;
	int cabac, transform_8x8;
	int yuv444, ten_bit;
	unsigned formats; // what it takes from host memory, NV_ENC_BUFFER_FORMATs in one mask: each is a bit of its own
} nl_abilities;

typedef struct {
	int width, height, max_width, max_height; // even
	int frame_rate, bitrate;
	int finest_qp;      // no quantiser below this one
	int speed;          // 0 is NVIDIA's preset P1
	int level_idc;      // H.264
	int main_profile;   // H.264: Main in place of High, in 4:2:0 with 8 bits
	int yuv444;         // coded in 4:4:4
	int ten_bit;        // coded with 10 bits
	int recovery;       // NL_RECOVER_...
	int references;     // pictures kept, with NL_RECOVER_REFERENCES
	int refresh_frames; // length of a sweep, with NL_RECOVER_REFRESH
} nl_settings;

// One access unit. The bytes are good until the next picture or the end.
typedef struct {
	const uint8_t *data;
	int length;
	int keyframe;
	int qp;
} nl_unit;

typedef struct nl_nvenc nl_nvenc;
typedef struct nl_surface nl_surface;

// nl_nvenc_version asks the library which API version it speaks: 16 times the major plus the minor number.
int nl_nvenc_version(void *get_max_supported_version, uint32_t *version);

// nl_nvenc_new makes what the rest works on, NULL when there is no memory. It opens nothing.
nl_nvenc *nl_nvenc_new(void *create_instance, const nl_cuda_context *context);
const nl_failure *nl_nvenc_failure(const nl_nvenc *encoder);

// nl_nvenc_open opens a session, and says whether the device has the codec. It is the call that a full driver refuses.
int nl_nvenc_open(nl_nvenc *encoder, int codec, int *offered);
int nl_nvenc_ask(nl_nvenc *encoder, nl_abilities *abilities);
int nl_nvenc_start(nl_nvenc *encoder, const nl_settings *settings);
// nl_nvenc_headers copies the parameter sets that a keyframe will have, Annex B, in at most size bytes.
int nl_nvenc_headers(nl_nvenc *encoder, uint8_t *to, int size, int *length);
int nl_nvenc_reconfigure(nl_nvenc *encoder, const nl_settings *settings);

// nl_nvenc_host_format is the format of the buffer that host memory is copied to.
NV_ENC_BUFFER_FORMAT nl_nvenc_host_format(const nl_settings *settings);

// nl_nvenc_encode takes planes of 8 bits a sample, in the chroma of the settings.
int nl_nvenc_encode(nl_nvenc *encoder, const uint8_t *y, int y_stride, const uint8_t *u, int u_stride, const uint8_t *v, int v_stride,
	int64_t number, int keyframe, nl_unit *unit);

// nl_nvenc_register prepares a picture on the GPU, for nl_nvenc_encode_surface, until nl_nvenc_unregister.
nl_surface *nl_nvenc_register(nl_nvenc *encoder, nl_cuda_picture *picture);
void nl_nvenc_unregister(nl_nvenc *encoder, nl_surface *surface);
int nl_nvenc_encode_surface(nl_nvenc *encoder, nl_surface *surface, int64_t number, int keyframe, nl_unit *unit);

// nl_nvenc_invalidate has no later picture refer to the one of that number.
int nl_nvenc_invalidate(nl_nvenc *encoder, int64_t number);

// nl_nvenc_close frees everything. It is for encoders in any state; surfaces are unregistered before.
void nl_nvenc_close(nl_nvenc *encoder);

#endif
