package encodertest

import (
	"errors"
	"testing"
	"time"

	"nearlight/encoder"
)

func testRecovery(t *testing.T, open Opener) {
	for recovery, test := range map[encoder.Recovery]func(*testing.T, *stream){
		encoder.RecoverByKeyframe:   testRecoverByKeyframe,
		encoder.RecoverByReferences: testRecoverByReferences,
		encoder.RecoverByRefresh:    testRecoverByRefresh,
	} {
		t.Run([]string{"by keyframe", "by references", "by refresh"}[recovery], func(t *testing.T) {
			config := base
			config.Recovery = recovery
			opened, err := open(config)
			if errors.Is(err, encoder.ErrUnsupported) || errors.Is(err, encoder.ErrUnavailable) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			opened.Close()
			s := start(t, open, config)
			if got := s.encoder.Capabilities().Recovery; got != recovery {
				t.Fatalf("the capabilities speak of recovery %d, want %d", got, recovery)
			}
			test(t, s)
		})
	}
}

// lose encodes so many pictures that never reach the player, and returns the numbers of the first and the last.
func (s *stream) lose(pictures int) (first, last int) {
	s.t.Helper()
	first = s.next
	s.push(pictures)
	return first, s.next - 1
}

// invalidate reports the loss of pictures first to last.
func (s *stream) invalidate(first, last int) (keyframe bool) {
	s.t.Helper()
	keyframe, err := s.encoder.Invalidate(captured(first), captured(last))
	if err != nil {
		s.t.Fatal(err)
	}
	return keyframe
}

// mended encodes and decodes so many pictures, all of which must be whole and none but perhaps the first a keyframe. The first does
// without so many before it.
func (s *stream) mended(pictures int, keyframe bool, skips int) {
	s.t.Helper()
	for n := range pictures {
		s.encode(encoder.Request{})
		if s.skips != skips {
			s.t.Fatalf("picture %d after the loss does without %d, want %d", n, s.skips, skips)
		}
		skips = 0
		if s.result.Keyframe != (keyframe && n == 0) {
			s.t.Fatalf("picture %d after the loss: keyframe is %v", n, s.result.Keyframe)
		}
		if psnr := s.receive(); psnr < 24 {
			s.t.Fatalf("picture %d after the loss: %.1f dB", n, psnr)
		}
	}
}

func testRecoverByKeyframe(t *testing.T, s *stream) {
	s.warm(60)
	if !s.invalidate(s.lose(2)) {
		t.Error("no keyframe is promised, and nothing else can mend the picture")
	}
	s.mended(10, true, 0)
}

func testRecoverByReferences(t *testing.T, s *stream) {
	s.warm(60)
	if kept := s.encoder.Capabilities().References; kept < 2 {
		t.Errorf("%d pictures are kept to fall back on", kept)
	}
	first, last := s.lose(2)
	if s.invalidate(first, last) {
		t.Error("a keyframe, though good references are left")
	}
	s.mended(10, false, 2)
	if s.invalidate(first, last) {
		t.Error("the same report again costs a keyframe")
	}
	s.mended(10, false, 0)

	lost := s.next
	s.encode(encoder.Request{})
	s.lose(2) // they arrive, but refer to the lost one
	if s.invalidate(lost, lost) {
		t.Error("a keyframe, though references from before the loss are left")
	}
	s.mended(10, false, 3)

	if !s.invalidate(s.lose(40)) {
		t.Error("no keyframe, though nothing good is left to refer to")
	}
	s.mended(10, true, 0)
	if s.invalidate(first, last) {
		t.Error("a loss from before the last keyframe costs another")
	}
	s.mended(3, false, 0)
}

func testRecoverByRefresh(t *testing.T, s *stream) {
	s.warm(90)
	s.join() // worse than any loss: a player who has nothing
	sweep := int(encoder.RefreshTime * frameRate / time.Second)
	if s.invalidate(s.lose(2)) {
		t.Error("a keyframe, though the sweep mends the picture")
	}
	var psnr float64
	for range 3 * sweep {
		s.encode(encoder.Request{})
		if s.result.Keyframe {
			t.Fatal("a keyframe came unasked")
		}
		// Until the sweep is over the decoder may say that parts are missing.
		if picture, err := s.decode(); err == nil && picture != nil {
			psnr = PSNR(s.frame, picture)
		}
	}
	if psnr < 28 {
		t.Errorf("%.1f dB after three sweeps", psnr)
	}
}
