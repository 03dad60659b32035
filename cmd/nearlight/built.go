package main

import (
	"slices"
	"strings"

	"nearlight/encoder"
	"nearlight/encoder/av1"
	"nearlight/encoder/nvenc"
	"nearlight/encoder/openh264"
	"nearlight/encoder/vpx"
	"nearlight/encoder/x264"
	"nearlight/internal/decode"
	"nearlight/internal/media"
	"nearlight/internal/opus"
)

// ladder is every encoder of this program, in order of preference: hardware first, which leaves the processor to the game, then
// those that take the least time; H.264 before other codecs, since every browser decodes it soonest. The folder is where NVIDIA's libraries are, empty for where the system's loader looks.
// NVENC codes H.264 Main, which all browsers decode; an offer names one profile, and High is refused by those that decode
// in software.
func ladder(nvidia string) encoder.Ladder { return newCards(nvidia).ladder() }

// ladder is the program's, with NVENC on these cards.
func (c *cards) ladder() encoder.Ladder {
	candidates := encoder.Ladder{
		{Name: nvenc.Name, Codec: media.H264, Version: nvenc.Version(), Open: c.encoder(media.H264, nvenc.Device.H264)},
		{Name: x264.Name, Codec: media.H264, Version: x264.Version(), Open: x264.Open},
		{Name: openh264.Name, Codec: media.H264, Version: openh264.Version(), Open: openh264.Open},
		{Name: nvenc.NameHEVC, Codec: media.HEVC, Version: nvenc.Version(), Open: c.encoder(media.HEVC, nvenc.Device.HEVC)},
		{Name: nvenc.NameAV1, Codec: media.AV1, Version: nvenc.Version(), Open: c.encoder(media.AV1, nvenc.Device.AV1)},
		{Name: vpx.NameVP8, Codec: media.VP8, Version: vpx.Version(), Open: vpx.OpenVP8},
		{Name: vpx.NameVP9, Codec: media.VP9, Version: vpx.Version(), Open: vpx.OpenVP9},
		{Name: av1.Name, Codec: media.AV1, Version: av1.Version(), Open: av1.Open},
	}
	if !nvenc.HasAV1 {
		candidates = slices.DeleteFunc(candidates, func(c encoder.Candidate) bool { return c.Name == nvenc.NameAV1 })
	}
	return candidates
}

// withoutNVENC is a ladder for machines that have no NVIDIA driver.
func withoutNVENC(l encoder.Ladder) encoder.Ladder {
	return slices.DeleteFunc(slices.Clone(l), func(c encoder.Candidate) bool {
		return c.Name == nvenc.Name || c.Name == nvenc.NameHEVC || c.Name == nvenc.NameAV1
	})
}

// builtIn names the libraries that are linked in, and licence the terms under which the binary may be passed on: x264 makes it
// GPL (GPL-2.0-or-later beside Apache-2.0 works only as version 3).
func builtIn() (libraries, licence string) {
	licence = "Apache-2.0"
	var linked []string
	for _, l := range []struct{ name, licence string }{
		{x264.Name, x264.License}, {openh264.Name, openh264.License}, {"libvpx", vpx.License}, {"libaom", av1.License},
		{"libavcodec", decode.License}, {"libopus", opus.License},
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
