package edgesim

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"nearlight/signaling"
	"nearlight/signaling/client"
)

// renewal is how often Link has leases last on.
const renewal = 10 * time.Second

// Link connects a machine as an edge's own program does, and again when the connection is lost.
type Link struct {
	machine *Machine
	edge    *client.Edge
	log     *slog.Logger
}

var _ client.EdgeHandler = (*Link)(nil)

// NewLink checks the configuration, whose Signer is the machine's key.
func NewLink(config client.Config, m *Machine) (*Link, error) {
	l := &Link{machine: m, log: config.Log}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	var err error
	config.Signer = m.config.Key
	l.edge, err = client.NewEdge(config, l)
	return l, err
}

// Run keeps the machine registered until ctx ends.
func (l *Link) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.edge.Run(ctx) })
	group.Go(func() error {
		ticker := time.NewTicker(renewal)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
				if err := l.machine.Renew(); err != nil {
					return err
				}
			}
		}
	})
	return group.Wait()
}

// Degrade has the machine not keep up, and tells signaling.
func (l *Link) Degrade(reason *signaling.Error) { l.send(l.machine.Degrade(reason)) }

func (l *Link) take(m signaling.Message) {
	answers, err := l.machine.Handle(m)
	if err != nil {
		l.log.Error("simulated edge", "error", err)
	}
	l.send(answers)
}

func (l *Link) send(messages []signaling.Message) {
	for _, m := range messages {
		if err := l.edge.Send(m); err != nil {
			l.log.Error("simulated edge", "error", err)
		}
	}
}

// Registration implements client.EdgeHandler.
func (l *Link) Registration() signaling.Register { return l.machine.Registration() }

// Registered implements client.EdgeHandler.
func (l *Link) Registered(m signaling.Registered) { l.take(m) }

// Counted implements client.EdgeHandler: nothing is told that could be counted.
func (l *Link) Counted(signaling.Counted) {}

// Start implements client.EdgeHandler.
func (l *Link) Start(m signaling.Start) { l.take(m) }

// Answer implements client.EdgeHandler.
func (l *Link) Answer(m signaling.Answer) { l.take(m) }

// Offer implements client.EdgeHandler.
func (l *Link) Offer(m signaling.Offer) { l.take(m) }

// Candidate implements client.EdgeHandler.
func (l *Link) Candidate(m signaling.Candidate) { l.take(m) }

// Restart implements client.EdgeHandler.
func (l *Link) Restart(id signaling.SessionID) { l.take(signaling.Restart{Session: id}) }

// Probe implements client.EdgeHandler.
func (l *Link) Probe(id signaling.SessionID) bool { return l.machine.Runs(id) }

// Install implements client.EdgeHandler: there is nothing to install.
func (l *Link) Install(signaling.Install) {}

// Stop implements client.EdgeHandler.
func (l *Link) Stop(m signaling.Stop) { l.take(m) }
