// Package media holds the nouns that travel from the app's screen to the player's: a frame in, slices of an
// access unit out, and the time at which each stage finished. It knows no driver and no transport.
//
// Nothing here is safe for concurrent use by itself; each value has one owner at a time, named where it is handed over.
package media

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Size is a picture's width and height in pixels.
type Size struct{ Width, Height int }

// MaxSize bounds each side of a picture: it covers 4K, held upright as well. A codec bounds the area further (H.264
// level 5.2: 36,864 macroblocks, ITU-T H.264 table A-1).
var MaxSize = Size{4096, 4096}

// ErrSize reports a size outside the range that can be streamed.
var ErrSize = errors.New("size out of range")

func (s Size) String() string { return fmt.Sprintf("%dx%d", s.Width, s.Height) }

// Even returns s rounded up to even sides, which 4:2:0 sampling needs.
func (s Size) Even() Size { return Size{(s.Width + 1) &^ 1, (s.Height + 1) &^ 1} }

// Fits reports whether s is no larger than bound in either direction.
func (s Size) Fits(bound Size) bool { return s.Width <= bound.Width && s.Height <= bound.Height }

// Check returns an error that wraps ErrSize unless s lies between 16x16 and MaxSize.
func (s Size) Check() error {
	if s.Width < 16 || s.Height < 16 || !s.Fits(MaxSize) {
		return fmt.Errorf("%w: %v is not between 16x16 and %v", ErrSize, s, MaxSize)
	}
	return nil
}

// ParseSize reads WIDTHxHEIGHT, for example 1280x720.
func ParseSize(text string) (Size, error) {
	width, height, found := strings.Cut(strings.ToLower(text), "x")
	w, errW := strconv.Atoi(width)
	h, errH := strconv.Atoi(height)
	if !found || errW != nil || errH != nil {
		return Size{}, fmt.Errorf("size %q: want WIDTHxHEIGHT, for example 1280x720", text)
	}
	size := Size{w, h}
	return size, size.Check()
}

// Bitrate is a rate in bits per second.
type Bitrate int64

// Common bitrate units.
const (
	BitPerSecond Bitrate = 1
	Kbps                 = 1000 * BitPerSecond
	Mbps                 = 1000 * Kbps
)

func (b Bitrate) String() string {
	switch {
	case b >= Mbps:
		return strconv.FormatFloat(float64(b)/float64(Mbps), 'f', -1, 64) + "M"
	case b >= Kbps:
		return strconv.FormatFloat(float64(b)/float64(Kbps), 'f', -1, 64) + "k"
	}
	return strconv.FormatInt(int64(b), 10)
}

// ParseBitrate reads a number of bits per second with an optional decimal suffix k or M, for example 8M or 2500k.
func ParseBitrate(text string) (Bitrate, error) {
	digits, unit := text, BitPerSecond
	switch {
	case strings.HasSuffix(text, "M"):
		digits, unit = strings.TrimSuffix(text, "M"), Mbps
	case strings.HasSuffix(text, "k"):
		digits, unit = strings.TrimSuffix(text, "k"), Kbps
	}
	value, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(value > 0) || value*float64(unit) > float64(1000*Mbps) {
		return 0, fmt.Errorf("bitrate %q: want bits per second up to 1000M, for example 8M or 2500k", text)
	}
	return Bitrate(value * float64(unit)), nil
}

// Codec names a video coding format as RFC 6381 families do.
type Codec string

// The codecs an edge may send.
const (
	H264 Codec = "h264"
	HEVC Codec = "hevc"
	VP8  Codec = "vp8"
	VP9  Codec = "vp9"
	AV1  Codec = "av1"
)

// MimeType is the codec's registered media type (IANA, video/*).
func (c Codec) MimeType() string {
	switch c {
	case H264:
		return "video/H264"
	case HEVC:
		return "video/H265"
	case VP8:
		return "video/VP8"
	case VP9:
		return "video/VP9"
	case AV1:
		return "video/AV1"
	}
	return ""
}
