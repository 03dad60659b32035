package packetizer

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"nearlight/internal/media"
)

type packet struct {
	payload []byte
	marker  bool
}

func packetize(t testing.TB, p Packetizer, s media.Slice) []packet {
	t.Helper()
	var made []packet
	err := p.Packetize(s, func(payload []byte, marker bool) error {
		if len(payload) == 0 || len(payload) > MaxPayload {
			t.Fatalf("payload of %d bytes", len(payload))
		}
		made = append(made, packet{bytes.Clone(payload), marker})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// frames are slices of each codec: a small one, and a keyframe of many packets.
func frames(codec media.Codec) (small, large media.Slice) {
	switch codec {
	case media.H264:
		small.Data, large.Data = annexB(nalOf(0x41, 300)), annexB(nalOf(0x67, 20), nalOf(0x68, 6), nalOf(0x65, 20000))
	case media.HEVC:
		small.Data, large.Data = annexB(hevcOf(1, 300)), annexB(hevcOf(hevcVPS, 20), hevcOf(hevcSPS, 40), hevcOf(hevcPPS, 6), hevcOf(19, 20000))
	case media.VP8:
		small.Data, large.Data = nalOf(0x31, 300), nalOf(0x30, 20000)
	case media.VP9:
		small.Data, large.Data = nalOf(0x86, 300), vp9Keyframe(1280, 720, 20000)
	case media.AV1:
		small.Data, large.Data = temporalUnit(obuOf(6, 300)), temporalUnit(obuOf(1, 11), obuOf(6, 20000))
	}
	small.Last, large.Last, large.Keyframe = true, true, true
	return small, large
}

var codecsSent = []media.Codec{media.H264, media.HEVC, media.VP8, media.VP9, media.AV1}

func packetizerOf(t testing.TB, codec media.Codec) Packetizer {
	t.Helper()
	p, err := New(codec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPacketsAreOfNearlyEqualSizeAndOnlyTheLastIsMarked(t *testing.T) {
	for _, codec := range codecsSent {
		p := packetizerOf(t, codec)
		_, large := frames(codec)
		for n := range 3 {
			made := packetize(t, p, large)
			if codec == media.H264 || codec == media.HEVC {
				if made[0].marker {
					t.Errorf("%s: the parameter sets are marked as the end of frame %d", codec, n)
				}
				made = made[1:]
			}
			smallest, largest := MaxPayload, 0
			for i, packet := range made {
				smallest, largest = min(smallest, len(packet.payload)), max(largest, len(packet.payload))
				if packet.marker != (i == len(made)-1) {
					t.Errorf("%s: packet %d of %d of frame %d: marker %v", codec, i, len(made), n, packet.marker)
				}
			}
			if largest-smallest > 2 {
				t.Errorf("%s: packets of %d to %d bytes", codec, smallest, largest)
			}
		}
	}
}

func TestPacketizingEndsWhenTheReceiverFailsAndStartsAnewWithTheNextFrame(t *testing.T) {
	broken := errors.New("broken")
	for _, codec := range codecsSent {
		p := packetizerOf(t, codec)
		small, large := frames(codec)
		calls := 0
		err := p.Packetize(large, func([]byte, bool) error { calls++; return broken })
		if !errors.Is(err, broken) || calls != 1 {
			t.Errorf("%s: error %v after %d calls, want the receiver's error after one", codec, err, calls)
		}
		if after, fresh := packetize(t, p, small), packetize(t, packetizerOf(t, codec), small); len(after) != len(fresh) || after[0].payload[0] != fresh[0].payload[0] {
			t.Errorf("%s: the next frame begins with %#x, want %#x", codec, after[0].payload[0], fresh[0].payload[0])
		}
	}
}

func TestPacketizingDoesNotAllocate(t *testing.T) {
	emit := func([]byte, bool) error { return nil }
	for _, codec := range codecsSent {
		p := packetizerOf(t, codec)
		_, large := frames(codec)
		if n := testing.AllocsPerRun(100, func() {
			if err := p.Packetize(large, emit); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a frame", codec, n)
		}
	}
}

func TestGoldenPackets(t *testing.T) {
	unhex := func(text string) []byte {
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, c := range []struct {
		reason   string
		codec    media.Codec
		slice    string
		keyframe bool
		want     []string
	}{
		{"VP8: extended, start of partition 0, picture 0 in 15 bits", media.VP8, "31aabb", false, []string{"90808000" + "31aabb"}},
		{"VP9: an inter frame of one packet", media.VP9, "86aabb", false, []string{"cc8000" + "86aabb"}},
		{"VP9: a keyframe of 640x360 tells its size, and that each picture refers to the one before", media.VP9,
			"824983422027f016700000", true, []string{"8e8000" + "18" + "0280" + "0168" + "010401" + "824983422027f016700000"}},
		{"AV1: delimiter and sizes left out, sequence header before the frame, a new sequence", media.AV1,
			"1200" + "0a03112233" + "3204aabbccdd", true, []string{"28" + "04" + "08112233" + "30aabbccdd"}},
		{"AV1: an inter frame", media.AV1, "1200" + "3204aabbccdd", false, []string{"10" + "30aabbccdd"}},
		{"HEVC: parameter sets share a packet", media.HEVC, "00000001" + "4001aa" + "00000001" + "4201bb" + "000001" + "4401cc" + "000001" + "2601dd", true,
			[]string{"6001" + "0003" + "4001aa" + "0003" + "4201bb" + "0003" + "4401cc", "2601dd"}},
		{"HEVC: one alone is itself, and a delimiter is not sent", media.HEVC, "00000001" + "460150" + "00000001" + "4201bb" + "000001" + "0201dd", false,
			[]string{"4201bb", "0201dd"}},
		{"H.264: parameter sets share a packet", media.H264, "00000001" + "67aa" + "000001" + "68bb" + "000001" + "65cc", true,
			[]string{"78" + "0002" + "67aa" + "0002" + "68bb", "65cc"}},
	} {
		made := packetize(t, packetizerOf(t, c.codec), media.Slice{Data: unhex(c.slice), Keyframe: c.keyframe, Last: true})
		var got []string
		for _, packet := range made {
			got = append(got, hex.EncodeToString(packet.payload))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.reason, got, c.want)
		}
	}
}

func TestCodecsWithoutAPacketizerAreRefused(t *testing.T) {
	if _, err := New("theora"); !errors.Is(err, ErrCodec) {
		t.Errorf("got %v, want ErrCodec", err)
	}
}

func BenchmarkPacketize(b *testing.B) {
	emit := func([]byte, bool) error { return nil }
	for _, codec := range codecsSent {
		b.Run(string(codec), func(b *testing.B) {
			p := packetizerOf(b, codec)
			_, large := frames(codec)
			b.ReportAllocs()
			b.SetBytes(int64(len(large.Data)))
			for b.Loop() {
				if err := p.Packetize(large, emit); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
