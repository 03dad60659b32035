package opus

import (
	"fmt"
	"time"

	"nearlight/internal/media"
)

// Speech is what a player's microphone sends: one channel, packets of any length that Opus has, made by any of its coders.
const (
	// MaxPacketTime is the most that a packet holds (RFC 6716 section 3.2.5).
	MaxPacketTime = 120 * time.Millisecond
	// MaxPacketSamples is that in samples of each channel.
	MaxPacketSamples = int(SampleRate * MaxPacketTime / time.Second)
	// quantum is what the length of each piece of sound is a multiple of: 2.5 ms, in samples.
	quantum = SampleRate / 400
)

// Samples tells how long a packet's sound is, in samples of each channel, by its first two octets (RFC 6716 sections 3.1 and 3.2). The
// error wraps ErrPacket where they are none of Opus.
func Samples(packet []byte) (int, error) {
	if len(packet) == 0 {
		return 0, fmt.Errorf("%w: it is empty", ErrPacket)
	}
	frames := 1
	switch packet[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(packet) < 2 {
			return 0, fmt.Errorf("%w: its count of frames is missing", ErrPacket)
		}
		frames = int(packet[1] & 0x3f)
	}
	if samples := frames * frameSamples(packet[0]>>3); samples > 0 && samples <= MaxPacketSamples {
		return samples, nil
	}
	return 0, fmt.Errorf("%w: %d frames of configuration %d", ErrPacket, frames, packet[0]>>3)
}

// frameSamples is a configuration's length of a frame (RFC 6716 table 2).
func frameSamples(configuration byte) int {
	const millisecond = SampleRate / 1000
	switch {
	case configuration < 12: // SILK
		return [4]int{10, 20, 40, 60}[configuration&3] * millisecond
	case configuration < 16: // both
		return [2]int{10, 20}[configuration&1] * millisecond
	default: // CELT
		return quantum << (configuration & 3)
	}
}

// Idle reports whether a packet says that its sender has nothing to say for now, and sends next to nothing until it has
// (discontinuous transmission, RFC 6716 section 2.1.9): libopus makes such packets one octet long, or two.
func Idle(packet []byte) bool { return len(packet) <= 2 }

// SpeechConfig describes an encoder of speech. Its zero value is useful.
type SpeechConfig struct {
	Bitrate media.Bitrate // on average; 0 for DefaultSpeechBitrate
	// Loss is how many packets of a hundred the decoder is expected to miss: above 0, packets carry a coarse copy of the one before
	// (in-band forward error correction, RFC 6716 section 2.1.7).
	Loss int
	// Idle sends next to nothing while nobody speaks: Encode returns packets for which Idle holds, of which only one every 400 ms has
	// to be sent.
	Idle bool
}

// DefaultSpeechBitrate is enough for speech in all that one hears of it.
const DefaultSpeechBitrate = 32 * media.Kbps

func (c SpeechConfig) resolve() (SpeechConfig, error) {
	if c.Bitrate == 0 {
		c.Bitrate = DefaultSpeechBitrate
	}
	const least = 6 * media.Kbps // RFC 6716 section 2.1.1
	switch {
	case c.Bitrate < least || c.Bitrate > maxBitrate:
		return c, fmt.Errorf("speech at %v: want %v to %v", c.Bitrate, least, maxBitrate)
	case c.Loss < 0 || c.Loss > 100:
		return c, fmt.Errorf("speech for %d packets lost of 100: want 0 to 100", c.Loss)
	}
	return c, nil
}
