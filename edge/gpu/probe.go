package gpu

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Errors by which an Opener tells why it opened nothing.
var (
	// ErrNoNVENC reports a card without an encoder, such as the A100 and the H100.
	ErrNoNVENC = errors.New("no NVENC on this card")
	// ErrSessionLimit reports that no further session can be open beside those that are. NVENC itself says "out of memory".
	ErrSessionLimit = errors.New("the card's limit of encoder sessions is reached")
)

// MostSessions is where Probe need not look further: an edge has fewer slots than that on a card, and each trial session
// takes time, and memory of the card.
const MostSessions = 32

// Opener opens one encoder session on a card; closing it ends it. Its errors wrap ErrNoNVENC or ErrSessionLimit where that
// is the reason. CUDA numbers cards otherwise than NVML: an opener finds its card by Address or UUID, never by Index.
type Opener func(GPU) (io.Closer, error)

// Capacity is how many encoder sessions could be opened.
type Capacity struct {
	Sessions int  // beside those that other programs have open
	AtLeast  bool // no limit was met: the search ended at its bound
}

func (c Capacity) String() string {
	if c.AtLeast {
		return fmt.Sprintf("%d or more", c.Sessions)
	}
	return fmt.Sprint(c.Sessions)
}

// Probe finds how many sessions can be open at the same time on a card by opening them, at most bound (MostSessions where
// bound is not positive), and closes them all before it returns. It disturbs no session that runs, but one that begins
// meanwhile may meet the limit: probe before the first player comes.
//
// To have met the limit is an answer, with none open as well. Errors wrap ErrNoNVENC, the end of ctx, or what else the
// opener said; Capacity then counts what had been opened before. A session that does not close is an error too.
func Probe(ctx context.Context, open Opener, card GPU, bound int) (_ Capacity, err error) {
	if bound < 1 {
		bound = MostSessions
	}
	var sessions []io.Closer
	defer func() {
		for n, session := range sessions {
			if failure := session.Close(); failure != nil {
				err = errors.Join(err, fmt.Errorf("close trial session %d on %s: %w", n+1, card.Address, failure))
			}
		}
	}()
	for len(sessions) < bound {
		if ctx.Err() != nil {
			return Capacity{Sessions: len(sessions)}, fmt.Errorf("count the encoder sessions of %s: %w", card.Address, context.Cause(ctx))
		}
		session, err := open(card)
		switch {
		case errors.Is(err, ErrSessionLimit):
			return Capacity{Sessions: len(sessions)}, nil
		case err != nil:
			return Capacity{Sessions: len(sessions)}, fmt.Errorf("open trial session %d on %s: %w", len(sessions)+1, card.Address, err)
		}
		sessions = append(sessions, session)
	}
	return Capacity{Sessions: len(sessions), AtLeast: true}, nil
}
