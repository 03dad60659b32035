package main

import (
	"strings"

	"nearlight/encoder"
	"nearlight/encoder/av1"
	"nearlight/encoder/openh264"
	"nearlight/encoder/vpx"
	"nearlight/encoder/x264"
	"nearlight/internal/decode"
	"nearlight/internal/media"
)

// ladder is every encoder of this program, in order of preference: those that take the least time first.
func ladder() encoder.Ladder {
	return encoder.Ladder{
		{Name: x264.Name, Codec: media.H264, Version: x264.Version(), Open: x264.Open},
		{Name: openh264.Name, Codec: media.H264, Version: openh264.Version(), Open: openh264.Open},
		{Name: vpx.NameVP8, Codec: media.VP8, Version: vpx.Version(), Open: vpx.OpenVP8},
		{Name: vpx.NameVP9, Codec: media.VP9, Version: vpx.Version(), Open: vpx.OpenVP9},
		{Name: av1.Name, Codec: media.AV1, Version: av1.Version(), Open: av1.Open},
	}
}

// builtIn names the libraries that are linked in, and licence the terms under which the binary may be passed on: x264 makes it
// GPL (GPL-2.0-or-later beside Apache-2.0 works only as version 3).
func builtIn() (libraries, licence string) {
	licence = "Apache-2.0"
	var linked []string
	for _, l := range []struct{ name, licence string }{
		{x264.Name, x264.License}, {openh264.Name, openh264.License}, {"libvpx", vpx.License}, {"libaom", av1.License},
		{"libavcodec", decode.License},
	} {
		if l.licence != "" {
			linked = append(linked, l.name+" ("+l.licence+")")
		}
		if strings.HasPrefix(l.licence, "GPL-") {
			licence = "GPL-3.0-or-later"
		}
	}
	if len(linked) == 0 {
		return "no encoder (built without cgo): signaling only", licence
	}
	return strings.Join(linked, ", "), licence
}
