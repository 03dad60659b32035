//go:build cgo

#include "shim_internal.h"

#include <string.h>

enum {
	// One keyframe may have as many bits as any other frame: a larger one would arrive later, and its burst is what gets lost.
	KEYFRAME_SCALE = 1,
	// BT.601, limited range, as all our pictures are (ITU-T H.264 tables E-3 to E-5 and H.265 E.3 to E.5, value 6; 5 stands
	// for no analogue video format in particular).
	BT601 = 6, VIDEO_FORMAT_UNSPECIFIED = 5,
};

GUID nl_codec_guid(int codec) {
	switch (codec) {
	case NL_HEVC:
		return NV_ENC_CODEC_HEVC_GUID;
#if NVENCAPI_MAJOR_VERSION >= 12
	case NL_AV1:
		return NV_ENC_CODEC_AV1_GUID;
#endif
	}
	return NV_ENC_CODEC_H264_GUID;
}

static GUID preset(int speed) {
	const GUID presets[] = {NV_ENC_PRESET_P1_GUID, NV_ENC_PRESET_P2_GUID, NV_ENC_PRESET_P3_GUID, NV_ENC_PRESET_P4_GUID};
	return presets[speed];
}

static void fill_rate(const nl_abilities *abilities, const nl_settings *settings, NV_ENC_RC_PARAMS *rate) {
	// Every frame its share, no more: what one frame takes too much, the next one waits for in the network. Constant bitrate
	// with room for one frame is NVENC's word for that.
	rate->rateControlMode = NV_ENC_PARAMS_RC_CBR;
	rate->averageBitRate = rate->maxBitRate = settings->bitrate;
	rate->vbvBufferSize = rate->vbvInitialDelay = abilities->custom_vbv ? settings->bitrate / settings->frame_rate : 0;
	rate->lowDelayKeyFrameScale = KEYFRAME_SCALE;
	// A first look at a quarter of the picture lets the second hit so small a buffer; the fastest preset does without.
	rate->multiPass = settings->speed > 0 ? NV_ENC_TWO_PASS_QUARTER_RESOLUTION : NV_ENC_MULTI_PASS_DISABLED;
	// Nothing that holds a frame back.
	rate->enableLookahead = 0;
	rate->lookaheadDepth = 0;
	rate->zeroReorderDelay = 1;
	rate->enableMinQP = 1;
	rate->minQP.qpIntra = rate->minQP.qpInterP = rate->minQP.qpInterB = settings->finest_qp;
}

// Players are told that nothing is reordered (some hold pictures back otherwise), and the colours.
static void fill_vui(NV_ENC_CONFIG_H264_VUI_PARAMETERS *vui) {
	vui->bitstreamRestrictionFlag = 1;
	vui->videoSignalTypePresentFlag = 1;
	vui->videoFormat = VIDEO_FORMAT_UNSPECIFIED;
	vui->videoFullRangeFlag = 0;
	vui->colourDescriptionPresentFlag = 1;
	vui->colourPrimaries = BT601;
	vui->transferCharacteristics = BT601;
	vui->colourMatrix = BT601;
}

// CHROMA_420 and CHROMA_444 are chroma_format_idc (ITU-T H.264 table 6-1, H.265 table 6-1).
enum { CHROMA_420 = 1, CHROMA_444 = 3 };

// h264_profile is the least that has what is asked: 4:4:4 needs High 4:4:4 Predictive, and 10 bits High 10.
static GUID h264_profile(const nl_settings *settings) {
	if (settings->yuv444)
		return NV_ENC_H264_PROFILE_HIGH_444_GUID;
#if NL_H264_10_BIT
	if (settings->ten_bit)
		return NV_ENC_H264_PROFILE_HIGH_10_GUID;
#endif
	return settings->main_profile ? NV_ENC_H264_PROFILE_MAIN_GUID : NV_ENC_H264_PROFILE_HIGH_GUID;
}

static void fill_h264(const nl_abilities *abilities, const nl_settings *settings, NV_ENC_CONFIG *config) {
	NV_ENC_CONFIG_H264 *h264 = &config->encodeCodecConfig.h264Config;
	int has_8x8 = !settings->main_profile || settings->yuv444 || settings->ten_bit;
	config->profileGUID = h264_profile(settings);
	h264->level = settings->level_idc; // what the player was told
	h264->chromaFormatIDC = settings->yuv444 ? CHROMA_444 : CHROMA_420;
#if NL_H264_10_BIT
	h264->inputBitDepth = NV_ENC_BIT_DEPTH_8;
	h264->outputBitDepth = settings->ten_bit ? NV_ENC_BIT_DEPTH_10 : NV_ENC_BIT_DEPTH_8;
#endif
	h264->idrPeriod = NVENC_INFINITE_GOPLENGTH; // no keyframe that nobody asked for
	h264->repeatSPSPPS = 1;                     // each keyframe is one to start at
	h264->outputAUD = 0;                        // RTP has marks of its own
	h264->outputBufferingPeriodSEI = h264->outputPictureTimingSEI = 0; // with constant bitrate they bring filler along
	h264->enableFillerDataInsertion = 0;
	h264->maxNumRefFrames = settings->recovery == NL_RECOVER_REFERENCES ? settings->references : 1;
	h264->numRefL0 = NV_ENC_NUM_REF_FRAMES_1; // each picture refers to one: what a loss spoils is then known exactly
	h264->sliceMode = 3;                      // sliceModeData counts slices: one, since more cost bits and hardware needs none
	h264->sliceModeData = 1;
	// Fixed, so that no preset changes the headers within a stream.
	h264->entropyCodingMode = abilities->cabac ? NV_ENC_H264_ENTROPY_CODING_MODE_CABAC : NV_ENC_H264_ENTROPY_CODING_MODE_CAVLC;
	h264->adaptiveTransformMode =
		abilities->transform_8x8 && has_8x8 ? NV_ENC_H264_ADAPTIVE_TRANSFORM_ENABLE : NV_ENC_H264_ADAPTIVE_TRANSFORM_DISABLE;
	if (settings->recovery == NL_RECOVER_REFRESH) {
		h264->enableIntraRefresh = 1;
		h264->intraRefreshPeriod = settings->refresh_frames;
		h264->intraRefreshCnt = settings->refresh_frames - 1; // has to be less than the period
		h264->outputRecoveryPointSEI = 1;                     // a decoder may start at a sweep
		h264->singleSliceIntraRefresh = abilities->single_slice_refresh;
		h264->useConstrainedIntraPred = 1; // or fresh blocks would take over what was lost from their neighbours
	}
	fill_vui(&h264->h264VUIParameters);
}

// hevc_profile: the range extensions have 4:4:4 with 8 and with 10 bits, and the driver writes which of them it is.
static GUID hevc_profile(const nl_settings *settings) {
	if (settings->yuv444)
		return NV_ENC_HEVC_PROFILE_FREXT_GUID;
	return settings->ten_bit ? NV_ENC_HEVC_PROFILE_MAIN10_GUID : NV_ENC_HEVC_PROFILE_MAIN_GUID;
}

static void fill_hevc(const nl_abilities *abilities, const nl_settings *settings, NV_ENC_CONFIG *config) {
	NV_ENC_CONFIG_HEVC *hevc = &config->encodeCodecConfig.hevcConfig;
	config->profileGUID = hevc_profile(settings);
	hevc->level = NV_ENC_LEVEL_AUTOSELECT; // nobody is told beforehand
	hevc->tier = NV_ENC_TIER_HEVC_MAIN;
	hevc->chromaFormatIDC = settings->yuv444 ? CHROMA_444 : CHROMA_420;
#if NL_DRIVER_WIDENS
	hevc->inputBitDepth = NV_ENC_BIT_DEPTH_8;
	hevc->outputBitDepth = settings->ten_bit ? NV_ENC_BIT_DEPTH_10 : NV_ENC_BIT_DEPTH_8;
#else
	hevc->pixelBitDepthMinus8 = settings->ten_bit ? 2 : 0;
#endif
	hevc->idrPeriod = NVENC_INFINITE_GOPLENGTH;
	hevc->repeatSPSPPS = 1;
	hevc->outputAUD = 0;
	hevc->outputBufferingPeriodSEI = hevc->outputPictureTimingSEI = 0;
	hevc->enableFillerDataInsertion = 0;
	hevc->maxNumRefFramesInDPB = settings->recovery == NL_RECOVER_REFERENCES ? settings->references : 1;
	hevc->numRefL0 = NV_ENC_NUM_REF_FRAMES_1;
	hevc->sliceMode = 3;
	hevc->sliceModeData = 1;
	if (settings->recovery == NL_RECOVER_REFRESH) {
		hevc->enableIntraRefresh = 1;
		hevc->intraRefreshPeriod = settings->refresh_frames;
		hevc->intraRefreshCnt = settings->refresh_frames - 1;
		hevc->singleSliceIntraRefresh = abilities->single_slice_refresh;
		hevc->useConstrainedIntraPred = 1;
	}
	fill_vui(&hevc->hevcVUIParameters);
}

#if NVENCAPI_MAJOR_VERSION >= 12
static void fill_av1(const nl_settings *settings, NV_ENC_CONFIG *config) {
	NV_ENC_CONFIG_AV1 *av1 = &config->encodeCodecConfig.av1Config;
	config->profileGUID = NV_ENC_AV1_PROFILE_MAIN_GUID;
	av1->level = NV_ENC_LEVEL_AV1_AUTOSELECT;
	av1->tier = NV_ENC_TIER_AV1_0;
	av1->chromaFormatIDC = CHROMA_420;
	av1->idrPeriod = NVENC_INFINITE_GOPLENGTH;
	av1->outputAnnexBFormat = 0; // RTP carries the low-overhead form
	av1->repeatSeqHdr = 1;
	av1->enableBitstreamPadding = 0;
	av1->maxNumRefFramesInDPB = settings->recovery == NL_RECOVER_REFERENCES ? settings->references : 1;
	av1->numFwdRefs = NV_ENC_NUM_REF_FRAMES_1;
	av1->colorPrimaries = BT601;
	av1->transferCharacteristics = BT601;
	av1->matrixCoefficients = BT601;
	av1->colorRange = 0;
	if (settings->recovery == NL_RECOVER_REFRESH) {
		av1->enableIntraRefresh = 1;
		av1->intraRefreshPeriod = settings->refresh_frames;
		av1->intraRefreshCnt = settings->refresh_frames - 1;
	}
}
#endif

// start_from copies the driver's preset, or what was made of it before: rates change many times a second.
static int start_from(nl_nvenc *e, int speed, NV_ENC_CONFIG *config) {
	if (e->begun && speed == e->settings.speed) {
		*config = e->config;
		return 0;
	}
	NV_ENC_PRESET_CONFIG from = {.version = NV_ENC_PRESET_CONFIG_VER, .presetCfg = {.version = NV_ENC_CONFIG_VER}};
	if (nl_note(e, "NvEncGetEncodePresetConfigEx", e->api.nvEncGetEncodePresetConfigEx(e->session, nl_codec_guid(e->codec), preset(speed),
			NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY, &from)))
		return -1;
	*config = from.presetCfg;
	config->version = NV_ENC_CONFIG_VER;
	return 0;
}

int nl_fill(nl_nvenc *e, const nl_settings *settings, NV_ENC_INITIALIZE_PARAMS *params, NV_ENC_CONFIG *config) {
	GUID codec = nl_codec_guid(e->codec);
	if (start_from(e, settings->speed, config))
		return -1;
	config->gopLength = NVENC_INFINITE_GOPLENGTH;
	config->frameIntervalP = 1; // no B frames
	config->frameFieldMode = NV_ENC_PARAMS_FRAME_FIELD_MODE_FRAME;
	fill_rate(&e->abilities, settings, &config->rcParams);
	switch (e->codec) {
	case NL_H264:
		fill_h264(&e->abilities, settings, config);
		break;
	case NL_HEVC:
		fill_hevc(&e->abilities, settings, config);
		break;
#if NVENCAPI_MAJOR_VERSION >= 12
	case NL_AV1:
		fill_av1(settings, config);
		break;
#endif
	}

	memset(params, 0, sizeof *params);
	params->version = NV_ENC_INITIALIZE_PARAMS_VER;
	params->encodeGUID = codec;
	params->presetGUID = preset(settings->speed);
	params->tuningInfo = NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY;
	params->encodeWidth = params->darWidth = settings->width; // square pixels
	params->encodeHeight = params->darHeight = settings->height;
	params->frameRateNum = settings->frame_rate;
	params->frameRateDen = 1;
	params->enablePTD = 1; // the driver decides picture types, and obeys FORCEIDR
	params->enableEncodeAsync = 0;
	if (e->abilities.live_size) {
		params->maxEncodeWidth = settings->max_width;
		params->maxEncodeHeight = settings->max_height;
	}
	params->encodeConfig = config;
	return 0;
}
