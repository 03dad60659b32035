//go:build cgo

#include "shim.h"

#include <stddef.h>

/* opus_encoder_ctl takes any number of arguments, which Go cannot call. */
OpusEncoder *nl_opus_encoder(int rate, int channels, int bitrate, int constant, int loss, int complexity, int *error)
{
	OpusEncoder *encoder = opus_encoder_create(rate, channels, OPUS_APPLICATION_RESTRICTED_LOWDELAY, error);
	if (encoder == NULL)
		return NULL;
	if ((*error = opus_encoder_ctl(encoder, OPUS_SET_BITRATE(bitrate))) == OPUS_OK
	    && (*error = opus_encoder_ctl(encoder, OPUS_SET_VBR(!constant))) == OPUS_OK
	    && (*error = opus_encoder_ctl(encoder, OPUS_SET_VBR_CONSTRAINT(1))) == OPUS_OK
	    && (*error = opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(complexity))) == OPUS_OK
	    && (*error = opus_encoder_ctl(encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_MUSIC))) == OPUS_OK
	    && (*error = opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(loss))) == OPUS_OK)
		return encoder;
	opus_encoder_destroy(encoder);
	return NULL;
}

OpusEncoder *nl_opus_speech_encoder(int rate, int bitrate, int loss, int idle, int *error)
{
	OpusEncoder *encoder = opus_encoder_create(rate, 1, OPUS_APPLICATION_VOIP, error);
	if (encoder == NULL)
		return NULL;
	if ((*error = opus_encoder_ctl(encoder, OPUS_SET_BITRATE(bitrate))) == OPUS_OK
	    && (*error = opus_encoder_ctl(encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE))) == OPUS_OK
	    && (*error = opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(loss > 0))) == OPUS_OK
	    && (*error = opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(loss))) == OPUS_OK
	    && (*error = opus_encoder_ctl(encoder, OPUS_SET_DTX(idle))) == OPUS_OK)
		return encoder;
	opus_encoder_destroy(encoder);
	return NULL;
}
