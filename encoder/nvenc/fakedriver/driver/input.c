// How pictures come into the double of NVENC: RGB becomes BT.601, limited range, as the documentation promises of the real
// one; whether it does is proven by nothing here. See books.h.
#include "input.h"

#include <string.h>

int input_is_rgb(NV_ENC_BUFFER_FORMAT format) { return format == NV_ENC_BUFFER_FORMAT_ARGB || format == NV_ENC_BUFFER_FORMAT_ABGR; }

int input_is_444(NV_ENC_BUFFER_FORMAT format) { return format == NV_ENC_BUFFER_FORMAT_YUV444 || format == NV_ENC_BUFFER_FORMAT_YUV444_10BIT; }

int input_is_10_bit(NV_ENC_BUFFER_FORMAT format) {
	return format == NV_ENC_BUFFER_FORMAT_YUV420_10BIT || format == NV_ENC_BUFFER_FORMAT_YUV444_10BIT;
}

size_t input_row(NV_ENC_BUFFER_FORMAT format, int width) {
	return input_is_rgb(format) ? 4 * (size_t)width : (size_t)width << input_is_10_bit(format);
}

size_t input_bytes(NV_ENC_BUFFER_FORMAT format, size_t pitch, int height) {
	if (input_is_rgb(format))
		return pitch * height;
	return input_is_444(format) ? 3 * pitch * height : pitch * height * 3 / 2;
}

// keep is a sample as an engine takes it, of either depth. Ten bits come in the upper ones of 16.
static void keep(const engine_picture *to, uint8_t *plane, size_t at, int deep, const uint8_t *from, size_t sample) {
	unsigned value = deep ? ((const uint16_t *)from)[sample] >> 6 : from[sample];
	if (!to->ten_bit)
		plane[at] = value;
	else
		((uint16_t *)plane)[at] = deep ? value : value << 2;
}

// spread takes a plane whose samples lie step apart, beginning with one of the first.
static void spread(const engine_picture *to, uint8_t *plane, int deep, const uint8_t *from, size_t pitch, int first, int step, int width, int height) {
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			keep(to, plane, (size_t)y * width + x, deep, from + y * pitch, (size_t)x * step + first);
}

static void planar(const uint8_t *data, size_t pitch, int deep, int rows, int width, int height, engine_picture *to) {
	size_t chroma_pitch = to->yuv444 ? pitch : pitch / 2;
	int chroma_rows = to->yuv444 ? rows : rows / 2, chroma_width = to->yuv444 ? width : width / 2, chroma_height = to->yuv444 ? height : height / 2;
	const uint8_t *u = data + pitch * rows, *v = u + chroma_pitch * chroma_rows;
	spread(to, to->y, deep, data, pitch, 0, 1, width, height);
	spread(to, to->u, deep, u, chroma_pitch, 0, 1, chroma_width, chroma_height);
	spread(to, to->v, deep, v, chroma_pitch, 0, 1, chroma_width, chroma_height);
}

static void semiplanar(const uint8_t *data, size_t pitch, int deep, int rows, int width, int height, engine_picture *to) {
	const uint8_t *chroma = data + pitch * rows;
	spread(to, to->y, deep, data, pitch, 0, 1, width, height);
	spread(to, to->u, deep, chroma, pitch, 0, 2, width / 2, height / 2);
	spread(to, to->v, deep, chroma, pitch, 1, 2, width / 2, height / 2);
}

// packed takes four bytes a pixel, red at one offset and blue at another. Colours are the mean of two by two pixels in 4:2:0, and of
// one in 4:4:4.
static void packed(const uint8_t *data, size_t pitch, int red, int blue, int width, int height, engine_picture *to) {
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++) {
			const uint8_t *p = data + y * pitch + 4 * (size_t)x;
			uint8_t luma = (66 * p[red] + 129 * p[1] + 25 * p[blue] + 128) / 256 + 16;
			keep(to, to->y, (size_t)y * width + x, 0, &luma, 0);
		}
	int side = to->yuv444 ? 1 : 2;
	for (int y = 0; y < height / side; y++)
		for (int x = 0; x < width / side; x++) {
			int sum[4] = {0};
			for (int i = 0; i < side * side; i++) {
				const uint8_t *p = data + (side * y + i / side) * pitch + 4 * (size_t)(side * x + i % side);
				for (int c = 0; c < 3; c++)
					sum[c] += p[c];
			}
			int r = sum[red] / (side * side), g = sum[1] / (side * side), b = sum[blue] / (side * side);
			uint8_t u = ((-38 * r - 74 * g + 112 * b + 128) >> 8) + 128, v = ((112 * r - 94 * g - 18 * b + 128) >> 8) + 128;
			size_t at = (size_t)y * (width / side) + x;
			keep(to, to->u, at, 0, &u, 0);
			keep(to, to->v, at, 0, &v, 0);
		}
}

int input_read(NV_ENC_BUFFER_FORMAT format, const uint8_t *data, size_t pitch, int rows, int width, int height, engine_picture *to) {
	int deep = input_is_10_bit(format);
	if (!input_is_rgb(format) && input_is_444(format) != to->yuv444)
		return -1;
	switch ((int)format) {
	case NV_ENC_BUFFER_FORMAT_IYUV:
	case NV_ENC_BUFFER_FORMAT_YUV444:
	case NV_ENC_BUFFER_FORMAT_YUV444_10BIT:
		planar(data, pitch, deep, rows, width, height, to);
		return 0;
	case NV_ENC_BUFFER_FORMAT_NV12:
	case NV_ENC_BUFFER_FORMAT_YUV420_10BIT:
		semiplanar(data, pitch, deep, rows, width, height, to);
		return 0;
	case NV_ENC_BUFFER_FORMAT_ARGB:
		packed(data, pitch, 2, 0, width, height, to);
		return 0;
	case NV_ENC_BUFFER_FORMAT_ABGR:
		packed(data, pitch, 0, 2, width, height, to);
		return 0;
	}
	return -1;
}
