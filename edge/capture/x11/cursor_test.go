package x11

import (
	"bytes"
	"testing"

	"nearlight/internal/media"
)

func TestACursorsColoursAreDividedByTheirAlpha(t *testing.T) {
	shape := cursorShape{serial: 7, size: media.Size{Width: 2, Height: 2}, hotX: 1, hotY: 0,
		pixels: []uint32{0xff102030, 0x80402010, 0x00000000, 0x01010000}}
	got, err := readCursor(shape)
	if err != nil {
		t.Fatal(err)
	}
	want := []byte{0x10, 0x20, 0x30, 0xff, 128, 64, 32, 0x80, 0, 0, 0, 0, 0xff, 0, 0, 1}
	if !bytes.Equal(got.RGBA, want) || got.Serial != 7 || got.Size != shape.size || got.HotX != 1 || got.HotY != 0 {
		t.Errorf("%+v", got)
	}
}

func TestACursorThatShowsNothingIsHidden(t *testing.T) {
	for name, shape := range map[string]cursorShape{
		"one pixel":     {size: media.Size{Width: 1, Height: 1}, pixels: []uint32{0xff000000}},
		"transparent":   {size: media.Size{Width: 8, Height: 8}, pixels: make([]uint32, 64)},
		"colour, alpha": {size: media.Size{Width: 2, Height: 1}, pixels: []uint32{0x00ffffff, 0x00ffffff}},
		"empty":         {},
	} {
		if got, err := readCursor(shape); err != nil || len(got.RGBA) != 0 || got.Size != (media.Size{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func FuzzReadCursor(f *testing.F) {
	f.Add(uint32(1), 2, 1, 0, 0, []byte{1, 2, 3, 4, 5, 6, 7, 8})
	f.Add(uint32(1), 65535, 65535, 3, 3, []byte{})
	f.Add(uint32(1), -1, -1, 0, 0, []byte{9, 9, 9, 9})
	f.Fuzz(func(t *testing.T, serial uint32, width, height, hotX, hotY int, octets []byte) {
		pixels := make([]uint32, len(octets)/4)
		for i := range pixels {
			pixels[i] = uint32(octets[4*i]) | uint32(octets[4*i+1])<<8 | uint32(octets[4*i+2])<<16 | uint32(octets[4*i+3])<<24
		}
		cursor, err := readCursor(cursorShape{serial, media.Size{Width: width, Height: height}, hotX, hotY, pixels})
		if err == nil && len(cursor.RGBA) != 4*cursor.Size.Width*cursor.Size.Height {
			t.Fatalf("%d octets for %v", len(cursor.RGBA), cursor.Size)
		}
	})
}

func TestTheNewestOfferReplacesTheLast(t *testing.T) {
	c := make(chan int, 1)
	for i := range 3 {
		offerNewest(c, i)
	}
	if got := <-c; got != 2 {
		t.Errorf("read %d", got)
	}
}
