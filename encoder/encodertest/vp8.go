package encodertest

import (
	"encoding/binary"
	"testing"

	"nearlight/internal/media"
)

// checkVP8 checks the frame header (RFC 6386 section 9.1). VP8 neither reorders nor has a choice of colours, so that
// there is nothing to tell of a stream.
func checkVP8(t *testing.T, unit *accessUnit, slice media.Slice) {
	t.Helper()
	if !slice.Last {
		t.Error("a VP8 frame comes in pieces")
	}
	if len(slice.Data) < 10 {
		t.Fatalf("a frame of %d bytes", len(slice.Data))
	}
	tag := uint32(slice.Data[0]) | uint32(slice.Data[1])<<8 | uint32(slice.Data[2])<<16
	if inter := tag&1 != 0; inter == slice.Keyframe {
		t.Errorf("the frame's tag says inter frame %v, the slice keyframe %v", inter, slice.Keyframe)
	}
	if shown := tag>>4&1 != 0; !shown {
		t.Error("a frame that is not to be shown")
	}
	if first := int(tag >> 5); first+3 > len(slice.Data) {
		t.Errorf("the first partition has %d bytes, the frame %d", first, len(slice.Data))
	}
	if !slice.Keyframe {
		return
	}
	if [3]byte(slice.Data[3:6]) != [3]byte{0x9d, 0x01, 0x2a} {
		t.Errorf("the keyframe's start code is %x", slice.Data[3:6])
	}
	width, height := binary.LittleEndian.Uint16(slice.Data[6:]), binary.LittleEndian.Uint16(slice.Data[8:])
	if size := (media.Size{Width: int(width), Height: int(height)}); size != unit.coded {
		t.Errorf("the keyframe's size is %v (the two highest bits scale), want %v", size, unit.coded)
	}
}
