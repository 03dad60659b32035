//go:build cgo

package scene_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"nearlight/edge/capture"
	"nearlight/edge/capture/scene"
	"nearlight/encoder"
	"nearlight/encoder/nvenc"
	"nearlight/encoder/nvenc/fakedriver"
	"nearlight/encoder/nvenc/fakedriver/fakedrivertest"
	"nearlight/internal/cuda"
	"nearlight/internal/decode"
	"nearlight/internal/media"
	"nearlight/internal/scene/gles"
)

// double is a CUDA driver without a GPU. Its textures are not OpenGL's: each is what a test
// says, whatever was drawn.
var double fakedrivertest.Setup

func TestMain(m *testing.M) { os.Exit(double.Run(m, "", fakedriver.Build)) }

// texturesNamed is more than OpenGL names in a test.
const texturesNamed = 8

// onDouble opens a source whose textures all hold pixels, as the double sees it.
func onDouble(t *testing.T, size media.Size, pixels []byte) (*fakedriver.Double, *scene.Source) {
	t.Helper()
	d := double.Load(t)
	gpu, err := cuda.Retain(double.Folder, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := gpu.Close(); err != nil {
			t.Error(err)
		}
	})
	hang(d, size.Even(), pixels)
	s, err := scene.OpenAnywhere(scene.Config{Size: size, FrameRate: 240, GPU: gpu})
	if errors.Is(err, gles.ErrUnavailable) {
		t.Skipf("SKIPPED: nothing was drawn: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, s
}

func hang(d *fakedriver.Double, size media.Size, pixels []byte) {
	for name := range uint32(texturesNamed) {
		d.Texture(name+1, size, pixels)
	}
}

// blue is a picture that is blue, and would be red if bytes were taken for others.
func blue(size media.Size) []byte {
	return bytes.Repeat([]byte{255, 0, 0, 255}, size.Width*size.Height)
}

func TestOnAGPUPicturesAreHandedOverAsSurfaces(t *testing.T) {
	odd := media.Size{Width: 321, Height: 181}
	d, s := onDouble(t, odd, blue(odd.Even()))
	var last media.Surface
	for range 4 {
		f := next(t, s, 0)
		picture, is := f.Surface.(*cuda.Picture)
		if !is || picture.Kind() != cuda.Linear || picture.Format() != cuda.BGRA || picture.Size() != odd.Even() || f.Visible != odd || f.Coded != odd.Even() {
			t.Fatalf("%+v", f)
		}
		if f.Y.Data != nil || f.Surface == last {
			t.Errorf("planes %d, the same picture twice in a row: %v", len(f.Y.Data), f.Surface == last)
		}
		last = f.Surface
		got := make([]byte, 4*picture.Size().Width*picture.Size().Height)
		if err := picture.Read(got, 4*picture.Size().Width, nil); err != nil || !bytes.Equal(got, blue(odd.Even())) {
			t.Fatalf("it holds other bytes than its texture: %v", err)
		}
	}
	wider := media.Size{Width: 480, Height: 270}
	hang(d, wider, blue(wider))
	s.SetSize(wider)
	if f := next(t, s, 0); f.Visible != wider || f.Surface.(*cuda.Picture).Size() != wider {
		t.Errorf("after a change of size: %v", f.Visible)
	}
}

func TestWhatIsHandedOverIsEncodedInItsColours(t *testing.T) {
	_, s := onDouble(t, size, blue(size))
	e, err := nvenc.Device{Libraries: double.Folder}.H264(encoder.Config{Size: size})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	decoder, err := decode.Open(media.H264)
	if err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	defer decoder.Close()
	for n := range 5 {
		var unit []byte
		if _, err := e.Encode(next(t, s, 0), encoder.Request{}, func(slice media.Slice) error {
			unit = append(unit, slice.Data...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		shown, err := decoder.Decode(unit)
		if err != nil || shown == nil {
			t.Fatalf("picture %d: %v, %v", n, shown, err)
		}
		if cb, cr := shown.U.Data[100], shown.V.Data[100]; cb < 200 || cr > 140 {
			t.Errorf("picture %d is Cb %d, Cr %d, not blue", n, cb, cr)
		}
	}
	s.Close() // before the encoder, which forgets the pictures
}

func TestAGPUThatFailsEndsTheSource(t *testing.T) {
	d, s := onDouble(t, size, blue(size))
	next(t, s, 0)
	small := media.Size{Width: 16, Height: 16}
	hang(d, small, blue(small)) // the texture that was registered is gone
	_, err := s.Next(t.Context(), 0)
	var failed *cuda.Error
	if !errors.Is(err, capture.ErrGone) || !errors.As(err, &failed) || failed.Call != "cuMemcpy2D" {
		t.Errorf("got %v", err)
	}
	if said := d.Report(); len(said) == 0 {
		t.Error("the double saw nothing wrong")
	}
}

func TestAGPUThatOpenGLDoesNotHaveIsNamed(t *testing.T) {
	double.Need(t)
	gpu, err := cuda.Retain(double.Folder, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer gpu.Close()
	if s, err := scene.Open(scene.Config{Size: size, GPU: gpu}); !errors.Is(err, gles.ErrUnavailable) {
		if err == nil {
			s.Close()
		}
		t.Errorf("got %v", err)
	}
}
