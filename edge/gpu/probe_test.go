package gpu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// encoders is a card that opens sessions until it says why not.
type encoders struct {
	limit         int
	refusal       error // after limit sessions
	unclosable    int   // the session, counted from 1, whose Close fails
	opened, alive int
	opens         func(n int) // called before each
}

type trialSession struct {
	card   *encoders
	number int
	closed bool
}

func (s *trialSession) Close() error {
	if s.closed {
		return errors.New("closed twice")
	}
	s.closed = true
	s.card.alive--
	if s.number == s.card.unclosable {
		return errors.New("NvEncDestroyEncoder: generic error (20)")
	}
	return nil
}

// probed is the card that the trials are on.
var probed = GPU{Index: 3, Address: "0000:01:00.0"}

func (e *encoders) open(card GPU) (io.Closer, error) {
	if card.Address != probed.Address {
		return nil, fmt.Errorf("there is no card %s", card.Address)
	}
	if e.opens != nil {
		e.opens(e.opened + 1)
	}
	if e.opened == e.limit {
		return nil, e.refusal
	}
	e.opened++
	e.alive++
	return &trialSession{card: e, number: e.opened}, nil
}

func TestProbingCountsTheSessionsThatOpenAndClosesThem(t *testing.T) {
	limit := fmt.Errorf("NvEncOpenEncodeSessionEx: out of memory (10): %w", ErrSessionLimit)
	none := fmt.Errorf("NvEncOpenEncodeSessionEx: no encode device (1): %w", ErrNoNVENC)
	broken := errors.New("CUDA: initialization error (3)")
	for _, c := range []struct {
		reason string
		card   encoders
		bound  int
		want   Capacity
		err    error // wrapped
	}{
		{"the limit of a GeForce", encoders{limit: 8, refusal: limit}, 0, Capacity{Sessions: 8}, nil},
		{"other programs hold every session: an answer, not an error", encoders{limit: 0, refusal: limit}, 0, Capacity{}, nil},
		{"a card without a limit ends at the bound", encoders{limit: 1000}, 5, Capacity{Sessions: 5, AtLeast: true}, nil},
		{"the bound is looked up to, and no further", encoders{limit: 5, refusal: limit}, 5, Capacity{Sessions: 5, AtLeast: true}, nil},
		{"no bound given means ours", encoders{limit: 1000}, 0, Capacity{Sessions: MostSessions, AtLeast: true}, nil},
		{"a card without NVENC is told as such", encoders{limit: 0, refusal: none}, 0, Capacity{}, ErrNoNVENC},
		{"another failure is no limit", encoders{limit: 0, refusal: broken}, 0, Capacity{}, broken},
		{"a failure after some sessions keeps their number", encoders{limit: 3, refusal: broken}, 0, Capacity{Sessions: 3}, broken},
	} {
		got, err := Probe(t.Context(), c.card.open, probed, c.bound)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %+v, %v, want %+v, %v", c.reason, got, err, c.want, c.err)
		}
		if c.card.alive != 0 {
			t.Errorf("%s: %d sessions are still open", c.reason, c.card.alive)
		}
	}
}

func TestASessionThatDoesNotCloseIsAnErrorAndTheOthersAreClosed(t *testing.T) {
	card := encoders{limit: 4, refusal: ErrSessionLimit, unclosable: 2}
	got, err := Probe(t.Context(), card.open, probed, 0)
	if err == nil || !strings.Contains(err.Error(), "close trial session 2 on 0000:01:00.0") || got.Sessions != 4 || card.alive != 0 {
		t.Errorf("got %+v, %v, %d open", got, err, card.alive)
	}
}

func TestProbingEndsWithItsContextAndClosesWhatItOpened(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("the program ends")
	card := encoders{limit: 1000, opens: func(n int) {
		if n == 3 {
			cancel(stopped)
		}
	}}
	got, err := Probe(ctx, card.open, probed, 0)
	if !errors.Is(err, stopped) || got != (Capacity{Sessions: 3}) || card.alive != 0 {
		t.Errorf("got %+v, %v, %d open", got, err, card.alive)
	}
}
