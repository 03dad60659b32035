package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"nearlight/internal/identity"
	"nearlight/internal/store"
	"nearlight/signaling"
)

// EdgeEvent is something that has happened to an edge, at whichever node.
type EdgeEvent struct {
	At   time.Time
	Edge identity.Address // zero with EventsLost
	What EdgeChange
}

// EdgeChange is a kind of event.
type EdgeChange uint8

// The kinds of events. After its start a node tells of every edge anew, and of every drain that holds.
const (
	// EdgeCame: the edge is at a node, which hears it. A connection that is back within two seconds was never gone.
	EdgeCame EdgeChange = iota + 1
	// EdgeWent: it is at none. A node that does not reach its bus tells so of no edge, as it may be all right elsewhere.
	EdgeWent
	// SessionBegan: a player's; neither a spectator's, nor one by a token with the right token.Check. One at another node that is over within a quarter of a
	// second may not be told of.
	SessionBegan
	// SessionEnded comes once for each that began, and before EdgeWent.
	SessionEnded
	// EdgeDrained and EdgeUndrained: an operator's order holds, or no more, whether or not the edge is there.
	EdgeDrained
	EdgeUndrained
	// EventsLost: more happened than was taken. Present says how things are.
	EventsLost
)

func (c EdgeChange) String() string {
	switch c {
	case EdgeCame:
		return "came"
	case EdgeWent:
		return "went"
	case SessionBegan:
		return "session began"
	case SessionEnded:
		return "session ended"
	case EdgeDrained:
		return "drained"
	case EdgeUndrained:
		return "undrained"
	case EventsLost:
		return "events lost"
	}
	return "unknown"
}

// maxEvents bounds the events that wait for who keeps the log: every edge of a large network at once.
const maxEvents = 1 << 16

// keeper is a node's way to its log of checks; nil: it has none.
type keeper struct {
	checks Checks
	log    *slog.Logger

	// The registry's mutex guards these.
	seen    map[signaling.EdgeID]int      // the edges that are told to be there, with how many players
	drained map[signaling.EdgeID]struct{} // those that are told to be drained
	unsure  map[signaling.EdgeID]struct{} // of those that are told to be there, which seem to be gone while the bus is
	reached time.Time                     // since when the bus is reached; zero: it is not

	asked chan struct{} // says that pending is not empty
	told  chan struct{} // says that events is not empty

	mu      sync.Mutex // held for moments, and while nothing else is taken
	pending map[identity.Address]struct{}
	events  []EdgeEvent
	lost    bool
}

func newKeeper(checks Checks, log *slog.Logger) *keeper {
	return &keeper{
		checks: checks, log: log, seen: make(map[signaling.EdgeID]int), drained: make(map[signaling.EdgeID]struct{}), unsure: make(map[signaling.EdgeID]struct{}),
		asked: make(chan struct{}, 1), told: make(chan struct{}, 1), pending: make(map[identity.Address]struct{}),
	}
}

// stir wakes whoever reads from a channel of one.
func stir(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is to look already
	}
}

// changed has the log asked for edges' standings.
func (k *keeper) changed(edges ...identity.Address) {
	if k == nil || len(edges) == 0 {
		return
	}
	k.mu.Lock()
	for _, edge := range edges {
		k.pending[edge] = struct{}{}
	}
	k.mu.Unlock()
	stir(k.asked)
}

// changedID is changed for an edge by its id.
func (k *keeper) changedID(id signaling.EdgeID) {
	if k == nil {
		return
	}
	if address, err := identity.ParseAddress(string(id)); err == nil {
		k.changed(address)
	}
}

// takeChanged takes some of the edges whose standing is to be asked for.
func (k *keeper) takeChanged(most int) []identity.Address {
	k.mu.Lock()
	defer k.mu.Unlock()
	edges := make([]identity.Address, 0, min(most, len(k.pending)))
	for edge := range k.pending {
		if len(edges) == most {
			break
		}
		edges = append(edges, edge)
		delete(k.pending, edge)
	}
	return edges
}

// standing asks for an edge's standing before the registry is taken; ok is false where nobody here can say.
func (k *keeper) standing(id signaling.EdgeID) (s Standing, ok bool) {
	if k == nil {
		return s, false
	}
	address, err := identity.ParseAddress(string(id))
	if err != nil {
		return s, false
	}
	return k.checks.Standing(address), true
}

// tell has events told, in their order.
func (k *keeper) tell(id signaling.EdgeID, what EdgeChange, times int) {
	if times <= 0 {
		return
	}
	address, err := identity.ParseAddress(string(id))
	if err != nil { // an order may be about what is no edge
		return
	}
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	for range times {
		if len(k.events) >= maxEvents {
			if !k.lost {
				k.log.Error("the log of checks takes nothing, and what happens to edges is lost", "waiting", len(k.events))
			}
			k.lost = true
			break
		}
		k.events = append(k.events, EdgeEvent{At: now, Edge: address, What: what})
	}
	stir(k.told)
}

// takeEvents takes what waits to be told.
func (k *keeper) takeEvents() []EdgeEvent {
	k.mu.Lock()
	defer k.mu.Unlock()
	events := k.events
	k.events = nil
	if k.lost {
		events, k.lost = append(events, EdgeEvent{At: time.Now(), What: EventsLost}), false
	}
	return events
}

// run tells the log what happens, until ctx ends and all of it is told.
func (k *keeper) run(ctx context.Context) {
	for {
		for _, e := range k.takeEvents() {
			k.checks.Happened(e)
		}
		select {
		case <-ctx.Done():
			for _, e := range k.takeEvents() {
				k.checks.Happened(e)
			}
			return
		case <-k.told:
		}
	}
}

// keepChecks serves the log of checks until ctx ends.
func (r *registry) keepChecks(ctx context.Context) {
	if r.keeper == nil {
		return
	}
	var telling sync.WaitGroup
	telling.Go(func() { r.keeper.run(ctx) })
	r.followStandings(ctx)
	telling.Wait()
}

// played is how many players' sessions an edge of ours has. One begins with its lease. What checkers do is no sign of how players fare.
func (e *edge) played() (n int) {
	for _, s := range e.sessions {
		if s.watches == "" && !s.checks && s.phase != leasing {
			n++
		}
	}
	return n
}

// note compares how an edge is with what the log was told, and tells the difference. Comparing states, in place of telling what causes them, each session that began ends
// once, whichever nodes and messages are lost in between. The mutex is held, here and below.
func (r *registry) note(id signaling.EdgeID) {
	k := r.keeper
	if k == nil {
		return
	}
	if _, was := k.drained[id]; r.holds(store.DrainEdge, string(id)) != was {
		if was {
			delete(k.drained, id)
			k.tell(id, EdgeUndrained, 1)
		} else {
			k.drained[id] = struct{}{}
			k.tell(id, EdgeDrained, 1)
		}
	}
	before, was := k.seen[id]
	players, is := 0, true
	switch f, e := r.farNow(id), r.edges[id]; {
	case f != nil:
		players = f.Players
	case e != nil:
		players = e.played()
	default:
		is = false
	}
	switch {
	case !is && !was:
		return
	case !is && r.blind():
		k.unsure[id] = struct{}{}
		return
	case !was:
		k.tell(id, EdgeCame, 1)
		k.changedID(id)
	}
	delete(k.unsure, id)
	k.tell(id, SessionBegan, max(0, players-before))
	k.tell(id, SessionEnded, max(0, before-players))
	if is {
		k.seen[id] = players
		return
	}
	k.tell(id, EdgeWent, 1)
	delete(k.seen, id)
}

// noted has an edge's players counted anew, by this node's log and by the other nodes.
func (r *registry) noted(e *edge) {
	r.note(e.id)
	if r.cluster != nil {
		r.cluster.dirty[e.id] = struct{}{}
	}
}

// blind reports whether this node does not hear the others, or has not for long enough to know what is there.
func (r *registry) blind() bool {
	return r.cluster != nil && (r.keeper.reached.IsZero() || time.Since(r.keeper.reached) < nodeSilence)
}

// look notes whether the bus is reached, and what has become of the edges that were lost with it.
func (r *registry) look() {
	k := r.keeper
	switch connected := r.cluster.bus.Connected(); {
	case !connected:
		k.reached = time.Time{}
	case k.reached.IsZero():
		k.reached = time.Now()
	}
	if r.blind() {
		return
	}
	for id := range k.unsure {
		r.note(id)
	}
}
