package viewer

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"pgregory.net/rapid"

	"nearlight/internal/media"
)

var h264, _ = formatOf(media.H264.MimeType())

// stream makes frames of n packets each: a FU-A fragmented NAL unit whose bytes name frame and packet.
func stream(first uint16, frames, n int) []*rtp.Packet {
	var packets []*rtp.Packet
	for f := range frames {
		for i := range n {
			header := byte(1)
			switch i {
			case 0:
				header |= 0x80
			case n - 1:
				header |= 0x40
			}
			packets = append(packets, &rtp.Packet{
				Header:  rtp.Header{SequenceNumber: first + uint16(len(packets)), Timestamp: uint32(1500 * f), Marker: i == n-1},
				Payload: []byte{0x7c, header, byte(f + 1), byte(i + 1)},
			})
		}
	}
	return packets
}

func collect(t interface{ Fatal(...any) }, a *assembler, now media.Instant) (units []uint32, losses int) {
	for {
		unit, lost, err := a.pop(now)
		if err != nil {
			t.Fatal(err)
		}
		if lost {
			losses++
		}
		if unit == nil && !lost {
			return units, losses
		}
		if unit != nil {
			units = append(units, unit.RTP)
		}
	}
}

func TestAssemblerRestoresOrderAndDropsDuplicates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.Uint16().Draw(t, "first")
		packets := stream(first, 5, 3)
		head, rest := packets[0], packets[1:] // the first packet tells where the stream begins
		order := append(slices.Clone(rest), rapid.SliceOf(rapid.SampledFrom(rest)).Draw(t, "duplicates")...)
		order = rapid.Permutation(order).Draw(t, "order")
		a := newAssembler(h264)
		a.push(head, 1)
		var units []uint32
		for i, p := range order {
			a.push(p, media.Instant(i+2))
			got, losses := collect(t, a, media.Instant(i+2))
			units = append(units, got...)
			if losses > 0 {
				t.Fatal("a packet counts as lost although it came")
			}
		}
		if want := []uint32{0, 1500, 3000, 4500, 6000}; !slices.Equal(units, want) {
			t.Fatalf("frames %v, want %v", units, want)
		}
	})
}

func TestAssemblerGivesUpAfterItsPatienceAndGoesOn(t *testing.T) {
	a := newAssembler(h264)
	packets := stream(65530, 4, 3)
	for i, p := range packets {
		if i != 4 { // the middle of the second frame
			a.push(p, 1)
		}
	}
	units, losses := collect(t, a, 1)
	if !slices.Equal(units, []uint32{0}) || losses != 0 {
		t.Fatalf("before patience ran out: frames %v, %d losses", units, losses)
	}
	units, losses = collect(t, a, media.Instant(patience))
	if len(units) != 0 || losses != 0 {
		t.Fatalf("patience began when the gap was seen, not before: frames %v, %d losses", units, losses)
	}
	units, losses = collect(t, a, 1+media.Instant(patience)+1)
	if !slices.Equal(units, []uint32{3000, 4500}) || losses != 1 {
		t.Fatalf("after: frames %v, %d losses, want the third and fourth, and one loss", units, losses)
	}
}

func TestAFrameWhoseFirstPacketIsGivenUpIsLost(t *testing.T) {
	a := newAssembler(h264)
	for i, p := range stream(1, 3, 3) {
		if i != 3 {
			a.push(p, 1)
		}
	}
	if units, losses := collect(t, a, 1); !slices.Equal(units, []uint32{0}) || losses != 0 {
		t.Fatalf("before patience ran out: frames %v, %d losses", units, losses)
	}
	if units, losses := collect(t, a, 2+media.Instant(patience)); !slices.Equal(units, []uint32{3000}) || losses != 1 {
		t.Errorf("after: frames %v, %d losses", units, losses)
	}
}

func TestAssemblerKeepsArrivalTimesAndBytes(t *testing.T) {
	a := newAssembler(h264)
	for i, p := range stream(1, 1, 3) {
		a.push(p, media.Instant(10*(i+1)))
	}
	unit, _, err := a.pop(30)
	if err != nil || unit == nil {
		t.Fatalf("unit %v, error %v", unit, err)
	}
	if unit.FirstPacket != 10 || unit.LastPacket != 30 || unit.Packets != 3 {
		t.Errorf("first %d, last %d, %d packets", unit.FirstPacket, unit.LastPacket, unit.Packets)
	}
	if want := []byte{0, 0, 0, 1, 0x61, 1, 1, 1, 2, 1, 3}; !bytes.Equal(unit.Data, want) {
		t.Errorf("data %x, want %x", unit.Data, want)
	}
	if unit.Keyframe() {
		t.Error("a slice of type 1 counts as a keyframe")
	}
}

func FuzzAssembler(f *testing.F) {
	for codec, data := range [][]byte{
		{1, 0, 0, 0x7c, 0x85, 2, 1, 1, 0x7c, 0x45},                      // H.264
		{1, 8, 0, 6, 0x60, 1, 0, 1, 0x40, 1, 2, 8, 0, 4, 0x62, 1, 0x93}, // HEVC
		{1, 8, 0, 7, 0x90, 0x80, 0x80, 0, 0x30, 1, 2},                   // VP8
		{1, 8, 0, 15, 0x8e, 0x80, 0, 0x18, 2, 0x80, 1, 0x68, 1, 4, 1},   // VP9
		{1, 8, 0, 8, 0x28, 3, 8, 1, 2, 0x30, 0x10, 1},                   // AV1
	} {
		f.Add(byte(codec), data)
	}
	f.Fuzz(func(t *testing.T, codec byte, data []byte) {
		a := newAssembler(formats[int(codec)%len(formats)])
		now := media.Instant(1)
		for len(data) >= 4 {
			size := min(int(data[3]&31), len(data)-4)
			a.push(&rtp.Packet{
				Header:  rtp.Header{SequenceNumber: uint16(data[0]) | uint16(data[1]&3)<<14, Timestamp: uint32(data[1] >> 4), Marker: data[1]&8 != 0},
				Payload: bytes.Clone(data[4 : 4+size]),
			}, now)
			now = now.Add(time.Duration(data[2]) * 10 * time.Millisecond)
			for range 2 * reorderWindow {
				unit, lost, err := a.pop(now)
				if err != nil {
					return
				}
				if unit == nil && !lost {
					break
				}
				if unit != nil {
					unit.Keyframe()
				}
			}
			data = data[4+size:]
		}
	})
}

func TestAFrameWithoutItsBeginningIsNotTakenForWhole(t *testing.T) {
	for lost := 3; lost < 6; lost++ { // of the second frame, after the first was taken
		a := newAssembler(h264)
		var taken []uint32
		losses := 0
		for i, p := range stream(65530, 4, 3) {
			if i == lost {
				continue
			}
			a.push(p, 1)
			units, gone := collect(t, a, 1)
			taken, losses = append(taken, units...), losses+gone
		}
		units, gone := collect(t, a, 1) // patience begins
		late, goneLate := collect(t, a, media.Instant(1).Add(2*patience))
		taken, losses = slices.Concat(taken, units, late), losses+gone+goneLate
		// The frame after one whose last packet is lost is given up as well: nobody knows whose packet it was.
		want := []uint32{0, 3000, 4500}
		if lost == 5 {
			want = []uint32{0, 4500}
		}
		if !slices.Equal(taken, want) || losses == 0 {
			t.Errorf("packet %d lost: frames %v, want %v; %d losses told", lost, taken, want, losses)
		}
	}
}

func TestPacketsAreCountedOnceAndLostWhenTheyAreGivenUp(t *testing.T) {
	a := newAssembler(h264)
	packets := stream(65530, 4, 3)
	for i, p := range packets {
		if i != 4 && i != 5 {
			a.push(p, 1)
			a.push(p, 1) // again
		}
	}
	collect(t, a, 1)
	if received, lost := a.counts(); received != 10 || lost != 0 {
		t.Errorf("%d received and %d lost while those that are missing may still come", received, lost)
	}
	a.push(packets[5], 2) // late
	collect(t, a, 1)
	collect(t, a, media.Instant(patience)+1)
	a.push(packets[4], media.Instant(patience)+2) // too late
	if received, lost := a.counts(); received != 1 || lost != 1 {
		t.Errorf("then %d received and %d lost, want 1 and 1", received, lost)
	}
	if received, lost := a.counts(); received != 0 || lost != 0 {
		t.Errorf("%d and %d again", received, lost)
	}
}

func TestPacketsThatAreLeftOutAreLost(t *testing.T) {
	a := newDescribedAssembler()
	for i, p := range described(t, 0, 1, 2) {
		if i != 3 { // the third frame refers to the first, and goes on without the second's end
			a.push(p, 1)
		}
	}
	collect(t, a, 1)
	if received, lost := a.counts(); received != 5 || lost != 1 {
		t.Errorf("%d received and %d lost of 6", received, lost)
	}
}
