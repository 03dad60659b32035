//go:build cgo

#include "shim.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wels/codec_api.h>

struct nl_openh264 {
	ISVCEncoder *encoder;
	SEncParamExt param;
	SFrameBSInfo info;
	int64_t pictures;
	nl_piece pieces[NL_MAX_PIECES];
	int count;
	pthread_mutex_t lock; // guards error: the library logs from its threads
	char error[256];
};

static void on_trace(void *context, int level, const char *message) {
	nl_openh264 *e = context;
	if (level > WELS_LOG_ERROR)
		return;
	pthread_mutex_lock(&e->lock);
	snprintf(e->error, sizeof e->error, "%s", message);
	pthread_mutex_unlock(&e->lock);
}

static void fill_param(SEncParamExt *p, const nl_openh264_config *config) {
	p->iUsageType = CAMERA_VIDEO_REAL_TIME;
	p->iPicWidth = config->width;
	p->iPicHeight = config->height;
	// The library's own rate control works towards an average over many frames; the quantiser is ours (see package quantiser).
	p->iRCMode = RC_OFF_MODE;
	p->iTargetBitrate = 1000000;
	p->fMaxFrameRate = 60;
	p->bEnableFrameSkip = false;
	p->iComplexityMode = config->complexity;

	p->uiIntraPeriod = 0; // no keyframe that nobody asked for
	p->bEnableSceneChangeDetect = false;
	p->iTemporalLayerNum = 1;
	p->iNumRefFrame = 1;
	p->bEnableLongTermReference = false;
	p->eSpsPpsIdStrategy = CONSTANT_ID;
	p->bEnableDenoise = false;
	p->bEnableBackgroundDetection = false;
	p->bEnableAdaptiveQuant = false;
	p->bEnableFrameCroppingFlag = true;
	p->iEntropyCodingModeFlag = 0;
	p->iMultipleThreadIdc = config->slices;
	p->bUseLoadBalancing = false; // the same input gives the same slices

	p->iSpatialLayerNum = 1;
	SSpatialLayerConfig *layer = &p->sSpatialLayers[0];
	layer->iVideoWidth = config->width;
	layer->iVideoHeight = config->height;
	layer->fFrameRate = p->fMaxFrameRate;
	layer->iSpatialBitrate = p->iTargetBitrate;
	layer->iMaxSpatialBitrate = UNSPECIFIED_BIT_RATE;
	layer->uiProfileIdc = PRO_BASELINE;
	layer->uiLevelIdc = config->level_idc;
	layer->iDLayerQp = config->qp;
	layer->sSliceArgument.uiSliceMode = config->slices > 1 ? SM_FIXEDSLCNUM_SLICE : SM_SINGLE_SLICE;
	layer->sSliceArgument.uiSliceNum = config->slices;

	// BT.601, limited range: what libyuv makes of the screen's pixels.
	layer->bVideoSignalTypePresent = true;
	layer->uiVideoFormat = VF_UNDEF;
	layer->bFullRange = false;
	layer->bColorDescriptionPresent = true;
	layer->uiColorPrimaries = CP_SMPTE170M;
	layer->uiTransferCharacteristics = TRC_SMPTE170M;
	layer->uiColorMatrix = CM_SMPTE170M;
}

nl_openh264 *nl_openh264_open(const nl_openh264_config *config, char *error, int error_size) {
	nl_openh264 *e = calloc(1, sizeof *e);
	if (!e) {
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&e->lock, NULL);
	int code = WelsCreateSVCEncoder(&e->encoder);
	if (code == 0 && e->encoder) {
		int level = WELS_LOG_ERROR;
		WelsTraceCallback callback = on_trace;
		void *context = e;
		(*e->encoder)->SetOption(e->encoder, ENCODER_OPTION_TRACE_LEVEL, &level);
		(*e->encoder)->SetOption(e->encoder, ENCODER_OPTION_TRACE_CALLBACK, &callback);
		(*e->encoder)->SetOption(e->encoder, ENCODER_OPTION_TRACE_CALLBACK_CONTEXT, &context);
		code = (*e->encoder)->GetDefaultParams(e->encoder, &e->param);
		if (code == 0) {
			fill_param(&e->param, config);
			code = (*e->encoder)->InitializeExt(e->encoder, &e->param);
		}
		int format = videoFormatI420;
		if (code == 0)
			code = (*e->encoder)->SetOption(e->encoder, ENCODER_OPTION_DATAFORMAT, &format);
	}
	if (code != 0 || !e->encoder) {
		snprintf(error, error_size, "InitializeExt returned %d: %s", code, e->error);
		nl_openh264_close(e);
		return NULL;
	}
	return e;
}

void nl_openh264_close(nl_openh264 *e) {
	if (e->encoder) {
		(*e->encoder)->Uninitialize(e->encoder);
		WelsDestroySVCEncoder(e->encoder);
	}
	pthread_mutex_destroy(&e->lock);
	free(e);
}

const char *nl_openh264_error(nl_openh264 *e) { return e->error[0] ? e->error : "no reason given"; }
nl_piece nl_openh264_piece(const nl_openh264 *e, int index) { return e->pieces[index]; }
int nl_openh264_is_idr(const nl_openh264 *e) { return e->info.eFrameType == videoFrameTypeIDR; }

// add_layer appends a layer's NAL units, which lie back to back from pBsBuf on. Parameter sets are a layer of their
// own, right before the slices in the same buffer: they become part of the first slice's piece.
static int add_layer(nl_openh264 *e, const SLayerBSInfo *layer, const uint8_t **start, int *length) {
	const uint8_t *at = layer->pBsBuf;
	for (int i = 0; i < layer->iNalCount; i++) {
		if (*length > 0 && *start + *length != at)
			return -1;
		if (*length == 0)
			*start = at;
		*length += layer->pNalLengthInByte[i];
		at += layer->pNalLengthInByte[i];
		if (layer->uiLayerType == NON_VIDEO_CODING_LAYER)
			continue;
		if (e->count == NL_MAX_PIECES)
			return -1;
		e->pieces[e->count++] = (nl_piece){*start, *length};
		*length = 0;
	}
	return 0;
}

static int set_param(nl_openh264 *e, int qp, int complexity) {
	if (qp == e->param.sSpatialLayers[0].iDLayerQp && complexity == (int)e->param.iComplexityMode)
		return 0;
	e->param.sSpatialLayers[0].iDLayerQp = qp;
	e->param.iComplexityMode = complexity;
	return (*e->encoder)->SetOption(e->encoder, ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, &e->param);
}

int nl_openh264_encode(nl_openh264 *e, const uint8_t *y, int y_stride, const uint8_t *u, int u_stride,
	const uint8_t *v, int v_stride, int idr, int qp, int complexity) {
	e->error[0] = 0;
	if (set_param(e, qp, complexity) != 0)
		return -1;
	if (idr && (*e->encoder)->ForceIntraFrame(e->encoder, true) != 0)
		return -1;
	SSourcePicture picture = {
		.iColorFormat = videoFormatI420,
		.iStride = {y_stride, u_stride, v_stride},
		.pData = {(unsigned char *)y, (unsigned char *)u, (unsigned char *)v}, // the library does not write to them
		.iPicWidth = e->param.iPicWidth,
		.iPicHeight = e->param.iPicHeight,
		.uiTimeStamp = e->pictures++ * 1000 / 60,
	};
	if ((*e->encoder)->EncodeFrame(e->encoder, &picture, &e->info) != 0)
		return -1;
	e->count = 0;
	const uint8_t *start = NULL;
	int length = 0;
	for (int i = 0; i < e->info.iLayerNum; i++)
		if (add_layer(e, &e->info.sLayerInfo[i], &start, &length) < 0)
			return -1;
	return e->count > 0 ? e->count : -1;
}
