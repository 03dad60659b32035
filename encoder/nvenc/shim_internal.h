#ifndef NEARLIGHT_NVENC_SHIM_INTERNAL_H
#define NEARLIGHT_NVENC_SHIM_INTERNAL_H

#include "shim.h"

struct nl_surface {
	nl_cuda_picture *picture;
	NV_ENC_REGISTERED_PTR registered; // NULL for a texture, which goes through staging
};

// Memory that a texture is copied to: NVENC reads textures in sessions of GL only, and a session is CUDA's here.
typedef struct {
	nl_cuda_picture picture; // width is 0 where there is none
	nl_surface surface;
} nl_staging;

struct nl_nvenc {
	const nl_cuda_context *context;
	NV_ENCODE_API_FUNCTION_LIST api;
	NVENCSTATUS created; // what filling in api returned
	void *session;
	int codec, begun;
	nl_abilities abilities;
	nl_settings settings;
	NV_ENC_INITIALIZE_PARAMS params;
	NV_ENC_CONFIG config;
	NV_ENC_INPUT_PTR input; // host memory's way in, of the size of the stream
	NV_ENC_OUTPUT_PTR output;
	nl_staging staging;
	uint8_t *bytes; // the last access unit
	int capacity;
	nl_failure failure;
};

// nl_note keeps what failed, returns -1 for a failure and 0 for success.
int nl_note(nl_nvenc *encoder, const char *call, NVENCSTATUS status);
int nl_note_cuda(nl_nvenc *encoder, const char *call, CUresult code);

// nl_fill makes params and config of settings, starting from the driver's preset.
int nl_fill(nl_nvenc *encoder, const nl_settings *settings, NV_ENC_INITIALIZE_PARAMS *params, NV_ENC_CONFIG *config);

GUID nl_codec_guid(int codec);

// Planes of 8 bits a sample in host memory.
typedef struct {
	const uint8_t *y, *u, *v;
	int y_stride, u_stride, v_stride;
} nl_planes;

// nl_copy_planes fills a locked input buffer of one of the formats of nl_nvenc_host_format. Width and height are even.
void nl_copy_planes(uint8_t *to, size_t pitch, NV_ENC_BUFFER_FORMAT format, const nl_planes *from, int width, int height);

void nl_drop_staging(nl_nvenc *encoder);

#endif
