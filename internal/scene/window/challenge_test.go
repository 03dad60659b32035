//go:build linux && cgo

package window_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
	"nearlight/internal/scene/window"
)

// claim reads what the picture on the screen says.
func (s *server) claim() (arena.Said, error) {
	pixels := s.picture(arena.Blocks)
	green := media.Plane{Data: make([]byte, arena.Blocks.Width*arena.Blocks.Height), Stride: arena.Blocks.Width}
	for i := range green.Data {
		green.Data[i] = pixels[4*i+1]
	}
	return arena.Read(green, arena.Blocks)
}

func TestEveryNonceThatIsTypedIsShown(t *testing.T) {
	s := startServer(t, small)
	play(t, window.Config{Challenge: true, FrameRate: 30})
	s.await("a marker", anyMarker)
	sequence := uint32(0)
	press := func(keys []uint16) {
		for _, key := range keys {
			for _, kind := range [...]byte{xproto.KeyPress, xproto.KeyRelease} {
				sequence++
				s.announce(sequence)
				s.inject(kind, byte(key+8), 0, 0)
			}
		}
		s.sync()
	}
	press(arena.Task{Seed: 1, Objects: 2}.Keys())
	random := rand.New(rand.NewPCG(3, 3))
	// The least and the greatest, and some between.
	nonces := []arena.Nonce{0x01234567, 0x12345678, 0x89abcdef, 0xf0e1d2c3, 0, 0xffffffff}
	for range 14 {
		nonces = append(nonces, arena.Nonce(random.Uint32()))
	}
	for i, nonce := range nonces {
		press(nonce.Keys())
		var said arena.Said
		var err error
		shown := func() bool {
			said, err = s.claim()
			return err == nil && said.Claim.Nonce == nonce && int(said.Claim.Index) == i+1 && said.Marker.Input == sequence
		}
		for deadline := time.Now().Add(2 * time.Second); !shown(); {
			if time.Now().After(deadline) {
				t.Fatalf("nonce %d, %#x, is not shown: %+v, %v", i+1, nonce, said, err)
			}
		}
	}
}
