package encodertest

import (
	"slices"
	"testing"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// checkH264 checks one slice's NAL units, of which the pictures' begin where the last slice's have ended.
func checkH264(t *testing.T, unit *accessUnit, slice media.Slice) {
	t.Helper()
	units, err := splitNALs(slice.Data)
	if err != nil {
		t.Fatalf("a slice %v", err)
	}
	for _, nal := range units {
		switch kind := nalType(nal); kind {
		case nalSlice, nalIDR:
			if (kind == nalIDR) != slice.Keyframe {
				t.Errorf("NAL unit type %d in a slice with Keyframe %v", kind, slice.Keyframe)
			}
			first := firstMacroblock(nal)
			if first < unit.nextBlock || unit.nextBlock == 0 && first != 0 {
				t.Errorf("slice begins at macroblock %d, out of order", first)
			}
			unit.nextBlock = first + 1
		case nalSPS, nalPPS, nalSEI:
			if unit.nextBlock > 0 {
				t.Errorf("NAL unit type %d after the first slice", kind)
			}
		case nalAUD:
			t.Error("an access unit delimiter, which RTP has no use for")
		default:
			t.Errorf("unexpected NAL unit type %d", kind)
		}
	}
	if !slices.ContainsFunc(units, func(nal []byte) bool { return nalType(nal) <= nalIDR }) {
		t.Error("a slice without picture data")
	}
}

// rightH264 reports whether a sequence has a sampling, in the profile that is the least for it: every other is decoded by fewer.
func rightH264(s sequence, sampling media.Sampling) bool {
	switch sampling {
	case media.Sampling{}:
		return s.profile <= high && s.chroma == 1 && s.depth == 8
	case media.Sampling{TenBit: true}:
		return s.profile == high10 && s.chroma == 1 && s.depth == 10
	case media.Sampling{Chroma: media.Chroma444}:
		return s.profile == high444 && s.chroma == 3 && s.depth == 8
	}
	return s.profile == high444 && s.chroma == 3 && s.depth == 10
}

// checkH264Headers checks the sequence parameter set, which comes first.
func checkH264Headers(t *testing.T, unit []byte, capabilities encoder.Capabilities) {
	t.Helper()
	units, err := splitNALs(unit)
	if err != nil || nalType(units[0]) != nalSPS {
		t.Fatalf("the first access unit does not begin with a sequence parameter set (%v)", err)
	}
	got, err := parseSPS(units[0])
	if err != nil {
		t.Fatalf("sequence parameter set: %v", err)
	}
	if got.reorderFrames != 0 {
		t.Errorf("max_num_reorder_frames is %d (-1: not there): some decoders then hold pictures back", got.reorderFrames)
	}
	if got.profileLevelID != capabilities.ProfileLevelID {
		t.Errorf("profile-level-id is %s, the capabilities say %s", got.profileLevelID, capabilities.ProfileLevelID)
	}
	if !rightH264(got, capabilities.Sampling) {
		t.Errorf("profile_idc %d, chroma format %d, %d bits for a stream in %v", got.profile, got.chroma, got.depth, capabilities.Sampling)
	}
	if got.primaries != 6 || got.transfer != 6 || got.matrix != 6 || got.fullRange {
		t.Errorf("colours are %d/%d/%d, full range %v; want BT.601 (6/6/6), limited", got.primaries, got.transfer, got.matrix, got.fullRange)
	}
}
