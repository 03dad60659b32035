// Package opus codes sound for the network and back: stereo at 48 kHz in frames of ten milliseconds, each of which is decoded
// by itself (RFC 6716). The work is libopus's.
//
// Frames are coded by the part of Opus that adds the least delay, CELT (OPUS_APPLICATION_RESTRICTED_LOWDELAY): 2.5 ms of
// look-ahead beside the frame's own length. Its packets hold no forward error correction, which is for speech (RFC 6716 section
// 2.1.7): docs/adr/0021 says what stands in for it. SpeechEncoder and SpeechDecoder are for what a microphone hears, and use the
// whole of Opus.
//
// Encoders and decoders have one user at a time each, and are independent of each other. Neither allocates for a frame.
package opus

import (
	"errors"
	"fmt"
	"time"

	"nearlight/internal/media"
)

// What a frame is. Samples are signed 16-bit, left and right in turn.
const (
	SampleRate   = 48000 // Hz
	Channels     = 2
	FrameTime    = 10 * time.Millisecond
	FrameSamples = int(SampleRate * FrameTime / time.Second) // of each channel
	FrameLength  = FrameSamples * Channels                   // values in all
	// MaxFrame is the longest a coded frame can be, in octets (RFC 6716 section 3.4, requirement 2), with its first octet.
	MaxFrame = 1 + 1275
)

// Bounds of Config.Bitrate.
const (
	minBitrate = 16 * media.Kbps // less is for speech, which this coder is not set for
	maxBitrate = 510 * media.Kbps
	// DefaultBitrate keeps music of a game free of audible loss at frames of 10 ms, and is small beside any picture.
	DefaultBitrate = 128 * media.Kbps
)

// complexity is what libopus may spend, 0 to 10: beyond this one hears no difference at these rates, and a frame takes longer.
const complexity = 5

var (
	// ErrUnavailable reports a build without libopus.
	ErrUnavailable = errors.New("opus unavailable")
	// ErrPacket reports a packet that is no Opus, or whose frames are none of ours.
	ErrPacket = errors.New("damaged opus packet")
	// ErrClosed reports a call after Close.
	ErrClosed = errors.New("opus coder is closed")
)

// Config describes an encoder. Its zero value is useful.
type Config struct {
	Bitrate media.Bitrate // on average; 0 for DefaultBitrate
	// Constant makes all frames equally long. Else a frame that needs more takes it from its neighbours (constrained VBR).
	Constant bool
	// Loss is how many packets of a hundred the decoder is expected to miss: frames depend less on each other, for bits.
	Loss int
}

func (c Config) resolve() (Config, error) {
	if c.Bitrate == 0 {
		c.Bitrate = DefaultBitrate
	}
	switch {
	case c.Bitrate < minBitrate || c.Bitrate > maxBitrate:
		return c, fmt.Errorf("opus at %v: want %v to %v", c.Bitrate, minBitrate, maxBitrate)
	case c.Loss < 0 || c.Loss > 100:
		return c, fmt.Errorf("opus for %d packets lost of 100: want 0 to 100", c.Loss)
	}
	return c, nil
}

// Pause is a packet that holds no sound, for a pause that lasts: its one octet says that it would be a frame of ours, and that
// nothing of it is sent (RFC 6716 sections 3.1 and 3.2.1). A decoder goes on with silence after silence.
var Pause = []byte{configuration<<3 | stereo<<2 | oneFrame}

// The first octet of a packet (RFC 6716 section 3.1).
const (
	configuration = 30 // CELT, all of what one hears, 10 ms
	stereo        = 1
	oneFrame      = 0
)
