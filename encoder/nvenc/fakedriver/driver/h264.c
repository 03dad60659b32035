// The H.264 half of a double of NVENC, for tests: x264. It proves nothing about a GPU. See books.h.
#include "engine.h"

#include <stdlib.h>
#include <string.h>
#include <x264.h>

typedef struct {
	x264_t *x264;
	x264_param_t param;
} h264;

// A least quantiser that the buffer may raise is x264's constant rate factor, more or less.
static void set_rate(x264_param_t *param, int frame_bits, int min_qp) {
	param->rc.f_rf_constant = min_qp > 1 ? min_qp : 1; // 0 would be lossless
	int buffer = (frame_bits + 500) / 1000;
	param->rc.i_bitrate = param->rc.i_vbv_max_bitrate = (int)((int64_t)frame_bits * param->i_fps_num / 1000);
	param->rc.i_vbv_buffer_size = buffer > 0 ? buffer : 1;
	if (param->rc.i_bitrate < 1)
		param->rc.i_bitrate = param->rc.i_vbv_max_bitrate = 1;
}

static void *open_h264(const engine_settings *s) {
	h264 *e = calloc(1, sizeof *e);
	x264_param_t *p = &e->param;
	x264_param_default_preset(p, "ultrafast", "zerolatency");
	p->i_log_level = X264_LOG_NONE;
	p->i_csp = s->yuv444 ? X264_CSP_I444 : X264_CSP_I420;
	p->i_width = s->width;
	p->i_height = s->height;
	p->i_level_idc = s->level_idc;
	p->i_fps_num = p->i_timebase_den = s->frame_rate;
	p->i_fps_den = p->i_timebase_num = 1;
	p->b_vfr_input = 0;
	p->i_threads = 1;
	p->b_repeat_headers = 1;
	p->i_keyint_max = s->keyframe_interval ? s->keyframe_interval : X264_KEYINT_MAX_INFINITE;
	p->i_scenecut_threshold = 0;
	p->i_bframe = 0;
	if (s->references > 1)
		p->i_dpb_size = s->references;
	if (s->refresh_frames) {
		p->b_intra_refresh = 1;
		p->i_keyint_max = s->refresh_frames;
	}
	p->b_constrained_intra = s->constrained_intra;
	p->b_cabac = s->cabac;
	p->analyse.b_transform_8x8 = s->transform_8x8;
	p->vui.i_vidformat = 5;
	p->vui.b_fullrange = s->full_range;
	p->vui.i_colorprim = s->colours[0];
	p->vui.i_transfer = s->colours[1];
	p->vui.i_colmatrix = s->colours[2];
	p->rc.i_rc_method = X264_RC_CRF;
	p->rc.f_qcompress = 1.0;
	p->rc.f_vbv_buffer_init = 1.0;
	p->rc.i_lookahead = 0;
	p->rc.b_mb_tree = 0;
	set_rate(p, s->frame_bits, s->min_qp);
	if (!s->ten_bit && x264_param_apply_profile(p, s->yuv444 ? "high444" : s->main_profile ? "main" : "high") == 0)
		e->x264 = x264_encoder_open(p);
	if (!e->x264) {
		free(e);
		return NULL;
	}
	x264_encoder_parameters(e->x264, p);
	return e;
}

static int encode(void *engine, const engine_picture *picture, int64_t number, int idr, engine_unit *unit) {
	h264 *e = engine;
	x264_picture_t in, out;
	x264_picture_init(&in);
	in.i_type = idr ? X264_TYPE_IDR : X264_TYPE_AUTO;
	in.i_pts = number;
	in.img.i_csp = e->param.i_csp;
	in.img.i_plane = 3;
	in.img.plane[0] = picture->y;
	in.img.plane[1] = picture->u;
	in.img.plane[2] = picture->v;
	in.img.i_stride[0] = e->param.i_width;
	in.img.i_stride[1] = in.img.i_stride[2] = picture->yuv444 ? e->param.i_width : e->param.i_width / 2;
	x264_nal_t *nals;
	int count;
	if (x264_encoder_encode(e->x264, &nals, &count, &in, &out) <= 0)
		return -1;
	// NVENC does not name itself in the stream, as x264 does in the first access unit; recovery points it does write.
	uint8_t *to = nals[0].p_payload;
	unit->data = to;
	for (int i = 0; i < count; i++) {
		if (nals[i].i_type == NAL_SEI && !e->param.b_intra_refresh)
			continue;
		memmove(to, nals[i].p_payload, nals[i].i_payload);
		to += nals[i].i_payload;
	}
	unit->length = (int)(to - unit->data);
	unit->keyframe = out.i_type == X264_TYPE_IDR;
	unit->qp = out.i_qpplus1 - 1 < 51 ? out.i_qpplus1 - 1 : 51;
	return 0;
}

static int headers(void *engine, uint8_t *to, int size) {
	h264 *e = engine;
	x264_nal_t *nals;
	int count, length = 0;
	if (x264_encoder_headers(e->x264, &nals, &count) < 0)
		return -1;
	for (int i = 0; i < count; i++)
		if (nals[i].i_type != NAL_SEI && length + nals[i].i_payload <= size) {
			memcpy(to + length, nals[i].p_payload, nals[i].i_payload);
			length += nals[i].i_payload;
		}
	return length;
}

static int change_rate(void *engine, int frame_bits, int min_qp) {
	h264 *e = engine;
	set_rate(&e->param, frame_bits, min_qp);
	return x264_encoder_reconfig(e->x264, &e->param);
}

static int invalidate(void *engine, int64_t number) {
	h264 *e = engine;
	return x264_encoder_invalidate_reference(e->x264, number);
}

static void close_h264(void *engine) {
	h264 *e = engine;
	x264_encoder_close(e->x264);
	free(e);
}

const engine_kind engine_h264 = {open_h264, encode, headers, change_rate, invalidate, close_h264};
