//go:build cgo

#include "shim_internal.h"

#include <string.h>

NV_ENC_BUFFER_FORMAT nl_nvenc_host_format(const nl_settings *settings) {
	if (settings->ten_bit && !NL_DRIVER_WIDENS)
		return settings->yuv444 ? NV_ENC_BUFFER_FORMAT_YUV444_10BIT : NV_ENC_BUFFER_FORMAT_YUV420_10BIT;
	return settings->yuv444 ? NV_ENC_BUFFER_FORMAT_YUV444 : NV_ENC_BUFFER_FORMAT_IYUV;
}

static void copy_plane(uint8_t *to, size_t pitch, const uint8_t *from, int stride, int width, int height) {
	for (int row = 0; row < height; row++)
		memcpy(to + row * pitch, from + (size_t)row * stride, width);
}

// Samples of 10 bits lie in the upper ones of 16. One of 8 bits is made four times as large, which is its place in limited
// range: 16 to 235 becomes 64 to 940 (Rec. ITU-R BT.601-7 section 2.5).
enum { WIDEN = 8 };

// AT_ONCE samples have a loop of their own, whose length the compiler knows: it then moves them by vectors.
enum { AT_ONCE = 16 };

static void widen(uint16_t *restrict to, const uint8_t *restrict from, int width) {
	int x = 0;
	for (; x + AT_ONCE <= width; x += AT_ONCE)
		for (int i = 0; i < AT_ONCE; i++)
			to[x + i] = (uint16_t)(from[x + i] << WIDEN);
	for (; x < width; x++)
		to[x] = (uint16_t)(from[x] << WIDEN);
}

static void widen_plane(uint8_t *to, size_t pitch, const uint8_t *from, int stride, int width, int height) {
	for (int row = 0; row < height; row++)
		widen((uint16_t *)(to + row * pitch), from + (size_t)row * stride, width);
}

static void widen_pairs(uint16_t *restrict to, const uint8_t *restrict u, const uint8_t *restrict v, int width) {
	int x = 0;
	for (; x + AT_ONCE <= width; x += AT_ONCE)
		for (int i = 0; i < AT_ONCE; i++) {
			to[2 * (x + i)] = (uint16_t)(u[x + i] << WIDEN);
			to[2 * (x + i) + 1] = (uint16_t)(v[x + i] << WIDEN);
		}
	for (; x < width; x++) {
		to[2 * x] = (uint16_t)(u[x] << WIDEN);
		to[2 * x + 1] = (uint16_t)(v[x] << WIDEN);
	}
}

void nl_copy_planes(uint8_t *to, size_t pitch, NV_ENC_BUFFER_FORMAT format, const nl_planes *p, int width, int height) {
	uint8_t *second = to + pitch * height;
	switch ((int)format) {
	case NV_ENC_BUFFER_FORMAT_IYUV:
		copy_plane(to, pitch, p->y, p->y_stride, width, height);
		copy_plane(second, pitch / 2, p->u, p->u_stride, width / 2, height / 2);
		copy_plane(second + pitch / 2 * (height / 2), pitch / 2, p->v, p->v_stride, width / 2, height / 2);
		break;
	case NV_ENC_BUFFER_FORMAT_YUV444:
		copy_plane(to, pitch, p->y, p->y_stride, width, height);
		copy_plane(second, pitch, p->u, p->u_stride, width, height);
		copy_plane(second + pitch * height, pitch, p->v, p->v_stride, width, height);
		break;
	case NV_ENC_BUFFER_FORMAT_YUV420_10BIT:
		widen_plane(to, pitch, p->y, p->y_stride, width, height);
		for (int row = 0; row < height / 2; row++)
			widen_pairs((uint16_t *)(second + row * pitch), p->u + (size_t)row * p->u_stride, p->v + (size_t)row * p->v_stride, width / 2);
		break;
	case NV_ENC_BUFFER_FORMAT_YUV444_10BIT:
		widen_plane(to, pitch, p->y, p->y_stride, width, height);
		widen_plane(second, pitch, p->u, p->u_stride, width, height);
		widen_plane(second + pitch * height, pitch, p->v, p->v_stride, width, height);
		break;
	}
}
