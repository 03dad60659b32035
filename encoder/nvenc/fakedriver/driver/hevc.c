// The HEVC half of a double of NVENC, for tests: x265, which cannot invalidate references. It proves nothing about a GPU.
// See books.h.
#include "engine.h"

#include <stdlib.h>
#include <string.h>
#include <x265.h>

typedef struct {
	x265_encoder *x265;
	x265_param *param;
	uint8_t *bytes;
	int capacity;
} hevc;

static void set_rate(x265_param *param, int frame_bits) {
	int buffer = (frame_bits + 500) / 1000;
	param->rc.bitrate = param->rc.vbvMaxBitrate = (int)((int64_t)frame_bits * param->fpsNum / 1000);
	param->rc.vbvBufferSize = buffer > 0 ? buffer : 1;
	if (param->rc.bitrate < 1)
		param->rc.bitrate = param->rc.vbvMaxBitrate = 1;
}

static void close_hevc(void *engine) {
	hevc *e = engine;
	if (e->x265)
		x265_encoder_close(e->x265);
	x265_param_free(e->param);
	free(e->bytes);
	free(e);
}

static void *open_hevc(const engine_settings *s) {
	hevc *e = calloc(1, sizeof *e);
	x265_param *p = e->param = x265_param_alloc();
	x265_param_default_preset(p, "ultrafast", "zerolatency");
	p->logLevel = X265_LOG_NONE;
	p->sourceWidth = s->width;
	p->sourceHeight = s->height;
	p->internalCsp = X265_CSP_I420;
	p->fpsNum = s->frame_rate;
	p->fpsDenom = 1;
	p->frameNumThreads = 1;
	p->bEnableWavefront = 0;
	p->lookaheadThreads = 0;
	x265_param_parse(p, "pools", "none");
	p->maxCUSize = 32; // NVENC's
	p->minCUSize = 8;
	p->bRepeatHeaders = 1;
	p->bAnnexB = 1;
	p->bEmitInfoSEI = 0;
	p->bEnableAccessUnitDelimiters = 0;
	p->keyframeMax = s->keyframe_interval ? s->keyframe_interval : -1;
	p->bOpenGOP = 0;
	p->scenecutThreshold = 0;
	p->bframes = 0;
	p->lookaheadDepth = 0;
	p->maxNumReferences = 1;
	if (s->refresh_frames) {
		p->bIntraRefresh = 1;
		p->keyframeMax = s->refresh_frames;
	}
	p->vui.bEnableVideoSignalTypePresentFlag = 1;
	p->vui.videoFormat = 5;
	p->vui.bEnableVideoFullRangeFlag = s->full_range;
	p->vui.bEnableColorDescriptionPresentFlag = 1;
	p->vui.colorPrimaries = s->colours[0];
	p->vui.transferCharacteristics = s->colours[1];
	p->vui.matrixCoeffs = s->colours[2];
	p->rc.rateControlMode = X265_RC_ABR;
	p->rc.qpMin = s->min_qp;
	p->rc.qCompress = 1.0;
	p->rc.vbvBufferInit = 1.0;
	p->rc.cuTree = 0;
	p->rc.aqMode = 0;
	set_rate(p, s->frame_bits);
	if (x265_param_apply_profile(p, "main") == 0)
		e->x265 = x265_encoder_open(p);
	if (!e->x265) {
		close_hevc(e);
		return NULL;
	}
	x265_encoder_parameters(e->x265, p);
	return e;
}

static int encode(void *engine, const engine_picture *picture, int64_t number, int idr, engine_unit *unit) {
	hevc *e = engine;
	x265_picture in, out;
	x265_picture_init(e->param, &in);
	in.planes[0] = picture->y;
	in.planes[1] = picture->u;
	in.planes[2] = picture->v;
	in.stride[0] = e->param->sourceWidth;
	in.stride[1] = in.stride[2] = e->param->sourceWidth / 2;
	in.bitDepth = 8;
	in.pts = number;
	in.sliceType = idr ? X265_TYPE_IDR : X265_TYPE_AUTO;
	x265_nal *nals;
	uint32_t count;
	if (x265_encoder_encode(e->x265, &nals, &count, &in, &out) <= 0)
		return -1;
	int length = 0;
	for (uint32_t i = 0; i < count; i++)
		length += nals[i].sizeBytes;
	if (length > e->capacity) {
		e->capacity = 2 * length;
		e->bytes = realloc(e->bytes, e->capacity);
	}
	uint8_t *to = e->bytes;
	for (uint32_t i = 0; i < count; i++) {
		memcpy(to, nals[i].payload, nals[i].sizeBytes);
		to += nals[i].sizeBytes;
	}
	*unit = (engine_unit){e->bytes, length, out.sliceType == X265_TYPE_IDR, (int)(out.frameData.qp + 0.5)};
	return 0;
}

static int change_rate(void *engine, int frame_bits) {
	hevc *e = engine;
	set_rate(e->param, frame_bits);
	return x265_encoder_reconfig(e->x265, e->param) < 0 ? -1 : 0;
}

const engine_kind engine_hevc = {open_hevc, encode, change_rate, NULL, close_hevc};
