package main

import (
	"strings"

	"nearlight/encoder"
	"nearlight/encoder/nvenc"
	"nearlight/encoder/openh264"
	"nearlight/encoder/x264"
	"nearlight/internal/decode"
	"nearlight/internal/media"
)

// ladder is every encoder of this program, in order of preference: hardware first, which leaves the processor to the game. The folder is
// where NVIDIA's libraries are, empty for where the system's loader looks. NVENC codes H.264 Main, which all browsers decode;
// an offer names one profile, and High is refused by those that decode in software.
func ladder(nvidia string) encoder.Ladder {
	return encoder.Ladder{
		{Name: nvenc.Name, Codec: media.H264, Open: nvenc.Device{Libraries: nvidia, Main: true}.H264},
		{Name: x264.Name, Codec: media.H264, Open: x264.Open},
		{Name: openh264.Name, Codec: media.H264, Open: openh264.Open},
	}
}

// builtIn names the libraries that are linked in, and licence the terms under which the binary may be passed on: x264 makes it
// GPL (GPL-2.0-or-later beside Apache-2.0 works only as version 3).
func builtIn() (libraries, licence string) {
	licence = "Apache-2.0"
	var linked []string
	for _, l := range []struct{ name, licence string }{
		{x264.Name, x264.License}, {openh264.Name, openh264.License}, {"libavcodec", decode.License},
	} {
		if l.licence != "" {
			linked = append(linked, l.name+" ("+l.licence+")")
		}
		if strings.HasPrefix(l.licence, "GPL-") {
			licence = "GPL-3.0-or-later"
		}
	}
	if api := nvenc.API(); api != "" { // NVIDIA's own code is opened at run time, and no part of the binary
		known := "H.264, HEVC, AV1"
		if !nvenc.HasAV1 {
			known = "H.264, HEVC; headers of API 12.0 would add AV1"
		}
		linked = append(linked, nvenc.Name+" (API "+api+", opened at run time: "+known+")")
	}
	if len(linked) == 0 {
		return "no encoder (built without cgo): signaling only", licence
	}
	return strings.Join(linked, ", "), licence
}
