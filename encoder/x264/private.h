// What the files of this shim share; Go does not see it.
#ifndef NEARLIGHT_X264_PRIVATE_H
#define NEARLIGHT_X264_PRIVATE_H

#include "shim.h"

#include <pthread.h>
#include <x264.h>

enum {
	MAX_PIECES = 128,     // x264 never cuts finer than one slice a macroblock row of the tallest picture
	NAL_OVERHEAD = 5 + 64 // what x264_nal_encode may write besides 3/2 of the payload
};

// A slice that x264 has finished, in overlap. Its buffer is reused from picture to picture.
typedef struct {
	uint8_t *buffer;
	int capacity, length;
	int first_mb, last_mb;
	int keyframe, ready;
} slot;

struct nl_x264 {
	x264_t *x264;
	x264_param_t param;
	x264_picture_t out;
	int macroblocks;
	int frame_bits;
	char error[256];

	// Without overlap: the pieces of the last picture, inside x264's own memory.
	nl_piece pieces[MAX_PIECES];
	int count, taken;

	// With overlap one worker runs x264_encoder_encode, whose threads fill slots while the caller takes them in order.
	// All below is guarded by lock, but for in, out and header,
	// which belong to the worker while coding is 1: from begin until it is done.
	int overlap;
	pthread_t worker;
	pthread_mutex_t lock;
	pthread_cond_t work, progress;
	int coding, copied, quit, result;
	x264_picture_t in;
	slot slots[MAX_PIECES];
	int used, next_mb;
	uint8_t header[1024];
	int header_length;
};

#endif
