//go:build cgo

package nvenc_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"nearlight/encoder"
	"nearlight/encoder/nvenc"
	"nearlight/internal/cuda"
	"nearlight/internal/cuda/cudatest"
	"nearlight/internal/media"
)

func TestGPUEncodesAPictureWhereItLiesOrSaysWhyNot(t *testing.T) {
	context := cudatest.Retain(t)
	size := media.Size{Width: 1280, Height: 720}
	e, err := nvenc.Device{Libraries: os.Getenv(cudatest.LibrariesVariable)}.H264(encoder.Config{Size: size})
	if err != nil {
		// A refusal is right on a card without an encoder, but it has to be one that callers can tell apart.
		if !errors.Is(err, encoder.ErrUnavailable) {
			t.Fatalf("refused without a reason to tell apart: %v", err)
		}
		t.Skipf("COULD NOT RUN: this GPU does not encode, and says so: %v", err)
	}
	defer e.Close()
	picture, err := context.NewPicture(cuda.Linear, cuda.BGRA, size)
	if err != nil {
		t.Fatal(err)
	}
	defer picture.Close()
	const pictures = 60
	var spent time.Duration
	for n := range pictures {
		frame := &media.Frame{Visible: size, Coded: size, Surface: picture}
		began := media.Now()
		result, err := e.Encode(frame, encoder.Request{}, discard)
		if err != nil || result.Bytes == 0 || result.Keyframe != (n == 0) {
			t.Fatalf("picture %d: %+v, %v", n, result, err)
		}
		spent += media.Now().Sub(began)
	}
	t.Logf("a picture in %v", spent/pictures)
}
