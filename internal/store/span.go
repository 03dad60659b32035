package store

import (
	"slices"
	"time"
)

// Second is a whole second of Unix time.
type Second int64

// SecondOf is the second that an instant lies in.
func SecondOf(at time.Time) Second { return Second(at.Unix()) }

const (
	maxSecond = 1 << 33 // in the year 2242
	// MaxSpan is the most that one receipt may claim, in seconds: one that says more is wrong, whoever sends it.
	MaxSpan = 3600
)

// Span is the seconds from First to before Past.
type Span struct{ First, Past Second }

// Seconds is how many there are.
func (s Span) Seconds() int64 { return int64(s.Past - s.First) }

func (s Span) check() error {
	if s.First <= 0 || s.Past > maxSecond || s.First >= s.Past || s.Seconds() > MaxSpan {
		return malformed("a span from %d to %d, want 1 to %d seconds", s.First, s.Past, MaxSpan)
	}
	return nil
}

// union returns the same seconds as disjoint spans that do not touch, in order. It may reorder its argument.
func union(spans []Span) []Span {
	if len(spans) < 2 {
		return spans
	}
	slices.SortFunc(spans, func(a, b Span) int { return int(a.First - b.First) })
	last := 0
	for _, s := range spans[1:] {
		if s.First <= spans[last].Past {
			spans[last].Past = max(spans[last].Past, s.Past)
		} else {
			last++
			spans[last] = s
		}
	}
	return spans[:last+1]
}
