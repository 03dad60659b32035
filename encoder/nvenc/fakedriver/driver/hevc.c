// The HEVC half of a double of NVENC, for tests: x265, which cannot invalidate references. It proves nothing about a GPU.
// See books.h.
#include "engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <x265.h>

// x265 codes rows again and again to fill a buffer of one frame, and takes no new rate in it. So each picture has the
// quantiser that the pictures before it suggest: the bits double with so many steps of it.
enum { FIRST_QP = 32, LAST_QP = 51, DEBT_PICTURES = 6 };
static const double aim = 0.95, slope = 2, most_up = 3, most_down = 1.5;

typedef struct {
	const x265_api *api; // of the depth that is coded
	x265_encoder *x265;
	x265_param *param;
	int width, min_qp, frame_bits;
	double qp, debt; // debt is bits beyond the shares
	uint8_t *bytes;
	int capacity;
} hevc;

static double clamp(double value, double low, double high) { return value < low ? low : value > high ? high : value; }

static void learn(hevc *e, int bits, int keyframe) {
	double target = clamp(aim * e->frame_bits - e->debt / DEBT_PICTURES, 0.4 * e->frame_bits, 1.1 * e->frame_bits);
	e->debt = clamp(e->debt + bits - aim * e->frame_bits, -e->frame_bits, 20.0 * e->frame_bits);
	if (!keyframe)
		e->qp = clamp(e->qp + clamp(slope * log2((bits + 1) / target), -most_down, most_up), e->min_qp, LAST_QP);
}

static void close_hevc(void *engine) {
	hevc *e = engine;
	if (e->x265)
		e->api->encoder_close(e->x265);
	e->api->param_free(e->param);
	free(e->bytes);
	free(e);
}

static const char *profile(const engine_settings *s) {
	if (s->yuv444)
		return s->ten_bit ? "main444-10" : "main444-8";
	return s->ten_bit ? "main10" : "main";
}

static void *open_hevc(const engine_settings *s) {
	const x265_api *api = x265_api_get(s->ten_bit ? 10 : 8);
	if (!api)
		return NULL;
	hevc *e = calloc(1, sizeof *e);
	e->api = api;
	x265_param *p = e->param = api->param_alloc();
	api->param_default_preset(p, "ultrafast", "zerolatency");
	p->logLevel = X265_LOG_NONE;
	p->sourceWidth = s->width;
	p->sourceHeight = s->height;
	p->internalCsp = s->yuv444 ? X265_CSP_I444 : X265_CSP_I420;
	p->fpsNum = s->frame_rate;
	p->fpsDenom = 1;
	p->frameNumThreads = 1;
	p->bEnableWavefront = 0;
	p->lookaheadThreads = 0;
	api->param_parse(p, "pools", "none");
	// Large blocks, and no care for their looks: a suite of thousands of pictures has to be over soon. (With one size of block
	// alone x265 3.5 reads memory that it has not written.)
	p->maxCUSize = p->maxTUSize = 32;
	p->minCUSize = 16;
	p->psyRd = 0;
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
		p->bEnableTemporalMvp = 0; // vectors of what was lost would come back
		p->keyframeMax = s->refresh_frames;
	}
	p->bEnableConstrainedIntra = s->constrained_intra;
	p->vui.bEnableVideoSignalTypePresentFlag = 1;
	p->vui.videoFormat = 5;
	p->vui.bEnableVideoFullRangeFlag = s->full_range;
	p->vui.bEnableColorDescriptionPresentFlag = 1;
	p->vui.colorPrimaries = s->colours[0];
	p->vui.transferCharacteristics = s->colours[1];
	p->vui.matrixCoeffs = s->colours[2];
	p->rc.rateControlMode = X265_RC_CQP;
	p->rc.qp = FIRST_QP;
	p->rc.cuTree = 0;
	p->rc.aqMode = 0;
	e->width = s->width;
	e->min_qp = s->min_qp;
	e->frame_bits = s->frame_bits;
	e->qp = FIRST_QP;
	if (api->param_apply_profile(p, profile(s)) == 0)
		e->x265 = api->encoder_open(p);
	if (!e->x265) {
		close_hevc(e);
		return NULL;
	}
	api->encoder_parameters(e->x265, p);
	return e;
}

static int encode(void *engine, const engine_picture *picture, int64_t number, int idr, engine_unit *unit) {
	hevc *e = engine;
	x265_picture in, out;
	e->api->picture_init(e->param, &in);
	in.planes[0] = picture->y;
	in.planes[1] = picture->u;
	in.planes[2] = picture->v;
	in.stride[0] = e->width << picture->ten_bit;
	in.stride[1] = in.stride[2] = picture->yuv444 ? in.stride[0] : in.stride[0] / 2;
	in.bitDepth = picture->ten_bit ? 10 : 8;
	in.pts = number;
	in.sliceType = idr ? X265_TYPE_IDR : X265_TYPE_AUTO;
	int qp = (int)(e->qp + 0.5);
	in.forceqp = qp + 1; // 0 stands for none
	x265_nal *nals;
	uint32_t count;
	if (e->api->encoder_encode(e->x265, &nals, &count, &in, &out) <= 0)
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
	*unit = (engine_unit){e->bytes, length, out.sliceType == X265_TYPE_IDR, qp};
	learn(e, 8 * length, unit->keyframe);
	return 0;
}

static int headers(void *engine, uint8_t *to, int size) {
	hevc *e = engine;
	x265_nal *nals;
	uint32_t count;
	int length = 0;
	if (e->api->encoder_headers(e->x265, &nals, &count) < 0)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		if (length + (int)nals[i].sizeBytes <= size) {
			memcpy(to + length, nals[i].payload, nals[i].sizeBytes);
			length += nals[i].sizeBytes;
		}
	return length;
}

static int change_rate(void *engine, int frame_bits, int min_qp) {
	hevc *e = engine;
	e->min_qp = min_qp;
	e->frame_bits = frame_bits;
	return 0;
}

const engine_kind engine_hevc = {open_hevc, encode, headers, change_rate, NULL, close_hevc};
