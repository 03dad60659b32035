package server

import (
	"cmp"
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/match"
)

// What checkers have found of an edge decides what players it gets. One node of a cluster keeps the log of checks, and says what each edge's standing
// is, wherever the edge is; the edge's own node tells it on with all else that it tells of the edge, so that a node that is new hears of it while the log's node
// is away. It is known for as long as the edge is.

// Checks is whoever keeps the log of what checkers find.
type Checks interface {
	// Standing says what is known of an edge now. It is called by several goroutines, and edges that log in wait for it; no lock of the server's is
	// held. Of an edge that the log does not know, the state is match.Checking.
	Standing(edge identity.Address) Standing
	// Happened tells what has happened to edges, at whichever node they are, in the order in which this node has learnt of it: by one goroutine, without a
	// lock. It may take its time, and up to maxEvents wait meanwhile.
	Happened(EdgeEvent)
}

// Standing is what checkers make of an edge. The zero value is that of every edge where nobody checks.
type Standing struct {
	// State is match.Accepting of an edge that may be given players, match.Checking or match.Jailed of one that only those may have who are to check it
	// (token.Check), and match.Draining of one that its owner has let go on leave: nobody.
	State match.State
	// Share is in how many of match.Whole matches an edge that takes players may be a candidate; 0: in all.
	Share int
	Score match.Score
	// Place is what they make of where it says that it is. It ranks, and says which place counts: it changes nothing above.
	Place Whereabouts
	// Words say why, to operators.
	Words string
}

// Whereabouts is what checkers make of where an edge says that it is.
type Whereabouts uint8

// The whereabouts, and their names to other nodes.
const (
	Unsaid     Whereabouts = iota // nothing: it does not say, or nobody can say
	Consistent                    // it may be there, and round trips are as usual for it; other things equal, the edge comes first
	Impossible                    // it cannot be there: it counts as an edge that does not say where it is
)

var whereabouts = map[Whereabouts]string{Unsaid: "", Consistent: "consistent", Impossible: "impossible"}

// maxStandingWords bounds them, in octets: every node keeps those of every edge.
const maxStandingWords = 200

// bounded is a standing that may be told.
func (s Standing) bounded() Standing {
	if s.Share <= 0 || s.Share > match.Whole {
		s.Share = match.Whole
	}
	oneLine := strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, s.Words)
	if _, known := whereabouts[s.Place]; !known {
		s.Place = Unsaid
	}
	s.Score, s.Words = min(s.Score, match.MaxScore), signaling.Cut(oneLine, maxStandingWords)
	return s
}

// newcomersShare is that of an edge of which nobody can say anything just now: as few players as a newcomer.
const newcomersShare = match.Whole / 20

// said is a standing, which node has said so, and when: milliseconds since 1970 on that node's clock.
type said struct {
	Standing
	by string
	at int64
}

// presentStanding is a standing as nodes tell each other.
type presentStanding struct {
	Edge  signaling.EdgeID `json:"edge,omitempty"` // "" beside an edge
	State string           `json:"state"`
	Share int              `json:"share"`
	Score match.Score      `json:"score,omitempty"`
	Place string           `json:"place,omitempty"`
	Words string           `json:"words,omitempty"`
	By    string           `json:"by"`
	At    int64            `json:"at"`
}

func presentedStanding(edge signaling.EdgeID, s said) *presentStanding {
	return &presentStanding{Edge: edge, State: s.State.String(), Share: s.Share, Score: s.Score, Place: whereabouts[s.Place], Words: s.Words, By: s.by, At: s.at}
}

// said reads what a node tells; ok is false for what does not fit.
func (p *presentStanding) said() (s said, ok bool) {
	var state match.State
	if state.UnmarshalText([]byte(p.State)) != nil || p.Share < 1 || p.Share > match.Whole || p.Score > match.MaxScore || len(p.Words) > maxStandingWords || !utf8.ValidString(p.Words) ||
		!wellFormedID(p.By, maxNodeID) {
		return s, false
	}
	place := Unsaid // and for whatever a newer node may say
	for known, name := range whereabouts {
		if name == p.Place {
			place = known
		}
	}
	return said{Standing: Standing{State: state, Share: p.Share, Score: p.Score, Place: place, Words: p.Words}, by: p.By, at: p.At}, true
}

// StandingChanged says that the standing of edges is another one. It may be called at any time by anybody, whatever locks are held: it blocks on nothing, and Standing
// is asked by another goroutine soon.
func (s *Server) StandingChanged(edges ...identity.Address) { s.registry.keeper.changed(edges...) }

// Present are all edges at any node, in the order of their ids.
func (s *Server) Present() []EdgeView {
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	return s.registry.allViews()
}

// standingsAtOnce is for how many edges the registry is taken at a time.
const standingsAtOnce = 256

// followStandings asks for standings that have changed, until ctx ends.
func (r *registry) followStandings(ctx context.Context) {
	k := r.keeper
	type answer struct {
		edge     signaling.EdgeID
		standing Standing
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.asked:
		}
		for edges := k.takeChanged(standingsAtOnce); len(edges) > 0; edges = k.takeChanged(standingsAtOnce) {
			answers := make([]answer, len(edges))
			for i, edge := range edges {
				answers[i] = answer{signaling.EdgeID(edge.String()), k.checks.Standing(edge)}
			}
			r.mu.Lock()
			for _, a := range answers {
				r.decide(a.edge, a.standing)
			}
			r.serveQueue()
			r.mu.Unlock()
			if ctx.Err() != nil {
				return
			}
		}
	}
}

// decide takes what this node's own log says of an edge. The mutex is held, here and below.
func (r *registry) decide(id signaling.EdgeID, standing Standing) {
	standing = standing.bounded()
	known, there := r.standings[id]
	if there && known.by == r.node() && known.Standing == standing {
		return
	}
	r.stand(id, said{Standing: standing, by: r.node(), at: max(time.Now().UnixMilli(), known.at+1)})
}

// stand takes what a node with a log says of an edge, whoever tells it.
func (r *registry) stand(id signaling.EdgeID, s said) {
	if !r.isKnown(id) {
		return
	}
	known, there := r.standings[id]
	if there && !r.outweighs(s, known) {
		return
	}
	r.standings[id], r.checked = s, true
	if e := r.edges[id]; e != nil {
		r.touch(e)
	} else {
		r.reindex(id)
	}
	if r.cluster != nil && s.by == r.node() {
		r.cluster.standings[id] = struct{}{}
	}
}

// isKnown reports whether an edge is at some node.
func (r *registry) isKnown(id signaling.EdgeID) bool { return r.edges[id] != nil || len(r.far[id]) > 0 }

// outweighs reports whether a rather than b counts: what a node says that keeps the log now, and else what was said later. All nodes come to the same, also
// where two say that they keep it.
func (r *registry) outweighs(a, b said) bool {
	if a.by == b.by {
		return a.at > b.at
	}
	if one, other := r.keeps(a.by), r.keeps(b.by); one != other {
		return one
	} else if one {
		return a.by < b.by
	}
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.by, b.by)) > 0
}

// keeps reports whether a node keeps the log of checks now.
func (r *registry) keeps(node string) bool {
	if node == r.node() {
		return r.keeper != nil
	}
	if r.cluster == nil {
		return false
	}
	n := r.cluster.nodes[node]
	return n != nil && n.keeps
}

// someoneKeeps reports whether a node that is heard keeps the log.
func (r *registry) someoneKeeps() bool {
	if r.keeper != nil {
		return true
	}
	if r.cluster != nil {
		for _, n := range r.cluster.nodes {
			if n.keeps {
				return true
			}
		}
	}
	return false
}

// standingOf is by what standing an edge is matched. Where there is a log, an edge gets nobody before the log has said what it is: it takes a moment. While the log's node
// is away, an edge that nobody knows is taken for a newcomer, since signaling is to go on without checks.
func (r *registry) standingOf(id signaling.EdgeID) Standing {
	known, there := r.standings[id]
	switch {
	case there:
		return known.Standing
	case !r.checked:
		return Standing{Share: match.Whole}
	case r.someoneKeeps():
		return Standing{State: match.Checking, Share: match.Whole, Words: "The log of checks has not said yet what the edge is."}
	}
	return Standing{Share: newcomersShare, Words: "The node that keeps the log of checks is away: the edge counts as a newcomer."}
}

// hearStandings takes what another node tells of standings, and whether it keeps the log.
func (r *registry) hearStandings(n *neighbour, p presence) {
	if p.Keeps && !n.keeps {
		r.checked = true
		r.log.Info("a node keeps the log of checks", "of", n.id)
		if r.keeper != nil {
			r.log.Error("two nodes keep a log of checks: what one of them says of edges counts nowhere but there", "other", n.id)
		}
	}
	n.keeps = p.Keeps
	for i := range p.Standings {
		r.hearStanding(p.Standings[i].Edge, &p.Standings[i])
	}
}

// hearStanding takes what another node tells of one edge's; nil for nothing. The node with the log tells it again where that is not what it says.
func (r *registry) hearStanding(id signaling.EdgeID, told *presentStanding) {
	own, there := r.standings[id]
	ours := there && r.keeper != nil && own.by == r.node()
	if told == nil {
		if ours && r.cluster != nil {
			r.cluster.standings[id] = struct{}{}
		}
		return
	}
	s, ok := told.said()
	if !ok {
		r.metrics.dropped.WithLabelValues("strange-node").Inc()
		return
	}
	switch {
	case r.keeper == nil:
		r.stand(id, s)
	case ours && (s.by != own.by || s.at < own.at):
		r.cluster.standings[id] = struct{}{}
	}
}

// standingsTold adds what this node's log says of edges of other nodes, news or all of it, and flushes where a message is full.
func (r *registry) standingsTold(all bool, add func(*presentStanding)) {
	c := r.cluster
	if r.keeper == nil {
		return
	}
	tell := func(id signaling.EdgeID) {
		if s, there := r.standings[id]; there && s.by == c.id && r.edges[id] == nil {
			add(presentedStanding(id, s))
		}
	}
	if all {
		for id := range r.standings {
			tell(id)
		}
	} else {
		for id := range c.standings {
			tell(id)
		}
	}
	clear(c.standings)
}

// keeperLost has edges that nobody has spoken of taken for newcomers, when the log's node is gone.
func (r *registry) keeperLost() {
	if !r.checked || r.someoneKeeps() {
		return
	}
	for id := range r.edges {
		if _, there := r.standings[id]; !there {
			r.reindex(id)
		}
	}
	for id := range r.far {
		if _, there := r.standings[id]; !there {
			r.reindex(id)
		}
	}
}

// takes reports whether an edge of this node takes who has such a token, as its standing is.
func (r *registry) takes(id signaling.EdgeID, checks bool) bool {
	return admits(r.standingOf(id).State, checks)
}

// admits reports whether an edge in a state takes players, or else those who are to check it.
func admits(state match.State, checks bool) bool {
	return state == match.Accepting || checks && (state == match.Checking || state == match.Jailed)
}
