package netsim

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"nearlight/internal/media"
)

// Rate is what the bottleneck carries, over time: Constant, Steps or a *Trace. It holds no state, so that several links may
// share one. A nil Rate is a link without a bottleneck.
type Rate interface {
	check() error
	// begin returns the first instant, from t on, at which octets pass; never if none ever does.
	begin(c cursor, t time.Duration) time.Duration
	// finish returns the instant at which so many octets have passed, the first of them at t or later, and where that
	// leaves the cursor.
	finish(c cursor, t time.Duration, octets int) (cursor, time.Duration)
	// octets returns how many could have passed from the beginning until t.
	octets(t time.Duration) int64
}

// cursor is how far a trace has been used up: of opportunity op, counted through all repetitions, so many octets.
type cursor struct {
	op   int64
	used int
}

const never = time.Duration(math.MaxInt64)

// maxRate keeps the arithmetic of a 64 KiB packet within 64 bits.
const maxRate = 1_000_000 * media.Mbps

func checkRate(rate media.Bitrate) error {
	if rate < 0 || rate > maxRate {
		return fmt.Errorf("rate of %d bit/s: give 0 to %d", int64(rate), int64(maxRate))
	}
	return nil
}

// Constant is one rate for all time.
type Constant media.Bitrate

func (r Constant) check() error {
	if r == 0 {
		return errors.New("rate of 0 for all time: leave Rate nil for a link without a bottleneck")
	}
	return checkRate(media.Bitrate(r))
}

func (r Constant) begin(_ cursor, t time.Duration) time.Duration { return t }

func (r Constant) finish(c cursor, t time.Duration, octets int) (cursor, time.Duration) {
	return c, t + timeFor(octets*8, media.Bitrate(r))
}

func (r Constant) octets(t time.Duration) int64 { return bitsIn(t, media.Bitrate(r)) / 8 }

// timeFor rounds up, so that no rate is ever exceeded.
func timeFor(count int, rate media.Bitrate) time.Duration {
	return time.Duration((int64(count)*int64(time.Second) + int64(rate) - 1) / int64(rate))
}

func bitsIn(t time.Duration, rate media.Bitrate) int64 {
	high, low := bits.Mul64(uint64(t), uint64(rate))
	quotient, _ := bits.Div64(high, low, uint64(time.Second))
	return int64(quotient)
}

// Step is a rate from an instant on. A rate of 0 is an outage.
type Step struct {
	At   time.Duration
	Rate media.Bitrate
}

// Steps is a rate that changes at given instants. The first step is at 0; the rest follow in order. A packet that is under
// way when the rate changes goes on at the new rate.
type Steps struct {
	Steps []Step
	// Period is when the steps begin anew; 0 means never, the last step lasts.
	Period time.Duration
}

func (r Steps) check() error {
	if len(r.Steps) == 0 || r.Steps[0].At != 0 {
		return errors.New("rate by steps: the first step must be at 0")
	}
	if r.Period != 0 && r.Period <= r.Steps[len(r.Steps)-1].At {
		return fmt.Errorf("rate by steps: the last step lies at %v, not before the period's end at %v", r.Steps[len(r.Steps)-1].At, r.Period)
	}
	some := false
	for i, step := range r.Steps {
		if err := checkRate(step.Rate); err != nil {
			return err
		}
		if i > 0 && step.At <= r.Steps[i-1].At {
			return fmt.Errorf("rate by steps: the step at %v does not come after %v", step.At, r.Steps[i-1].At)
		}
		some = some || step.Rate > 0
	}
	if !some {
		return errors.New("rate by steps: all rates are 0")
	}
	return nil
}

// stage returns the rate at t and when the next step comes.
func (r Steps) stage(t time.Duration) (rate media.Bitrate, until time.Duration) {
	var lap time.Duration
	if r.Period > 0 {
		lap = t - t%r.Period
		t -= lap
	}
	next, found := slices.BinarySearchFunc(r.Steps, t, func(s Step, t time.Duration) int { return cmp.Compare(s.At, t) })
	if found {
		next++
	}
	switch {
	case next < len(r.Steps):
		until = lap + r.Steps[next].At
	case r.Period > 0:
		until = lap + r.Period
	default:
		until = never
	}
	return r.Steps[next-1].Rate, until
}

func (r Steps) begin(_ cursor, t time.Duration) time.Duration {
	for t != never {
		rate, until := r.stage(t)
		if rate > 0 {
			return t
		}
		t = until
	}
	return never
}

func (r Steps) finish(c cursor, t time.Duration, octets int) (cursor, time.Duration) {
	for left := int64(octets) * 8; t != never; {
		rate, until := r.stage(t)
		if rate > 0 {
			if done := t + timeFor(int(left), rate); done <= until {
				return c, done
			}
			left -= bitsIn(until-t, rate)
		}
		t = until
	}
	return c, never
}

func (r Steps) octets(t time.Duration) int64 {
	var sum int64
	if r.Period > 0 {
		sum = r.bits(r.Period) * int64(t/r.Period)
		t %= r.Period
	}
	return (sum + r.bits(t)) / 8
}

// bits counts those of the first period.
func (r Steps) bits(t time.Duration) int64 {
	var sum int64
	for i, step := range r.Steps {
		end := t
		if i+1 < len(r.Steps) {
			end = min(t, r.Steps[i+1].At)
		}
		if end > step.At {
			sum += bitsIn(end-step.At, step.Rate)
		}
	}
	return sum
}
