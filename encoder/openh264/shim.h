// A thin layer over libopenh264: one call a frame. No function here calls back into Go, and none keeps a pointer that
// it was given after it has returned.
#ifndef NEARLIGHT_OPENH264_SHIM_H
#define NEARLIGHT_OPENH264_SHIM_H

#include <stdbool.h>
#include <stdint.h>
#include <wels/codec_ver.h>

// One slice with the headers that precede it, Annex B.
typedef struct {
	const uint8_t *data;
	int length;
} nl_piece;

enum {
	NL_MAX_SLICES = 8, // more cost bits and win little
	NL_MAX_PIECES = 64
};

typedef struct {
	int width, height; // even
	int level_idc;
	int slices;     // also threads
	int complexity; // 0 lowest to 2
	int qp;         // of the first picture
} nl_openh264_config;

typedef struct nl_openh264 nl_openh264;

// nl_openh264_open returns an encoder, or NULL and a message.
nl_openh264 *nl_openh264_open(const nl_openh264_config *config, char *error, int error_size);
void nl_openh264_close(nl_openh264 *encoder);
const char *nl_openh264_error(nl_openh264 *encoder);

// nl_openh264_encode codes one picture with one quantiser and returns how many pieces there are, or a negative number.
// The pieces are valid until the next call.
int nl_openh264_encode(nl_openh264 *encoder, const uint8_t *y, int y_stride, const uint8_t *u, int u_stride,
	const uint8_t *v, int v_stride, int idr, int qp, int complexity);
nl_piece nl_openh264_piece(const nl_openh264 *encoder, int index);
int nl_openh264_is_idr(const nl_openh264 *encoder);

#endif
