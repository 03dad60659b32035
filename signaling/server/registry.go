package server

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/match"
	"nearlight/signaling/token"
)

// Times that belong to sessions.
const (
	// offerTimeout is how long an edge may take from start to offer: it starts a display, not yet the game.
	offerTimeout = 20 * time.Second
	// answerTimeout is how long a player's browser may take to answer an offer.
	answerTimeout = 10 * time.Second
	// holdTime is how long the session of a player whose connection was lost is kept.
	holdTime = 30 * time.Second
	// reloadTime is the same for a player whose browser left the page: a reload comes back at once, a closed tab never.
	reloadTime = 5 * time.Second
	// edgeReturn is how long an edge whose connection was lost may take to come back. With probeTimeout it keeps the promise
	// that a player knows within 3 s.
	edgeReturn = 2 * time.Second
	// probeTimeout is how long an edge may take to say that it lives.
	probeTimeout = time.Second
	// idleTimeout is how long a player may be connected without a session or an installation.
	idleTimeout = 2 * time.Minute
	// installTimeout is how long an edge may be silent about an installation.
	installTimeout = 5 * time.Minute
)

const (
	// maxCandidates is how many ICE candidates each side may send after an offer: several times what a machine with many
	// addresses has.
	maxCandidates = 64
	// maxInstalls is how many installations may run on one edge.
	maxInstalls = 4
)

// peer is the sending half of a socket. Neither method blocks.
type peer interface {
	send(signaling.Message)
	end(reason *signaling.Error) // nil: nothing is wrong
}

// registry is what signaling knows: the edges, the sessions, the installations, and who is connected. Every method takes
// the mutex, changes the state and enqueues messages for peers, in the order in which they are to arrive.
type registry struct {
	log        *slog.Logger
	metrics    *metrics
	intN       func(int) int
	iceServers func(signaling.SessionID) []signaling.ICEServer
	issuer     *token.Issuer // nil: the key is elsewhere
	relay      *Relay        // nil: none
	wake       chan struct{} // tells run that an alarm may be due earlier

	mu       sync.Mutex
	edges    map[signaling.EdgeID]*edge
	sessions map[signaling.SessionID]*session
	alarms   alarms
}

// player is one player's socket.
type player struct {
	peer
	log     *slog.Logger
	session *session      // nil: none
	install *installation // nil: none
	idle    *alarm
	offer   string // of one who offers, in place of its edge
}

func newRegistry(
	log *slog.Logger, m *metrics, intN func(int) int, ice func(signaling.SessionID) []signaling.ICEServer, issuer *token.Issuer,
) *registry {
	return &registry{
		log: log, metrics: m, intN: intN, iceServers: ice, issuer: issuer, wake: make(chan struct{}, 1),
		edges: make(map[signaling.EdgeID]*edge), sessions: make(map[signaling.SessionID]*session),
	}
}

// run rings alarms until ctx ends.
func (r *registry) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
		}
		r.mu.Lock()
		r.alarms.ring(time.Now())
		at, some := r.alarms.next()
		r.mu.Unlock()
		timer.Stop()
		if some {
			timer.Reset(time.Until(at))
		}
	}
}

// after sets an alarm. The mutex is held, here and when it rings.
func (r *registry) after(d time.Duration, ring func()) *alarm {
	a := r.alarms.set(time.Now().Add(d), ring)
	if a.index == 0 {
		select {
		case r.wake <- struct{}{}:
		default: // run has not looked since the last time, so it will see this one too
		}
	}
	return a
}

// join takes note of a new player.
func (r *registry) join(to peer, log *slog.Logger) *player {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &player{peer: to, log: log}
	r.rest(p)
	return p
}

// part forgets a player whose socket is closed. Its session waits for it for as long as hold, its installation goes on without it.
func (r *registry) part(p *player, hold time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alarms.stop(p.idle)
	r.unwatch(p)
	if p.session != nil {
		r.lose(p.session, hold)
	}
}

// rest sees to it that a player who asks for nothing more does not stay for ever.
func (r *registry) rest(p *player) {
	r.alarms.stop(p.idle)
	p.idle = r.after(idleTimeout, func() {
		if p.session == nil && p.install == nil {
			p.end(signaling.Errorf(signaling.CodeTimedOut, "Nothing was asked for within %v.", idleTimeout))
		}
	})
}

// offers returns what matching may choose from: the edges that are connected and answer.
func (r *registry) offers() []match.Edge {
	offers := make([]match.Edge, 0, len(r.edges))
	for _, e := range r.edges {
		if e.peer != nil && !e.quiet {
			offers = append(offers, match.Edge{ID: e.id, Slots: e.slots, Free: e.available(), Codecs: e.codecs, Apps: e.apps})
		}
	}
	return offers
}

// apps returns the apps of all edges that are connected, an installed one before one that is not.
func (r *registry) apps(allowed func(app string) bool) []signaling.App {
	r.mu.Lock()
	defer r.mu.Unlock()
	byName := make(map[string]signaling.App)
	for _, e := range r.edges {
		if e.peer == nil {
			continue
		}
		for _, app := range e.apps {
			if known, ok := byName[app.Name]; allowed(app.Name) && (!ok || app.Installed && !known.Installed) {
				byName[app.Name] = app
			}
		}
	}
	return sortedByTitle(byName)
}

// counts returns how many edges are connected and how many sessions run or wait for their player.
func (r *registry) counts() (edges, running, waiting int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.edges {
		if e.peer != nil {
			edges++
		}
	}
	for _, s := range r.sessions {
		switch {
		case s.over != nil:
		case s.player == nil:
			waiting++
		default:
			running++
		}
	}
	return edges, running, waiting
}

// newID makes an identity that nobody can guess.
func newID(kind string) string { return kind + "-" + rand.Text() }
