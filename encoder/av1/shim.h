// A thin layer over libaom: one call a frame, one piece a frame. No function here calls back into Go, and none keeps a
// pointer that it was given after it has returned.
#ifndef NEARLIGHT_AV1_SHIM_H
#define NEARLIGHT_AV1_SHIM_H

#include <stdint.h>

typedef struct {
	int width, height; // even
	int threads;
	int columns;  // of tiles, as a power of two
	int effort;   // the library's cpu-used: 5 to 10, the fastest
	int kilobits; // a second
} nl_av1_config;

// One coded picture.
typedef struct {
	const uint8_t *data;
	int length;
	int keyframe;
	int quantiser; // 0 to 63, as the library says that it was
} nl_av1_piece;

typedef struct nl_av1 nl_av1;

// nl_av1_open returns an encoder, or NULL and a message.
nl_av1 *nl_av1_open(const nl_av1_config *config, char *error, int error_size);
void nl_av1_close(nl_av1 *encoder);
const char *nl_av1_error(const nl_av1 *encoder);

// nl_av1_set_rate tells the library the bitrate, on which some of its shortcuts depend; quantisers are the caller's.
int nl_av1_set_rate(nl_av1 *encoder, int kilobits);
int nl_av1_set_effort(nl_av1 *encoder, int effort);

// nl_av1_set_screen turns the tools for text and menus on or off, from the next keyframe on.
int nl_av1_set_screen(nl_av1 *encoder, int screen);

// nl_av1_encode codes one picture with one quantiser (0 to 63) and stores it in *piece, whose data are valid until the
// next call. It returns 0, or a negative number after which nl_av1_error says why.
int nl_av1_encode(nl_av1 *encoder, const uint8_t *y, int y_stride, const uint8_t *u, int u_stride, const uint8_t *v,
	int v_stride, int keyframe, int quantiser, nl_av1_piece *piece);

// nl_av1_version is the library's.
const char *nl_av1_version(void);

#endif
