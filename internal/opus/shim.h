#ifndef NEARLIGHT_OPUS_SHIM_H
#define NEARLIGHT_OPUS_SHIM_H

#include <opus.h>

/* Makes an encoder that is set up; NULL with *error set where it cannot be. */
OpusEncoder *nl_opus_encoder(int rate, int channels, int bitrate, int constant, int loss, int complexity, int *error);

#endif
