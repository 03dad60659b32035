package encodertest

import (
	"errors"
	"slices"
	"testing"

	"nearlight/checker/quality"
	"nearlight/encoder"
	"nearlight/internal/media"
)

// RunIn checks in another sampling the promises that bear on how pictures come in and what comes out. Run with In checks all.
func RunIn(t *testing.T, sampling media.Sampling, open Opener) {
	for _, p := range promises() {
		if p.ofPictures {
			t.Run(p.name, func(t *testing.T) { p.test(t, In(sampling, open)) })
		}
	}
}

// In opens a driver's streams in a sampling that it has, where no other is asked for, so that Run checks every promise in that one.
func In(sampling media.Sampling, open Opener) Opener {
	return func(config encoder.Config) (encoder.Encoder, error) {
		if config.Sampling == (media.Sampling{}) {
			config.Sampling = sampling
		}
		return open(config)
	}
}

func testSamplings(t *testing.T, open Opener) {
	s := start(t, open, base) // skips where there is no driver
	claimed := s.encoder.Capabilities().Samplings
	if len(claimed) == 0 {
		claimed = []media.Sampling{{}}
	}
	if own := s.encoder.Capabilities().Sampling; !slices.Contains(claimed, own) {
		t.Errorf("it codes in %v, and claims %v", own, claimed)
	}
	for _, asked := range media.Samplings() {
		if asked == (media.Sampling{}) {
			continue
		}
		config := base
		config.Sampling = asked
		opened, err := open(config)
		if err != nil {
			if slices.Contains(claimed, asked) || !errors.Is(err, encoder.ErrUnsupported) {
				t.Errorf("%v is claimed: %v; got %v", asked, slices.Contains(claimed, asked), err)
			}
			continue
		}
		if got := opened.Capabilities().Sampling; got != asked || !slices.Contains(claimed, asked) {
			t.Errorf("%v was asked for, and %v opened; %v are claimed", asked, got, claimed)
		}
		opened.Close()
	}
	s.warm(40)
	s.encode(encoder.Request{})
	picture, err := s.decode()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.decoder.Sampling(), s.encoder.Capabilities().Sampling; got != want {
		t.Errorf("a player sees %v, and the stream was opened in %v", got, want)
	}
	psnr, err := quality.ChromaPSNR(s.frame, picture)
	if err != nil || psnr < 33 {
		t.Errorf("colours: %.1f dB, %v", psnr, err)
	}
	other := media.NewFrameIn(media.Chroma444-s.frame.Chroma, base.Size)
	if _, err := s.encoder.Encode(other, encoder.Request{}, discard); !errors.Is(err, media.ErrFrame) {
		t.Errorf("a picture in %v: got %v, want media.ErrFrame", other.Chroma, err)
	}
}
