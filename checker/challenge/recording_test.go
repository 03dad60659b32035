package challenge_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"nearlight/checker/challenge"
)

// recording is how the pictures of an edge were found to look once they were coded: what a way does to a stream is when they come, and whether. With it a
// challenge over another way, or a longer one, needs no pictures to be drawn again.
type recording struct {
	name   string
	firsts [2][]challenge.Looks // sampled, by their ordinal, one for each nonce
	later  []challenge.Looks    // sampled
	same   []float64            // of each two pictures in a row, within nonces
	begins []float64            // the same, of the first of each nonce
	wrong  []challenge.Looks    // of pictures that say no nonce that was sent
}

// recorded is of a watch that was judged.
func recorded(name string, w *challenge.Watch) *recording {
	rec := &recording{name: name}
	for i, l := range challenge.LooksOf(w) {
		switch {
		case l.Nonce < 0:
			rec.wrong = append(rec.wrong, l)
			continue
		case l.Ordinal > 0:
			rec.same = append(rec.same, l.Same)
		case i > 0:
			rec.begins = append(rec.begins, l.Same)
		}
		switch {
		case !l.Sampled:
		case l.Ordinal < len(rec.firsts):
			rec.firsts[l.Ordinal] = append(rec.firsts[l.Ordinal], l)
		default:
			rec.later = append(rec.later, l)
		}
	}
	return rec
}

func one[T any](random *rand.Rand, of []T) (t T) {
	if len(of) > 0 {
		t = of[random.IntN(len(of))]
	}
	return t
}

// replayed is what a checker notes of a carried run whose pictures look as recorded ones. A nonce's first two pictures look as those of one recorded nonce.
func (rec *recording) replayed(t testing.TB, r *run, seed uint64, look func(at time.Duration, w *challenge.Watch)) *challenge.Watch {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 77))
	k := take(t, r, seed)
	looks := newLooks(k, look)
	nonce, like := -1, 0
	for n, s := range r.shots {
		looks.before(s.shown)
		k.watch.Look(s.said, began.Add(s.arrived), func(of, ordinal int, sampled bool) (l challenge.Looks) {
			if of != nonce {
				nonce, like = of, random.IntN(1<<30)
			}
			switch {
			case of < 0:
				l = one(random, rec.wrong)
			case ordinal < len(rec.firsts):
				if all := rec.firsts[ordinal]; len(all) > 0 {
					l = all[like%len(all)]
				}
			case sampled:
				l = one(random, rec.later)
			}
			switch before := n - 1; {
			case before < 0 || r.shots[before].said.Marker.Counter+1 != s.said.Marker.Counter:
				l.Same = 0 // the one before was never shown, and the one before that is no more like it
			case ordinal == 0:
				l.Same = one(random, rec.begins)
			default:
				l.Same = one(random, rec.same)
			}
			return l
		})
	}
	looks.before(2 * r.plan.Length)
	return k.watch
}
