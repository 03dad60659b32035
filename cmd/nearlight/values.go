package main

import (
	"fmt"
	"strconv"
	"strings"

	"nearlight/edge/display"
	"nearlight/internal/media"
	"nearlight/signaling"
)

// sizeValue is a flag of the form 1280x720.
type sizeValue media.Size

func (v *sizeValue) String() string {
	if *v == (sizeValue{}) {
		return "" // not set
	}
	return media.Size(*v).String()
}
func (*sizeValue) Type() string { return "WxH" }
func (v *sizeValue) Set(text string) error {
	size, err := media.ParseSize(text)
	if err == nil {
		*v = sizeValue(size)
	}
	return err
}

// bitrateValue is a flag of the form 8M.
type bitrateValue media.Bitrate

func (v *bitrateValue) String() string { return media.Bitrate(*v).String() }
func (*bitrateValue) Type() string     { return "bits/s" }
func (v *bitrateValue) Set(text string) error {
	bitrate, err := media.ParseBitrate(text)
	if err == nil {
		*v = bitrateValue(bitrate)
	}
	return err
}

// chromaValue is a flag of 420 or 444.
type chromaValue media.Chroma

func (v *chromaValue) String() string { return strings.ReplaceAll(media.Chroma(*v).String(), ":", "") }
func (*chromaValue) Type() string     { return "chroma" }
func (v *chromaValue) Set(text string) error {
	chroma, err := media.ParseChroma(text)
	if err == nil {
		*v = chromaValue(chroma)
	}
	return err
}

// displayValue is a flag that names a kind of display.
type displayValue display.Kind

// offscreen reports that there is no display at all.
func (v displayValue) offscreen() bool { return display.Kind(v) == display.Offscreen }

func (v *displayValue) String() string { return string(*v) }
func (*displayValue) Type() string     { return "kind" }
func (v *displayValue) Set(text string) error {
	kind, err := display.ParseKind(text)
	if err == nil {
		*v = displayValue(kind)
	}
	return err
}

// placeValue is a flag of the form 52.52,13.40, or 52.52,13.40,25 with the kilometres by which it may be wrong.
type placeValue struct{ *signaling.Place }

func (v *placeValue) String() string {
	if v.Place == nil {
		return "" // not set
	}
	text := fmt.Sprintf("%v,%v", v.Latitude, v.Longitude)
	if v.Radius > 0 {
		text += fmt.Sprintf(",%v", v.Radius)
	}
	return text
}
func (*placeValue) Type() string { return "LAT,LON" }
func (v *placeValue) Set(text string) error {
	parts := strings.Split(text, ",")
	if len(parts) != 2 && len(parts) != 3 {
		return fmt.Errorf("want latitude and longitude in degrees, for example 52.52,13.40")
	}
	var numbers [3]float64
	for i, part := range parts {
		number, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil {
			return fmt.Errorf("%q is no number: want latitude and longitude in degrees, for example 52.52,13.40", part)
		}
		numbers[i] = number
	}
	place := &signaling.Place{Latitude: numbers[0], Longitude: numbers[1], Radius: numbers[2]}
	if err := (signaling.Traits{Place: place}).Check(); err != nil {
		return err
	}
	v.Place = place
	return nil
}
