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

// sort notes what kind of planes a format is, and returns whether it is one.
static int sort(nl_avdecoder *decoder, int format) {
	switch (format) {
	case AV_PIX_FMT_YUV420P:
	case AV_PIX_FMT_YUVJ420P:
		decoder->yuv444 = decoder->ten_bit = 0;
		return 1;
	case AV_PIX_FMT_YUV444P:
	case AV_PIX_FMT_YUVJ444P:
		decoder->yuv444 = 1, decoder->ten_bit = 0;
		return 1;
	case AV_PIX_FMT_YUV420P10:
		decoder->yuv444 = 0, decoder->ten_bit = 1;
		return 1;
	case AV_PIX_FMT_YUV444P10:
		decoder->yuv444 = decoder->ten_bit = 1;
		return 1;
	}
	return 0;
}

static int judge(nl_avdecoder *decoder) {
	const AVFrame *frame = decoder->frame;
	if (!sort(decoder, frame->format))
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
		result = judge(decoder);
	}
	return code == AVERROR(EAGAIN) ? result : code;
}

static uint8_t *narrow_plane(uint8_t *to, const AVFrame *frame, int plane, int width, int height) {
	for (int y = 0; y < height; y++) {
		const uint16_t *from = (const uint16_t *)(frame->data[plane] + (ptrdiff_t)y * frame->linesize[plane]);
		for (int x = 0; x < width; x++) {
			int value = (from[x] + 2) >> 2;
			*to++ = value > 255 ? 255 : value;
		}
	}
	return to;
}

uint8_t *nl_avdecoder_narrow(nl_avdecoder *decoder, int luma_width, int luma_height, int colour_width, int colour_height) {
	size_t need = (size_t)luma_width * luma_height + 2 * (size_t)colour_width * colour_height;
	if (need > decoder->narrow_capacity) {
		av_freep(&decoder->narrow);
		decoder->narrow_capacity = 0;
		decoder->narrow = av_malloc(need);
		if (!decoder->narrow)
			return NULL;
		decoder->narrow_capacity = need;
	}
	uint8_t *to = narrow_plane(decoder->narrow, decoder->frame, 0, luma_width, luma_height);
	to = narrow_plane(to, decoder->frame, 1, colour_width, colour_height);
	narrow_plane(to, decoder->frame, 2, colour_width, colour_height);
	return decoder->narrow;
}

void nl_avdecoder_close(nl_avdecoder *decoder) {
	avcodec_free_context(&decoder->context);
	av_packet_free(&decoder->packet);
	av_frame_free(&decoder->received);
	av_frame_free(&decoder->frame);
	av_freep(&decoder->input);
	av_freep(&decoder->narrow);
	decoder->capacity = 0;
}
