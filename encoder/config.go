package encoder

import (
	"fmt"
	"slices"

	"nearlight/internal/media"
)

// What drivers accept; outside it they return ErrUnsupported, so that a slip in a unit is found where it was made.
const (
	MaxFrameRate = 240
	MinBitrate   = 50 * media.Kbps
	MaxBitrate   = 500 * media.Mbps
	MaxThreads   = 64
)

// Resolve fills in the defaults and checks every field. A driver that codes in more than 4:2:0 with 8 bits says in what else;
// any other Sampling is refused. The error wraps media.ErrSize or ErrUnsupported.
func (c Config) Resolve(can ...media.Sampling) (Config, error) {
	if c.Sampling != (media.Sampling{}) && !slices.Contains(can, c.Sampling) {
		return c, fmt.Errorf("%w: it does not code in %v", ErrUnsupported, c.Sampling)
	}
	if c.MaxSize == (media.Size{}) {
		c.MaxSize = c.Size
	}
	if c.FrameRate == 0 {
		c.FrameRate = DefaultFrameRate
	}
	if c.Bitrate == 0 {
		c.Bitrate = DefaultBitrate
	}
	if err := c.Size.Check(); err != nil {
		return c, err
	}
	if err := c.MaxSize.Check(); err != nil {
		return c, fmt.Errorf("largest size: %w", err)
	}
	if !c.Size.Fits(c.MaxSize) {
		return c, fmt.Errorf("%w: %v is more than the largest size that was asked for, %v", media.ErrSize, c.Size, c.MaxSize)
	}
	if c.Threads < 0 || c.Threads > MaxThreads {
		return c, fmt.Errorf("%w: %d threads, want 0 to %d", ErrUnsupported, c.Threads, MaxThreads)
	}
	if c.Recovery < RecoverByKeyframe || c.Recovery > RecoverByRefresh {
		return c, fmt.Errorf("%w: recovery %d", ErrUnsupported, c.Recovery)
	}
	return c, checkRates(c.FrameRate, c.Bitrate)
}

// Apply returns c as it is after r, checked like Resolve. Drivers call it before they touch anything.
func (c Config) Apply(r Reconfiguration) (Config, error) {
	if r.Size != (media.Size{}) {
		c.Size = r.Size
	}
	if r.FrameRate != 0 {
		c.FrameRate = r.FrameRate
	}
	if r.Bitrate != 0 {
		c.Bitrate = r.Bitrate
	}
	if r.Speed != nil {
		c.Speed = *r.Speed
	}
	return c.Resolve(c.Sampling) // which stays, and was checked at opening
}

// FrameBits is the one-frame share of the bitrate.
func (c Config) FrameBits() int { return int(c.Bitrate) / c.FrameRate }

// CheckSpeed returns an error that wraps ErrUnsupported unless the driver has preset c.Speed.
func (c Config) CheckSpeed(speeds int) error {
	if c.Speed < 0 || c.Speed >= speeds {
		return fmt.Errorf("%w: speed %d, want 0 to %d", ErrUnsupported, c.Speed, speeds-1)
	}
	return nil
}

func checkRates(frameRate int, bitrate media.Bitrate) error {
	if frameRate < 1 || frameRate > MaxFrameRate {
		return fmt.Errorf("%w: %d frames per second, want 1 to %d", ErrUnsupported, frameRate, MaxFrameRate)
	}
	if bitrate < MinBitrate || bitrate > MaxBitrate {
		return fmt.Errorf("%w: bitrate %v, want %v to %v", ErrUnsupported, bitrate, MinBitrate, MaxBitrate)
	}
	return nil
}
