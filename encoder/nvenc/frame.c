//go:build cgo

#include "shim_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	// The hardware may be busy with other sessions' frames when a frame comes. Waiting longer than this for it would be a
	// stall, and a defect of the driver's.
	BUSY_TRIES = 50,
	BUSY_NAP_US = 1000,
};

// take copies the access unit out of the driver's buffer, so that it is read once from memory that may be slow, and no
// buffer is locked while packets are sent.
static int take(nl_nvenc *e, nl_unit *unit) {
	NV_ENC_LOCK_BITSTREAM lock = {.version = NV_ENC_LOCK_BITSTREAM_VER, .outputBitstream = e->output};
	if (nl_note(e, "NvEncLockBitstream", e->api.nvEncLockBitstream(e->session, &lock)))
		return -1;
	int length = lock.bitstreamSizeInBytes;
	int result = 0;
	if (length > e->capacity) {
		free(e->bytes);
		e->capacity = 2 * length;
		e->bytes = malloc(e->capacity);
		if (!e->bytes) {
			e->capacity = 0;
			result = nl_note(e, "malloc", NV_ENC_ERR_OUT_OF_MEMORY);
		}
	}
	if (result == 0)
		memcpy(e->bytes, lock.bitstreamBufferPtr, length);
	*unit = (nl_unit){e->bytes, length, lock.pictureType == NV_ENC_PIC_TYPE_IDR, lock.frameAvgQP};
	if (nl_note(e, "NvEncUnlockBitstream", e->api.nvEncUnlockBitstream(e->session, e->output)))
		return -1;
	return result;
}

static int code(nl_nvenc *e, NV_ENC_INPUT_PTR input, NV_ENC_BUFFER_FORMAT format, int pitch, int64_t number, int keyframe, nl_unit *unit) {
	NV_ENC_PIC_PARAMS picture = {
		.version = NV_ENC_PIC_PARAMS_VER,
		.inputWidth = e->settings.width,
		.inputHeight = e->settings.height,
		.inputPitch = pitch,
		.inputBuffer = input,
		.bufferFmt = format,
		.outputBitstream = e->output,
		.pictureStruct = NV_ENC_PIC_STRUCT_FRAME,
		.frameIdx = (uint32_t)number,
		.inputTimeStamp = number, // by which NvEncInvalidateRefFrames knows it
		.encodePicFlags = keyframe ? NV_ENC_PIC_FLAG_FORCEIDR | NV_ENC_PIC_FLAG_OUTPUT_SPSPPS : 0,
	};
	// How a picture is cut is said again with each; one slice, as in the configuration.
	switch (e->codec) {
	case NL_H264:
		picture.codecPicParams.h264PicParams.sliceMode = e->config.encodeCodecConfig.h264Config.sliceMode;
		picture.codecPicParams.h264PicParams.sliceModeData = e->config.encodeCodecConfig.h264Config.sliceModeData;
		break;
	case NL_HEVC:
		picture.codecPicParams.hevcPicParams.sliceMode = e->config.encodeCodecConfig.hevcConfig.sliceMode;
		picture.codecPicParams.hevcPicParams.sliceModeData = e->config.encodeCodecConfig.hevcConfig.sliceModeData;
		break;
	}
	NVENCSTATUS status = e->api.nvEncEncodePicture(e->session, &picture);
	for (int tries = 1; status == NV_ENC_ERR_ENCODER_BUSY && tries < BUSY_TRIES; tries++) {
		usleep(BUSY_NAP_US);
		status = e->api.nvEncEncodePicture(e->session, &picture);
	}
	// NEED_MORE_INPUT, a picture held back, is an error like others: nothing that we set allows it.
	if (nl_note(e, "NvEncEncodePicture", status))
		return -1;
	return take(e, unit);
}

static int encode_host(nl_nvenc *e, const nl_planes *p, int64_t number, int keyframe, nl_unit *unit) {
	NV_ENC_LOCK_INPUT_BUFFER lock = {.version = NV_ENC_LOCK_INPUT_BUFFER_VER, .inputBuffer = e->input};
	if (nl_note(e, "NvEncLockInputBuffer", e->api.nvEncLockInputBuffer(e->session, &lock)))
		return -1;
	NV_ENC_BUFFER_FORMAT format = nl_nvenc_host_format(&e->settings);
	nl_copy_planes(lock.bufferDataPtr, lock.pitch, format, p, e->settings.width, e->settings.height);
	if (nl_note(e, "NvEncUnlockInputBuffer", e->api.nvEncUnlockInputBuffer(e->session, e->input)))
		return -1;
	return code(e, e->input, format, lock.pitch, number, keyframe, unit);
}

int nl_nvenc_encode(nl_nvenc *e, const uint8_t *y, int y_stride, const uint8_t *u, int u_stride, const uint8_t *v, int v_stride,
	int64_t number, int keyframe, nl_unit *unit) {
	nl_planes p = {y, u, v, y_stride, u_stride, v_stride};
	if (nl_note_cuda(e, "cuCtxPushCurrent", nl_cuda_enter(e->context)))
		return -1;
	int result = encode_host(e, &p, number, keyframe, unit);
	nl_cuda_leave(e->context);
	return result;
}

// ---- pictures that lie on the GPU ----

static NV_ENC_BUFFER_FORMAT format_of(const nl_cuda_picture *picture) {
	switch (picture->format) {
	case NL_BGRA:
		return NV_ENC_BUFFER_FORMAT_ARGB; // NVENC names formats by the word, from its highest byte
	case NL_RGBA:
		return NV_ENC_BUFFER_FORMAT_ABGR;
	}
	return NV_ENC_BUFFER_FORMAT_NV12;
}

static int enroll(nl_nvenc *e, nl_surface *surface) {
	nl_cuda_picture *picture = surface->picture;
	NV_ENC_REGISTER_RESOURCE with = {
		.version = NV_ENC_REGISTER_RESOURCE_VER,
		.width = picture->width,
		.height = picture->height,
		.pitch = picture->pitch,
		.bufferFormat = format_of(picture),
		.bufferUsage = NV_ENC_INPUT_IMAGE,
	};
	if (picture->kind == NL_ARRAY) {
		with.resourceType = NV_ENC_INPUT_RESOURCE_TYPE_CUDAARRAY;
		with.resourceToRegister = picture->at.array;
	} else {
		with.resourceType = NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR;
		with.resourceToRegister = (void *)(uintptr_t)picture->at.linear;
	}
	if (nl_note(e, "NvEncRegisterResource", e->api.nvEncRegisterResource(e->session, &with)))
		return -1;
	surface->registered = with.registeredResource;
	return 0;
}

nl_surface *nl_nvenc_register(nl_nvenc *e, nl_cuda_picture *picture) {
	nl_surface *surface = calloc(1, sizeof *surface);
	if (!surface) {
		nl_note(e, "calloc", NV_ENC_ERR_OUT_OF_MEMORY);
		return NULL;
	}
	surface->picture = picture;
	if (picture->kind == NL_TEXTURE)
		return surface;
	int failed = nl_note_cuda(e, "cuCtxPushCurrent", nl_cuda_enter(e->context));
	if (!failed) {
		failed = enroll(e, surface);
		nl_cuda_leave(e->context);
	}
	if (failed) {
		free(surface);
		return NULL;
	}
	return surface;
}

void nl_nvenc_unregister(nl_nvenc *e, nl_surface *surface) {
	if (surface->registered && nl_cuda_enter(e->context) == CUDA_SUCCESS) {
		e->api.nvEncUnregisterResource(e->session, surface->registered);
		nl_cuda_leave(e->context);
	}
	free(surface);
}

void nl_drop_staging(nl_nvenc *e) {
	nl_staging *staging = &e->staging;
	if (staging->surface.registered)
		e->api.nvEncUnregisterResource(e->session, staging->surface.registered);
	if (staging->picture.width)
		e->context->cuda.free(staging->picture.at.linear);
	memset(staging, 0, sizeof *staging);
}

static int make_staging(nl_nvenc *e, const nl_cuda_picture *like) {
	nl_staging *staging = &e->staging;
	nl_cuda_picture picture = {.kind = NL_LINEAR, .format = like->format, .width = like->width, .height = like->height};
	if (nl_note_cuda(e, "cuMemAllocPitch",
			e->context->cuda.alloc_pitch(&picture.at.linear, &picture.pitch, 4 * (size_t)picture.width, picture.height, 16)))
		return -1;
	staging->picture = picture;
	staging->surface.picture = &staging->picture;
	return enroll(e, &staging->surface);
}

// stage copies a texture, on the GPU.
static int stage(nl_nvenc *e, nl_cuda_picture *texture) {
	if (!e->staging.surface.registered && make_staging(e, texture)) {
		nl_drop_staging(e);
		return -1;
	}
	CUarray array;
	if (nl_note_cuda(e, "cuGraphicsMapResources", nl_cuda_map(e->context, texture, NULL, &array)))
		return -1;
	CUDA_MEMCPY2D copy = {
		.srcMemoryType = CU_MEMORYTYPE_ARRAY,
		.srcArray = array,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = e->staging.picture.at.linear,
		.dstPitch = e->staging.picture.pitch,
		.WidthInBytes = 4 * (size_t)texture->width,
		.Height = texture->height,
	};
	// On the default stream, which mapping the copy for the encoder waits for.
	int failed = nl_note_cuda(e, "cuMemcpy2D", e->context->cuda.copy(&copy));
	if (nl_note_cuda(e, "cuGraphicsUnmapResources", nl_cuda_unmap(e->context, texture, NULL)))
		return -1;
	return failed;
}

static int encode_surface(nl_nvenc *e, nl_surface *surface, int64_t number, int keyframe, nl_unit *unit) {
	if (surface->picture->kind == NL_TEXTURE) {
		if (stage(e, surface->picture))
			return -1;
		surface = &e->staging.surface;
	}
	NV_ENC_MAP_INPUT_RESOURCE map = {.version = NV_ENC_MAP_INPUT_RESOURCE_VER, .registeredResource = surface->registered};
	if (nl_note(e, "NvEncMapInputResource", e->api.nvEncMapInputResource(e->session, &map)))
		return -1;
	int failed = code(e, map.mappedResource, map.mappedBufferFmt, surface->picture->pitch, number, keyframe, unit);
	nl_failure why = e->failure;
	int kept = nl_note(e, "NvEncUnmapInputResource", e->api.nvEncUnmapInputResource(e->session, map.mappedResource));
	if (failed)
		e->failure = why; // the first failure is the one to tell
	return failed ? failed : kept;
}

int nl_nvenc_encode_surface(nl_nvenc *e, nl_surface *surface, int64_t number, int keyframe, nl_unit *unit) {
	if (nl_note_cuda(e, "cuCtxPushCurrent", nl_cuda_enter(e->context)))
		return -1;
	int result = encode_surface(e, surface, number, keyframe, unit);
	nl_cuda_leave(e->context);
	return result;
}
