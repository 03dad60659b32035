//go:build cgo && !nogpl

#include "private.h"

#include <time.h>

static int64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t nl_x264_bare(nl_x264 *e, uint8_t *y, int y_stride, uint8_t *u, int u_stride, uint8_t *v, int v_stride, int64_t pts) {
	int64_t begun = now();
	x264_picture_t in;
	x264_picture_init(&in);
	in.i_pts = pts;
	in.img.i_csp = e->param.i_csp;
	in.img.i_plane = 3;
	in.img.plane[0] = y;
	in.img.plane[1] = u;
	in.img.plane[2] = v;
	in.img.i_stride[0] = y_stride;
	in.img.i_stride[1] = u_stride;
	in.img.i_stride[2] = v_stride;
	x264_nal_t *nals;
	int count;
	if (x264_encoder_encode(e->x264, &nals, &count, &in, &e->out) <= 0)
		return -1;
	return now() - begun;
}
