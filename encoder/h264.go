package encoder

import (
	"fmt"
	"runtime"

	"nearlight/internal/media"
)

// Macroblocks is how many 16x16 blocks of H.264 cover a picture.
func Macroblocks(size media.Size) int { return ((size.Width + 15) / 16) * ((size.Height + 15) / 16) }

// WholeMacroblocks is size rounded up to whole macroblocks, what an H.264 stream codes before cropping.
func WholeMacroblocks(size media.Size) media.Size {
	return media.Size{Width: (size.Width + 15) &^ 15, Height: (size.Height + 15) &^ 15}
}

// SliceThreads is Threads, or when that is 0 a core for each 1,800 macroblocks (half of 720p), about two milliseconds'
// work for the fastest encoders: fewer cores would take longer, more would cut the picture into slices that cost bits.
func (c Config) SliceThreads() int {
	const share, most = 1800, 8
	if c.Threads > 0 {
		return c.Threads
	}
	return max(1, min(runtime.GOMAXPROCS(0), Macroblocks(c.Size)/share, most))
}

// level is a row of ITU-T H.264 table A-1, as far as browsers decode and from the level that all of them do.
type level struct {
	idc       int
	perSecond int // macroblocks
	perFrame  int // macroblocks
	buffered  int // macroblocks of all reference pictures
	bitrate   media.Bitrate
}

var levels = [...]level{
	{31, 108_000, 3_600, 18_000, 14_000 * media.Kbps},
	{32, 216_000, 5_120, 20_480, 20_000 * media.Kbps},
	{40, 245_760, 8_192, 32_768, 20_000 * media.Kbps},
	{41, 245_760, 8_192, 32_768, 50_000 * media.Kbps},
	{42, 522_240, 8_704, 34_816, 50_000 * media.Kbps},
	{50, 589_824, 22_080, 110_400, 135_000 * media.Kbps},
	{51, 983_040, 36_864, 184_320, 240_000 * media.Kbps},
	{52, 2_073_600, 36_864, 184_320, 240_000 * media.Kbps},
}

// H264Level returns the lowest level_idc, from 3.1 up, that holds the largest size the stream may grow to at its frame
// rate, with so many reference pictures; the player is told once. A later change of rates may exceed the level's, which
// decoders do not mind. The error wraps ErrUnsupported.
func H264Level(c Config, references int) (int, error) {
	macroblocks := Macroblocks(c.MaxSize)
	for _, l := range levels {
		if macroblocks <= l.perFrame && macroblocks*c.FrameRate <= l.perSecond && macroblocks*references <= l.buffered &&
			c.Bitrate <= l.bitrate && tallest(l, c.MaxSize) {
			return l.idc, nil
		}
	}
	return 0, fmt.Errorf("%w: %v at %d frames per second and %v exceeds H.264 level 5.2", ErrUnsupported, c.MaxSize, c.FrameRate, c.Bitrate)
}

// baselineReferences is how many pictures the drivers keep at the most to fall back on.
const baselineReferences = 8

// BaselineProfileLevelID is what an SDP has to say (RFC 6184 section 8.1) of a stream in constrained baseline, which every
// software driver begins with and every browser decodes. Where the configuration exceeds every level it names the highest.
func BaselineProfileLevelID(c Config) string {
	references := 1
	if c.Recovery == RecoverByReferences {
		references = baselineReferences
	}
	level, err := H264Level(c, references)
	for ; err != nil && references > 1; references-- {
		level, err = H264Level(c, references-1)
	}
	if err != nil {
		level = levels[len(levels)-1].idc
	}
	return fmt.Sprintf("42c0%02x", level)
}

// tallest checks that neither side exceeds sqrt(8*MaxFS) macroblocks (section A.3.1).
func tallest(l level, size media.Size) bool {
	width, height := (size.Width+15)/16, (size.Height+15)/16
	return width*width <= 8*l.perFrame && height*height <= 8*l.perFrame
}
