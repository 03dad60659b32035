package location

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Sample is a round trip between two known places, such as two checkers'. Like a report's, it is the least of several.
type Sample struct {
	From, To  Place
	RoundTrip time.Duration
}

// Curve says how far apart two machines usually are, by the round trip between them. It is quantiles of what was sampled, so that lies among the samples
// move it no further than to what other samples say, or to the speed of light: they blunt Consistency, and exclude nothing.
type Curve struct {
	knots []knot // by time, which grows; no part of their bands shrinks
	// Dropped is how many samples were faster than light in fibre: lies about a time or a place.
	Dropped int
}

type knot struct {
	trip float64 // ms
	band band
}

// band is where distances lie: a tenth of them nearer, half nearer, a tenth further.
type band struct{ near, usual, far Kilometres }

const (
	// MinSamples make a curve of two bands. It takes eight checkers, each with each, to have as many.
	MinSamples = 28
	// MaxSamples is every pair of 362 checkers.
	MaxSamples = 1 << 16
	maxKnots   = 24
	perKnot    = 14 // samples at least
	// narrow is what a band is at least wide on either side of the usual distance: places are known to some kilometres, and so is what a last mile takes.
	narrow Kilometres = 50
)

// The guess without a curve. Half of what light could: cables are half as long again as the way on the ground, and some milliseconds go elsewhere.
const (
	guessNear  = 0.2
	guessUsual = 0.5
	guessFar   = 0.8
)

// Calibrate makes a curve. An error is about a sample that nothing could have measured, or the number of them that are left: samples that were faster than light in
// fibre are left out and counted.
func Calibrate(samples []Sample) (*Curve, error) {
	if len(samples) > MaxSamples {
		return nil, fmt.Errorf("%w: %d samples, want %d at the most", ErrTooMany, len(samples), MaxSamples)
	}
	type measured struct{ trip, distance float64 }
	kept := make([]measured, 0, len(samples))
	c := &Curve{}
	for i, sample := range samples {
		for _, r := range []Report{{sample.From, sample.RoundTrip}, {sample.To, sample.RoundTrip}} {
			if err := r.check(); err != nil {
				return nil, fmt.Errorf("sample %d: %w", i, err)
			}
		}
		distance := Distance(sample.From, sample.To)
		if distance/oblate > reach(sample.RoundTrip, Fibre) {
			c.Dropped++
			continue
		}
		kept = append(kept, measured{milliseconds(sample.RoundTrip), float64(distance)})
	}
	if len(kept) < MinSamples {
		return nil, fmt.Errorf("%w: %d samples that light allows, want %d", ErrTooFew, len(kept), MinSamples)
	}
	slices.SortFunc(kept, func(a, b measured) int {
		return cmp.Or(cmp.Compare(a.trip, b.trip), cmp.Compare(a.distance, b.distance))
	})
	distances := make([]float64, 0, len(kept))
	var widest band
	knots := min(len(kept)/perKnot, maxKnots)
	for k := range knots {
		part := kept[k*len(kept)/knots : (k+1)*len(kept)/knots]
		distances = distances[:0]
		for _, m := range part {
			distances = append(distances, m.distance)
		}
		slices.Sort(distances)
		of := func(tenth int) Kilometres { return Kilometres(distances[(len(distances)-1)*tenth/10]) }
		widest = band{max(widest.near, of(1)), max(widest.usual, of(5)), max(widest.far, of(9))}
		c.knots = append(c.knots, knot{part[len(part)/2].trip, widest})
	}
	return c, nil
}

// at is the band of a round trip: between knots it is interpolated, from nothing at no time on; beyond the last one it is the last one's, since a longer
// time says no more.
func (c *Curve) at(trip time.Duration) band {
	t := milliseconds(trip)
	if c == nil {
		furthest := min(reach(trip, Fibre), halfTheEarth)
		return band{furthest * guessNear, furthest * guessUsual, furthest * guessFar}
	}
	before := knot{}
	for _, k := range c.knots {
		if t < k.trip {
			part := Kilometres((t - before.trip) / (k.trip - before.trip))
			between := func(a, b Kilometres) Kilometres { return a + (b-a)*part }
			return band{between(before.band.near, k.band.near), between(before.band.usual, k.band.usual), between(before.band.far, k.band.far)}
		}
		before = k
	}
	return before.band
}

// agreement is 1 for the usual distance, a half at the band's ends, and next to nothing far outside. So a report has a say where it knows something, and no more than one.
func (b band) agreement(distance Kilometres) float64 {
	off, width := distance-b.usual, max(b.far-b.usual, narrow)
	if off < 0 {
		width = max(b.usual-b.near, narrow)
	}
	r := float64(off / width)
	return 1 / (1 + r*r)
}
