// What codes in the double of NVENC: x264 or x265. It proves nothing about a GPU. See books.h.
#ifndef FAKEDRIVER_ENGINE_H
#define FAKEDRIVER_ENGINE_H

#include <stdint.h>

typedef struct {
	int width, height;
	int frame_rate;
	int frame_bits; // what one frame may have
	int min_qp;
	int keyframe_interval; // 0: none unasked
	int references;        // pictures kept
	int refresh_frames;    // length of a sweep of intra refresh, 0 for none
	int constrained_intra; // intra blocks take nothing from inter blocks
	int colours[3];        // primaries, transfer, matrix
	int full_range;
	int yuv444;  // 4:4:4 in place of 4:2:0
	int ten_bit; // 10 bits a sample in place of 8
	// H.264
	int level_idc, main_profile, cabac, transform_8x8;
} engine_settings;

typedef struct {
	uint8_t *y, *u, *v; // rows without gaps, of samples of two bytes where ten_bit
	int yuv444, ten_bit;
} engine_picture;

typedef struct {
	uint8_t *data; // the engine's, until the next picture
	int length, keyframe, qp;
} engine_unit;

typedef struct {
	void *(*open)(const engine_settings *settings);
	int (*encode)(void *engine, const engine_picture *picture, int64_t number, int idr, engine_unit *unit);
	// headers copies the parameter sets, in at most size bytes, and returns their length.
	int (*headers)(void *engine, uint8_t *to, int size);
	int (*set_rate)(void *engine, int frame_bits, int min_qp);
	int (*invalidate)(void *engine, int64_t number); // NULL where the engine cannot
	void (*close)(void *engine);
} engine_kind;

extern const engine_kind engine_h264, engine_hevc;

#endif
