package epoch

import (
	"errors"
	"fmt"
	"math"
	"time"

	"nearlight/checker/location"
)

// Place is a point on the Earth to a tenth of a degree, in degrees north and east: some 10 km, which is enough to tell what light can do, and not to find anybody.
type Place struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

var errPlace = errors.New("a latitude from -90 to 90 and a longitude from -180 to 180, in degrees, of which no more than tenths are told")

// PlaceOf is a place, rounded; false where it is not on the Earth.
func PlaceOf(latitude, longitude float64) (Place, bool) {
	p := Place{tenth(latitude), tenth(longitude)}
	return p, p.valid()
}

func tenth(degrees float64) float64 { return math.Round(degrees*10)/10 + 0 } // -0 becomes 0

// valid is false as well for what is not rounded, and for a negative zero: a place has one form.
func (p Place) valid() bool {
	told := func(degrees, most float64) bool {
		return math.Abs(degrees) <= most && math.Float64bits(tenth(degrees)) == math.Float64bits(degrees)
	}
	return told(p.Latitude, 90) && told(p.Longitude, 180)
}

// Claim is where an edge says that it is.
type Claim struct {
	Place
	Within int `json:"within,omitempty"` // kilometres by which it says that it may be wrong, besides the rounding
}

// mostWithin is half of the way around the Earth: anywhere.
const mostWithin = 20_038

// ClaimOf is a claim, rounded; false where it is none.
func ClaimOf(latitude, longitude, within float64) (Claim, bool) {
	p, ok := PlaceOf(latitude, longitude)
	if !ok || !(within >= 0) {
		return Claim{}, false
	}
	return Claim{p, int(math.Ceil(min(within, mostWithin)))}, true
}

func (c Claim) check() error {
	if !c.valid() {
		return fmt.Errorf("%w: a claimed place is %w", ErrEntry, errPlace)
	}
	if c.Within < 0 || c.Within > mostWithin {
		return fmt.Errorf("%w: a claim may be wrong by 0 to %d km", ErrEntry, mostWithin)
	}
	return nil
}

// Located is what round trips say of a claim (checker/location). It ranks: no verdict, no score and no standing comes of it.
type Located struct {
	Claim   Claim  `json:"claim"`   // that was looked at
	At      Millis `json:"at"`      // when the last task ended whose reports are in it
	Reports int    `json:"reports"` // one of each owner and network, unless the epoch is uncapped
	Liars   int    `json:"liars"`   // as many of them may be lies
	// Excluding is how many reports exclude the claim, each for itself. When they are more than may be lies, it is Impossible, and Beyond is by how many kilometres it is too far for one
	// more than may be lies.
	Excluding  int  `json:"excluding,omitempty"`
	Impossible bool `json:"impossible,omitempty"`
	Beyond     int  `json:"beyond,omitempty"`
	// Consistency is how usual the round trips would be, were the claim true: of a thousand (location.Verdict).
	Consistency int `json:"consistency"`
}

// Consistent is from which Consistency on a claim counts as one that the round trips bear out: on average they are within the band that has four of five of its length.
const Consistent = 500

func (l Located) check() error {
	if err := l.Claim.check(); err != nil {
		return err
	}
	if l.Reports < fewestVoices || l.Reports > location.MaxReports || l.Liars != liarsOf(l.Reports) || l.Excluding < 0 || l.Excluding > l.Reports ||
		l.Impossible != (l.Excluding > l.Liars) || l.Impossible != (l.Beyond > 0) || l.Beyond < 0 || l.Beyond > mostWithin || l.Consistency < 0 || l.Consistency > 1000 {
		return fmt.Errorf("%w: what is made of a claimed place contradicts itself", ErrEntry)
	}
	return nil
}

// Bears reports whether what was found is of this claim, and bears it out.
func (l *Located) Bears(claim *Claim) bool {
	return l != nil && claim != nil && !l.Impossible && l.Claim == *claim && l.Consistency >= Consistent
}

// Micros is a length of time in microseconds.
type Micros uint32

// MostRoundTrip is the longest that a report has. By light around the Earth and back it takes 0.4 s.
const MostRoundTrip Micros = 10_000_000

// MicrosOf is a round trip as a report has it: no shorter than it was, since light would have had to be faster; 0 for none and for one that is too long.
func MicrosOf(trip time.Duration) Micros {
	if trip <= 0 || trip > MostRoundTrip.duration() {
		return 0
	}
	return Micros((trip + time.Microsecond - 1) / time.Microsecond)
}

func (m Micros) duration() time.Duration { return time.Duration(m) * time.Microsecond }
