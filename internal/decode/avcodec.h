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
	uint8_t *input; // the access unit, followed by the padding that libavcodec reads past it
	size_t capacity;
} nl_avdecoder;

// nl_avdecoder_open returns 0 or a libavcodec error; *decoder needs nl_avdecoder_close in either case.
int nl_avdecoder_open(nl_avdecoder *decoder, enum AVCodecID codec);

// nl_avdecoder_decode takes one whole access unit and leaves the newest picture in decoder->frame.
int nl_avdecoder_decode(nl_avdecoder *decoder, const uint8_t *data, size_t length);

void nl_avdecoder_close(nl_avdecoder *decoder);

#endif
