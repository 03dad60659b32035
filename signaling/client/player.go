package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nearlight/signaling"
)

// resumeWithin is how long signaling keeps the session of a player that was lost.
const resumeWithin = 30 * time.Second

// Player asks for one session.
type Player struct {
	config  prepared
	request signaling.Play
	outbox  *outbox
}

// NewPlayer checks the configuration.
func NewPlayer(config Config, request signaling.Play) (*Player, error) {
	ready, err := prepare(config, signaling.PlayerPath)
	if err != nil {
		return nil, err
	}
	return &Player{config: ready, request: request, outbox: newOutbox(signaling.PlayerToSignaling)}, nil
}

// Send queues a message for signaling: Answer, Candidate, Check, Restart, Install, Leave, or Measured, where the request says that it is answered.
func (p *Player) Send(m signaling.Message) error { return p.outbox.send(m) }

// Run plays one session and passes what signaling says to handle: Measure, Matched, Progress, Offer, Candidate, Unheard, Checked, Installing
// and Ended, by value. When the connection is lost, the session is resumed on a new one; Matched and a fresh Offer come again.
//
// It returns nil when ctx ends, after it has told signaling that the player leaves; otherwise why the session was refused
// or ended, as a *signaling.Error in the chain, or why signaling cannot be reached.
func (p *Player) Run(ctx context.Context, handle func(signaling.Message)) error {
	request := p.request
	var lost time.Time
	for attempt := 0; ; attempt++ {
		matched, err := p.connect(ctx, request, handle)
		if matched != "" {
			request.Resume, attempt, lost = matched, 0, time.Now()
		}
		var reason *signaling.Error
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &reason):
			return err
		case request.Resume == "" || time.Since(lost) > resumeWithin:
			return err
		}
		// An answer or a candidate for the lost connection's offer means nothing to the next one.
		p.outbox.clear()
		wait := p.config.Backoff(attempt)
		p.config.Log.Warn("signaling is lost, resuming", "session", request.Resume, "in", wait, "error", err)
		if !pause(ctx, wait) {
			return nil
		}
	}
}

// connect plays on one connection and returns the session that it was given.
func (p *Player) connect(ctx context.Context, request signaling.Play, handle func(signaling.Message)) (matched signaling.SessionID, err error) {
	ws, _, err := p.config.dial(ctx)
	if err != nil {
		return "", err
	}
	var over *signaling.Error
	l := &link{ws: ws, in: signaling.SignalingToPlayer, silence: silence(signaling.PlayerPing), outbox: p.outbox}
	err = l.run(ctx, request, signaling.Leave{}, func(m signaling.Message) error {
		handle(m)
		switch m := m.(type) {
		case signaling.Matched:
			matched = m.Session
		case signaling.Ended:
			over = m.Reason
			return errDone
		}
		return nil
	})
	if over != nil {
		err = fmt.Errorf("signaling/client: session ended: %w", over)
	}
	return matched, err
}

func silence(ping time.Duration) time.Duration {
	return time.Duration(signaling.SilentPings * float64(ping))
}
