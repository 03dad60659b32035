//go:build cgo && !nogpl

#include "private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const presets[] = {"ultrafast", "superfast", "veryfast"};

static void log_error(void *opaque, int level, const char *format, va_list arguments) {
	if (level > X264_LOG_ERROR)
		return;
	nl_x264 *e = opaque;
	pthread_mutex_lock(&e->lock);
	int length = vsnprintf(e->error, sizeof e->error, format, arguments);
	if (length > 0 && length < (int)sizeof e->error && e->error[length - 1] == '\n')
		e->error[length - 1] = 0;
	pthread_mutex_unlock(&e->lock);
}

static void on_nal(x264_t *x264, x264_nal_t *nal, void *opaque);
static void *work(void *opaque);

// x264 takes rate and buffer in whole kilobits. One frame of buffer means that no frame may exceed its share.
static void set_rate(x264_param_t *param, int frame_rate, int frame_bits) {
	int kilobits = (int)((int64_t)frame_bits * frame_rate / 1000);
	int buffer = (frame_bits + 500) / 1000;
	param->rc.i_bitrate = param->rc.i_vbv_max_bitrate = kilobits > 0 ? kilobits : 1;
	param->rc.i_vbv_buffer_size = buffer > 0 ? buffer : 1;
}

static int fill_param(nl_x264 *e, const nl_x264_config *config) {
	x264_param_t *p = &e->param;
	if (config->preset < 0 || config->preset >= (int)(sizeof presets / sizeof *presets))
		return -1;
	if (x264_param_default_preset(p, presets[config->preset], "zerolatency") < 0)
		return -1;
	p->pf_log = log_error;
	p->p_log_private = e;
	p->i_log_level = X264_LOG_ERROR;

	p->i_csp = config->yuv444 ? X264_CSP_I444 : X264_CSP_I420;
	p->i_width = config->width;
	p->i_height = config->height;
	p->i_level_idc = config->level_idc;
	p->i_fps_num = config->frame_rate;
	p->i_fps_den = 1;
	p->i_timebase_num = 1;
	p->i_timebase_den = config->frame_rate;
	p->b_vfr_input = 0;

	p->i_threads = config->threads;
	p->b_sliced_threads = 1;
	p->b_annexb = 1;
	p->b_aud = 0;
	p->b_repeat_headers = 1;

	// No keyframe that nobody asked for.
	p->i_keyint_max = X264_KEYINT_MAX_INFINITE;
	p->i_scenecut_threshold = 0;
	p->i_bframe = 0;
	if (config->recovery == NL_RECOVER_REFERENCES)
		p->i_dpb_size = config->references;
	if (config->recovery == NL_RECOVER_REFRESH) {
		p->b_intra_refresh = 1;
		p->i_keyint_max = config->refresh_frames;
	}

	// The choice between the profiles is the player's, not the preset's: 8x8 transforms would need High, which browsers
	// without a hardware decoder do not offer.
	p->analyse.b_transform_8x8 = 0;
	p->b_cabac = config->main_profile;
	if (!config->main_profile)
		p->analyse.i_weighted_pred = X264_WEIGHTP_NONE;

	// BT.601, limited range: what libyuv makes of the screen's pixels (ITU-T H.264 tables E-3 to E-5, value 6).
	p->vui.i_vidformat = 5;
	p->vui.b_fullrange = 0;
	p->vui.i_colorprim = 6;
	p->vui.i_transfer = 6;
	p->vui.i_colmatrix = 6;

	// A quality to aim at, bounded by the buffer of one frame; the same quantiser for easy and hard pictures.
	p->rc.i_rc_method = X264_RC_CRF;
	p->rc.f_rf_constant = config->quality;
	p->rc.f_qcompress = 1.0;
	p->rc.f_vbv_buffer_init = 1.0;
	p->rc.i_lookahead = 0;
	p->rc.b_mb_tree = 0;
	set_rate(p, config->frame_rate, config->frame_bits);

	if (config->overlap)
		p->nalu_process = on_nal;
	return x264_param_apply_profile(p, config->yuv444 ? "high444" : config->main_profile ? "main" : "baseline");
}

nl_x264 *nl_x264_open(const nl_x264_config *config, char *error, int error_size) {
	nl_x264 *e = calloc(1, sizeof *e);
	if (!e) {
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->work, NULL);
	pthread_cond_init(&e->progress, NULL);
	e->frame_bits = config->frame_bits;
	e->macroblocks = ((config->width + 15) / 16) * ((config->height + 15) / 16);
	if (fill_param(e, config) == 0)
		e->x264 = x264_encoder_open(&e->param);
	else
		snprintf(e->error, sizeof e->error, "x264 refuses the preset or the profile");
	if (e->x264) {
		x264_encoder_parameters(e->x264, &e->param);
		if (config->overlap) {
			if (pthread_create(&e->worker, NULL, work, e) == 0)
				e->overlap = 1;
			else
				snprintf(e->error, sizeof e->error, "cannot start a thread");
		}
	}
	if (!e->x264 || e->overlap != config->overlap) {
		snprintf(error, error_size, "%s", e->error[0] ? e->error : "x264_encoder_open failed");
		nl_x264_close(e);
		return NULL;
	}
	return e;
}

void nl_x264_close(nl_x264 *e) {
	if (e->overlap) {
		pthread_mutex_lock(&e->lock);
		e->quit = 1;
		pthread_cond_signal(&e->work);
		pthread_mutex_unlock(&e->lock);
		pthread_join(e->worker, NULL);
	}
	if (e->x264)
		x264_encoder_close(e->x264);
	for (int i = 0; i < MAX_PIECES; i++)
		free(e->slots[i].buffer);
	pthread_cond_destroy(&e->work);
	pthread_cond_destroy(&e->progress);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

int nl_x264_slices(const nl_x264 *e) { return e->param.i_threads; }
const char *nl_x264_error(nl_x264 *e) { return e->error[0] ? e->error : "no reason given"; }
float nl_x264_qp(const nl_x264 *e) { return (float)(e->out.i_qpplus1 - 1); }

static int is_slice(const x264_nal_t *nal) {
	return nal->i_type >= NAL_SLICE && nal->i_type <= NAL_SLICE_IDR;
}

// The SEI in which x264 names itself and its options is 700 bytes of the very first frame, which has better uses for
// them. Intra refresh needs its recovery points.
static int is_waste(const nl_x264 *e, const x264_nal_t *nal) {
	return nal->i_type == NAL_SEI && !e->param.b_intra_refresh;
}

// ---- without overlap: x264 returns all NAL units, back to back in its memory ----

static int collect(nl_x264 *e, x264_nal_t *nals, int count) {
	e->count = e->taken = 0;
	uint8_t *start = NULL;
	int length = 0;
	for (int i = 0; i < count; i++) {
		x264_nal_t *nal = &nals[i];
		if (is_waste(e, nal)) {
			// Close the gap: move what came before up to what follows.
			if (length > 0)
				start = memmove(start + nal->i_payload, start, length);
			continue;
		}
		if (length == 0)
			start = nal->p_payload;
		length += nal->i_payload;
		if (!is_slice(nal))
			continue;
		if (e->count == MAX_PIECES)
			return -1;
		e->pieces[e->count++] = (nl_piece){start, length, nal->i_type == NAL_SLICE_IDR, 0};
		length = 0;
	}
	if (e->count == 0)
		return -1;
	e->pieces[e->count - 1].last = 1;
	return 0;
}

// ---- with overlap ----

static int append(uint8_t **buffer, int *capacity, int used, int more) {
	if (used + more <= *capacity)
		return 0;
	int grown = (used + more) * 2;
	uint8_t *moved = realloc(*buffer, grown);
	if (!moved)
		return -1;
	*buffer = moved;
	*capacity = grown;
	return 0;
}

// on_nal runs on x264's slice threads, for several slices at once and in any order.
static void on_nal(x264_t *x264, x264_nal_t *nal, void *opaque) {
	nl_x264 *e = opaque;
	int bound = nal->i_payload * 3 / 2 + NAL_OVERHEAD;
	if (!is_slice(nal)) { // headers come first, from the worker itself
		if (!is_waste(e, nal) && e->header_length + bound <= (int)sizeof e->header) {
			x264_nal_encode(x264, e->header + e->header_length, nal);
			e->header_length += nal->i_payload;
		}
		return;
	}
	pthread_mutex_lock(&e->lock);
	slot *s = e->used < MAX_PIECES ? &e->slots[e->used++] : NULL;
	pthread_mutex_unlock(&e->lock);
	if (!s)
		return; // begin's accounting finds the picture incomplete
	int head = nal->i_first_mb == 0 ? e->header_length : 0;
	if (append(&s->buffer, &s->capacity, 0, head + bound) < 0)
		return;
	memcpy(s->buffer, e->header, head);
	x264_nal_encode(x264, s->buffer + head, nal);
	pthread_mutex_lock(&e->lock);
	s->length = head + nal->i_payload;
	s->first_mb = nal->i_first_mb;
	s->last_mb = nal->i_last_mb;
	s->keyframe = nal->i_type == NAL_SLICE_IDR;
	s->ready = 1;
	if (s->first_mb == e->next_mb)
		pthread_cond_signal(&e->progress);
	pthread_mutex_unlock(&e->lock);
}

static void *work(void *opaque) {
	nl_x264 *e = opaque;
	pthread_mutex_lock(&e->lock);
	for (;;) {
		while (!e->coding && !e->quit)
			pthread_cond_wait(&e->work, &e->lock);
		if (e->quit)
			break;
		pthread_mutex_unlock(&e->lock);
		x264_nal_t *nals;
		int count;
		int result = x264_encoder_encode(e->x264, &nals, &count, &e->in, &e->out);
		pthread_mutex_lock(&e->lock);
		e->result = result;
		e->coding = 0;
		pthread_cond_signal(&e->progress);
	}
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

// wait_ready waits, with the lock held, for the slice that starts where the last one ended, or for the end of coding.
static slot *wait_ready(nl_x264 *e) {
	for (;;) {
		for (int i = 0; i < e->used; i++)
			if (e->slots[i].ready && e->slots[i].first_mb == e->next_mb)
				return &e->slots[i];
		if (!e->coding)
			return NULL;
		pthread_cond_wait(&e->progress, &e->lock);
	}
}

static int begin_overlapped(nl_x264 *e) {
	pthread_mutex_lock(&e->lock);
	for (int i = 0; i < e->used; i++)
		e->slots[i].ready = 0;
	e->used = e->next_mb = e->header_length = 0;
	e->coding = 1;
	pthread_cond_signal(&e->work);
	// x264 copies the picture before it codes a slice of it, so that once there is one the planes are free.
	slot *first = wait_ready(e);
	pthread_mutex_unlock(&e->lock);
	return first ? 0 : -1;
}

static int next_overlapped(nl_x264 *e, nl_piece *piece) {
	pthread_mutex_lock(&e->lock);
	slot *s = wait_ready(e);
	if (s) {
		*piece = (nl_piece){s->buffer, s->length, s->keyframe, s->last_mb == e->macroblocks - 1};
		e->next_mb = s->last_mb + 1;
		while (piece->last && e->coding) // the worker still tidies up, and the next picture needs it idle
			pthread_cond_wait(&e->progress, &e->lock);
	}
	pthread_mutex_unlock(&e->lock);
	return s ? 0 : -1;
}

// wait_idle waits for the end of a picture whose pieces were not all taken.
static void wait_idle(nl_x264 *e) {
	pthread_mutex_lock(&e->lock);
	while (e->coding)
		pthread_cond_wait(&e->progress, &e->lock);
	pthread_mutex_unlock(&e->lock);
}

// ---- both ----

int nl_x264_begin(nl_x264 *e, uint8_t *y, int y_stride, uint8_t *u, int u_stride, uint8_t *v, int v_stride,
	int64_t pts, int idr, int frame_bits, float quality) {
	if (e->overlap)
		wait_idle(e);
	e->error[0] = 0;
	if (frame_bits != e->frame_bits || quality != e->param.rc.f_rf_constant) {
		set_rate(&e->param, e->param.i_fps_num, frame_bits);
		e->param.rc.f_rf_constant = quality;
		if (x264_encoder_reconfig(e->x264, &e->param) < 0)
			return -1;
		e->frame_bits = frame_bits;
	}
	x264_picture_t *in = &e->in;
	x264_picture_init(in);
	in->i_type = idr ? X264_TYPE_IDR : X264_TYPE_AUTO;
	in->i_pts = pts;
	in->opaque = e;
	in->img.i_csp = e->param.i_csp;
	in->img.i_plane = 3;
	in->img.plane[0] = y;
	in->img.plane[1] = u;
	in->img.plane[2] = v;
	in->img.i_stride[0] = y_stride;
	in->img.i_stride[1] = u_stride;
	in->img.i_stride[2] = v_stride;
	if (e->overlap)
		return begin_overlapped(e);
	x264_nal_t *nals;
	int count;
	if (x264_encoder_encode(e->x264, &nals, &count, in, &e->out) <= 0)
		return -1;
	return collect(e, nals, count);
}

int nl_x264_next(nl_x264 *e, nl_piece *piece) {
	if (e->overlap)
		return next_overlapped(e, piece);
	if (e->taken == e->count)
		return -1;
	*piece = e->pieces[e->taken++];
	return 0;
}

int nl_x264_set_preset(nl_x264 *e, int preset) {
	x264_param_t chosen;
	if (x264_param_default_preset(&chosen, presets[preset], "zerolatency") < 0)
		return -1;
	x264_param_t param = e->param;
	int transform_8x8 = param.analyse.b_transform_8x8, weights = param.analyse.i_weighted_pred;
	param.analyse = chosen.analyse;
	param.analyse.b_transform_8x8 = transform_8x8;
	param.analyse.i_weighted_pred = weights;
	param.i_frame_reference = chosen.i_frame_reference;
	if (x264_encoder_reconfig(e->x264, &param) < 0)
		return -1;
	e->param = param;
	return 0;
}

int nl_x264_invalidate(nl_x264 *e, int64_t pts) { return x264_encoder_invalidate_reference(e->x264, pts); }
