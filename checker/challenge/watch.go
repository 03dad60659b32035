package challenge

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
)

// Watch is what a checker notes of one challenge.
type Watch struct {
	plan       Plan
	random     *rand.Rand
	sent       []sent
	known      map[arena.Nonce]int // the places in sent
	seen       []seen
	roundTrips []time.Duration
	last       picture // the newest picture's, for comparison with the next
	crowded    int     // pictures beyond the bound
}

type sent struct {
	nonce    arena.Nonce
	at       media.Instant
	pictures int // that say they show it
}

// seen is one picture that came.
type seen struct {
	arrived media.Instant
	said    arena.Said
	legible bool    // said can be read, and the size is the plan's
	nonce   int     // which of Watch.sent it says it shows, -1 where there is no such nonce or it had not been sent
	ordinal int     // of the pictures of its nonce, from 0
	same    float64 // PSNR with the picture before

	sample *sample
}

// sample is a picture to be redrawn.
type sample struct {
	picture picture
	// What Judge has found.
	known bool
	like  likeness
	fresh float64
}

// firsts is how many pictures of a nonce are always sampled: the answer, and another one where that was coded too coarsely.
const firsts = 2

// NewWatch begins a challenge. Whoever knows the random numbers knows which pictures will be looked at.
func NewWatch(plan Plan, random rand.Source) (*Watch, error) {
	if err := plan.Check(); err != nil {
		return nil, err
	}
	return &Watch{plan: plan, random: rand.New(random), known: make(map[arena.Nonce]int)}, nil
}

// Sent notes that a nonce was sent, its last key at an instant of the checker's clock. Nonces are noted in the order in which they are sent, and
// before anything that answers them.
func (w *Watch) Sent(nonce arena.Nonce, at media.Instant) {
	w.known[nonce] = len(w.sent)
	w.sent = append(w.sent, sent{nonce: nonce, at: at})
}

// RoundTrip notes a round trip of the connection, as STUN or RTCP measure it.
func (w *Watch) RoundTrip(took time.Duration) { w.roundTrips = append(w.roundTrips, took) }

// Picture notes a picture that was complete at an instant: when its last packet came. The error wraps media.ErrFrame.
func (w *Watch) Picture(f *media.Frame, arrived media.Instant) error {
	if err := f.CheckIn(f.Chroma); err != nil {
		return err
	}
	if most := spare * int(w.plan.Length/w.plan.frame()); len(w.seen) >= most {
		w.crowded++
		return nil
	}
	s := seen{arrived: arrived, nonce: -1}
	if f.Visible != w.plan.Size {
		w.last = picture{}
		if w.begun(arrived) {
			w.seen = append(w.seen, s)
		}
		return nil
	}
	now := keep(f)
	if w.last.luma != nil {
		s.same, _ = tilesOf(w.last, now)
	}
	w.last = now
	if said, err := arena.Read(f.Y, f.Visible); err == nil {
		s.said, s.legible = said, true
		s.nonce = w.claimed(said.Claim, arrived)
	}
	counts, sampled := w.place(&s)
	if sampled {
		s.sample = &sample{picture: now}
	}
	if counts {
		w.seen = append(w.seen, s)
	}
	return nil
}

// place says which of its nonce's pictures one is, whether it counts, and whether it is sampled.
func (w *Watch) place(s *seen) (counts, sampled bool) {
	if s.nonce >= 0 {
		s.ordinal = w.sent[s.nonce].pictures
		w.sent[s.nonce].pictures++
	} else if !w.begun(s.arrived) {
		return false, false
	}
	return true, s.nonce >= 0 && s.ordinal < firsts || w.random.Float64() < w.plan.Share
}

// begun reports whether pictures count: one has shown a nonce, or there was time enough for it.
func (w *Watch) begun(now media.Instant) bool {
	return len(w.seen) > 0 || len(w.sent) > 0 && now.Sub(w.sent[0].at) > patience*w.plan.Every
}

// patience is how many nonces later one counts as unanswered.
const patience = 2

// claimed is which nonce a claim is about. That a nonce before it was missed does not matter to it.
func (w *Watch) claimed(c arena.Claim, arrived media.Instant) int {
	i, known := w.known[c.Nonce]
	if !known || c.Index == 0 || w.sent[i].at > arrived {
		return -1
	}
	return i
}

// Painter draws what should have been shown, as redraw.Painter does.
type Painter interface {
	Paint(nonce arena.Nonce, since time.Duration, into *media.Frame) error
}

// redraw compares a sample with what it says it shows, once.
func (w *Watch) redraw(s *seen, p Painter, easel *media.Frame) error {
	if s.sample.known {
		return nil
	}
	s.sample.known = true
	if !s.legible || s.nonce < 0 {
		s.sample.fresh = math.Inf(-1)
		s.sample.picture = picture{}
		return nil
	}
	claim := s.said.Claim
	paint := func(since time.Duration) (picture, error) {
		if err := p.Paint(claim.Nonce, since, easel); err != nil {
			return picture{}, fmt.Errorf("redraw nonce %d at %v: %w", claim.Index, since, err)
		}
		return keep(easel), nil
	}
	own, err := paint(claim.Since)
	if err != nil {
		return err
	}
	s.sample.like = compare(own, s.sample.picture)
	nearest := math.Inf(-1)
	for _, beside := range [...]time.Duration{-w.plan.frame(), w.plan.frame()} {
		if claim.Since+beside < 0 {
			continue
		}
		other, err := paint(claim.Since + beside)
		if err != nil {
			return err
		}
		psnr, _ := tilesOf(other, s.sample.picture)
		nearest = max(nearest, psnr)
	}
	s.sample.fresh = s.sample.like.psnr - nearest
	s.sample.picture = picture{} // it has served
	return nil
}
