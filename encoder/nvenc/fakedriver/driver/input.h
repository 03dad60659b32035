// How pictures come into the double of NVENC. It proves nothing about a GPU. See books.h.
#ifndef FAKEDRIVER_INPUT_H
#define FAKEDRIVER_INPUT_H

#include "engine.h"

#include <ffnvcodec/nvEncodeAPI.h>
#include <stddef.h>

int input_is_rgb(NV_ENC_BUFFER_FORMAT format);
int input_is_444(NV_ENC_BUFFER_FORMAT format); // planes with a colour sample for each pixel
int input_is_10_bit(NV_ENC_BUFFER_FORMAT format);

// input_bytes is how many bytes a picture takes in rows of pitch.
size_t input_bytes(NV_ENC_BUFFER_FORMAT format, size_t pitch, int height);
size_t input_row(NV_ENC_BUFFER_FORMAT format, int width);

// input_read makes planes of width times height of a picture whose memory has so many rows, in the chroma and depth of to. It
// returns -1 for a format from which it cannot.
int input_read(NV_ENC_BUFFER_FORMAT format, const uint8_t *data, size_t pitch, int rows, int width, int height, engine_picture *to);

#endif
