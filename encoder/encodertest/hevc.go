package encodertest

import (
	"errors"
	"fmt"
	"testing"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// NAL unit types, ITU-T H.265 table 7-1.
const (
	hevcTrailingR = 1
	hevcIDRRADL   = 19
	hevcIDR       = 20
	hevcVPS       = 32
	hevcSPS       = 33
	hevcPPS       = 34
	hevcPrefixSEI = 39
)

func hevcType(unit []byte) int { return int(unit[0] >> 1 & 63) }

// checkHEVC checks one slice's NAL units, and that a player may begin at a keyframe.
func checkHEVC(t *testing.T, _ *accessUnit, slice media.Slice) {
	t.Helper()
	units, err := splitNALs(slice.Data)
	if err != nil {
		t.Fatalf("a slice %v", err)
	}
	pictures, sets := 0, map[int]int{}
	for _, unit := range units {
		switch kind := hevcType(unit); kind {
		case 0, hevcTrailingR, hevcIDRRADL, hevcIDR:
			if (kind >= hevcIDRRADL) != slice.Keyframe {
				t.Errorf("NAL unit type %d in a slice with Keyframe %v", kind, slice.Keyframe)
			}
			pictures++
		case hevcVPS, hevcSPS, hevcPPS:
			if pictures > 0 {
				t.Errorf("NAL unit type %d after the first slice", kind)
			}
			sets[kind]++
		case hevcPrefixSEI:
		default:
			t.Errorf("unexpected NAL unit type %d", kind)
		}
	}
	if pictures == 0 {
		t.Error("a slice without picture data")
	}
	if slice.Keyframe && len(sets) != 3 {
		t.Errorf("a keyframe with %d kinds of parameter sets, want VPS, SPS and PPS", len(sets))
	}
}

// hevcSequence is what matters to a live player in a sequence parameter set.
type hevcSequence struct {
	profile, chroma, depth      int
	reorderFrames               int
	primaries, transfer, matrix int // 2, unspecified, where the stream does not say
	fullRange                   bool
}

// parseHEVC reads a sequence parameter set without sub-layers and scaling lists (sections 7.3.2.2, 7.3.3 and E.2.1).
func parseHEVC(unit []byte) (hevcSequence, error) {
	s := hevcSequence{primaries: 2, transfer: 2, matrix: 2}
	if len(unit) < 3 {
		return s, errors.New("too short")
	}
	r := bits{data: unescape(unit[2:])}
	r.u(4) // sps_video_parameter_set_id
	if layers := r.u(3); layers != 0 {
		return s, fmt.Errorf("%d sub-layers are not expected", layers)
	}
	r.u(1)
	r.u(2 + 1) // general_profile_space, general_tier_flag
	s.profile = r.u(5)
	r.u(32)    // compatibility
	r.u(4)     // progressive, interlaced, non-packed, frame-only
	r.u(43)    // constraints of later profiles
	r.u(1 + 8) // reserved, general_level_idc
	r.ue()     // sps_seq_parameter_set_id
	if s.chroma = r.ue(); s.chroma == 3 && r.u(1) != 0 {
		return s, errors.New("separate colour planes are not expected")
	}
	r.ue() // width
	r.ue() // height
	if r.u(1) == 1 {
		for range 4 { // conformance window
			r.ue()
		}
	}
	s.depth = 8 + r.ue()
	if chroma := 8 + r.ue(); chroma != s.depth {
		return s, fmt.Errorf("luma has %d bits and chroma %d", s.depth, chroma)
	}
	pocBits := r.ue() + 4
	r.u(1) // sps_sub_layer_ordering_info_present_flag
	r.ue() // sps_max_dec_pic_buffering_minus1
	s.reorderFrames = r.ue()
	r.ue()
	for range 6 { // block and transform sizes
		r.ue()
	}
	if r.u(1) == 1 {
		return s, errors.New("scaling lists are not expected")
	}
	r.u(1 + 1)       // amp, sao
	if r.u(1) == 1 { // pcm
		r.u(4 + 4)
		r.ue()
		r.ue()
		r.u(1)
	}
	skipReferenceSets(&r)
	if r.u(1) == 1 { // long_term_ref_pics_present_flag
		for range r.ue() {
			r.u(pocBits + 1)
		}
	}
	r.u(1 + 1) // temporal mvp, strong intra smoothing
	if r.u(1) == 1 {
		s.readColours(&r)
	}
	if r.overrun {
		return s, errors.New("ends early")
	}
	return s, nil
}

// skipReferenceSets reads the short-term reference picture sets (section 7.3.7).
func skipReferenceSets(r *bits) {
	pictures := 0 // of the set before
	for set := range r.ue() {
		if r.overrun {
			return
		}
		if set > 0 && r.u(1) == 1 { // predicted from the set before
			r.u(1)
			r.ue()
			kept := 0
			for range pictures + 1 {
				used := r.u(1) == 1
				if !used {
					used = r.u(1) == 1 // use_delta_flag
				}
				if used {
					kept++
				}
			}
			pictures = kept
			continue
		}
		pictures = r.ue() + r.ue()
		for range pictures {
			r.ue()
			r.u(1)
		}
	}
}

// readColours reads the beginning of the VUI, as far as the colours.
func (s *hevcSequence) readColours(r *bits) {
	if r.u(1) == 1 && r.u(8) == 255 { // aspect_ratio_idc, Extended_SAR
		r.u(32)
	}
	if r.u(1) == 1 {
		r.u(1)
	}
	if r.u(1) == 1 { // video_signal_type_present_flag
		r.u(3)
		s.fullRange = r.u(1) == 1
		if r.u(1) == 1 {
			s.primaries, s.transfer, s.matrix = r.u(8), r.u(8), r.u(8)
		}
	}
}

// hevcWanted is general_profile_idc (sections A.3.2, A.3.3 and A.3.5), chroma_format_idc and depth of a stream in a sampling.
func hevcWanted(sampling media.Sampling) hevcSequence {
	want := hevcSequence{profile: 1, chroma: 1, depth: 8} // Main
	if sampling.TenBit {
		want.profile, want.depth = 2, 10 // Main 10
	}
	if sampling.Chroma == media.Chroma444 {
		want.profile, want.chroma = 4, 3 // the format range extensions, whatever the depth
	}
	return want
}

// checkHEVCHeaders checks what the first access unit tells of the whole stream.
func checkHEVCHeaders(t *testing.T, unit []byte, capabilities encoder.Capabilities) {
	t.Helper()
	units, err := splitNALs(unit)
	if err != nil {
		t.Fatalf("the first access unit %v", err)
	}
	if hevcType(units[0]) != hevcVPS {
		t.Fatalf("the first access unit begins with NAL unit type %d, not with a video parameter set", hevcType(units[0]))
	}
	for _, u := range units {
		if hevcType(u) != hevcSPS {
			continue
		}
		s, err := parseHEVC(u)
		if err != nil {
			t.Fatalf("sequence parameter set: %v", err)
		}
		if want := hevcWanted(capabilities.Sampling); s.profile != want.profile || s.chroma != want.chroma || s.depth != want.depth {
			t.Errorf("profile %d, chroma format %d, %d bits; want %d, %d, %d", s.profile, s.chroma, s.depth, want.profile, want.chroma, want.depth)
		}
		if s.reorderFrames != 0 {
			t.Errorf("sps_max_num_reorder_pics is %d: a decoder may hold pictures back", s.reorderFrames)
		}
		if s.primaries != 6 || s.transfer != 6 || s.matrix != 6 || s.fullRange {
			t.Errorf("colours are %d/%d/%d, full range %v; want BT.601 (6/6/6), limited", s.primaries, s.transfer, s.matrix, s.fullRange)
		}
		return
	}
	t.Error("the first access unit has no sequence parameter set")
}
