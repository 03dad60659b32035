// How pictures come into the double of NVENC: RGB becomes BT.601, limited range, as the documentation promises of the real
// one; whether it does is proven by nothing here. See books.h.
#include "input.h"

#include <string.h>

size_t input_row(NV_ENC_BUFFER_FORMAT format, int width) {
	return format == NV_ENC_BUFFER_FORMAT_ARGB || format == NV_ENC_BUFFER_FORMAT_ABGR ? 4 * (size_t)width : (size_t)width;
}

size_t input_bytes(NV_ENC_BUFFER_FORMAT format, size_t pitch, int height) {
	return format == NV_ENC_BUFFER_FORMAT_ARGB || format == NV_ENC_BUFFER_FORMAT_ABGR ? pitch * height : pitch * height * 3 / 2;
}

static void planar(const uint8_t *data, size_t pitch, int rows, int width, int height, engine_picture *to) {
	const uint8_t *u = data + pitch * rows, *v = u + pitch / 2 * (rows / 2);
	for (int y = 0; y < height; y++)
		memcpy(to->y + (size_t)y * width, data + y * pitch, width);
	for (int y = 0; y < height / 2; y++) {
		memcpy(to->u + (size_t)y * (width / 2), u + y * (pitch / 2), width / 2);
		memcpy(to->v + (size_t)y * (width / 2), v + y * (pitch / 2), width / 2);
	}
}

static void semiplanar(const uint8_t *data, size_t pitch, int rows, int width, int height, engine_picture *to) {
	const uint8_t *chroma = data + pitch * rows;
	for (int y = 0; y < height; y++)
		memcpy(to->y + (size_t)y * width, data + y * pitch, width);
	for (int y = 0; y < height / 2; y++)
		for (int x = 0; x < width / 2; x++) {
			to->u[(size_t)y * (width / 2) + x] = chroma[y * pitch + 2 * x];
			to->v[(size_t)y * (width / 2) + x] = chroma[y * pitch + 2 * x + 1];
		}
}

// packed takes four bytes a pixel, red at one offset and blue at another.
static void packed(const uint8_t *data, size_t pitch, int red, int blue, int width, int height, engine_picture *to) {
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++) {
			const uint8_t *p = data + y * pitch + 4 * (size_t)x;
			to->y[(size_t)y * width + x] = (66 * p[red] + 129 * p[1] + 25 * p[blue] + 128) / 256 + 16;
		}
	for (int y = 0; y < height / 2; y++)
		for (int x = 0; x < width / 2; x++) {
			int sum[4] = {0};
			for (int i = 0; i < 4; i++) {
				const uint8_t *p = data + (2 * y + i / 2) * pitch + 4 * (size_t)(2 * x + i % 2);
				for (int c = 0; c < 3; c++)
					sum[c] += p[c];
			}
			int r = sum[red] / 4, g = sum[1] / 4, b = sum[blue] / 4;
			to->u[(size_t)y * (width / 2) + x] = ((-38 * r - 74 * g + 112 * b + 128) >> 8) + 128;
			to->v[(size_t)y * (width / 2) + x] = ((112 * r - 94 * g - 18 * b + 128) >> 8) + 128;
		}
}

int input_read(NV_ENC_BUFFER_FORMAT format, const uint8_t *data, size_t pitch, int rows, int width, int height, engine_picture *to) {
	switch ((int)format) {
	case NV_ENC_BUFFER_FORMAT_IYUV:
		planar(data, pitch, rows, width, height, to);
		return 0;
	case NV_ENC_BUFFER_FORMAT_NV12:
		semiplanar(data, pitch, rows, width, height, to);
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
