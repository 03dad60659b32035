package input

import (
	"sync/atomic"

	"golang.org/x/time/rate"
)

// What one connection may do: events a second, and how many at once after a rest. People stay far below; the limits
// are there so that a hostile page cannot keep the display or the app busy.
const (
	// An 8 kHz mouse is coalesced by the player's page to one message a millisecond or less. What is dropped is made
	// good by the next message, which holds the place or the total.
	motionRate, motionBurst = 2000, 1000
	// Ten fingers at 15 taps a second are 150 presses; macros and repeats double that. Letting go is never limited.
	pressRate, pressBurst = 400, 200
	// Notches: a free-spinning wheel makes a few hundred a second.
	notchRate, notchBurst = 1000, 200
	// Characters: a page of pasted text at once, then what an app can take.
	textRate, textBurst = 500, 4096
	// Held repeats the state a few times a second.
	heldRate, heldBurst = 50, 50
)

// guard holds one connection's limits. Time is passed in; it is not safe for concurrent use.
type guard struct{ motion, press, notch, text, held *rate.Limiter }

func newGuard() guard {
	return guard{
		motion: rate.NewLimiter(motionRate, motionBurst),
		press:  rate.NewLimiter(pressRate, pressBurst),
		notch:  rate.NewLimiter(notchRate, notchBurst),
		text:   rate.NewLimiter(textRate, textBurst),
		held:   rate.NewLimiter(heldRate, heldBurst),
	}
}

// Reason is why an input was dropped, as a metric's label.
type Reason string

// The reasons.
const (
	Malformed Reason = "malformed" // it did not parse
	Stale     Reason = "stale"     // a newer one had come; normal on an unordered channel
	TooFast   Reason = "too_fast"  // over the rate limit
	Unknown   Reason = "unknown"   // a key or character that the display cannot make
	Excess    Reason = "excess"    // a jump or a spin that no hand makes; what exceeds is cut off
	Late      Reason = "late"      // after the player had left or the display was closed
)

// counters are safe for concurrent use.
type counters struct {
	injected, errors                              atomic.Uint64
	malformed, stale, fast, unknown, excess, late atomic.Uint64
}

func (c *counters) of(r Reason) *atomic.Uint64 {
	switch r {
	case Malformed:
		return &c.malformed
	case Stale:
		return &c.stale
	case TooFast:
		return &c.fast
	case Unknown:
		return &c.unknown
	case Excess:
		return &c.excess
	case Late:
		return &c.late
	}
	panic("input: no counter for reason " + string(r))
}

func (c *counters) drop(r Reason) { c.of(r).Add(1) }

// Stats are plain numbers since the injector was made.
type Stats struct {
	Injected uint64            // inputs that made the display do something
	Dropped  map[Reason]uint64 // inputs that did not, every reason listed
	Errors   uint64            // errors that the display answered with
}

func (c *counters) stats() Stats {
	s := Stats{Injected: c.injected.Load(), Errors: c.errors.Load(), Dropped: map[Reason]uint64{}}
	for _, r := range []Reason{Malformed, Stale, TooFast, Unknown, Excess, Late} {
		s.Dropped[r] = c.of(r).Load()
	}
	return s
}
