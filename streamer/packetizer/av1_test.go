package packetizer

import (
	"bytes"
	"testing"

	"github.com/pion/rtp/codecs"

	"nearlight/internal/media"
)

// obuOf is a unit with its size, as an encoder writes it.
func obuOf(kind byte, size int) []byte {
	payload := nalOf(0xff, size)
	unit := make([]byte, 6)
	unit[0] = kind<<3 | obuHasSize
	return append(unit[:1+putLength(unit[1:], size)], payload...)
}

// temporalUnit puts a delimiter before the units.
func temporalUnit(units ...[]byte) []byte {
	return append([]byte{obuTemporalDelimiter | obuHasSize, 0}, bytes.Join(units, nil)...)
}

// depacketizeAV1 joins the packets' units again, each with its size.
func depacketizeAV1(t *testing.T, made []packet) []byte {
	t.Helper()
	var d codecs.AV1Depacketizer
	var got []byte
	for _, packet := range made {
		part, err := d.Unmarshal(packet.payload)
		if err != nil {
			t.Fatalf("%v in %x", err, packet.payload[:min(len(packet.payload), 16)])
		}
		got = append(got, part...)
	}
	return got
}

func TestAV1PacketsComeBackAsTheSameUnits(t *testing.T) {
	p := new(AV1)
	for n, sizes := range [][]int{
		{10}, {1}, {11, 300}, {11, 1146}, {11, 1147}, {11, 1148}, {11, 5000}, {1159}, {1158}, {2317}, {2318},
		{370, 380, 390, 1000}, {380, 10, 1}, {3, 3, 3, 3, 3, 3}, {11, 9, 8, 4000, 5, 3000}, {2000, 2000},
	} {
		var units [][]byte
		for i, size := range sizes {
			units = append(units, obuOf([]byte{1, 5, 6}[min(i, 2)], size))
		}
		keyframe := n%2 == 0
		made := packetize(t, p, media.Slice{Data: temporalUnit(units...), Keyframe: keyframe, Last: true})
		if got, want := depacketizeAV1(t, made), bytes.Join(units, nil); !bytes.Equal(got, want) {
			t.Errorf("units of %v bytes: %d bytes came back as %d", sizes, len(want), len(got))
		}
		for i, packet := range made {
			header := packet.payload[0]
			if (header&av1NewSequence != 0) != (keyframe && i == 0) {
				t.Errorf("units of %v bytes: packet %d has header %08b", sizes, i, header)
			}
			if i > 0 && (header&av1Continues != 0) != (made[i-1].payload[0]&av1Unfinished != 0) {
				t.Errorf("units of %v bytes: packet %d begins with another fragment than the one before ends with", sizes, i)
			}
		}
		if last := made[len(made)-1]; last.payload[0]&av1Unfinished != 0 || !last.marker {
			t.Errorf("units of %v bytes: the last packet is unfinished or not marked", sizes)
		}
	}
}

func TestAV1WhatIsCutOffIsNotSent(t *testing.T) {
	for reason, data := range map[string][]byte{
		"a unit beyond the end": {0x32, 10, 1, 2}, "a size without end": {0x32, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80},
		"a delimiter alone": {0x12, 0}, "an extension that is missing": {0x36},
	} {
		if made := packetize(t, new(AV1), media.Slice{Data: data, Last: true}); len(made) > 0 {
			t.Errorf("%s became %d packets", reason, len(made))
		}
	}
}

func FuzzAV1(f *testing.F) {
	f.Add(temporalUnit(obuOf(1, 11), obuOf(6, 3000)), true, true)
	f.Add(temporalUnit(obuOf(1, 380), obuOf(5, 370), obuOf(6, 500)), true, true)
	f.Add([]byte{0x36, 0, 1, 0x30}, false, true)
	f.Fuzz(func(t *testing.T, data []byte, keyframe, last bool) {
		made := packetize(t, new(AV1), media.Slice{Data: data, Keyframe: keyframe, Last: last})
		sent, got := 0, 0
		for unit, rest := nextOBU(data); unit.size() > 0; unit, rest = nextOBU(rest) {
			sent += unit.size()
		}
		for i, packet := range made {
			if packet.marker && i < len(made)-1 {
				t.Errorf("packet %d of %d is marked", i, len(made))
			}
			header, rest := packet.payload[0], packet.payload[1:]
			for range header >> av1CountShift & 3 {
				got += len(rest)
				if n, used := length(rest); header>>av1CountShift&3 > 1 {
					got -= len(rest) - n
					rest = rest[used+n:]
					header -= 1 << av1CountShift
				}
			}
		}
		if got != sent {
			t.Errorf("%d bytes of units were sent as %d", sent, got)
		}
	})
}
