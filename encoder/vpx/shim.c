//go:build cgo

#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

// The library wants times, but with its rate control bypassed only their order matters.
enum { TICKS_PER_SECOND = 60 };

struct nl_vpx {
	vpx_codec_ctx_t codec;
	vpx_codec_enc_cfg_t config;
	vpx_image_t image;
	vpx_codec_pts_t pictures;
	int opened;
	char error[256];
};

// fail keeps what the library says of the last call.
static int fail(nl_vpx *e, const char *call) {
	const char *detail = vpx_codec_error_detail(&e->codec);
	snprintf(e->error, sizeof e->error, "%s: %s%s%s", call, vpx_codec_error(&e->codec), detail ? ": " : "", detail ? detail : "");
	return -1;
}

static void fill_config(vpx_codec_enc_cfg_t *c, const nl_vpx_config *config) {
	c->g_w = config->width;
	c->g_h = config->height;
	c->g_threads = config->threads;
	c->g_profile = 0; // 8 bits, 4:2:0: what every browser decodes
	c->g_timebase = (vpx_rational_t){1, TICKS_PER_SECOND};
	c->g_pass = VPX_RC_ONE_PASS;
	c->g_lag_in_frames = 0; // a picture in, a picture out
	// Losses are mended by keyframes; pictures that any loss leaves decodable would cost up to a tenth of the bits.
	c->g_error_resilient = 0;

	c->rc_end_usage = VPX_CBR;
	c->rc_dropframe_thresh = 0;
	c->rc_resize_allowed = 0;
	c->rc_target_bitrate = config->kilobits;
	c->kf_mode = VPX_KF_DISABLED; // no keyframe that nobody asked for
}

// fill_controls sets what both codecs have, then what each has.
static int fill_controls(nl_vpx *e, const nl_vpx_config *config) {
	vpx_codec_ctx_t *codec = &e->codec;
	if (vpx_codec_control(codec, VP8E_SET_CPUUSED, config->effort) ||
		vpx_codec_control(codec, VP8E_SET_ENABLEAUTOALTREF, 0) || // an invisible picture would be one more to send
		vpx_codec_control(codec, VP8E_SET_STATIC_THRESHOLD, 0))   // a still picture gets sharper: nothing is skipped
		return fail(e, "vpx_codec_control");
	if (config->format == NL_VPX_VP8) {
		if (vpx_codec_control(codec, VP8E_SET_NOISE_SENSITIVITY, 0) ||
			vpx_codec_control(codec, VP8E_SET_TOKEN_PARTITIONS, config->partitions))
			return fail(e, "vpx_codec_control");
		return 0;
	}
	if (vpx_codec_control(codec, VP9E_SET_NOISE_SENSITIVITY, 0) ||
		vpx_codec_control(codec, VP9E_SET_TILE_COLUMNS, config->columns) ||
		vpx_codec_control(codec, VP9E_SET_ROW_MT, config->threads > 1) ||
		vpx_codec_control(codec, VP9E_SET_FRAME_PARALLEL_DECODING, 0) || // contexts adapt from picture to picture
		vpx_codec_control(codec, VP9E_SET_AQ_MODE, 0) ||                 // it wins nothing where the quantiser is ours
		// BT.601, limited range: what libyuv makes of the screen's pixels. VP8 knows nothing else.
		vpx_codec_control(codec, VP9E_SET_COLOR_SPACE, VPX_CS_BT_601) ||
		vpx_codec_control(codec, VP9E_SET_COLOR_RANGE, VPX_CR_STUDIO_RANGE))
		return fail(e, "vpx_codec_control");
	return 0;
}

static int open_codec(nl_vpx *e, const nl_vpx_config *config) {
	vpx_codec_iface_t *interface = config->format == NL_VPX_VP9 ? vpx_codec_vp9_cx() : vpx_codec_vp8_cx();
	vpx_codec_err_t code = vpx_codec_enc_config_default(interface, &e->config, 0);
	if (code != VPX_CODEC_OK) {
		snprintf(e->error, sizeof e->error, "vpx_codec_enc_config_default: %s", vpx_codec_err_to_string(code));
		return -1;
	}
	fill_config(&e->config, config);
	if (vpx_codec_enc_init(&e->codec, interface, &e->config, 0) != VPX_CODEC_OK)
		return fail(e, "vpx_codec_enc_init");
	e->opened = 1;
	return fill_controls(e, config);
}

nl_vpx *nl_vpx_open(const nl_vpx_config *config, char *error, int error_size) {
	nl_vpx *e = calloc(1, sizeof *e);
	if (!e) {
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	if (open_codec(e, config) < 0) {
		snprintf(error, error_size, "%s", e->error);
		nl_vpx_close(e);
		return NULL;
	}
	// Only the description is made here; each picture's planes are put into it.
	static uint8_t nowhere[1];
	vpx_img_wrap(&e->image, VPX_IMG_FMT_I420, config->width, config->height, 1, nowhere);
	return e;
}

void nl_vpx_close(nl_vpx *e) {
	if (e->opened)
		vpx_codec_destroy(&e->codec);
	free(e);
}

const char *nl_vpx_error(const nl_vpx *e) { return e->error[0] ? e->error : "no reason given"; }

int nl_vpx_set_rate(nl_vpx *e, int kilobits) {
	e->config.rc_target_bitrate = kilobits;
	return vpx_codec_enc_config_set(&e->codec, &e->config) == VPX_CODEC_OK ? 0 : fail(e, "vpx_codec_enc_config_set");
}

int nl_vpx_set_effort(nl_vpx *e, int effort) {
	return vpx_codec_control(&e->codec, VP8E_SET_CPUUSED, effort) == VPX_CODEC_OK ? 0 : fail(e, "vpx_codec_control");
}

static int set_quantiser(nl_vpx *e, unsigned quantiser) {
	if (e->config.rc_min_quantizer == quantiser && e->config.rc_max_quantizer == quantiser)
		return 0;
	e->config.rc_min_quantizer = e->config.rc_max_quantizer = quantiser;
	return vpx_codec_enc_config_set(&e->codec, &e->config) == VPX_CODEC_OK ? 0 : fail(e, "vpx_codec_enc_config_set");
}

// collect takes the picture that came of the last one put in. There is exactly one, and it is shown: an invisible or a
// dropped one would put sender and receiver out of step.
static int collect(nl_vpx *e, nl_vpx_piece *piece) {
	vpx_codec_iter_t at = NULL;
	const vpx_codec_cx_pkt_t *packet;
	piece->length = 0;
	while ((packet = vpx_codec_get_cx_data(&e->codec, &at))) {
		if (packet->kind != VPX_CODEC_CX_FRAME_PKT)
			continue;
		if (piece->length > 0 || (packet->data.frame.flags & VPX_FRAME_IS_INVISIBLE)) {
			snprintf(e->error, sizeof e->error, "a picture came that is not to be shown");
			return -1;
		}
		piece->data = packet->data.frame.buf;
		piece->length = (int)packet->data.frame.sz;
		piece->keyframe = (packet->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
	}
	if (piece->length == 0) {
		snprintf(e->error, sizeof e->error, "no picture came");
		return -1;
	}
	if (vpx_codec_control(&e->codec, VP8E_GET_LAST_QUANTIZER_64, &piece->quantiser) != VPX_CODEC_OK)
		return fail(e, "vpx_codec_control");
	return 0;
}

int nl_vpx_encode(nl_vpx *e, const uint8_t *y, int y_stride, const uint8_t *u, int u_stride, const uint8_t *v, int v_stride,
	int keyframe, int quantiser, nl_vpx_piece *piece) {
	e->error[0] = 0;
	if (set_quantiser(e, quantiser) < 0)
		return -1;
	// The library does not write to the planes.
	e->image.planes[VPX_PLANE_Y] = (unsigned char *)y;
	e->image.planes[VPX_PLANE_U] = (unsigned char *)u;
	e->image.planes[VPX_PLANE_V] = (unsigned char *)v;
	e->image.stride[VPX_PLANE_Y] = y_stride;
	e->image.stride[VPX_PLANE_U] = u_stride;
	e->image.stride[VPX_PLANE_V] = v_stride;
	vpx_enc_frame_flags_t flags = keyframe ? VPX_EFLAG_FORCE_KF : 0;
	if (vpx_codec_encode(&e->codec, &e->image, e->pictures++, 1, flags, VPX_DL_REALTIME) != VPX_CODEC_OK)
		return fail(e, "vpx_codec_encode");
	return collect(e, piece);
}

const char *nl_vpx_version(void) { return vpx_codec_version_str(); }
