package committee

import (
	"errors"
	"fmt"
	"math"
)

// Threat is what a committee has to withstand.
type Threat struct {
	// Collusion is the part of all weight that acts as one and answers wrongly, from 0 to below one half.
	Collusion float64
	// Mistakes is the probability that an honest checker answers wrongly by itself.
	Mistakes float64
	// Bound is the probability of a false verdict that is accepted.
	Bound float64
	// Tries is how often an undecided task is drawn at the most.
	Tries int
}

// Size is how large a committee is.
type Size struct {
	Seats   uint32 // on average
	Minimum int    // of counted reports: fewer decide nothing
}

// maxSeats is where SizeFor gives up: more checkers measuring one edge would be its load.
const maxSeats = 2000

// SizeFor returns the smallest committee for which the false verdicts of all tries together stay within the bound.
func SizeFor(t Threat) (Size, error) {
	if !(t.Collusion >= 0 && t.Collusion < 0.5 && t.Mistakes >= 0 && t.Mistakes < 0.5 && t.Bound > 0 && t.Bound < 1 && t.Tries >= 1) {
		return Size{}, errors.New("a threat has shares from 0 to below one half, a bound between 0 and 1, and at least one try")
	}
	for seats := uint32(3); seats <= maxSeats; seats++ {
		size := Size{Seats: seats, Minimum: minimum(seats)}
		if size.FalseVerdict(t) <= t.Bound {
			return size, nil
		}
	}
	return Size{}, fmt.Errorf("not even %d checkers keep false verdicts below %g when %g of the weight colludes", maxSeats, t.Bound, t.Collusion)
}

// minimum is more than half of the seats: those who collude cannot decide alone, and honest ones rarely are so few.
func minimum(seats uint32) int { return int(seats)/2 + 1 }

// FalseVerdict is the probability that a task ends with a false verdict, whatever those who collude do.
//
// Seats are drawn independently from a large roster, so that right answers, honest mistakes and those who collude are independent Poisson
// numbers R, M and C (with 10,000 checkers the difference does not show in the simulation). Those who collude know each other, see how many have
// committed, and can stay silent. They win where M + C > R and all together reach the minimum. Where they would lose they can hold back, which leaves
// the task undecided if R + M is below the minimum or a tie; then it is drawn again.
func (s Size) FalseVerdict(t Threat) float64 {
	seats := float64(s.Seats)
	right, mistaken := poisson(seats*(1-t.Collusion)*(1-t.Mistakes)), poisson(seats*(1-t.Collusion)*t.Mistakes)
	together := poisson(seats * t.Collusion)
	above := tails(together)
	var win, again float64
	for r, p := range right {
		for m, q := range mistaken {
			wins := at(above, max(r-m+1, s.Minimum-r-m))
			win += p * q * wins
			switch {
			case r+m < s.Minimum || r == m:
				again += p * q * (1 - wins)
			case r > m && r-m < len(together):
				again += p * q * together[r-m] // a tie
			}
		}
	}
	total, reached := 0.0, 1.0
	for range t.Tries {
		total += reached * win
		reached *= again
	}
	return total
}

// poisson lists the probabilities of 0, 1, 2, ... until what is left cannot matter.
func poisson(mean float64) []float64 {
	last := int(mean + 14*math.Sqrt(mean) + 40)
	p := make([]float64, last+1)
	for n := range p {
		gamma, _ := math.Lgamma(float64(n) + 1)
		if mean > 0 {
			p[n] = math.Exp(float64(n)*math.Log(mean) - mean - gamma)
		} else if n == 0 {
			p[n] = 1
		}
	}
	return p
}

// tails lists the probabilities of at least 0, 1, 2, ...
func tails(p []float64) []float64 {
	above := make([]float64, len(p)+1)
	for n := len(p) - 1; n >= 0; n-- {
		above[n] = above[n+1] + p[n]
	}
	return above
}

func at(above []float64, n int) float64 {
	if n >= len(above) {
		return 0
	}
	return above[max(n, 0)]
}

// Stated is what Nearlight's committees withstand: a quarter of all weight acting as one, honest checkers that are mistaken once in fifty, and
// one false verdict in ten thousand tasks.
var Stated = Threat{Collusion: 0.25, Mistakes: 0.02, Bound: 1e-4, Tries: 3}
