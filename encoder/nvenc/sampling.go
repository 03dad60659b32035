//go:build cgo

package nvenc

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// checkSampling says why a device does not code in s, by its own word and what this build had headers for. It is nil where it does.
func checkSampling(s media.Sampling, codec media.Codec, a *C.nl_abilities, device string) error {
	full := s.Chroma == media.Chroma444
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", encoder.ErrUnsupported, fmt.Sprintf(format, args...))
	}
	format := C.nl_nvenc_host_format(&C.nl_settings{yuv444: flag(full), ten_bit: flag(s.TenBit)})
	switch {
	case s != (media.Sampling{}) && codec == media.AV1:
		return refuse("AV1 is coded in %v only", media.Sampling{})
	case full && s.TenBit && codec == media.H264:
		return refuse("NVENC codes H.264 in 4:4:4 with 8 bits only")
	case s.TenBit && codec == media.H264 && C.NL_H264_10_BIT == 0:
		return refuse("this build had headers of NVENC API %s, and H.264 with 10 bits came with 13.0", API())
	case full && a.yuv444 == 0:
		return refuse("%s does not code %s in 4:4:4", device, codec)
	case s.TenBit && a.ten_bit == 0:
		return refuse("%s does not code %s with 10 bits", device, codec)
	case a.formats&C.uint(format) == 0:
		return refuse("%s takes no pictures from host memory for %s in %v", device, codec, s)
	}
	return nil
}

// samplings are those that a device codes in.
func samplings(codec media.Codec, a *C.nl_abilities) []media.Sampling {
	var can []media.Sampling
	for _, s := range media.Samplings() {
		if checkSampling(s, codec, a, "") == nil {
			can = append(can, s)
		}
	}
	return can
}

// readsSurfaces reports whether a session can be given pictures on the GPU, which have 8 bits.
func readsSurfaces(s media.Sampling) bool { return !s.TenBit || C.NL_DRIVER_WIDENS != 0 }
