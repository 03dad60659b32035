package encodertest

import (
	"bytes"
	"errors"
	"fmt"
)

// NAL unit types, ITU-T H.264 table 7-1.
const (
	nalSlice = 1
	nalIDR   = 5
	nalSEI   = 6
	nalSPS   = 7
	nalPPS   = 8
	nalAUD   = 9
)

// splitNALs returns the NAL units of an Annex B stream without their start codes.
func splitNALs(stream []byte) ([][]byte, error) {
	code := []byte{0, 0, 1}
	at := bytes.Index(stream, code)
	if at != 0 && (at != 1 || stream[0] != 0) {
		return nil, errors.New("does not begin with a start code")
	}
	var units [][]byte
	for rest := stream[at+len(code):]; ; {
		next := bytes.Index(rest, code)
		unit := rest
		if next >= 0 {
			unit = rest[:next]
		}
		unit = bytes.TrimRight(unit, "\x00")
		if len(unit) == 0 {
			return nil, errors.New("holds an empty NAL unit")
		}
		units = append(units, unit)
		if next < 0 {
			return units, nil
		}
		rest = rest[next+len(code):]
	}
}

func nalType(unit []byte) int { return int(unit[0] & 31) }

// firstMacroblock reads first_mb_in_slice (section 7.3.3).
func firstMacroblock(slice []byte) int {
	r := bits{data: unescape(slice[1:min(len(slice), 16)])}
	return r.ue()
}

// sequence is what matters to a live player in a sequence parameter set.
type sequence struct {
	profileLevelID      string
	references          int
	reorderFrames       int // -1 where the stream does not say
	primaries, transfer int // 2, unspecified, where the stream does not say
	matrix              int
	fullRange           bool
	profile             int
	chroma, depth       int // chroma_format_idc, bits
}

// profile_idc, section A.2.
const (
	baseline = 66
	main     = 77
	high     = 100
	high10   = 110
	high444  = 244
)

// parseSPS reads a sequence parameter set of the baseline, main and high profiles (sections 7.3.2.1.1 and E.1.1).
func parseSPS(unit []byte) (sequence, error) {
	if len(unit) < 5 {
		return sequence{}, errors.New("too short")
	}
	s := sequence{
		profileLevelID: fmt.Sprintf("%02x%02x%02x", unit[1], unit[2], unit[3]),
		reorderFrames:  -1, primaries: 2, transfer: 2, matrix: 2,
		profile: int(unit[1]), chroma: 1, depth: 8,
	}
	r := bits{data: unescape(unit[4:])}
	r.ue() // seq_parameter_set_id
	switch s.profile {
	case baseline, main:
	case high, high10, high444:
		if s.chroma = r.ue(); s.chroma == 3 && r.u(1) != 0 {
			return s, errors.New("separate colour planes are not expected")
		}
		s.depth = 8 + r.ue()
		if chromaDepth := 8 + r.ue(); chromaDepth != s.depth {
			return s, fmt.Errorf("luma has %d bits and chroma %d", s.depth, chromaDepth)
		}
		if lossless, scaling := r.u(1), r.u(1); lossless != 0 || scaling != 0 {
			return s, errors.New("lossless coding and scaling matrices are not expected")
		}
	default:
		return s, fmt.Errorf("profile_idc %d is not expected", s.profile)
	}
	r.ue() // log2_max_frame_num_minus4
	switch r.ue() {
	case 0:
		r.ue()
	case 1:
		return s, errors.New("pic_order_cnt_type 1 is not expected")
	}
	s.references = r.ue()
	r.u(1)
	r.ue()           // pic_width_in_mbs_minus1
	r.ue()           // pic_height_in_map_units_minus1
	if r.u(1) == 0 { // frame_mbs_only_flag
		r.u(1)
	}
	r.u(1)
	if r.u(1) == 1 { // frame_cropping_flag
		for range 4 {
			r.ue()
		}
	}
	if r.u(1) == 1 {
		s.readVUI(&r)
	}
	if r.overrun {
		return s, errors.New("ends early")
	}
	return s, nil
}

func (s *sequence) readVUI(r *bits) {
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
	if r.u(1) == 1 { // chroma_loc_info_present_flag
		r.ue()
		r.ue()
	}
	if r.u(1) == 1 { // timing_info_present_flag
		r.u(32)
		r.u(32)
		r.u(1)
	}
	nal, vcl := r.u(1), 0
	if nal == 0 {
		vcl = r.u(1)
	}
	if nal == 1 || vcl == 1 {
		r.overrun = true // hypothetical reference decoder parameters are not expected
		return
	}
	r.u(1)           // pic_struct_present_flag
	if r.u(1) == 1 { // bitstream_restriction_flag
		r.u(1)
		for range 4 {
			r.ue()
		}
		s.reorderFrames = r.ue()
		r.ue()
	}
}

// unescape takes out emulation prevention bytes (section 7.4.1.1).
func unescape(data []byte) []byte {
	return bytes.ReplaceAll(data, []byte{0, 0, 3}, []byte{0, 0})
}

// bits reads a bit string; past its end it reads zeros and says so.
type bits struct {
	data    []byte
	at      int
	overrun bool
}

func (r *bits) u(count int) int {
	value := 0
	for range count {
		value <<= 1
		if r.at/8 < len(r.data) {
			value |= int(r.data[r.at/8]>>(7-r.at%8)) & 1
		} else {
			r.overrun = true
		}
		r.at++
	}
	return value
}

// ue reads an Exp-Golomb code (section 9.1).
func (r *bits) ue() int {
	zeros := 0
	for r.u(1) == 0 {
		if zeros++; zeros > 31 || r.overrun {
			r.overrun = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.u(zeros)
}
