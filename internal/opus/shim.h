#ifndef NEARLIGHT_OPUS_SHIM_H
#define NEARLIGHT_OPUS_SHIM_H

#include <opus.h>

/* Makes an encoder that is set up; NULL with *error set where it cannot be. */
OpusEncoder *nl_opus_encoder(int rate, int channels, int bitrate, int constant, int loss, int complexity, int *error);

/* The same for one channel of speech, with copies of the frame before where loss is above 0, and pauses where idle is set. */
OpusEncoder *nl_opus_speech_encoder(int rate, int bitrate, int loss, int idle, int *error);

#endif
