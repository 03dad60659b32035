package edge

import (
	"context"
	"slices"
	"time"

	"nearlight/edge/app"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// Start implements client.EdgeHandler.
func (n *Node) Start(m signaling.Start) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if m.Resume {
		r := n.sessions[m.Session]
		if r == nil {
			n.refuse(m.Session, signaling.NewError(signaling.CodeTimedOut))
			return
		}
		if err := n.mayResume(r.session, m.Token); err != nil {
			r.logger.Info("player may not come back", "reason", err)
			n.refuse(m.Session, signaling.AsError(err))
			return
		}
		r.post(event{resume: !m.Restart, restart: m.Restart})
		return
	}
	if err := n.start(m); err != nil {
		n.logger.Info("session refused", "session", m.Session, "reason", err)
		n.refuse(m.Session, signaling.AsError(err))
	}
}

// start begins a session. The caller holds mu.
func (n *Node) start(m signaling.Start) error {
	s, err := n.prepare(m)
	if err != nil {
		return err
	}
	r := n.begin(s)
	if s.watches != nil {
		context.AfterFunc(n.sessions[m.Watch].ctx, func() { r.stop(errWatchedOver) })
		return nil
	}
	n.sendStatus(nil)
	return nil
}

// prepare admits a player or a spectator, or says why not. The caller holds mu.
func (n *Node) prepare(m signaling.Start) (*session, error) {
	if n.ctx == nil || n.draining {
		return nil, signaling.NewError(signaling.CodeShuttingDown)
	}
	if n.sessions[m.Session] != nil {
		return nil, signaling.Errorf(signaling.CodeBadMessage, "session %s runs already", m.Session)
	}
	// Signaling has checked the token; an edge does not take its word for it.
	claims, err := n.config.Verifier.Verify(m.Token, token.Player)
	if err != nil {
		return nil, err
	}
	if err := n.terms.admit(claims); err != nil {
		return nil, err
	}
	s := newSession(n, m.Session)
	s.parent = m.Trace
	if m.Watch != "" {
		err = n.watch(s, m, claims)
	} else {
		err = n.play(s, m, claims)
	}
	if err == nil {
		err = n.entitle(s, claims)
	}
	if err == nil {
		err = n.spent.spend(claims, time.Now())
	}
	if err != nil && s.lease != nil {
		n.leases.Release(n.sinceStart(), s.lease.Ref) // nobody has been told of it, and it is in no log
	}
	return s, err
}

// play prepares a session that plays. The caller holds mu.
func (n *Node) play(s *session, m signaling.Start, claims token.Claims) error {
	if !claims.Allows(token.Play) || !claims.AllowsApp(m.App) {
		return signaling.Errorf(signaling.CodeBadToken, "This link does not allow playing %s.", m.App)
	}
	description, err := n.offered(m.App)
	if err != nil {
		return err
	}
	held, err := n.propose(m, claims.ID, claims.Allows(token.Many))
	if err != nil {
		return err
	}
	s.bitrate = ceiling(n.config.Bitrate, claims)
	s.app, s.size, s.maySpeak = description, n.config.Size, claims.Allows(token.Microphone)
	s.token, s.lease, s.epoch = held.Token, &held, uint64(held.Epoch)
	if m.Size != nil {
		if wanted := (media.Size{Width: m.Size.Width, Height: m.Size.Height}); wanted.Check() == nil && wanted.Fits(n.config.MaxSize) {
			s.size = wanted
		}
	}
	for _, codec := range m.Codecs {
		if codec == codecH264In444 {
			s.full = true
			continue
		}
		s.codecs = append(s.codecs, media.Codec(codec))
	}
	return nil
}

// begin runs a session until it ends or is stopped. The caller holds mu.
func (n *Node) begin(s *session) *running {
	ctx, stop := context.WithCancelCause(n.ctx)
	r := &running{session: s, ctx: ctx, stop: stop}
	n.sessions[s.id] = r
	n.measure(s)
	n.metrics.sessions.Inc()
	s.logger.Info("session starts", "app", s.app.Name, "size", s.size, "spectator", s.watches != nil)
	n.owned.Go(func() {
		err := n.countersign(s)
		if err == nil {
			err = s.traced(ctx, s.run)
		}
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		s.conclude(ctx, err)
		stop(nil)
		n.ended(s, err)
	})
	return r
}

// offered finds the app that a player asked for; without a name it is the first on offer.
func (n *Node) offered(name string) (app.Description, error) {
	if name == "" && len(n.config.Offered) > 0 {
		return n.config.Offered[0], nil
	}
	for _, d := range n.config.Offered {
		if d.Name != name {
			continue
		}
		if !d.Installed() {
			return app.Description{}, signaling.Errorf(signaling.CodeNotInstalled, "%s is not installed on this edge.", d.Title)
		}
		return d, nil
	}
	return app.Description{}, signaling.Errorf(signaling.CodeUnknownApp, "This edge does not offer %q.", name)
}

// takeSlot takes a free slot, one whose display is warm if possible, and waits for one that is being tidied up.
func (n *Node) takeSlot(ctx context.Context) (int, error) {
	for {
		slot, freed := n.tryTakeSlot()
		if slot >= 0 {
			return slot, nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return -1, ctx.Err()
		}
	}
}

// tryTakeSlot returns -1 when all slots are taken, and what is closed when one is given back.
func (n *Node) tryTakeSlot() (slot int, freed <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	best := slices.Index(n.slots, false)
	if warm := n.warm.slot(); warm >= 0 && !n.slots[warm] {
		best = warm
	}
	if best >= 0 {
		n.slots[best] = true
	}
	return best, n.freed
}
