package packetizer

import (
	"bytes"
	"testing"

	"github.com/pion/rtp/codecs"

	"nearlight/internal/media"
)

// hevcOf is a NAL unit of the given type in the lowest layers.
func hevcOf(kind byte, size int) []byte {
	nal := nalOf(kind<<1, size)
	nal[1] = 1
	return nal
}

func depacketizeHEVC(t *testing.T, made []packet) []byte {
	t.Helper()
	var d codecs.H265Depacketizer
	var got []byte
	for _, packet := range made {
		part, err := d.Unmarshal(packet.payload)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, part...)
	}
	return got
}

func TestHEVCPacketsComeBackAsTheSameNALUnits(t *testing.T) {
	vps, sps, pps := hevcOf(hevcVPS, 23), hevcOf(hevcSPS, 40), hevcOf(hevcPPS, 7)
	for _, c := range []struct {
		reason string
		nals   [][]byte
	}{
		{"a keyframe with its parameter sets", [][]byte{vps, sps, pps, hevcOf(19, 5000)}},
		{"one that fits", [][]byte{hevcOf(1, MaxPayload)}},
		{"one byte too long", [][]byte{hevcOf(1, MaxPayload+1)}},
		{"several slices", [][]byte{hevcOf(1, 3000), hevcOf(1, 100), hevcOf(1, 2000)}},
		{"a parameter set too long to share", [][]byte{hevcOf(hevcSPS, MaxPayload-3), pps, hevcOf(19, 10)}},
		{"a parameter set at the end", [][]byte{hevcOf(1, 10), pps}},
	} {
		made := packetize(t, new(HEVC), media.Slice{Data: annexB(c.nals...), Last: true})
		if got, want := depacketizeHEVC(t, made), annexB(c.nals...); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes came back as %d", c.reason, len(want), len(got))
		}
		for i, packet := range made {
			if packet.marker != (i == len(made)-1) {
				t.Errorf("%s: packet %d of %d: marker %v", c.reason, i, len(made), packet.marker)
			}
		}
	}
}

func FuzzHEVC(f *testing.F) {
	f.Add(annexB(hevcOf(hevcVPS, 23), hevcOf(hevcSPS, 40), hevcOf(19, 3000)), true)
	f.Add([]byte{0, 0, 1, 0x40, 0, 0, 1, 0x42, 1}, false)
	f.Fuzz(func(t *testing.T, data []byte, last bool) {
		made := packetize(t, new(HEVC), media.Slice{Data: data, Last: last})
		for i, packet := range made {
			if packet.marker != (last && i == len(made)-1) {
				t.Errorf("packet %d of %d: marker %v with last %v", i, len(made), packet.marker, last)
			}
		}
		units := 0
		for nal, rest := nextHEVC(data); nal != nil; nal, rest = nextHEVC(rest) {
			units++
		}
		if units > 0 && len(made) == 0 {
			t.Errorf("%d units, no packet", units)
		}
	})
}
