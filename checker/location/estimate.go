package location

import (
	"math"
	"slices"
)

// Estimate is the most consistent place that was found, to be shown: verdicts do without.
type Estimate struct {
	Place Place
	// Radius is how far from it places may be that are nearly as consistent; it means nothing where no place is Possible. In the simulated world of docs/checking.md the edge was within it some nine times in ten.
	Radius      Kilometres
	Consistency float64
	// Possible: no more reports exclude the place than may lie. Else no place was found that so few exclude: more checkers lie than was assumed, or what answers is not in one place.
	Possible bool
}

const (
	// grid is how many points the search begins from: one in 500 km. What lies between is found from there, and from the checkers' own places, on which small discs
	// are centred.
	grid = 2048
	// hopeful is how many of them are followed up.
	hopeful = 8
	// The search around a point begins with the grid's distance, and ends at a tenth of what places are known to.
	firstStep, lastStep Kilometres = 400, 1
	directions                     = 8
	// moves bounds the search around one point.
	moves = 200
	// How much less consistent a place may be to count for the radius: so much, and one report more or less.
	nearly = 0.02
)

// candidate is a place and how good it is.
type candidate struct {
	at          vector
	beyond      Kilometres // by how much it is out of reach in all, but for those who may lie
	consistency float64
}

func (c candidate) better(than candidate) bool {
	if c.beyond != than.beyond {
		return c.beyond < than.beyond
	}
	return c.consistency > than.consistency
}

// try looks at a place. What it is beyond is the sum of what each report lacks to reach it, without the largest, which may be lies: it leads a search into
// what n-f reports reach.
func (s *Survey) try(at vector) candidate {
	c := candidate{at: at}
	var room [MaxReports]Kilometres
	lacking := room[:0]
	for i := range s.discs {
		d := &s.discs[i]
		distance := d.at.distance(at)
		c.consistency += d.usual.agreement(distance)
		if b := distance/oblate - d.reach; b > 0 {
			lacking = append(lacking, b)
		}
	}
	c.consistency /= float64(len(s.discs))
	if len(lacking) > s.liars {
		slices.Sort(lacking)
		for _, b := range lacking[:len(lacking)-s.liars] {
			c.beyond += b
		}
	}
	return c
}

// Estimate looks for the most consistent place among those that can be. It evaluates some thousand places, and does not allocate. The search is one from many points, not a
// proof: an overlap of a few kilometres between large discs may be missed.
func (s *Survey) Estimate() Estimate {
	var first [hopeful]candidate
	found := first[:0]
	for i := range grid {
		found = keep(found, s.try(lattice(i)))
	}
	for i := range s.discs {
		found = keep(found, s.try(s.discs[i].at))
	}
	best := s.climb(found[0])
	for _, c := range found[1:] {
		if c = s.climb(c); c.better(best) {
			best = c
		}
	}
	return Estimate{best.at.place(), s.radius(best), best.consistency, best.beyond == 0}
}

// keep adds a candidate to those that are worth following up, the best first.
func keep(found []candidate, c candidate) []candidate {
	if len(found) == cap(found) {
		if !c.better(found[len(found)-1]) {
			return found
		}
		found = found[:len(found)-1]
	}
	i := len(found)
	for i > 0 && c.better(found[i-1]) {
		i--
	}
	return slices.Insert(found, i, c)
}

// lattice is point i of a grid that is about as dense everywhere: each turned by the golden angle against the one before (a Fibonacci lattice).
func lattice(i int) vector {
	turn := math.Pi * (3 - math.Sqrt(5))
	z := 1 - (2*float64(i)+1)/grid
	sin, cos := math.Sincos(turn * float64(i))
	around := math.Sqrt(1 - z*z)
	return vector{around * cos, around * sin, z}
}

// climb goes to better places as long as there are some, in shorter steps by and by.
func (s *Survey) climb(from candidate) candidate {
	best, moved := from, 0
	for step := firstStep; step >= lastStep && moved < moves; {
		around, next := best.at.compass(), best
		for d := range directions {
			if c := s.try(around.going(2*math.Pi*float64(d)/directions, step)); c.better(next) {
				next = c
			}
		}
		if !next.better(best) {
			step /= 2
			continue
		}
		best = next
		moved++
	}
	return best
}

// radius looks into all directions for the furthest place that is nearly as consistent.
func (s *Survey) radius(best candidate) Kilometres {
	const longer = 1.25
	enough := best.consistency - nearly - 1/float64(len(s.discs))
	around, furthest := best.at.compass(), lastStep
	for d := range 2 * directions {
		for r := Kilometres(10); r < halfTheEarth; r *= longer {
			if r <= furthest {
				continue
			}
			if c := s.try(around.going(math.Pi*float64(d)/directions, r)); c.beyond <= best.beyond && c.consistency >= enough {
				furthest = r
			}
		}
	}
	return furthest
}
