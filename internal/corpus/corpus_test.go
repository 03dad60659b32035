package corpus_test

import (
	"bytes"
	"errors"
	"testing"

	"nearlight/checker/quality"
	"nearlight/internal/corpus"
	"nearlight/internal/media"
	"nearlight/internal/scene/gles"
	"nearlight/internal/yuv"
)

func render(t *testing.T, content corpus.Content, seed uint64) []*media.Frame {
	t.Helper()
	frames, err := corpus.Render(content, media.Size{Width: 320, Height: 180}, 4, seed)
	if errors.Is(err, gles.ErrUnavailable) || errors.Is(err, yuv.ErrUnavailable) {
		t.Skipf("SKIPPED: nothing was drawn: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

func TestPicturesAreTheSameEveryTimeAndMove(t *testing.T) {
	for _, content := range corpus.Contents() {
		t.Run(string(content), func(t *testing.T) {
			first, again, other := render(t, content, 1), render(t, content, 1), render(t, content, 2)
			for n := range first {
				if !bytes.Equal(first[n].Y.Data, again[n].Y.Data) || !bytes.Equal(first[n].U.Data, again[n].U.Data) {
					t.Errorf("picture %d differs from one time to the next", n)
				}
			}
			if bytes.Equal(first[0].Y.Data, other[0].Y.Data) {
				t.Error("the seed makes no difference")
			}
			for n := range first[1:] {
				psnr, err := quality.PSNR(first[n], first[n+1])
				if err != nil {
					t.Fatal(err)
				}
				if psnr > 45 {
					t.Errorf("pictures %d and %d are nearly the same (%.1f dB)", n, n+1, psnr)
				}
			}
		})
	}
}

func TestWhatCannotBeDrawnIsRefused(t *testing.T) {
	if _, err := corpus.Render("opera", media.Size{Width: 320, Height: 180}, 1, 1); err == nil {
		t.Error("an unknown content was drawn")
	}
	if _, err := corpus.Render(corpus.Text, media.Size{Width: 1, Height: 1}, 1, 1); !errors.Is(err, media.ErrSize) {
		t.Errorf("1x1: %v", err)
	}
}
