//go:build cgo && !nogpl

#include "avcodec.h"

#include <string.h>

int nl_avdecoder_open(nl_avdecoder *decoder, enum AVCodecID id) {
	const AVCodec *codec = avcodec_find_decoder(id);
	if (!codec)
		return AVERROR_DECODER_NOT_FOUND;
	decoder->context = avcodec_alloc_context3(codec);
	decoder->packet = av_packet_alloc();
	decoder->received = av_frame_alloc();
	decoder->frame = av_frame_alloc();
	if (!decoder->context || !decoder->packet || !decoder->received || !decoder->frame)
		return AVERROR(ENOMEM);
	// Frame threads would hold pictures back; one thread never does. Reordering is left to the stream's own word, so
	// that a stream which asks for it is seen to.
	decoder->context->thread_count = 1;
	decoder->context->max_pixels = (int64_t)NL_MAX_SIDE * NL_MAX_SIDE;
	decoder->context->err_recognition = AV_EF_BITSTREAM | AV_EF_BUFFER;
	decoder->context->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
	return avcodec_open2(decoder->context, codec, NULL);
}

static int copy_input(nl_avdecoder *decoder, const uint8_t *data, size_t length) {
	size_t need = length + AV_INPUT_BUFFER_PADDING_SIZE;
	if (need > decoder->capacity) {
		size_t capacity = need + need / 2;
		uint8_t *grown = av_realloc(decoder->input, capacity);
		if (!grown)
			return AVERROR(ENOMEM);
		decoder->input = grown;
		decoder->capacity = capacity;
	}
	memcpy(decoder->input, data, length);
	memset(decoder->input + length, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	return 0;
}

static int judge(const AVFrame *frame) {
	if (frame->format != AV_PIX_FMT_YUV420P && frame->format != AV_PIX_FMT_YUVJ420P)
		return NL_PICTURE_FORMAT;
	if (frame->decode_error_flags || (frame->flags & AV_FRAME_FLAG_CORRUPT))
		return NL_PICTURE_DAMAGED;
	return NL_PICTURE;
}

int nl_avdecoder_decode(nl_avdecoder *decoder, const uint8_t *data, size_t length) {
	int code = copy_input(decoder, data, length);
	if (code < 0)
		return code;
	decoder->packet->data = decoder->input;
	decoder->packet->size = (int)length;
	code = avcodec_send_packet(decoder->context, decoder->packet);
	if (code < 0)
		return code;
	int result = NL_NO_PICTURE;
	// More than one picture comes out only of a stream that held some back: the newest is the one to show.
	while ((code = avcodec_receive_frame(decoder->context, decoder->received)) == 0) {
		av_frame_unref(decoder->frame);
		av_frame_move_ref(decoder->frame, decoder->received);
		result = judge(decoder->frame);
	}
	return code == AVERROR(EAGAIN) ? result : code;
}

void nl_avdecoder_close(nl_avdecoder *decoder) {
	avcodec_free_context(&decoder->context);
	av_packet_free(&decoder->packet);
	av_frame_free(&decoder->received);
	av_frame_free(&decoder->frame);
	av_freep(&decoder->input);
	decoder->capacity = 0;
}
