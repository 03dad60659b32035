package challenge

import (
	"fmt"
	"math"
	"slices"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
)

// Spread is the least, mean and greatest of what was found of samples, and of each two pictures in a row.
type Spread struct{ Same, Fresh, Tiles, Detail, Repeat [3]float64 }

func (s Spread) String() string {
	return fmt.Sprintf("same %.1f, fresh %.1f, tiles %.1f, detail %.2f, in a row %.1f", s.Same, s.Fresh, s.Tiles, s.Detail, s.Repeat)
}

// SpreadOf is of all that Judge has redrawn.
func SpreadOf(w *Watch) Spread {
	var same, fresh, tiles, detail, repeat []float64
	for _, s := range w.seen {
		repeat = append(repeat, s.same)
		if s.sample == nil || !s.sample.known || s.nonce < 0 {
			continue
		}
		same, fresh = append(same, s.sample.like.psnr), append(fresh, s.sample.fresh)
		if s.ordinal >= firsts {
			tiles, detail = append(tiles, s.sample.like.tiles), append(detail, s.sample.like.detail)
		}
	}
	of := func(values []float64) [3]float64 {
		mean, _ := scatter(values)
		return [3]float64{slices.Min(values), mean, slices.Max(values)}
	}
	return Spread{of(same), of(fresh), of(tiles), of(detail), of(repeat)}
}

// Looks is what was found of one picture.
type Looks struct {
	Nonce, Ordinal int // Nonce is -1 where it says none that was sent
	Same           float64
	Sampled        bool // or the rest is not known
	PSNR           float64
	Tiles          float64
	Detail, Fresh  float64
}

// LooksOf is of all pictures that were noted and judged, in their order.
func LooksOf(w *Watch) (all []Looks) {
	for _, s := range w.seen {
		l := Looks{Nonce: s.nonce, Ordinal: s.ordinal, Same: s.same}
		if s.sample != nil && s.sample.known {
			l.Sampled, l.PSNR, l.Tiles, l.Detail, l.Fresh = true, s.sample.like.psnr, s.sample.like.tiles, s.sample.like.detail, s.sample.fresh
		}
		all = append(all, l)
	}
	return all
}

// Look notes a picture by how one like it was found to look, in place of the picture itself. of gives that for a nonce's pictures of an ordinal.
func (w *Watch) Look(said arena.Said, arrived media.Instant, of func(nonce, ordinal int, sampled bool) Looks) {
	if len(w.seen) >= spare*int(w.plan.Length/w.plan.frame()) {
		return
	}
	s := seen{arrived: arrived, said: said, legible: true, nonce: w.claimed(said.Claim, arrived)}
	counts, sampled := w.place(&s)
	l := of(s.nonce, s.ordinal, sampled)
	s.same = l.Same
	if sampled {
		s.sample = &sample{known: true, like: likeness{psnr: l.PSNR, tiles: l.Tiles, detail: l.Detail}, fresh: l.Fresh}
		if s.nonce < 0 {
			s.sample.fresh = math.Inf(-1)
		}
	}
	if counts {
		w.seen = append(w.seen, s)
	}
}

// Block is some nonces of a challenge in a row, with their pictures and round trips.
type Block struct {
	length time.Duration
	sent   []sent // at times since the first was sent
	seen   []seen // their nonces are counted from the block's first
	trips  []time.Duration
}

// Blocks cuts a watch that was judged into blocks of so many nonces.
func (w *Watch) Blocks(nonces int) (blocks []Block) {
	for from := 0; from+nonces < len(w.sent); from += nonces {
		start := w.sent[from].at
		b := Block{length: w.sent[from+nonces].at.Sub(start)}
		for _, s := range w.sent[from : from+nonces] {
			b.sent = append(b.sent, sent{s.nonce, s.at - start, s.pictures})
		}
		for _, s := range w.seen {
			if s.nonce >= from && s.nonce < from+nonces {
				s.nonce, s.arrived = s.nonce-from, s.arrived-start
				b.seen = append(b.seen, s)
			}
		}
		each := float64(len(w.roundTrips)) / float64(len(w.sent)) // they are noted as evenly as nonces are
		b.trips = w.roundTrips[int(each*float64(from)):int(each*float64(from+nonces))]
		blocks = append(blocks, b)
	}
	return blocks
}

// Joined is a challenge that is made of blocks, and how long it is.
func Joined(plan Plan, blocks []Block) (*Watch, time.Duration) {
	w, length := &Watch{plan: plan, known: map[arena.Nonce]int{}}, time.Duration(0)
	for _, b := range blocks {
		start, first := media.Instant(0).Add(length), len(w.sent)
		for _, s := range b.sent {
			w.sent = append(w.sent, sent{s.nonce, s.at + start, s.pictures})
		}
		for _, s := range b.seen {
			s.nonce, s.arrived = s.nonce+first, s.arrived+start
			w.seen = append(w.seen, s)
		}
		w.roundTrips = append(w.roundTrips, b.trips...)
		length += b.length
	}
	return w, length
}
