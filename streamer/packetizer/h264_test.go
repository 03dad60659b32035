package packetizer

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/pion/rtp/codecs"

	"nearlight/internal/media"
)

type packet struct {
	payload []byte
	marker  bool
}

func packetize(t testing.TB, s media.Slice) []packet {
	t.Helper()
	var packets []packet
	err := new(H264).Packetize(s, func(payload []byte, marker bool) error {
		if len(payload) == 0 || len(payload) > MaxPayload {
			t.Fatalf("payload of %d bytes", len(payload))
		}
		packets = append(packets, packet{bytes.Clone(payload), marker})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return packets
}

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
	packets := packetize(t, media.Slice{Data: annexB([]byte{0x09, 0xf0}, sps, pps, idr, second), Keyframe: true, Last: true})
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
	packets := packetize(t, media.Slice{Data: annexB(nalOf(0x65, MaxPayload+1))})
	if len(packets) != 2 || len(packets[0].payload)-len(packets[1].payload) > 1 || len(packets[1].payload)-len(packets[0].payload) > 1 {
		t.Errorf("a NAL unit one byte too long became packets of unequal size")
	}
}

func TestH264OnlyTheLastSliceCarriesTheMarker(t *testing.T) {
	for _, last := range []bool{false, true} {
		packets := packetize(t, media.Slice{Data: annexB(nalOf(0x41, 10)), Last: last})
		if len(packets) != 1 || packets[0].marker != last {
			t.Errorf("slice with Last=%v: %d packets, marker %v", last, len(packets), packets[0].marker)
		}
	}
}

func TestH264EndsWhenTheReceiverFails(t *testing.T) {
	broken := errors.New("broken")
	calls := 0
	err := new(H264).Packetize(media.Slice{Data: annexB(nalOf(0x65, 5000)), Last: true}, func([]byte, bool) error { calls++; return broken })
	if !errors.Is(err, broken) || calls != 1 {
		t.Errorf("err %v after %d calls, want the receiver's error after one", err, calls)
	}
}

func TestH264PacketizingDoesNotAllocate(t *testing.T) {
	slice := media.Slice{Data: annexB(nalOf(0x67, 20), nalOf(0x68, 6), nalOf(0x65, 20000)), Last: true}
	p := new(H264)
	emit := func([]byte, bool) error { return nil }
	if n := testing.AllocsPerRun(100, func() {
		if err := p.Packetize(slice, emit); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a slice", n)
	}
}

func FuzzH264(f *testing.F) {
	f.Add(annexB([]byte{0x67, 1}, nalOf(0x65, 3000)), true)
	f.Add([]byte{0, 0, 1, 0, 0, 1}, false)
	f.Fuzz(func(t *testing.T, data []byte, last bool) {
		packets := packetize(t, media.Slice{Data: data, Last: last})
		for i, p := range packets {
			if p.marker != (last && i == len(packets)-1) {
				t.Errorf("packet %d of %d: marker %v with last %v", i, len(packets), p.marker, last)
			}
		}
	})
}

func BenchmarkH264(b *testing.B) {
	slice := media.Slice{Data: annexB(nalOf(0x41, 17000)), Last: true}
	p := new(H264)
	b.ReportAllocs()
	b.SetBytes(int64(len(slice.Data)))
	for b.Loop() {
		if err := p.Packetize(slice, func([]byte, bool) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
