// Package marker is a small machine-readable block in the top left corner of a frame. It says which instant the frame
// shows and which input it answers, so that latency is measured from the picture itself and not estimated.
//
// # Layout
//
// Cells of 8x8 pixels, 16 columns by 9 rows: 128x72 pixels from the picture's corner, aligned with macroblocks so that
// each survives 4:2:0 sampling and coarse quantisation. A white cell is 1, a black one 0.
//
//	row 0      1010...10, from the left: present or not, and what black and white look like after coding
//	rows 1-8   128 bits, row by row, most significant first:
//	           48 bits  CLOCK_MONOTONIC in microseconds, modulo 2^48
//	           32 bits  sequence of the last input answered (streamer/control), 0 for none
//	           16 bits  frame counter
//	           32 bits  CRC-32 (IEEE 802.3) of the 12 octets before
//
// A cell is read as the mean of its middle 4x4 luma samples; the threshold is half way between row 0's mean black and
// mean white, which must be at least 64 apart. Up to two cells that are wrong as a whole are put right by the sum, and two of row 0 are overlooked: a fast encoder of AV1 leaves
// a flat block as it was in one frame of 25. A frame torn inside the block, or blurred beyond reading, fails the sum.
package marker
