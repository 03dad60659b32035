package gles

import (
	"errors"
	"testing"

	"nearlight/internal/media"
)

func TestABufferThatCannotBeIsRefusedBeforeADriverSeesIt(t *testing.T) {
	const linear, tiled = 0, 7
	good := Buffer{Size: media.Size{Width: 64, Height: 48}, Modifier: linear, Planes: []Plane{{Descriptor: 3, Stride: 256}}}
	with := func(change func(b *Buffer)) Buffer {
		b := good
		b.Planes = append([]Plane(nil), good.Planes...)
		change(&b)
		return b
	}
	for reason, b := range map[string]Buffer{
		"no size":                  with(func(b *Buffer) { b.Size = media.Size{} }),
		"a negative size":          with(func(b *Buffer) { b.Size.Width = -64 }),
		"a size of gigabytes":      with(func(b *Buffer) { b.Size = media.Size{Width: 1 << 30, Height: 1 << 30} }),
		"no plane":                 with(func(b *Buffer) { b.Planes = nil }),
		"five planes":              with(func(b *Buffer) { b.Planes = make([]Plane, 5) }),
		"a descriptor that is not": with(func(b *Buffer) { b.Planes[0].Descriptor = -1 }),
		"an offset before it":      with(func(b *Buffer) { b.Planes[0].Offset = -4 }),
		"an offset of gigabytes":   with(func(b *Buffer) { b.Planes[0].Offset = 1<<31 - 4 }),
		"rows that overlap":        with(func(b *Buffer) { b.Planes[0].Stride = 252 }),
		"rows of nothing":          with(func(b *Buffer) { b.Planes[0].Stride, b.Modifier = 0, tiled }),
		"rows that go back":        with(func(b *Buffer) { b.Planes[0].Stride, b.Modifier = -256, tiled }),
		"rows of gigabytes":        with(func(b *Buffer) { b.Planes[0].Stride = 1<<31 - 4 }),
		"a bad second plane":       with(func(b *Buffer) { b.Planes = append(b.Planes, Plane{Descriptor: 3, Stride: -1}) }),
	} {
		if err := b.check(); !errors.Is(err, ErrImport) {
			t.Errorf("%s: %v", reason, err)
		}
	}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for layout, known := range map[uint64][]uint64{tiled: {linear}, linear: nil} {
		if err := with(func(b *Buffer) { b.Modifier = layout }).checkLayout(known); !errors.Is(err, ErrImport) {
			t.Errorf("layout %#x of %#x: %v", layout, known, err)
		}
	}
	for layout, known := range map[uint64][]uint64{tiled: {linear, tiled}, NoModifier: nil} {
		if err := with(func(b *Buffer) { b.Modifier = layout }).checkLayout(known); err != nil {
			t.Errorf("layout %#x of %#x: %v", layout, known, err)
		}
	}
}
