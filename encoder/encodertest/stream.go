package encodertest

import (
	"errors"
	"testing"

	"nearlight/encoder"
	"nearlight/internal/decode"
	"nearlight/internal/media"
)

// Opener is how a driver is opened.
type Opener func(encoder.Config) (encoder.Encoder, error)

const frameRate = 60

// base is what most tests open: a third of a megapixel, at a rate that the scene can use and that does not hurt it.
var base = encoder.Config{
	Size:      media.Size{Width: 640, Height: 360},
	FrameRate: frameRate,
	Bitrate:   3 * media.Mbps,
}

// stream is an encoder under test, the scene before it and the player's decoder behind it.
type stream struct {
	t       *testing.T
	encoder encoder.Encoder
	decoder *decode.Decoder // nil until the player joins
	scene   *Scene
	frame   *media.Frame
	next    int // number of the next picture

	unit   []byte // the last access unit
	result encoder.Result
	skips  int // of the last access unit
}

// start opens a stream, and closes it when the test is over.
func start(t *testing.T, open Opener, config encoder.Config) *stream {
	t.Helper()
	opened, err := open(config)
	if errors.Is(err, encoder.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	s := &stream{t: t, encoder: opened}
	s.resize(config.Size)
	return s
}

// resize makes scene and frame for another size.
func (s *stream) resize(size media.Size) {
	s.scene = NewScene(size, 1)
	s.frame = media.NewFrameIn(s.encoder.Capabilities().Sampling.Chroma, size)
}

// join gives the player a new decoder, which knows nothing yet.
func (s *stream) join() { s.decoder = nil }

// decode decodes the last access unit. The test is skipped where the build has no decoder.
func (s *stream) decode() (*media.Frame, error) {
	s.t.Helper()
	if s.decoder == nil {
		decoder, err := decode.Open(s.encoder.Capabilities().Codec)
		if errors.Is(err, decode.ErrUnavailable) {
			s.t.Skip(err)
		}
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { decoder.Close() })
		s.decoder = decoder
	}
	return s.decoder.Decode(s.unit)
}

// captured is picture n's capture time.
func captured(n int) media.Instant { return media.Instant(1 + n*1_000_000_000/frameRate) }

// encode draws and encodes the next picture, checks the form of what comes out and keeps it in s.unit.
func (s *stream) encode(r encoder.Request) {
	s.t.Helper()
	s.scene.Draw(s.frame, s.next)
	s.frame.Times.Damaged = captured(s.next)
	s.next++
	s.encodeFrame(r)
}

// encodeFrame encodes s.frame as it is.
func (s *stream) encodeFrame(r encoder.Request) {
	s.t.Helper()
	s.unit = s.unit[:0]
	capabilities := s.encoder.Capabilities()
	form := formOf(s.t, capabilities.Codec)
	unit := accessUnit{coded: s.frame.Coded}
	count, ended, key := 0, false, false
	result, err := s.encoder.Encode(s.frame, r, func(slice media.Slice) error {
		if ended {
			s.t.Error("a slice comes after the last one")
		}
		if count > 0 && slice.Keyframe != key {
			s.t.Error("slices of one access unit disagree about its being a keyframe")
		}
		if count > 0 && slice.Skips != s.skips {
			s.t.Error("slices of one access unit disagree about what it refers to")
		}
		ended, key, s.skips = slice.Last, slice.Keyframe, slice.Skips
		s.unit = append(s.unit, slice.Data...)
		form.slice(s.t, &unit, slice)
		count++
		return nil
	})
	if err != nil {
		s.t.Fatalf("picture %d: %v", s.next-1, err)
	}
	if !ended {
		s.t.Error("no slice is marked as the last")
	}
	if count > capabilities.Slices {
		s.t.Errorf("%d slices, more than the %d that were claimed", count, capabilities.Slices)
	}
	if result.Bytes != len(s.unit) {
		s.t.Errorf("the result speaks of %d bytes, %d came", result.Bytes, len(s.unit))
	}
	if result.Keyframe != key {
		s.t.Errorf("the result says keyframe %v, its slices %v", result.Keyframe, key)
	}
	if r.Keyframe && !key {
		s.t.Error("a keyframe was asked for and did not come")
	}
	s.result = result
}

// receive decodes the last access unit, which must give its picture at once, and returns how well it shows s.frame.
func (s *stream) receive() float64 {
	s.t.Helper()
	picture, err := s.decode()
	if err != nil {
		s.t.Fatalf("picture %d: %v", s.next-1, err)
	}
	if picture == nil {
		s.t.Fatalf("picture %d was held back by the decoder", s.next-1)
	}
	if picture.Visible != s.frame.Coded {
		s.t.Fatalf("decoded size is %v, want %v", picture.Visible, s.frame.Coded)
	}
	return PSNR(s.frame, picture)
}

// push encodes so many pictures, which nobody decodes.
func (s *stream) push(pictures int) {
	s.t.Helper()
	for range pictures {
		s.encode(encoder.Request{})
	}
}

// warm encodes and decodes so many pictures.
func (s *stream) warm(pictures int) {
	s.t.Helper()
	for range pictures {
		s.encode(encoder.Request{})
		s.receive()
	}
}
