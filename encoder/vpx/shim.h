// A thin layer over libvpx: one call a frame, one piece a frame. No function here calls back into Go, and none keeps a
// pointer that it was given after it has returned.
#ifndef NEARLIGHT_VPX_SHIM_H
#define NEARLIGHT_VPX_SHIM_H

#include <stdint.h>

enum { NL_VPX_VP8, NL_VPX_VP9 };

typedef struct {
	int format;        // NL_VPX_...
	int width, height; // even
	int threads;
	int partitions; // of the tokens, as a power of two; VP8
	int columns;    // of tiles, as a power of two; VP9
	int effort;     // the library's cpu-used: see doc.go
	int kilobits;   // a second
} nl_vpx_config;

// One coded picture.
typedef struct {
	const uint8_t *data;
	int length;
	int keyframe;
	int quantiser; // 0 to 63, as the library says that it was
} nl_vpx_piece;

typedef struct nl_vpx nl_vpx;

// nl_vpx_open returns an encoder, or NULL and a message.
nl_vpx *nl_vpx_open(const nl_vpx_config *config, char *error, int error_size);
void nl_vpx_close(nl_vpx *encoder);
const char *nl_vpx_error(const nl_vpx *encoder);

// nl_vpx_set_rate tells the library the bitrate, on which some of its shortcuts depend; quantisers are the caller's.
int nl_vpx_set_rate(nl_vpx *encoder, int kilobits);
int nl_vpx_set_effort(nl_vpx *encoder, int effort);

// nl_vpx_encode codes one picture with one quantiser (0 to 63) and stores it in *piece, whose data are valid until the
// next call. It returns 0, or a negative number after which nl_vpx_error says why.
int nl_vpx_encode(nl_vpx *encoder, const uint8_t *y, int y_stride, const uint8_t *u, int u_stride, const uint8_t *v,
	int v_stride, int keyframe, int quantiser, nl_vpx_piece *piece);

// nl_vpx_version is the library's.
const char *nl_vpx_version(void);

#endif
