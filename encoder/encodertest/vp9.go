package encodertest

import (
	"errors"
	"testing"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// vp9Header is what matters to a live player in an uncompressed header.
type vp9Header struct {
	profile        int
	showExisting   bool
	inter, shown   bool
	errorResilient bool

	// Of a keyframe.
	colours   int
	fullRange bool
	size      media.Size
}

// parseVP9 reads the beginning of a frame (VP9 section 6.2).
func parseVP9(frame []byte) (vp9Header, error) {
	r := bits{data: frame}
	if r.u(2) != 2 {
		return vp9Header{}, errors.New("has no frame marker")
	}
	h := vp9Header{profile: r.u(1) | r.u(1)<<1}
	if h.profile != 0 {
		return h, errors.New("is of another profile than 0")
	}
	if h.showExisting = r.u(1) == 1; h.showExisting {
		return h, nil
	}
	h.inter, h.shown, h.errorResilient = r.u(1) == 1, r.u(1) == 1, r.u(1) == 1
	if h.inter {
		return h, nil
	}
	if r.u(24) != 0x498342 {
		return h, errors.New("has no sync code")
	}
	if h.colours = r.u(3); h.colours == 7 {
		return h, errors.New("is RGB, which profile 0 does not allow")
	}
	h.fullRange = r.u(1) == 1
	h.size.Width = r.u(16) + 1
	h.size.Height = r.u(16) + 1
	if r.overrun {
		return h, errors.New("ends early")
	}
	return h, nil
}

// checkVP9 checks that the slice is one shown frame, and no superframe (Annex B), which RTP has no form for.
func checkVP9(t *testing.T, unit *accessUnit, slice media.Slice) {
	t.Helper()
	if !slice.Last {
		t.Error("a VP9 frame comes in pieces")
	}
	h, err := parseVP9(slice.Data)
	if err != nil {
		t.Fatalf("the frame %v", err)
	}
	if h.showExisting || !h.shown {
		t.Errorf("show_existing_frame is %v, show_frame %v: want one new picture that is shown", h.showExisting, h.shown)
	}
	if h.inter == slice.Keyframe {
		t.Errorf("the frame's header says inter frame %v, the slice keyframe %v", h.inter, slice.Keyframe)
	}
	if slice.Keyframe && h.size != unit.coded {
		t.Errorf("the keyframe's size is %v, want %v", h.size, unit.coded)
	}
	marker := slice.Data[len(slice.Data)-1]
	index := 2 + (int(marker>>3&3)+1)*(int(marker&7)+1)
	if marker>>5 == 6 && index <= len(slice.Data) && slice.Data[len(slice.Data)-index] == marker {
		t.Errorf("a superframe of %d frames", marker&7+1)
	}
}

func checkVP9Headers(t *testing.T, unit []byte, _ encoder.Capabilities) {
	t.Helper()
	h, err := parseVP9(unit)
	if err != nil {
		t.Fatalf("the first frame %v", err)
	}
	if h.errorResilient {
		t.Error("the stream is error resilient, which costs bits on every frame")
	}
	if h.colours != 1 || h.fullRange {
		t.Errorf("color_space is %d, full range %v; want BT.601 (1), limited", h.colours, h.fullRange)
	}
}
