package client

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"nearlight/signaling"
)

// EdgeHandler is what signaling asks of an edge. Its methods are called one at a time and must not block.
type EdgeHandler interface {
	// Registration describes the edge as it is now, with the sessions that it runs. It is asked for each connection; Proof is filled in by the
	// client.
	Registration() signaling.Register
	// Registered says that signaling knows the edge, at first and after each lost connection.
	Registered(signaling.Registered)
	// Start asks for a session: Offer or Refuse is due within 20 s. With Resume it asks for a new offer for one that runs.
	Start(signaling.Start)
	// Offer asks for new ways for a spectator that offers (Start.Offer): an Answer is due.
	Offer(signaling.Offer)
	// Answer and Candidate are the player's side of the negotiation.
	Answer(signaling.Answer)
	Candidate(signaling.Candidate)
	// Restart asks for an offer that gives a session's connection new ways.
	Restart(signaling.SessionID)
	// Probe reports whether the session runs; if so the client answers.
	Probe(signaling.SessionID) bool
	// Install asks for an app to be installed; Installing tells how far that is, at last with Done.
	Install(signaling.Install)
	// Counted says that what a Usage told is kept.
	Counted(signaling.Counted)
	// Stop asks to end a session. Nothing needs to be sent but the new Status.
	Stop(signaling.Stop)
}

// Edge keeps a machine registered with signaling.
type Edge struct {
	config  prepared
	handler EdgeHandler
	outbox  *outbox

	mu sync.Mutex
	id signaling.EdgeID
}

// NewEdge checks the configuration.
func NewEdge(config Config, handler EdgeHandler) (*Edge, error) {
	ready, err := prepare(config, signaling.EdgePath)
	if err != nil {
		return nil, err
	}
	if ready.Signer == nil {
		return nil, errors.New("signaling/client: an edge needs a key (Config.Signer)")
	}
	return &Edge{config: ready, handler: handler, outbox: newOutbox(signaling.EdgeToSignaling)}, nil
}

// Send queues a message for signaling: Status, Refuse, Progress, Offer, Answer, Candidate, Unheard, Usage, Ended or Installing. While the connection is
// lost it waits for the next one, but for Status and Usage, which the next one begins with anew. It fails on a message that signaling would refuse, and with ErrBacklog.
func (e *Edge) Send(m signaling.Message) error { return e.outbox.send(m) }

// ID returns the id under which the edge is registered, "" before it first is.
func (e *Edge) ID() signaling.EdgeID {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.id
}

// Run keeps the edge registered until ctx ends; then it sends what waits and returns nil. It returns an error when signaling
// refuses the edge for good.
func (e *Edge) Run(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		registered, err := e.connect(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case permanent(err):
			return err
		case registered:
			attempt = 0
		}
		wait := e.config.Backoff(attempt)
		e.config.Log.Warn("signaling is not connected, trying again", "in", wait, "error", err)
		if !pause(ctx, wait) {
			return nil
		}
	}
}

// connect registers and serves one connection.
func (e *Edge) connect(ctx context.Context) (registered bool, err error) {
	ws, host, err := e.config.dial(ctx)
	if err != nil {
		return false, err
	}
	e.outbox.era.Add(1)
	register := e.handler.Registration()
	if err := e.config.login(ctx, ws, host, &register); err != nil {
		return false, errors.Join(err, ws.Close())
	}
	l := &link{ws: ws, in: signaling.SignalingToEdge, silence: silence(signaling.EdgePing), outbox: e.outbox}
	err = l.run(ctx, register, nil, func(m signaling.Message) error {
		if welcome, ok := m.(signaling.Registered); ok {
			registered = true
			e.mu.Lock()
			e.id = welcome.Edge
			e.mu.Unlock()
			e.config.Log.Info("registered with signaling", "edge", welcome.Edge)
		}
		return e.handle(m)
	})
	return registered, err
}

func (e *Edge) handle(m signaling.Message) error {
	switch m := m.(type) {
	case signaling.Registered:
		e.handler.Registered(m)
	case signaling.Start:
		e.handler.Start(m)
	case signaling.Offer:
		e.handler.Offer(m)
	case signaling.Answer:
		e.handler.Answer(m)
	case signaling.Candidate:
		e.handler.Candidate(m)
	case signaling.Restart:
		e.handler.Restart(m.Session)
	case signaling.Probe:
		if !e.handler.Probe(m.Session) {
			return nil // silence is the answer
		}
		if err := e.Send(signaling.Living(m)); err != nil && !errors.Is(err, ErrBacklog) {
			return fmt.Errorf("signaling/client: answer a probe: %w", err)
		}
	case signaling.Install:
		e.handler.Install(m)
	case signaling.Counted:
		e.handler.Counted(m)
	case signaling.Stop:
		e.handler.Stop(m)
	}
	return nil
}
