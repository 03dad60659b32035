#ifndef NEARLIGHT_AVCODEC_H
#define NEARLIGHT_AVCODEC_H

#include <libavcodec/avcodec.h>

enum { NL_MAX_SIDE = 4096 };

// What nl_avdecoder_decode says besides libavcodec's own negative codes.
enum { NL_NO_PICTURE = 0, NL_PICTURE = 1, NL_PICTURE_DAMAGED = 2, NL_PICTURE_FORMAT = 3 };

typedef struct {
	AVCodecContext *context;
	AVPacket *packet;
	AVFrame *received;
	AVFrame *frame; // the picture that was returned last
	// What lies in frame: 4:4:4 in place of 4:2:0, samples of 10 bits in place of 8. The latter are kept here with 8 bits.
	int yuv444, ten_bit;
	uint8_t *narrow;
	size_t narrow_capacity;
	uint8_t *input; // the access unit, followed by the padding that libavcodec reads past it
	size_t capacity;
} nl_avdecoder;

// nl_avdecoder_open returns 0 or a libavcodec error; *decoder needs nl_avdecoder_close in either case.
int nl_avdecoder_open(nl_avdecoder *decoder, enum AVCodecID codec);

// nl_avdecoder_decode takes one whole access unit and leaves the newest picture in decoder->frame.
int nl_avdecoder_decode(nl_avdecoder *decoder, const uint8_t *data, size_t length);

// nl_avdecoder_narrow makes planes of 8 bits, rounded, of a frame of 10, with rows of so many samples; every row there is, and no gaps
// between the planes. It returns NULL without memory. They are good until the next picture.
uint8_t *nl_avdecoder_narrow(nl_avdecoder *decoder, int luma_width, int luma_height, int colour_width, int colour_height);

void nl_avdecoder_close(nl_avdecoder *decoder);

#endif
