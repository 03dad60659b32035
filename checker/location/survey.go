package location

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Report is what one checker found.
type Report struct {
	Place Place // of the checker
	// RoundTrip is the least of several, since all that is added to light's way only makes them longer, and on the checker's own clock: an edge's could lie.
	RoundTrip time.Duration
}

// Claim is where an edge says that it is.
type Claim struct {
	Place Place
	// Within is by how much the place may be wrong, MaxWithin at the most. The claim is excluded only if all of that is.
	Within Kilometres
}

// Rules are how reports are read.
type Rules struct {
	Liars int    // how many reports may be lies: less than a third of them
	Speed Speed  // nothing is faster; 0 is Fibre. With Vacuum, radio and satellites cannot make a true claim impossible either.
	Curve *Curve // nil is a rough guess
}

const (
	// MaxReports is several committees. A survey takes memory and time in proportion.
	MaxReports = 256
	// MaxWithin is half of a large country. Whoever says less precisely where it is claims nothing that could be looked at.
	MaxWithin Kilometres = 500
)

// Errors of NewSurvey and Judge, and of Calibrate. Those about one report or sample say which: without it the others can be asked again, with the same number
// of liars among them.
var (
	ErrPlace     = errors.New("the place is not on the Earth: want a latitude from -90 to 90 and a longitude from -180 to 180, in degrees")
	ErrRoundTrip = errors.New("a round trip takes more than no time")
	ErrWithin    = fmt.Errorf("a claim may be wrong by 0 to %v km", float64(MaxWithin))
	ErrLiars     = errors.New("want a number of liars of 0 or more, and less than a third of the reports")
	ErrSpeed     = errors.New("want a speed that is 0, for light in fibre, or a positive number")
	ErrTooMany   = errors.New("too many")
	ErrTooFew    = errors.New("too few")
)

// Survey is the reports about one edge.
type Survey struct {
	discs []disc // in an order of their own, so that everybody gets the same sums
	liars int
	light Speed
}

// disc is a report, ready to be asked about many places.
type disc struct {
	Report
	at    vector
	reach Kilometres
	usual band
}

// NewSurvey reads reports, whose order does not matter. That they are of different checkers, owners and networks is for the caller to see to: who reports
// twice lies twice.
func NewSurvey(reports []Report, rules Rules) (*Survey, error) {
	switch {
	case len(reports) == 0:
		return nil, fmt.Errorf("%w: no reports", ErrTooFew)
	case len(reports) > MaxReports:
		return nil, fmt.Errorf("%w: %d reports, want %d at the most", ErrTooMany, len(reports), MaxReports)
	case rules.Liars < 0 || rules.Liars > (len(reports)-1)/3:
		return nil, fmt.Errorf("%d of %d reports may lie: %w", rules.Liars, len(reports), ErrLiars)
	case !(rules.Speed >= 0) || math.IsInf(float64(rules.Speed), 1):
		return nil, fmt.Errorf("%w: %v", ErrSpeed, float64(rules.Speed))
	}
	s := &Survey{discs: make([]disc, len(reports)), liars: rules.Liars, light: rules.Speed}
	if s.light == 0 {
		s.light = Fibre
	}
	for i, r := range reports {
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("report %d: %w", i, err)
		}
		s.discs[i] = disc{r, r.Place.vector(), reach(r.RoundTrip, s.light), rules.Curve.at(r.RoundTrip)}
	}
	slices.SortFunc(s.discs, func(a, b disc) int {
		return cmp.Or(cmp.Compare(a.RoundTrip, b.RoundTrip), cmp.Compare(a.Place.Latitude, b.Place.Latitude), cmp.Compare(a.Place.Longitude, b.Place.Longitude))
	})
	return s, nil
}

func (r Report) check() error {
	if !r.Place.valid() {
		return fmt.Errorf("%w, not %v, %v", ErrPlace, r.Place.Latitude, r.Place.Longitude)
	}
	if r.RoundTrip <= 0 {
		return fmt.Errorf("%w, not %v", ErrRoundTrip, r.RoundTrip)
	}
	return nil
}

// Verdict is what the reports say of a claim.
type Verdict struct {
	// Impossible is certain, as far as the package's comment says.
	Impossible bool
	// Excluding is how many reports exclude the claim: it is impossible when they are more than may lie.
	Excluding int
	// Needed is how fast packets were at least, were the claim true and as many reports lies as may be. Above Rules.Speed the claim is impossible, above
	// Vacuum by whatever means an edge is connected.
	Needed Speed
	// Beyond is by how much the claim is further than light gets, as far as Needed counts reports: more than 0 of what is impossible, and of nothing else.
	Beyond Kilometres
	// Consistency is from 0 to 1: how usual the round trips would be, were the edge in the claim's middle. It is compared with that of other claims under the same reports, or of other edges
	// with as many; by itself it means little.
	Consistency float64
}

// Compare orders verdicts for slices.SortFunc, the better ones first: what is possible, then what is more consistent.
func Compare(a, b Verdict) int {
	if a.Impossible != b.Impossible {
		if a.Impossible {
			return 1
		}
		return -1
	}
	return cmp.Compare(b.Consistency, a.Consistency)
}

// Judge says what the reports say of a claim. It does not allocate.
func (s *Survey) Judge(c Claim) (Verdict, error) {
	if !c.Place.valid() {
		return Verdict{}, fmt.Errorf("the claim: %w, not %v, %v", ErrPlace, c.Place.Latitude, c.Place.Longitude)
	}
	if !(c.Within >= 0 && c.Within <= MaxWithin) {
		return Verdict{}, fmt.Errorf("%w, not %v", ErrWithin, float64(c.Within))
	}
	var v Verdict
	var room [MaxReports]Speed
	needed := room[:len(s.discs)]
	at := c.Place.vector()
	for i := range s.discs {
		d := &s.discs[i]
		needed[i] = d.needed(at, c.Within)
		if needed[i] > s.light {
			v.Excluding++
		}
	}
	slices.Sort(needed)
	v.Needed = needed[len(needed)-1-s.liars]
	if v.Impossible = v.Needed > s.light; v.Impossible {
		v.Beyond = s.beyond(at, c.Within, room[:len(s.discs)])
	}
	v.Consistency = s.consistency(at)
	return v, nil
}

// needed is how fast packets were at least, if the edge is so near to a place.
func (d *disc) needed(at vector, within Kilometres) Speed {
	return Speed(max(float64(d.at.distance(at)/oblate-within), 0) / (milliseconds(d.RoundTrip) / 2))
}

// consistency is the mean of what each report has from 0 to 1, so that none has more than its share of it.
func (s *Survey) consistency(at vector) float64 {
	sum := 0.0
	for i := range s.discs {
		sum += s.discs[i].usual.agreement(s.discs[i].at.distance(at))
	}
	return sum / float64(len(s.discs))
}

// beyond is how far outside of their discs a place is for one more report than may lie, the least of these, which is no less than the smallest number of kilometres that there is: rounding
// must not contradict what speeds say.
func (s *Survey) beyond(at vector, within Kilometres, room []Speed) Kilometres {
	for i := range s.discs {
		d := &s.discs[i]
		room[i] = Speed(d.at.distance(at)/oblate - within - d.reach)
	}
	slices.Sort(room)
	return max(Kilometres(room[len(room)-1-s.liars]), math.SmallestNonzeroFloat64)
}
