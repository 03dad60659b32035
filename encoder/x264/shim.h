// A thin layer over libx264: one call a frame, pieces of the access unit in decoding order. No function here calls
// back into Go, and none keeps a pointer that it was given after it has returned.
#ifndef NEARLIGHT_X264_SHIM_H
#define NEARLIGHT_X264_SHIM_H

#include <stdint.h>
#include <x264_config.h>

#define NL_X264_VERSION X264_POINTVER

// One slice with the headers that precede it, Annex B.
typedef struct {
	const uint8_t *data;
	int length;
	int keyframe; // part of an IDR picture
	int last;
} nl_piece;

enum { NL_RECOVER_KEYFRAME, NL_RECOVER_REFERENCES, NL_RECOVER_REFRESH };

typedef struct {
	int width, height; // even
	int level_idc;
	int frame_rate;
	int frame_bits; // budget of one frame
	int threads;
	int preset;        // index into x264's own list, 0 is ultrafast
	int main_profile;  // CABAC and weighted prediction; 0: constrained baseline
	int yuv444;        // coded in 4:4:4, in profile High 4:4:4 Predictive; main_profile then stands for CABAC alone
	int recovery;      // NL_RECOVER_...
	int references;    // pictures kept to fall back on, with NL_RECOVER_REFERENCES
	int refresh_frames; // length of a sweep, with NL_RECOVER_REFRESH
	int overlap;       // hand out slices while later ones are being coded
	float quality;     // quantiser to aim at
} nl_x264_config;

typedef struct nl_x264 nl_x264;

// nl_x264_open returns an encoder, or NULL and a message.
nl_x264 *nl_x264_open(const nl_x264_config *config, char *error, int error_size);
void nl_x264_close(nl_x264 *encoder);

int nl_x264_slices(const nl_x264 *encoder);
const char *nl_x264_error(nl_x264 *encoder);

// nl_x264_begin codes one picture. It returns once the first piece is there (all of them without overlap), or a
// negative number. The planes are read only until it returns. The picture gets the quality given (a quantiser) if frame_bits
// allow it, and no better one.
int nl_x264_begin(nl_x264 *encoder, uint8_t *y, int y_stride, uint8_t *u, int u_stride, uint8_t *v, int v_stride,
	int64_t pts, int idr, int frame_bits, float quality);

// nl_x264_next stores the next piece, waiting for it with overlap. It returns 0, or a negative number if coding failed.
int nl_x264_next(nl_x264 *encoder, nl_piece *piece);

// nl_x264_qp is the last picture's average quantiser, once its last piece has been taken.
float nl_x264_qp(const nl_x264 *encoder);

// nl_x264_set_preset switches to another preset with the same headers.
int nl_x264_set_preset(nl_x264 *encoder, int preset);
int nl_x264_invalidate(nl_x264 *encoder, int64_t pts);

// nl_x264_bare codes one picture as a plain C program would, and returns how many nanoseconds that took, or a negative
// number. It is what the way through Go is compared with; an encoder that was used so is used in no other way.
int64_t nl_x264_bare(nl_x264 *encoder, uint8_t *y, int y_stride, uint8_t *u, int u_stride, uint8_t *v, int v_stride, int64_t pts);

#endif
