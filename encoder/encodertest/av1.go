package encodertest

import (
	"errors"
	"fmt"
	"testing"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// OBU types, AV1 section 6.2.2.
const (
	obuSequenceHeader    = 1
	obuTemporalDelimiter = 2
	obuFrame             = 6
)

// obu is one open bitstream unit.
type obu struct {
	kind    int
	payload []byte
}

// splitOBUs returns the units of a temporal unit in the low-overhead form (section 5.2), where each tells its size.
func splitOBUs(stream []byte) ([]obu, error) {
	var units []obu
	for len(stream) > 0 {
		header := stream[0]
		if header&0x81 != 0 || header&2 == 0 {
			return nil, fmt.Errorf("has an OBU header %08b, without a size or with a reserved bit", header)
		}
		if header&4 != 0 {
			return nil, errors.New("has a layer, which is not expected")
		}
		size, used := 0, 0
		for shift := 0; ; shift += 7 {
			if used++; used >= len(stream) || used > 4 {
				return nil, errors.New("has an OBU whose size ends early")
			}
			size |= int(stream[used]&0x7f) << shift
			if stream[used]&0x80 == 0 {
				break
			}
		}
		rest := stream[1+used:]
		if size > len(rest) {
			return nil, fmt.Errorf("has an OBU of %d bytes where %d are left", size, len(rest))
		}
		units = append(units, obu{int(header >> 3 & 15), rest[:size]})
		stream = rest[size:]
	}
	return units, nil
}

// checkAV1 checks that the slice is one temporal unit with one new frame that is shown, and a sequence header where it is a
// keyframe: a player may begin at any of those.
func checkAV1(t *testing.T, unit *accessUnit, slice media.Slice) {
	t.Helper()
	if !slice.Last {
		t.Error("an AV1 frame comes in pieces")
	}
	units, err := splitOBUs(slice.Data)
	if err != nil {
		t.Fatalf("the temporal unit %v", err)
	}
	frames, sequences := 0, 0
	for i, u := range units {
		switch u.kind {
		case obuTemporalDelimiter:
			if i > 0 {
				t.Error("a second temporal unit in one slice")
			}
		case obuSequenceHeader:
			sequences++
			header, err := parseSequence(u.payload)
			if err != nil {
				t.Fatalf("the sequence header %v", err)
			}
			if header.size != unit.coded {
				t.Errorf("the stream's size is %v, want %v", header.size, unit.coded)
			}
		case obuFrame:
			frames++
			r := bits{data: u.payload}
			if r.u(1) == 1 {
				t.Error("show_existing_frame: no new picture")
			}
			if kind := r.u(2); (kind == 0) != slice.Keyframe {
				t.Errorf("frame_type is %d, the slice's keyframe %v", kind, slice.Keyframe)
			}
			if r.u(1) != 1 {
				t.Error("a frame that is not to be shown")
			}
		default:
			t.Errorf("unexpected OBU type %d", u.kind)
		}
	}
	if frames != 1 || (sequences == 1) != slice.Keyframe {
		t.Errorf("%d frames and %d sequence headers, keyframe %v", frames, sequences, slice.Keyframe)
	}
}

// av1Sequence is what matters to a live player in a sequence header.
type av1Sequence struct {
	profile                     int
	size                        media.Size
	primaries, transfer, matrix int // 2, unspecified, where the stream does not say
	fullRange                   bool
}

// parseSequence reads a sequence header (section 5.5.1) of a live stream: no timing and no operating points but one.
func parseSequence(payload []byte) (av1Sequence, error) {
	r := bits{data: payload}
	s := av1Sequence{profile: r.u(3), primaries: 2, transfer: 2, matrix: 2}
	if still, reduced := r.u(1), r.u(1); still == 1 || reduced == 1 {
		return s, errors.New("is of a still picture")
	}
	if r.u(1) == 1 { // timing_info_present_flag
		return s, errors.New("has timing info, which is not expected")
	}
	delays := r.u(1) // initial_display_delay_present_flag
	if r.u(5) != 0 {
		return s, errors.New("has several operating points")
	}
	r.u(12)         // operating_point_idc
	if r.u(5) > 7 { // seq_level_idx
		r.u(1)
	}
	if delays == 1 && r.u(1) == 1 {
		r.u(4)
	}
	widthBits, heightBits := r.u(4)+1, r.u(4)+1
	s.size = media.Size{Width: r.u(widthBits) + 1, Height: r.u(heightBits) + 1}
	if r.u(1) == 1 { // frame_id_numbers_present_flag
		r.u(4)
		r.u(3)
	}
	r.u(3)           // superblocks, filter_intra, intra_edge_filter
	r.u(4)           // interintra, masked_compound, warped_motion, dual_filter
	if r.u(1) == 1 { // enable_order_hint
		r.u(2)
		s.skipTools(&r)
		r.u(3) // order_hint_bits
	} else {
		s.skipTools(&r)
	}
	r.u(3) // superres, cdef, restoration
	s.readColours(&r)
	if r.overrun {
		return s, errors.New("ends early")
	}
	return s, nil
}

// skipTools reads the choice of screen content tools and of integer motion vectors.
func (*av1Sequence) skipTools(r *bits) {
	forced := 2
	if r.u(1) == 0 { // seq_choose_screen_content_tools
		forced = r.u(1)
	}
	if forced > 0 && r.u(1) == 0 { // seq_choose_integer_mv
		r.u(1)
	}
}

// readColours reads color_config (section 5.5.2) of profile 0.
func (s *av1Sequence) readColours(r *bits) {
	r.u(2) // high_bitdepth, mono_chrome
	if r.u(1) == 1 {
		s.primaries, s.transfer, s.matrix = r.u(8), r.u(8), r.u(8)
	}
	s.fullRange = r.u(1) == 1
}

func checkAV1Headers(t *testing.T, unit []byte, _ encoder.Capabilities) {
	t.Helper()
	units, err := splitOBUs(unit)
	if err != nil {
		t.Fatalf("the first temporal unit %v", err)
	}
	for _, u := range units {
		if u.kind != obuSequenceHeader {
			continue
		}
		s, err := parseSequence(u.payload)
		if err != nil {
			t.Fatalf("the sequence header %v", err)
		}
		if s.profile != 0 {
			t.Errorf("profile %d, want main (0)", s.profile)
		}
		if s.primaries != 6 || s.transfer != 6 || s.matrix != 6 || s.fullRange {
			t.Errorf("colours are %d/%d/%d, full range %v; want BT.601 (6/6/6), limited", s.primaries, s.transfer, s.matrix, s.fullRange)
		}
		return
	}
	t.Error("the first temporal unit has no sequence header")
}
