// Setting up and coding in the double of NVENC. It proves nothing about a GPU. See books.h.
#include "session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SLOW_US = 200000,
	BUSY_TIMES = 3,
	FAR_BACK = 16, // no picture buffer is deeper, so that an older picture cannot be invalidated
};

NVENCSTATUS session_refuse(session *s, NVENCSTATUS status, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(s->said, sizeof s->said, format, arguments);
	va_end(arguments);
	fakedriver_note("refused: status %d: %s", status, s->said);
	return status;
}

static int zero(const void *from, size_t bytes) {
	for (const uint8_t *p = from; bytes--; p++)
		if (*p)
			return 0;
	return 1;
}

static int frame_bits(const NV_ENC_INITIALIZE_PARAMS *p, const NV_ENC_CONFIG *c) {
	uint64_t share = (uint64_t)c->rcParams.averageBitRate * p->frameRateDen / p->frameRateNum;
	return (int)share;
}

static int min_qp(const NV_ENC_CONFIG *c) { return c->rcParams.enableMinQP ? (int)c->rcParams.minQP.qpInterP : 0; }

static const NV_ENC_CONFIG_H264_VUI_PARAMETERS *vui(session *s, const NV_ENC_CONFIG *c) {
	return s->hevc ? &c->encodeCodecConfig.hevcConfig.hevcVUIParameters : &c->encodeCodecConfig.h264Config.h264VUIParameters;
}

static int yuv444(session *s, const NV_ENC_CONFIG *c) {
	return (s->hevc ? c->encodeCodecConfig.hevcConfig.chromaFormatIDC : c->encodeCodecConfig.h264Config.chromaFormatIDC) == CHROMA_444;
}

// depths are the bits of a sample, in the pictures and in the stream: one number before API 12.2.
static void depths(session *s, const NV_ENC_CONFIG *c, int *input, int *output) {
	*input = *output = 8;
	if (!s->hevc)
		return; // the double is not of those that code H.264 with more
#if NVENCAPI_MAJOR_VERSION > 12 || (NVENCAPI_MAJOR_VERSION == 12 && NVENCAPI_MINOR_VERSION >= 2)
	*input = c->encodeCodecConfig.hevcConfig.inputBitDepth == NV_ENC_BIT_DEPTH_10 ? 10 : 8;
	*output = c->encodeCodecConfig.hevcConfig.outputBitDepth == NV_ENC_BIT_DEPTH_10 ? 10 : 8;
#else
	*input = *output = 8 + c->encodeCodecConfig.hevcConfig.pixelBitDepthMinus8;
#endif
}

static int ten_bit(session *s, const NV_ENC_CONFIG *c) {
	int input, output;
	depths(s, c, &input, &output);
	return output == 10;
}

int session_takes(session *s, NV_ENC_BUFFER_FORMAT format) {
	int input, output;
	depths(s, &s->config, &input, &output);
	if (input_is_rgb(format))
		return input == 8;
	return input_is_444(format) == yuv444(s, &s->config) && input_is_10_bit(format) == (input == 10);
}

static int same(GUID a, GUID b) { return memcmp(&a, &b, sizeof a) == 0; }

// right_sampling refuses a chroma or depth that there is not, that the device said it has not, or that the profile has not.
static NVENCSTATUS right_sampling(session *s, const NV_ENC_CONFIG *c) {
	int chroma = s->hevc ? c->encodeCodecConfig.hevcConfig.chromaFormatIDC : (int)c->encodeCodecConfig.h264Config.chromaFormatIDC;
	int full = chroma == CHROMA_444, input, output;
	depths(s, c, &input, &output);
	if ((chroma != CHROMA_420 && !full) || (output != 8 && output != 10) || input > output)
		return session_refuse(s, NV_ENC_ERR_INVALID_PARAM, "chroma format %d, %d bits of pictures of %d", chroma, output, input);
	if ((full && !capability(NV_ENC_CAPS_SUPPORT_YUV444_ENCODE, s->hevc)) || (output > 8 && !capability(NV_ENC_CAPS_SUPPORT_10BIT_ENCODE, s->hevc))) {
		fakedriver_misuse("chroma format %d with %d bits where the capabilities have none", chroma, output);
		return session_refuse(s, NV_ENC_ERR_UNSUPPORTED_PARAM, "chroma format %d with %d bits", chroma, output);
	}
	int fits = full == same(c->profileGUID, NV_ENC_H264_PROFILE_HIGH_444_GUID);
	if (s->hevc)
		fits = full == same(c->profileGUID, NV_ENC_HEVC_PROFILE_FREXT_GUID) && (full || (output > 8) == same(c->profileGUID, NV_ENC_HEVC_PROFILE_MAIN10_GUID));
	if (!fits) {
		fakedriver_misuse("chroma format %d with %d bits in a profile of another", chroma, output);
		return session_refuse(s, NV_ENC_ERR_INVALID_PARAM, "profile");
	}
	return NV_ENC_SUCCESS;
}

static void *open_engine(session *s, const NV_ENC_INITIALIZE_PARAMS *p, const NV_ENC_CONFIG *c) {
	const NV_ENC_CONFIG_H264_VUI_PARAMETERS *v = vui(s, c);
	engine_settings e = {
		.width = p->encodeWidth, .height = p->encodeHeight,
		.frame_rate = p->frameRateNum / p->frameRateDen,
		.frame_bits = frame_bits(p, c),
		.min_qp = min_qp(c),
		.keyframe_interval = c->gopLength == NVENC_INFINITE_GOPLENGTH ? 0 : c->gopLength,
		.colours = {v->colourPrimaries, v->transferCharacteristics, v->colourMatrix},
		.full_range = v->videoFullRangeFlag,
		.yuv444 = yuv444(s, c),
		.ten_bit = ten_bit(s, c),
	};
	if (s->hevc) {
		const NV_ENC_CONFIG_HEVC *h = &c->encodeCodecConfig.hevcConfig;
		e.references = h->maxNumRefFramesInDPB;
		e.refresh_frames = h->enableIntraRefresh ? h->intraRefreshPeriod : 0;
		e.constrained_intra = h->useConstrainedIntraPred;
	} else {
		const NV_ENC_CONFIG_H264 *h = &c->encodeCodecConfig.h264Config;
		e.references = h->maxNumRefFrames;
		e.refresh_frames = h->enableIntraRefresh ? h->intraRefreshPeriod : 0;
		e.constrained_intra = h->useConstrainedIntraPred;
		e.level_idc = h->level;
		e.main_profile = same(c->profileGUID, NV_ENC_H264_PROFILE_MAIN_GUID);
		e.cabac = h->entropyCodingMode != NV_ENC_H264_ENTROPY_CODING_MODE_CAVLC;
		e.transform_8x8 = h->adaptiveTransformMode == NV_ENC_H264_ADAPTIVE_TRANSFORM_ENABLE;
	}
	return s->kind->open(&e);
}

// check refuses what the double cannot do as asked, and what no driver takes.
static NVENCSTATUS check(session *s, const NV_ENC_INITIALIZE_PARAMS *p) {
	const NV_ENC_CONFIG *c = p->encodeConfig;
	if (p->version != NV_ENC_INITIALIZE_PARAMS_VER || !c || c->version != NV_ENC_CONFIG_VER || c->rcParams.version != NV_ENC_RC_PARAMS_VER) {
		fakedriver_misuse("initialization parameters, configuration or rate control without their version");
		return session_refuse(s, NV_ENC_ERR_INVALID_VERSION, "structure version");
	}
	if (!zero(p->reserved, sizeof p->reserved) || !zero(c->reserved, sizeof c->reserved))
		fakedriver_misuse("reserved fields are not zero");
	if (p->frameRateNum == 0 || p->frameRateDen == 0 || p->encodeWidth % 2 || p->encodeHeight % 2)
		return session_refuse(s, NV_ENC_ERR_INVALID_PARAM, "%ux%u at %u/%u", p->encodeWidth, p->encodeHeight, p->frameRateNum, p->frameRateDen);
	if (p->maxEncodeWidth && (p->encodeWidth > p->maxEncodeWidth || p->encodeHeight > p->maxEncodeHeight))
		return session_refuse(s, NV_ENC_ERR_INVALID_PARAM, "size beyond the largest");
	if (!p->enablePTD || p->enableEncodeAsync || c->frameIntervalP != 1)
		return session_refuse(s, NV_ENC_ERR_UNSUPPORTED_PARAM, "the double decides picture types, is synchronous and has no B frames");
	if (c->rcParams.rateControlMode != NV_ENC_PARAMS_RC_CBR || c->rcParams.averageBitRate == 0)
		return session_refuse(s, NV_ENC_ERR_UNSUPPORTED_PARAM, "the double has constant bitrate only");
	if (c->rcParams.vbvBufferSize != (uint32_t)frame_bits(p, c) || c->rcParams.enableLookahead || !c->rcParams.zeroReorderDelay)
		return session_refuse(s, NV_ENC_ERR_UNSUPPORTED_PARAM, "the double has a buffer of one frame, and no lookahead");
	if (!vui(s, c)->bitstreamRestrictionFlag || !vui(s, c)->videoSignalTypePresentFlag || !vui(s, c)->colourDescriptionPresentFlag)
		return session_refuse(s, NV_ENC_ERR_UNSUPPORTED_PARAM, "the double writes bitstream restrictions and colours, asked or not");
	int repeat = s->hevc ? c->encodeCodecConfig.hevcConfig.repeatSPSPPS : c->encodeCodecConfig.h264Config.repeatSPSPPS;
	uint32_t idr = s->hevc ? c->encodeCodecConfig.hevcConfig.idrPeriod : c->encodeCodecConfig.h264Config.idrPeriod;
	if (!repeat || idr != c->gopLength)
		return session_refuse(s, NV_ENC_ERR_UNSUPPORTED_PARAM, "the double repeats headers, and each of its I frames is IDR");
	return right_sampling(s, c);
}

NVENCSTATUS session_headers(session *s, NV_ENC_SEQUENCE_PARAM_PAYLOAD *p) {
	if (p->version != NV_ENC_SEQUENCE_PARAM_PAYLOAD_VER || !s->begun) {
		fakedriver_misuse("NvEncGetSequenceParams of version %#x, initialized %d", p->version, s->begun);
		return session_refuse(s, NV_ENC_ERR_INVALID_VERSION, "structure version, or not initialized");
	}
	int length = s->kind->headers(s->engine, p->spsppsBuffer, p->inBufferSize);
	*p->outSPSPPSPayloadSize = length;
	return length < 0 ? NV_ENC_ERR_GENERIC : NV_ENC_SUCCESS;
}

static void keep(session *s, const NV_ENC_INITIALIZE_PARAMS *p) {
	s->config = *p->encodeConfig;
	s->params = *p;
	s->params.encodeConfig = &s->config;
}

static void make_picture(session *s) {
	int full = yuv444(s, &s->config), deep = ten_bit(s, &s->config);
	size_t luma = (size_t)s->params.encodeWidth * s->params.encodeHeight << deep, colour = full ? luma : luma / 4;
	free(s->picture.y);
	uint8_t *y = malloc(luma + 2 * colour);
	s->picture = (engine_picture){y, y + luma, y + luma + colour, full, deep};
}

NVENCSTATUS session_begin(session *s, NV_ENC_INITIALIZE_PARAMS *p) {
	if (s->begun) {
		fakedriver_misuse("NvEncInitializeEncoder twice");
		return session_refuse(s, NV_ENC_ERR_INVALID_CALL, "initialized before");
	}
	s->hevc = same(p->encodeGUID, NV_ENC_CODEC_HEVC_GUID);
	s->kind = s->hevc ? &engine_hevc : &engine_h264;
	NVENCSTATUS status = check(s, p);
	if (status != NV_ENC_SUCCESS)
		return status;
	s->engine = open_engine(s, p, p->encodeConfig);
	if (!s->engine)
		return session_refuse(s, NV_ENC_ERR_INVALID_PARAM, "the engine refuses %ux%u", p->encodeWidth, p->encodeHeight);
	keep(s, p);
	make_picture(s);
	s->begun = 1;
	return NV_ENC_SUCCESS;
}

// same_headers reports whether a change leaves the parameter sets as they are.
static int same_headers(session *s, const NV_ENC_CONFIG *c) {
	const NV_ENC_CONFIG_H264 *a = &s->config.encodeCodecConfig.h264Config, *b = &c->encodeCodecConfig.h264Config;
	if (!same(s->config.profileGUID, c->profileGUID) || yuv444(s, &s->config) != yuv444(s, c) || ten_bit(s, &s->config) != ten_bit(s, c) || memcmp(vui(s, &s->config), vui(s, c), sizeof *vui(s, c)))
		return 0;
	return s->hevc || (a->level == b->level && a->maxNumRefFrames == b->maxNumRefFrames && a->entropyCodingMode == b->entropyCodingMode &&
		a->adaptiveTransformMode == b->adaptiveTransformMode);
}

NVENCSTATUS session_change(session *s, NV_ENC_RECONFIGURE_PARAMS *change) {
	NV_ENC_INITIALIZE_PARAMS *p = &change->reInitEncodeParams;
	if (change->version != NV_ENC_RECONFIGURE_PARAMS_VER || !s->begun) {
		fakedriver_misuse("NvEncReconfigureEncoder of version %#x, initialized %d", change->version, s->begun);
		return session_refuse(s, NV_ENC_ERR_INVALID_VERSION, "structure version, or not initialized");
	}
	NVENCSTATUS status = check(s, p);
	if (status != NV_ENC_SUCCESS)
		return status;
	int resized = p->encodeWidth != s->params.encodeWidth || p->encodeHeight != s->params.encodeHeight;
	int preset = !same(p->presetGUID, s->params.presetGUID);
	if (p->maxEncodeWidth != s->params.maxEncodeWidth || p->maxEncodeHeight != s->params.maxEncodeHeight ||
		p->encodeConfig->gopLength != s->config.gopLength || !same(p->encodeGUID, s->params.encodeGUID))
		return session_refuse(s, NV_ENC_ERR_UNSUPPORTED_PARAM, "codec, largest size and group of pictures stay");
	if (fakedriver_fault() == FIXED || (fakedriver_fault() == FIXED_PRESET && preset))
		return session_refuse(s, NV_ENC_ERR_UNSUPPORTED_PARAM, "what was asked for is not taken within a stream");
	if (resized && (!p->maxEncodeWidth || !change->resetEncoder || !change->forceIDR)) {
		fakedriver_misuse("a change of size without a largest size, a reset and an IDR picture");
		return session_refuse(s, NV_ENC_ERR_INVALID_PARAM, "size");
	}
	if (!same_headers(s, p->encodeConfig) && !change->forceIDR) {
		fakedriver_misuse("headers change within the stream");
		return session_refuse(s, NV_ENC_ERR_INVALID_PARAM, "headers");
	}
	if (resized) {
		void *engine = open_engine(s, p, p->encodeConfig);
		if (!engine)
			return session_refuse(s, NV_ENC_ERR_INVALID_PARAM, "the engine refuses the size");
		s->kind->close(s->engine);
		s->engine = engine;
	} else if (s->kind->set_rate(s->engine, frame_bits(p, p->encodeConfig), min_qp(p->encodeConfig)) < 0) {
		return session_refuse(s, NV_ENC_ERR_INVALID_PARAM, "the engine refuses the rate");
	}
	keep(s, p);
	if (resized)
		make_picture(s);
	return NV_ENC_SUCCESS;
}

// disturb is a fault's work on one picture.
static NVENCSTATUS disturb(session *s) {
	enum fault fault = fakedriver_fault();
	if (s->busy > 0) {
		s->busy--;
		return NV_ENC_ERR_ENCODER_BUSY;
	}
	if ((fault != DEVICE_LOST && fault != SLOW && fault != BUSY) || !fakedriver_due())
		return NV_ENC_SUCCESS;
	switch (fault) {
	case DEVICE_LOST:
		s->lost = 1;
		return session_refuse(s, NV_ENC_ERR_DEVICE_NOT_EXIST, "the device is gone");
	case SLOW:
		usleep(SLOW_US);
		return NV_ENC_SUCCESS;
	default:
		s->busy = BUSY_TIMES - 1;
		return NV_ENC_ERR_ENCODER_BUSY;
	}
}

static object *source(session *s, void *handle) {
	for (object *o = s->objects; o; o = o->next)
		if (o == handle && (o->kind == INPUT_BUFFER || o->kind == MAPPING))
			return o;
	return NULL;
}

// right checks a picture against the session and what the caller holds.
static NVENCSTATUS right(session *s, const NV_ENC_PIC_PARAMS *p, const object *in, const object *out) {
	if (!in || !out || in->locked || out->locked || out->filled) {
		fakedriver_misuse("NvEncEncodePicture with a buffer that is unknown, locked or not yet taken");
		return session_refuse(s, NV_ENC_ERR_INVALID_PARAM, "buffers");
	}
	if (p->bufferFmt != in->format || p->inputPitch != in->pitch || p->pictureStruct != NV_ENC_PIC_STRUCT_FRAME ||
		p->inputWidth != s->params.encodeWidth || p->inputHeight != s->params.encodeHeight ||
		in->width != (int)p->inputWidth || in->height != (int)p->inputHeight) {
		fakedriver_misuse("NvEncEncodePicture of %ux%u, format %#x, pitch %u from %dx%d, %#x, %zu in a stream of %ux%u", p->inputWidth, p->inputHeight,
			p->bufferFmt, p->inputPitch, in->width, in->height, in->format, in->pitch, s->params.encodeWidth, s->params.encodeHeight);
		return session_refuse(s, NV_ENC_ERR_INVALID_PARAM, "size, pitch or format");
	}
	if (s->coded && p->inputTimeStamp <= s->newest)
		fakedriver_misuse("NvEncEncodePicture with a time stamp that is not newer: %llu", (unsigned long long)p->inputTimeStamp);
	if (!zero(p->reserved3, sizeof p->reserved3))
		fakedriver_misuse("NvEncEncodePicture with reserved fields that are not zero");
	return NV_ENC_SUCCESS;
}

NVENCSTATUS session_encode(session *s, NV_ENC_PIC_PARAMS *p) {
	if (!p || p->version != NV_ENC_PIC_PARAMS_VER || !s->begun) {
		fakedriver_misuse("NvEncEncodePicture of version %#x, initialized %d", p ? p->version : 0, s->begun);
		return session_refuse(s, NV_ENC_ERR_INVALID_VERSION, "structure version, or not initialized");
	}
	if (p->encodePicFlags & NV_ENC_PIC_FLAG_EOS) {
		s->flushed = 1;
		return NV_ENC_SUCCESS;
	}
	NVENCSTATUS status = disturb(s);
	if (status != NV_ENC_SUCCESS)
		return status;
	object *in = source(s, p->inputBuffer), *out = session_find(s, p->outputBitstream, OUTPUT_BUFFER, "NvEncEncodePicture");
	status = right(s, p, in, out);
	if (status != NV_ENC_SUCCESS)
		return status;
	int width = s->params.encodeWidth, height = s->params.encodeHeight;
	if (input_read(in->format, in->data, in->pitch, in->rows, width, height, &s->picture) < 0)
		return session_refuse(s, NV_ENC_ERR_UNSUPPORTED_PARAM, "buffer format %#x", in->format);
	engine_unit unit;
	int idr = (p->encodePicFlags & NV_ENC_PIC_FLAG_FORCEIDR) != 0;
	if (s->kind->encode(s->engine, &s->picture, p->inputTimeStamp, idr, &unit) < 0)
		return session_refuse(s, NV_ENC_ERR_GENERIC, "the engine failed");
	if (unit.length > out->capacity) {
		out->capacity = 2 * unit.length;
		out->data = realloc(out->data, out->capacity);
	}
	memcpy(out->data, unit.data, unit.length);
	out->length = unit.length;
	out->keyframe = unit.keyframe;
	out->qp = unit.qp;
	out->number = s->newest = p->inputTimeStamp;
	out->filled = s->coded = 1;
	s->flushed = 0;
	return NV_ENC_SUCCESS;
}

NVENCSTATUS session_invalidate(session *s, uint64_t number) {
	if (!s->kind->invalidate) {
		fakedriver_misuse("NvEncInvalidateRefFrames where the capabilities have none");
		return session_refuse(s, NV_ENC_ERR_UNSUPPORTED_PARAM, "no invalidation");
	}
	if (!s->coded || number > s->newest || number + FAR_BACK < s->newest) {
		fakedriver_misuse("NvEncInvalidateRefFrames of picture %llu, the newest is %llu", (unsigned long long)number, (unsigned long long)s->newest);
		return session_refuse(s, NV_ENC_ERR_INVALID_PARAM, "no such picture");
	}
	return s->kind->invalidate(s->engine, number) < 0 ? NV_ENC_ERR_GENERIC : NV_ENC_SUCCESS;
}
