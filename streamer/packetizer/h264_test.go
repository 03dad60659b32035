package packetizer

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/pion/rtp/codecs"

	"nearlight/internal/media"
)

func annexB(nals ...[]byte) []byte {
	var stream []byte
	for _, nal := range nals {
		stream = append(append(stream, 0, 0, 0, 1), nal...)
	}
	return stream
}

func nalOf(header byte, size int) []byte {
	random := rand.New(rand.NewPCG(uint64(header), uint64(size)))
	nal := make([]byte, size)
	for i := range nal {
		nal[i] = byte(1 + random.IntN(255)) // no zero bytes: no emulation of a start code
	}
	nal[0] = header
	return nal
}

func TestH264PacketsComeBackAsTheSameNALUnits(t *testing.T) {
	sps, pps, idr, second := nalOf(0x67, 20), nalOf(0x68, 6), nalOf(0x65, 5000), nalOf(0x41, 300)
	packets := packetize(t, new(H264), media.Slice{Data: annexB([]byte{0x09, 0xf0}, sps, pps, idr, second), Keyframe: true, Last: true})
	var depacketizer codecs.H264Packet
	var stream []byte
	for i, p := range packets {
		part, err := depacketizer.Unmarshal(p.payload)
		if err != nil {
			t.Fatal(err)
		}
		stream = append(stream, part...)
		if p.marker != (i == len(packets)-1) {
			t.Errorf("packet %d of %d: marker %v", i, len(packets), p.marker)
		}
	}
	if want := annexB(sps, pps, idr, second); !bytes.Equal(stream, want) {
		t.Errorf("got %d bytes back, want %d", len(stream), len(want))
	}
	if packets[0].payload[0]&nalTypeMask != payloadSTAPA {
		t.Errorf("parameter sets went in a packet of type %d, want one STAP-A", packets[0].payload[0]&nalTypeMask)
	}
}

func TestH264FragmentsAreOfNearlyEqualSize(t *testing.T) {
	packets := packetize(t, new(H264), media.Slice{Data: annexB(nalOf(0x65, MaxPayload+1))})
	if len(packets) != 2 || len(packets[0].payload)-len(packets[1].payload) > 1 || len(packets[1].payload)-len(packets[0].payload) > 1 {
		t.Errorf("a NAL unit one byte too long became packets of unequal size")
	}
}

func TestH264OnlyTheLastSliceCarriesTheMarker(t *testing.T) {
	for _, last := range []bool{false, true} {
		packets := packetize(t, new(H264), media.Slice{Data: annexB(nalOf(0x41, 10)), Last: last})
		if len(packets) != 1 || packets[0].marker != last {
			t.Errorf("slice with Last=%v: %d packets, marker %v", last, len(packets), packets[0].marker)
		}
	}
}

func FuzzH264(f *testing.F) {
	f.Add(annexB([]byte{0x67, 1}, nalOf(0x65, 3000)), true)
	f.Add([]byte{0, 0, 1, 0, 0, 1}, false)
	f.Fuzz(func(t *testing.T, data []byte, last bool) {
		packets := packetize(t, new(H264), media.Slice{Data: data, Last: last})
		for i, p := range packets {
			if p.marker != (last && i == len(packets)-1) {
				t.Errorf("packet %d of %d: marker %v with last %v", i, len(packets), p.marker, last)
			}
		}
	})
}
