//go:build cgo

package nvenc_test

import (
	"errors"
	"testing"

	"nearlight/encoder"
	"nearlight/encoder/encodertest"
	"nearlight/encoder/nvenc"
	"nearlight/encoder/openh264"
	"nearlight/internal/cuda"
	"nearlight/internal/decode"
	"nearlight/internal/media"
)

var surfaceSize = media.Size{Width: 322, Height: 180}

// gpu is a context on the double's first GPU.
func gpu(t testing.TB, ordinal int) *cuda.Context {
	t.Helper()
	context, err := cuda.Retain(double.Folder, ordinal)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := context.Close(); err != nil {
			t.Error(err)
		}
	})
	return context
}

// nv12 is a frame's planes as a cuda.Picture of NV12 takes them.
func nv12(f *media.Frame) []byte {
	var rows []byte
	for y := range f.Coded.Height {
		rows = append(rows, f.Y.Data[y*f.Y.Stride:][:f.Coded.Width]...)
	}
	for y := range f.Coded.Height / 2 {
		for x := range f.Coded.Width / 2 {
			rows = append(rows, f.U.Data[y*f.U.Stride+x], f.V.Data[y*f.V.Stride+x])
		}
	}
	return rows
}

// grey is a frame's luma as RGBA or BGRA pixels, and what BT.601 makes of them again.
func grey(f *media.Frame) (pixels []byte, shown *media.Frame) {
	shown = media.NewFrame(f.Visible)
	for y := range f.Coded.Height {
		for x := range f.Coded.Width {
			v := f.Y.Data[y*f.Y.Stride+x]
			pixels = append(pixels, v, v, v, 255)
			shown.Y.Data[y*shown.Y.Stride+x] = byte((220*int(v)+128)/256 + 16)
		}
	}
	return pixels, shown
}

func TestPicturesOnTheGPUAreCodedWhereTheyLie(t *testing.T) {
	d := load(t)
	scene := encodertest.NewScene(surfaceSize, 5)
	for _, c := range []struct {
		kind   cuda.Kind
		format cuda.Format
	}{
		{cuda.Linear, cuda.NV12}, {cuda.Linear, cuda.BGRA}, {cuda.Linear, cuda.RGBA},
		{cuda.Array, cuda.NV12}, {cuda.Array, cuda.RGBA}, {cuda.Texture, cuda.RGBA},
	} {
		t.Run(c.format.String()+" in "+c.kind.String(), func(t *testing.T) {
			context := gpu(t, 0)
			e := run(t, device().H264, encoder.Config{Size: surfaceSize, Bitrate: 3 * media.Mbps})
			decoder, err := decode.Open(media.H264)
			if err != nil {
				t.Skipf("SKIPPED %s: %v", t.Name(), err)
			}
			defer decoder.Close()
			var pictures [2]*cuda.Picture // drawn by turns, as a source does
			source := media.NewFrame(surfaceSize)
			for i := range pictures {
				if c.kind == cuda.Texture {
					pixels, _ := grey(source)
					d.Texture(uint32(i+1), surfaceSize, pixels)
					pictures[i], err = context.ImportTexture(uint32(i+1), 0x0de1, surfaceSize)
				} else {
					pictures[i], err = context.NewPicture(c.kind, c.format, surfaceSize)
				}
				if err != nil {
					t.Fatal(err)
				}
				defer pictures[i].Close()
			}
			var psnr float64
			for n := range 20 {
				scene.Draw(source, n)
				picture, want := pictures[n%2], source
				rows, stride := nv12(source), surfaceSize.Width
				if c.format != cuda.NV12 {
					rows, want = grey(source)
					stride *= 4
				}
				if c.kind == cuda.Texture {
					d.Texture(uint32(n%2+1), surfaceSize, rows)
				} else if err := picture.Write(rows, stride, nil); err != nil {
					t.Fatal(err)
				}
				frame := &media.Frame{Visible: surfaceSize, Coded: surfaceSize, Surface: picture}
				frame.Times.Damaged = media.Instant(n)
				var unit []byte
				if _, err := e.Encode(frame, encoder.Request{}, func(s media.Slice) error {
					unit = append(unit, s.Data...)
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				shown, err := decoder.Decode(unit)
				if err != nil || shown == nil {
					t.Fatalf("picture %d: %v, %v", n, shown, err)
				}
				psnr = encodertest.PSNR(want, shown)
			}
			if psnr < 30 {
				t.Errorf("%.1f dB", psnr)
			}
		})
	}
}

func TestAPictureMayBeClosedBeforeItsEncoder(t *testing.T) {
	load(t)
	context := gpu(t, 0)
	e := run(t, device().H264, encoder.Config{Size: surfaceSize, MaxSize: media.Size{Width: 640, Height: 360}})
	for range 40 { // more than an encoder remembers
		picture, err := context.NewPicture(cuda.Linear, cuda.NV12, surfaceSize)
		if err != nil {
			t.Fatal(err)
		}
		frame := &media.Frame{Visible: surfaceSize, Coded: surfaceSize, Surface: picture}
		if _, err := e.Encode(frame, encoder.Request{}, discard); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the double would tell of memory that is freed twice
			if err := picture.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := e.Encode(frame, encoder.Request{}, discard); !errors.Is(err, media.ErrFrame) {
			t.Errorf("a closed picture: got %v, want media.ErrFrame", err)
		}
	}
	// And an encoder before its pictures, some of them of a size that it has left.
	var pictures []*cuda.Picture
	for range 40 {
		picture, err := context.NewPicture(cuda.Array, cuda.RGBA, surfaceSize)
		if err != nil {
			t.Fatal(err)
		}
		pictures = append(pictures, picture)
		if _, err := e.Encode(&media.Frame{Visible: surfaceSize, Coded: surfaceSize, Surface: picture}, encoder.Request{}, discard); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Reconfigure(encoder.Reconfiguration{Size: media.Size{Width: 640, Height: 360}}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(&media.Frame{Visible: surfaceSize, Coded: surfaceSize, Surface: pictures[0]}, encoder.Request{}, discard); !errors.Is(err, media.ErrFrame) {
		t.Errorf("a picture of the old size: got %v, want media.ErrFrame", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	for _, picture := range pictures {
		if err := picture.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestASizeChangesWithPicturesOnTheGPU(t *testing.T) {
	d := load(t)
	context := gpu(t, 0)
	sizes := []media.Size{{Width: 320, Height: 180}, {Width: 640, Height: 360}, {Width: 160, Height: 360}}
	e := run(t, device().HEVC, encoder.Config{Size: sizes[0], MaxSize: media.Size{Width: 640, Height: 360}})
	for n, size := range sizes {
		if err := e.Reconfigure(encoder.Reconfiguration{Size: size}); err != nil {
			t.Fatal(err)
		}
		d.Texture(3, size, make([]byte, 4*size.Width*size.Height))
		picture, err := context.ImportTexture(3, 0x0de1, size)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			result, err := e.Encode(&media.Frame{Visible: size, Coded: size, Surface: picture}, encoder.Request{}, discard)
			if err != nil || result.Keyframe != (i == 0) {
				t.Fatalf("size %d, picture %d: %+v, %v", n, i, result, err)
			}
		}
		if err := picture.Close(); err != nil {
			t.Error(err)
		}
	}
}

type elsewhere struct{}

func (elsewhere) Place() string { return "another world" }

func TestPicturesThatCannotBeReadAreRefused(t *testing.T) {
	load(t)
	e := run(t, device().H264, encoder.Config{Size: surfaceSize})
	near, far := gpu(t, 0), gpu(t, 1)
	onFar, err := far.NewPicture(cuda.Linear, cuda.NV12, surfaceSize)
	if err != nil {
		t.Fatal(err)
	}
	defer onFar.Close()
	small, err := near.NewPicture(cuda.Linear, cuda.NV12, media.Size{Width: 160, Height: 90})
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	for reason, frame := range map[string]*media.Frame{
		"on another GPU":         {Visible: surfaceSize, Coded: surfaceSize, Surface: onFar},
		"of another size":        {Visible: surfaceSize, Coded: surfaceSize, Surface: small},
		"of no CUDA":             {Visible: surfaceSize, Coded: surfaceSize, Surface: elsewhere{}},
		"with sizes that differ": {Visible: surfaceSize, Coded: media.Size{Width: 640, Height: 360}, Surface: small},
	} {
		if _, err := e.Encode(frame, encoder.Request{}, discard); !errors.Is(err, media.ErrFrame) {
			t.Errorf("%s: got %v, want media.ErrFrame", reason, err)
		}
	}
	if result, err := e.Encode(media.NewFrame(surfaceSize), encoder.Request{}, discard); err != nil || !result.Keyframe {
		t.Errorf("after refused pictures: %+v, %v", result, err)
	}

	software, err := openh264.Open(encoder.Config{Size: surfaceSize})
	if err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	defer software.Close()
	_, err = software.Encode(&media.Frame{Visible: surfaceSize, Coded: surfaceSize, Surface: onFar}, encoder.Request{}, discard)
	const want = "openh264: malformed frame: the picture lies in memory of GPU 1 (Double of a GPU 1), which only an encoder on that GPU can read: " +
		"copy it to host memory first"
	if !errors.Is(err, media.ErrFrame) || err.Error() != want {
		t.Errorf("a software encoder: got %v, want %s", err, want)
	}
}

func TestAPictureOnTheGPUCostsNoAllocation(t *testing.T) {
	load(t)
	context := gpu(t, 0)
	e := run(t, nvenc.Device{Libraries: double.Folder}.H264, encoder.Config{Size: surfaceSize})
	picture, err := context.NewPicture(cuda.Linear, cuda.NV12, surfaceSize)
	if err != nil {
		t.Fatal(err)
	}
	defer picture.Close()
	frame := &media.Frame{Visible: surfaceSize, Coded: surfaceSize, Surface: picture}
	if allocations := testing.AllocsPerRun(30, func() {
		if _, err := e.Encode(frame, encoder.Request{}, discard); err != nil {
			t.Fatal(err)
		}
	}); allocations > 0 {
		t.Errorf("%.1f allocations a frame", allocations)
	}
}
