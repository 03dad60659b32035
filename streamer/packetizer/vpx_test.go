package packetizer

import (
	"bytes"
	"testing"

	"github.com/pion/rtp/codecs"

	"nearlight/internal/media"
)

// vp9Keyframe is so many bytes that begin like a keyframe of profile 0.
func vp9Keyframe(width, height, size int) []byte {
	frame := nalOf(0x82, size)
	w, h := width-1, height-1
	copy(frame, []byte{0x82, 0x49, 0x83, 0x42, 0x20 | byte(w>>12), byte(w >> 4), byte(w<<4) | byte(h>>12), byte(h >> 4), byte(h<<4) | 1})
	return frame
}

func TestVP8PacketsComeBackAsTheSameFrames(t *testing.T) {
	p := new(VP8)
	for n := range 300 { // past the identifier's first octet
		size := 1 + n*37%5000
		frame := nalOf(0x31, size)
		var depacketizer codecs.VP8Packet
		var got []byte
		for i, packet := range packetize(t, p, media.Slice{Data: frame, Last: true}) {
			part, err := depacketizer.Unmarshal(packet.payload)
			if err != nil {
				t.Fatal(err)
			}
			if (depacketizer.S == 1) != (i == 0) || depacketizer.PID != 0 || int(depacketizer.PictureID) != n || depacketizer.N != 0 {
				t.Fatalf("packet %d of frame %d: %+v", i, n, depacketizer)
			}
			got = append(got, part...)
		}
		if !bytes.Equal(got, frame) {
			t.Fatalf("frame %d of %d bytes came back as %d others", n, size, len(got))
		}
	}
}

func TestVP9PacketsComeBackAsTheSameFrames(t *testing.T) {
	p := new(VP9)
	for n := range 300 {
		keyframe := n%100 == 0
		frame := nalOf(0x86, 1+n*37%5000)
		if keyframe {
			frame = vp9Keyframe(1280, 720, 9+n*37%5000)
		}
		var got []byte
		made := packetize(t, p, media.Slice{Data: frame, Keyframe: keyframe, Last: true})
		for i, packet := range made {
			var d codecs.VP9Packet
			part, err := d.Unmarshal(packet.payload)
			if err != nil {
				t.Fatal(err)
			}
			if d.F || d.L || d.P == keyframe || d.B != (i == 0) || d.E != (i == len(made)-1) || int(d.PictureID) != n || d.V != (keyframe && i == 0) {
				t.Fatalf("packet %d of frame %d: %+v", i, n, d)
			}
			if d.V && (d.NS != 0 || !d.Y || !d.G || d.Width[0] != 1280 || d.Height[0] != 720 || d.NG != 1 || d.PGTID[0] != 0 || d.PGPDiff[0][0] != 1) {
				t.Fatalf("scalability structure %+v", d)
			}
			got = append(got, part...)
		}
		if !bytes.Equal(got, frame) {
			t.Fatalf("frame %d came back as %d bytes", n, len(got))
		}
	}
}

func TestPictureIdentifiersWrapAtFifteenBits(t *testing.T) {
	p := &VP8{id: pictureIDMask}
	for _, want := range []uint16{pictureIDMask, 0} {
		var d codecs.VP8Packet
		if _, err := d.Unmarshal(packetize(t, p, media.Slice{Data: []byte{0x31, 1, 2}, Last: true})[0].payload); err != nil {
			t.Fatal(err)
		}
		if d.PictureID != want {
			t.Errorf("picture %d, want %d", d.PictureID, want)
		}
	}
}

func FuzzVP8(f *testing.F) {
	f.Add(nalOf(0x30, 3000), true, true)
	f.Add([]byte{}, false, false)
	f.Fuzz(func(t *testing.T, data []byte, keyframe, last bool) {
		var got []byte
		for i, packet := range packetize(t, new(VP8), media.Slice{Data: data, Keyframe: keyframe, Last: last}) {
			var d codecs.VP8Packet
			part, err := d.Unmarshal(packet.payload)
			if err != nil || (d.S == 1) != (i == 0) {
				t.Fatalf("%+v, %v", d, err)
			}
			got = append(got, part...)
		}
		if !bytes.Equal(got, data) {
			t.Errorf("%d bytes came back as %d", len(data), len(got))
		}
	})
}

func FuzzVP9(f *testing.F) {
	f.Add(vp9Keyframe(640, 360, 3000), true, true)
	f.Add([]byte{0x82, 0x49, 0x83, 0x42}, true, true)
	f.Add([]byte{}, false, false)
	f.Fuzz(func(t *testing.T, data []byte, keyframe, last bool) {
		var got []byte
		for i, packet := range packetize(t, new(VP9), media.Slice{Data: data, Keyframe: keyframe, Last: last}) {
			var d codecs.VP9Packet
			part, err := d.Unmarshal(packet.payload)
			if err != nil || d.B != (i == 0) {
				t.Fatalf("%+v, %v", d, err)
			}
			got = append(got, part...)
		}
		if !bytes.Equal(got, data) {
			t.Errorf("%d bytes came back as %d", len(data), len(got))
		}
	})
}
