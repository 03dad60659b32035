package challenge

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
)

// blank paints nothing.
type blank struct{ painted int }

func (b *blank) Paint(arena.Nonce, time.Duration, *media.Frame) error {
	b.painted++
	return nil
}

// FuzzWatch hands a watch any pictures at any times: what an edge sends never does more than fail it.
func FuzzWatch(f *testing.F) {
	f.Add(uint64(1), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, seed uint64, steps []byte) {
		random := rand.New(rand.NewPCG(seed, 1))
		plan := Plan{Size: media.Size{Width: 384, Height: 160}, FrameRate: 10, Length: 2 * time.Second, Every: 200 * time.Millisecond, Share: 0.5}
		w, err := NewWatch(plan, random)
		if err != nil {
			t.Fatal(err)
		}
		frame, odd := media.NewFrame(plan.Size), media.NewFrame(media.Size{Width: 33, Height: 17})
		now := media.Instant(1)
		for _, step := range steps {
			now = now.Add(time.Duration(step) * time.Millisecond)
			switch step % 5 {
			case 0:
				w.Sent(arena.Nonce(step), now)
			case 1:
				w.RoundTrip(time.Duration(random.Int64()))
			case 2:
				err = w.Picture(odd, now)
			default:
				for range 8 {
					frame.Y.Data[random.IntN(len(frame.Y.Data))] = byte(random.Uint32())
				}
				arena.Said{Claim: arena.Claim{Nonce: arena.Nonce(random.IntN(256)), Index: uint16(step % 3), Since: time.Duration(random.Int64N(1 << 50))}}.Draw(frame)
				err = w.Picture(frame, now)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if most := spare * 20; len(w.seen) > most {
			t.Fatalf("%d pictures are kept, the most is %d", len(w.seen), most)
		}
		var b blank
		v, err := w.Judge(&b, DefaultLimits, now)
		if err != nil {
			t.Fatal(err)
		}
		again, err := w.Judge(nil, DefaultLimits, now) // nothing is left to redraw
		if err != nil || len(again.Findings) != len(v.Findings) || b.painted > 3*len(w.seen) {
			t.Fatalf("judged again: %v, %v", again, err)
		}
	})
}

func TestAPlanThatCannotBeJudgedIsRefused(t *testing.T) {
	good := Plan{Size: media.Size{Width: 640, Height: 360}, FrameRate: 30, Length: time.Second, Every: 500 * time.Millisecond}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for reason, spoil := range map[string]func(*Plan){
		"no room beside the blocks": func(p *Plan) { p.Size = arena.Blocks },
		"no size":                   func(p *Plan) { p.Size = media.Size{} },
		"no frame rate":             func(p *Plan) { p.FrameRate = 0 },
		"nonces faster than keys":   func(p *Plan) { p.Every = time.Millisecond },
		"too long":                  func(p *Plan) { p.Length = time.Hour },
		"more than all pictures":    func(p *Plan) { p.Share = 1.5 },
	} {
		p := good
		spoil(&p)
		if _, err := NewWatch(p, nil); !errors.Is(err, ErrPlan) {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

func TestAMalformedPictureIsRefused(t *testing.T) {
	w, err := NewWatch(Plan{Size: media.Size{Width: 640, Height: 360}, FrameRate: 30, Length: time.Second, Every: 500 * time.Millisecond}, rand.NewPCG(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	f := media.NewFrame(media.Size{Width: 640, Height: 360})
	f.Y.Data = f.Y.Data[:100]
	if err := w.Picture(f, 1); !errors.Is(err, media.ErrFrame) {
		t.Errorf("%v", err)
	}
}
