package server

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/claim"
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
	records    *records      // nil: nothing is kept
	policy     match.Policy
	locate     func(netip.Addr) Location // called without the mutex
	networks   *networks
	spans      trace.Tracer  // nil: nothing is traced
	wake       chan struct{} // tells run that an alarm may be due earlier

	mu       sync.Mutex
	edges    map[signaling.EdgeID]*edge
	late     map[signaling.EdgeID]struct{} // those of them that answer pings late
	sessions map[signaling.SessionID]*session
	book     *claim.Book // which tokens are taken and spent
	// claimants are the players that claim their token, by claim.
	claimants map[string]*player
	alarms    alarms
	seekers   map[*player]struct{} // players whose seek is set
	memory    *match.Memory        // of edges that were good, by network
	decisions decisions
	orders    map[orderName]store.Order        // of operators; those that are over are kept for a while
	draining  bool                             // this node is to be given no further edges and players
	buried    map[signaling.SessionID]struct{} // sessions whose end an edge may not have heard of
	studios   *studios                         // nil: studios are limited by nothing
	keeper    *keeper                          // nil: this node has no log of checks
	standings map[signaling.EdgeID]said        // of the edges that are known, as far as a log has told
	checked   bool                             // a log was heard of
	checkKey  string                           // the id of the key whose tokens may have the right token.Check; "": none that this node knows by itself
	steers    map[string]steering              // by token
	byStudio  map[string]int                   // sessions of each that run here

	cluster    *cluster                        // nil: this node is alone
	far        map[signaling.EdgeID][]*farEdge // of other nodes, usually one of each
	index      *match.Index                    // of all edges that answer, here and at other nodes
	vacant     map[signaling.EdgeID]struct{}   // those of them that have a slot free
	reserved   map[signaling.EdgeID]struct{}   // those that have one for who checks them, and for nobody else
	catalogues map[string]*catalogue
	codecs     [][]string

	line        []*player // who waits for an edge, the longest first
	lineWatched bool
	served      []time.Time // when those before were served
}

// player is one player's socket.
type player struct {
	peer
	log     *slog.Logger
	session *session       // nil: none
	request signaling.Play // what the session is for
	claims  token.Claims   // of its token
	errand  errand         // what it has come for besides playing
	claim   *claiming      // nil: it claims no token
	turn    claim.Turn     // as which its newest session began
	handed  bool           // it had a session, which counts as its studio's until all nodes have heard that it is over
	tries   int            // proposals that were overtaken
	seek    *seeking       // its session's edge is awaited; nil: it is not
	link    *link          // to its edge's node; nil: the edge is here, or there is none
	guest   *guest         // what it is to its own node; nil: it is connected here
	waiting *waiting       // its place in line; nil: it waits for nothing
	install *installation  // nil: none
	idle    *alarm
	offer   string // of one who offers, in place of its edge

	span     trace.Span // of its request; nil: nothing is traced
	stepSpan trace.Span // of what it waits for; nil: nothing

	from      netip.Addr
	location  Location         // of that
	measuring *measuring       // what it is about to tell of the way to some edges; nil: nothing
	asked     bool             // it was asked about them, for this request, or is not to be
	questions int              // that it was asked
	history   match.History    // what it has measured
	decided   *decision        // by which it was given the edge whose session is yet to begin
	had       signaling.EdgeID // the edge that it was given last
	rest      time.Time        // it was moved from an edge that did not keep up, and stays until then
}

func newRegistry(
	log *slog.Logger, m *metrics, intN func(int) int, ice func(signaling.SessionID) []signaling.ICEServer, issuer *token.Issuer,
) *registry {
	return &registry{
		log: log, metrics: m, intN: intN, iceServers: ice, issuer: issuer, wake: make(chan struct{}, 1),
		edges: make(map[signaling.EdgeID]*edge), late: make(map[signaling.EdgeID]struct{}), sessions: make(map[signaling.SessionID]*session),
		orders: make(map[orderName]store.Order), book: claim.NewBook(), claimants: make(map[string]*player), byStudio: make(map[string]int),
		seekers: make(map[*player]struct{}), buried: make(map[signaling.SessionID]struct{}),
		index: match.NewIndex(), vacant: make(map[signaling.EdgeID]struct{}), reserved: make(map[signaling.EdgeID]struct{}),
		standings: make(map[signaling.EdgeID]said), steers: make(map[string]steering),
		far: make(map[signaling.EdgeID][]*farEdge), catalogues: make(map[string]*catalogue),
		policy: match.Policies()[0], locate: func(netip.Addr) Location { return Location{} }, networks: newNetworks(), memory: match.NewMemory(match.MemoryConfig{}),
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
	p := &player{peer: to, log: log, from: fromOf(to)}
	p.location = r.locate(p.from)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest(p)
	return p
}

// part forgets a player whose socket is closed. Its session waits for it for as long as hold, its installation goes on without it.
func (r *registry) part(p *player, hold time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alarms.stop(p.idle)
	r.unwatch(p)
	r.stopSeeking(p)
	r.stopMeasuring(p)
	r.dequeue(p)
	r.unclaim(p)
	r.abandonRequest(p)
	if p.link != nil {
		r.decisions.end(p.link.session, time.Now())
		r.toHome(p.link, body{Part: &parting{Hold: hold}})
		r.unlink(p)
	}
	r.leaveSession(p, hold)
}

// leaveSession has a player's session wait for it.
func (r *registry) leaveSession(p *player, hold time.Duration) {
	if p.session != nil {
		r.lose(p.session, hold)
	}
}

// rest sees to it that a player who asks for nothing more does not stay for ever.
func (r *registry) rest(p *player) {
	r.alarms.stop(p.idle)
	p.idle = r.after(idleTimeout, func() {
		if p.session == nil && p.install == nil && p.seek == nil && p.link == nil && p.waiting == nil && p.measuring == nil && p.claim == nil {
			p.end(signaling.Errorf(signaling.CodeTimedOut, "Nothing was asked for within %v.", idleTimeout))
		}
	})
}

// apps returns the apps of all edges that are connected, an installed one before one that is not.
func (r *registry) apps(allowed func(app string) bool) []signaling.App {
	r.mu.Lock()
	defer r.mu.Unlock()
	byName := make(map[string]signaling.App)
	seen := make(map[*signaling.App]bool) // edges share lists
	note := func(apps []signaling.App) {
		if len(apps) == 0 || seen[&apps[0]] {
			return
		}
		seen[&apps[0]] = true
		for _, app := range apps {
			if app.Hidden {
				continue
			}
			if known, ok := byName[app.Name]; allowed(app.Name) && (!ok || app.Installed && !known.Installed) {
				byName[app.Name] = app
			}
		}
	}
	for _, e := range r.edges {
		if e.peer == nil {
			continue
		}
		note(e.apps)
	}
	for _, all := range r.far {
		note(all[0].apps)
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

// newSessionID makes a session's identity, which nobody can guess and every node can find the edge of.
func newSessionID(of signaling.EdgeID) signaling.SessionID {
	return signaling.SessionID("s-" + string(of) + "-" + rand.Text()[:sessionRandom])
}

// sessionRandom is how many letters of a session's id are random: 80 bits.
const sessionRandom = 16

// edgeOf finds the edge of a session, wherever it is known.
func edgeOf(id signaling.SessionID) (signaling.EdgeID, bool) {
	rest, ok := strings.CutPrefix(string(id), "s-")
	at := strings.LastIndexByte(rest, '-')
	if !ok || at < 1 {
		return "", false
	}
	return signaling.EdgeID(rest[:at]), true
}

// newID makes an identity that nobody can guess.
func newID(kind string) string { return kind + "-" + rand.Text() }
