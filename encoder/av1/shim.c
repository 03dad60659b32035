//go:build cgo

#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <aom/aom_encoder.h>
#include <aom/aomcx.h>

// The library wants times, but with its rate control bypassed only their order matters.
enum { TICKS_PER_SECOND = 60 };

struct nl_av1 {
	aom_codec_ctx_t codec;
	aom_codec_enc_cfg_t config;
	aom_image_t image;
	aom_codec_pts_t pictures;
	int opened;
	char error[256];
};

// fail keeps what the library says of the last call.
static int fail(nl_av1 *e, const char *call) {
	const char *detail = aom_codec_error_detail(&e->codec);
	snprintf(e->error, sizeof e->error, "%s: %s%s%s", call, aom_codec_error(&e->codec), detail ? ": " : "", detail ? detail : "");
	return -1;
}

static void fill_config(aom_codec_enc_cfg_t *c, const nl_av1_config *config) {
	c->g_w = config->width;
	c->g_h = config->height;
	c->g_threads = config->threads;
	c->g_profile = 0; // main: 8 bits, 4:2:0
	c->g_timebase = (aom_rational_t){1, TICKS_PER_SECOND};
	c->g_pass = AOM_RC_ONE_PASS;
	c->g_lag_in_frames = 0; // a picture in, a picture out
	// Losses are mended by keyframes; pictures that any loss leaves decodable would cost bits.
	c->g_error_resilient = 0;

	c->rc_end_usage = AOM_CBR;
	c->rc_dropframe_thresh = 0;
	c->rc_resize_mode = 0;
	c->rc_superres_mode = AOM_SUPERRES_NONE;
	c->rc_target_bitrate = config->kilobits;
	c->kf_mode = AOM_KF_DISABLED; // no keyframe that nobody asked for
}

// What is off below costs more time than it saves bits at these speeds, or is for offline coding.
static int fill_controls(nl_av1 *e, const nl_av1_config *config) {
	const struct {
		int control, value;
	} controls[] = {
		{AOME_SET_CPUUSED, config->effort},
		{AV1E_SET_TILE_COLUMNS, config->columns},
		{AV1E_SET_ROW_MT, config->threads > 1},
		{AV1E_SET_AQ_MODE, 0},      // one quantiser a picture, the one that was chosen
		{AV1E_SET_DELTAQ_MODE, 0},
		{AV1E_SET_NOISE_SENSITIVITY, 0},
		{AV1E_SET_CDF_UPDATE_MODE, 1}, // contexts adapt from picture to picture
		{AV1E_SET_ENABLE_ORDER_HINT, 0}, // nothing is reordered
		{AV1E_SET_ENABLE_GLOBAL_MOTION, 0},
		{AV1E_SET_ENABLE_WARPED_MOTION, 0},
		{AV1E_SET_ENABLE_OBMC, 0},
		{AV1E_SET_ENABLE_TPL_MODEL, 0},
		{AV1E_SET_COEFF_COST_UPD_FREQ, 3},
		{AV1E_SET_MODE_COST_UPD_FREQ, 3},
		{AV1E_SET_MV_COST_UPD_FREQ, 3},
		// BT.601, limited range: what libyuv makes of the screen's pixels.
		{AV1E_SET_COLOR_PRIMARIES, AOM_CICP_CP_BT_601},
		{AV1E_SET_TRANSFER_CHARACTERISTICS, AOM_CICP_TC_BT_601},
		{AV1E_SET_MATRIX_COEFFICIENTS, AOM_CICP_MC_BT_601},
		{AV1E_SET_COLOR_RANGE, AOM_CR_STUDIO_RANGE},
	};
	for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
		if (aom_codec_control(&e->codec, controls[i].control, controls[i].value) != AOM_CODEC_OK)
			return fail(e, "aom_codec_control");
	return 0;
}

static int open_codec(nl_av1 *e, const nl_av1_config *config) {
	aom_codec_iface_t *interface = aom_codec_av1_cx();
	aom_codec_err_t code = aom_codec_enc_config_default(interface, &e->config, AOM_USAGE_REALTIME);
	if (code != AOM_CODEC_OK) {
		snprintf(e->error, sizeof e->error, "aom_codec_enc_config_default: %s", aom_codec_err_to_string(code));
		return -1;
	}
	fill_config(&e->config, config);
	if (aom_codec_enc_init(&e->codec, interface, &e->config, 0) != AOM_CODEC_OK)
		return fail(e, "aom_codec_enc_init");
	e->opened = 1;
	return fill_controls(e, config);
}

nl_av1 *nl_av1_open(const nl_av1_config *config, char *error, int error_size) {
	nl_av1 *e = calloc(1, sizeof *e);
	if (!e) {
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	if (open_codec(e, config) < 0) {
		snprintf(error, error_size, "%s", e->error);
		nl_av1_close(e);
		return NULL;
	}
	// Only the description is made here; each picture's planes are put into it.
	static uint8_t nowhere[1];
	aom_img_wrap(&e->image, AOM_IMG_FMT_I420, config->width, config->height, 1, nowhere);
	return e;
}

void nl_av1_close(nl_av1 *e) {
	if (e->opened)
		aom_codec_destroy(&e->codec);
	free(e);
}

const char *nl_av1_error(const nl_av1 *e) { return e->error[0] ? e->error : "no reason given"; }

int nl_av1_set_rate(nl_av1 *e, int kilobits) {
	e->config.rc_target_bitrate = kilobits;
	return aom_codec_enc_config_set(&e->codec, &e->config) == AOM_CODEC_OK ? 0 : fail(e, "aom_codec_enc_config_set");
}

int nl_av1_set_effort(nl_av1 *e, int effort) {
	return aom_codec_control(&e->codec, AOME_SET_CPUUSED, effort) == AOM_CODEC_OK ? 0 : fail(e, "aom_codec_control");
}

int nl_av1_set_screen(nl_av1 *e, int screen) {
	int content = screen ? AOM_CONTENT_SCREEN : AOM_CONTENT_DEFAULT;
	return aom_codec_control(&e->codec, AV1E_SET_TUNE_CONTENT, content) == AOM_CODEC_OK ? 0 : fail(e, "aom_codec_control");
}

static int set_quantiser(nl_av1 *e, unsigned quantiser) {
	if (e->config.rc_min_quantizer == quantiser && e->config.rc_max_quantizer == quantiser)
		return 0;
	e->config.rc_min_quantizer = e->config.rc_max_quantizer = quantiser;
	return aom_codec_enc_config_set(&e->codec, &e->config) == AOM_CODEC_OK ? 0 : fail(e, "aom_codec_enc_config_set");
}

// collect takes the picture that came of the last one put in. There is exactly one temporal unit, which shows one
// picture by definition (AV1 section 7.5).
static int collect(nl_av1 *e, nl_av1_piece *piece) {
	aom_codec_iter_t at = NULL;
	const aom_codec_cx_pkt_t *packet;
	piece->length = 0;
	while ((packet = aom_codec_get_cx_data(&e->codec, &at))) {
		if (packet->kind != AOM_CODEC_CX_FRAME_PKT)
			continue;
		if (piece->length > 0) {
			snprintf(e->error, sizeof e->error, "more than one temporal unit came");
			return -1;
		}
		piece->data = packet->data.frame.buf;
		piece->length = (int)packet->data.frame.sz;
		piece->keyframe = (packet->data.frame.flags & AOM_FRAME_IS_KEY) != 0;
	}
	if (piece->length == 0) {
		snprintf(e->error, sizeof e->error, "no picture came");
		return -1;
	}
	if (aom_codec_control(&e->codec, AOME_GET_LAST_QUANTIZER_64, &piece->quantiser) != AOM_CODEC_OK)
		return fail(e, "aom_codec_control");
	return 0;
}

int nl_av1_encode(nl_av1 *e, const uint8_t *y, int y_stride, const uint8_t *u, int u_stride, const uint8_t *v, int v_stride,
	int keyframe, int quantiser, nl_av1_piece *piece) {
	e->error[0] = 0;
	if (set_quantiser(e, quantiser) < 0)
		return -1;
	// The library does not write to the planes.
	e->image.planes[AOM_PLANE_Y] = (unsigned char *)y;
	e->image.planes[AOM_PLANE_U] = (unsigned char *)u;
	e->image.planes[AOM_PLANE_V] = (unsigned char *)v;
	e->image.stride[AOM_PLANE_Y] = y_stride;
	e->image.stride[AOM_PLANE_U] = u_stride;
	e->image.stride[AOM_PLANE_V] = v_stride;
	aom_enc_frame_flags_t flags = keyframe ? AOM_EFLAG_FORCE_KF : 0;
	if (aom_codec_encode(&e->codec, &e->image, e->pictures++, 1, flags) != AOM_CODEC_OK)
		return fail(e, "aom_codec_encode");
	return collect(e, piece);
}

const char *nl_av1_version(void) { return aom_codec_version_str(); }
