package server

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/match"
)

// What operators are shown. Texts of edges are as the edges say; times are UTC.

// EdgeState is how an edge is, as an operator is told.
type EdgeState string

// The states of edges.
const (
	EdgeOpen     EdgeState = "open"     // has a slot free
	EdgeFull     EdgeState = "full"     // takes nobody now: no slot is free, or it says so
	EdgeDraining EdgeState = "draining" // by an operator's order
	EdgeSilent   EdgeState = "silent"   // does not answer, or its connection is lost
)

// EdgeView is one edge, of this node or another.
type EdgeView struct {
	ID     signaling.EdgeID `json:"id"`
	Name   string           `json:"name"`
	Node   string           `json:"node"` // "" for this one, where it is alone
	State  EdgeState        `json:"state"`
	Slots  int              `json:"slots"`
	Free   int              `json:"free"`
	Codecs []string         `json:"codecs"`
	// Pictures are those that it says it is quick enough for.
	Pictures []signaling.Picture `json:"pictures"`
	Apps     []string            `json:"apps"` // that are installed
	Since    time.Time           `json:"since"`
	// Place is where it says that it is; nil: it does not say.
	Place *signaling.Place `json:"place,omitempty"`
	Drain *OrderView       `json:"drain,omitempty"`
	// Standing is what checkers make of it; nil: nobody checks.
	Standing *StandingView `json:"standing,omitempty"`
	Sessions []SessionView `json:"sessions,omitempty"` // of one that is asked for by itself

	// For whoever keeps the log of checks, and nobody else: the /24 or /48 that it connects from, not valid where that is not known, and by whom it is endorsed, ""
	// for nobody.
	Block    netip.Prefix `json:"-"`
	Endorsed string       `json:"-"`
}

// StandingView is what checkers make of an edge, and so what players it is given.
type StandingView struct {
	State match.State `json:"state"`
	Share int         `json:"share"` // of 1000 matches in which it may be a candidate
	Score match.Score `json:"score"`
	Words string      `json:"words"`
}

// SessionView is one session.
type SessionView struct {
	ID         signaling.SessionID `json:"id"`
	App        string              `json:"app"`
	Edge       signaling.EdgeID    `json:"edge"`
	Node       string              `json:"node"`
	Watches    signaling.SessionID `json:"watches,omitempty"`
	Phase      string              `json:"phase"`         // leasing, starting, offered, settled
	Player     string              `json:"player"`        // connected, or away
	Token      string              `json:"token"`         // the TokenID of its player's token
	Key        string              `json:"key,omitempty"` // which signed that
	Begun      time.Time           `json:"begun"`         // as this node knows it
	Spectators int                 `json:"spectators"`
	Checks     bool                `json:"checks,omitempty"`  // a checker has it, not a player
	Quality    *signaling.Quality  `json:"quality,omitempty"` // as its edge told last
}

// WaitingView is one player in line.
type WaitingView struct {
	Node     string    `json:"node"`
	Position int       `json:"position"`
	Since    time.Time `json:"since"`
	App      string    `json:"app"`
	Estimate int       `json:"estimate"` // seconds; -1: nobody knows
	Token    string    `json:"token"`    // its TokenID
}

// NodeView is one signaling node.
type NodeView struct {
	ID       string    `json:"id"`
	Self     bool      `json:"self"`
	Draining bool      `json:"draining"`
	Heard    time.Time `json:"heard"`
	Edges    int       `json:"edges"`
	Waiting  int       `json:"waiting"` // players in line; of other nodes 32 at most
}

// ClusterView is this node and those that it hears.
type ClusterView struct {
	Nodes     []NodeView `json:"nodes"`
	Connected bool       `json:"connected"` // the bus carries messages, or there is none to carry them
	Ready     bool       `json:"ready"`     // as /readyz says
	Kept      bool       `json:"kept"`      // what is ordered is in a store
}

// OrderView is an order that holds.
type OrderView struct {
	Kind   store.OrderKind `json:"kind"`
	Target string          `json:"target"`
	Reason string          `json:"reason"`
	By     string          `json:"by"`
	At     time.Time       `json:"at"`
	Until  *time.Time      `json:"until,omitempty"` // nil: until it is lifted
}

// EdgeQuery asks for edges. Zero fields ask for all.
type EdgeQuery struct {
	Text  string // within id or name
	State EdgeState
	Node  string
	App   string
	After signaling.EdgeID // the last one of the page before
	Limit int              // 1 to MaxPage; 0: MaxPage
}

// SessionQuery asks for sessions. Zero fields ask for all.
type SessionQuery struct {
	Edge  signaling.EdgeID    `json:"edge,omitempty"`
	App   string              `json:"app,omitempty"`
	Token string              `json:"token,omitempty"` // a TokenID
	After signaling.SessionID `json:"after,omitempty"`
	Limit int                 `json:"limit,omitempty"`
}

// MaxPage is the most that a page holds: what fits a message between nodes.
const MaxPage = 100

func pageSize(asked int) int {
	if asked <= 0 || asked > MaxPage {
		return MaxPage
	}
	return asked
}

func viewed(o store.Order) OrderView {
	v := OrderView{Kind: o.Kind, Target: o.Target, Reason: o.Reason, By: o.Actor, At: o.At.UTC()}
	if !o.Until.IsZero() {
		until := o.Until.UTC()
		v.Until = &until
	}
	return v
}

// node is the name of this node, "" for one that is alone. The registry's mutex is held, here and below.
func (r *registry) node() string {
	if r.cluster == nil {
		return ""
	}
	return r.cluster.id
}

func installed(apps []signaling.App) []string {
	names := make([]string, 0, len(apps))
	for i := range apps {
		if apps[i].Installed {
			names = append(names, apps[i].Name)
		}
	}
	return names
}

// viewOf is what is known of an edge at whichever node it is; ok is false for none.
func (r *registry) viewOf(id signaling.EdgeID) (v EdgeView, ok bool) {
	f, e := r.farNow(id), r.edges[id]
	switch {
	case f != nil:
		v = EdgeView{ID: id, Name: f.Name, Node: f.node.id, Slots: f.Slots, Free: f.Free, Codecs: some(f.Codecs), Pictures: some(f.Pictures), Place: f.Traits.Place, Apps: installed(f.apps), Since: time.UnixMilli(f.presentEdge.Since).UTC(), State: EdgeOpen, Block: f.block, Endorsed: f.Root}
	case e != nil:
		v = EdgeView{ID: id, Name: e.name, Node: r.node(), Slots: e.slots, Free: e.available(), Codecs: some(e.codecs), Pictures: some(e.traits.Pictures), Place: e.traits.Place, Apps: installed(e.apps), Since: time.UnixMilli(e.since).UTC(), State: EdgeOpen, Block: blockOf(e.reach.From), Endorsed: e.root}
		if e.peer == nil || e.quiet {
			v.State, v.Free = EdgeSilent, 0
		}
	default:
		return v, false
	}
	if o, there := r.orders[orderName{store.DrainEdge, string(id)}]; there && !o.Over(time.Now()) {
		drain := viewed(o)
		v.Drain, v.State = &drain, EdgeDraining
	}
	if r.checked {
		s := r.standingOf(id)
		v.Standing = &StandingView{s.State, s.Share, s.Score, s.Words}
	}
	if v.State == EdgeOpen && v.Free == 0 {
		v.State = EdgeFull
	}
	return v, true
}

// nameOf is what an edge calls itself at whichever node it is, "" where it is not known.
func (r *registry) nameOf(id signaling.EdgeID) string {
	if f := r.farNow(id); f != nil {
		return f.Name
	}
	if e := r.edges[id]; e != nil {
		return e.name
	}
	return ""
}

// allIDs are those of all edges at any node, in their order.
func (r *registry) allIDs() []signaling.EdgeID {
	ids := make([]signaling.EdgeID, 0, len(r.edges)+len(r.far))
	for id := range r.edges {
		ids = append(ids, id)
	}
	for id := range r.far {
		if r.edges[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// allViews is every edge.
func (r *registry) allViews() []EdgeView {
	ids := r.allIDs()
	views := make([]EdgeView, 0, len(ids))
	for _, id := range ids {
		if v, ok := r.viewOf(id); ok {
			views = append(views, v)
		}
	}
	return views
}

// edgeViews is a page of edges in the order of their ids, and whether more follow.
func (r *registry) edgeViews(q EdgeQuery) (page []EdgeView, more bool) {
	limit := pageSize(q.Limit)
	text := strings.ToLower(q.Text)
	ids := r.allIDs()
	at, found := slices.BinarySearch(ids, q.After)
	if found {
		at++
	}
	page = make([]EdgeView, 0, min(limit, len(ids)-at))
	for _, id := range ids[at:] {
		v, ok := r.viewOf(id)
		if !ok || q.State != "" && v.State != q.State || q.Node != "" && v.Node != q.Node || q.App != "" && !slices.Contains(v.Apps, q.App) ||
			text != "" && !strings.Contains(strings.ToLower(string(v.ID)+" "+v.Name), text) {
			continue
		}
		if len(page) == limit {
			return page, true
		}
		page = append(page, v)
	}
	return page, false
}

var phaseNames = map[phase]string{leasing: "leasing", starting: "starting", offered: "offered", settled: "settled"}

// sessionView is a session of this node.
func (r *registry) sessionView(s *session) SessionView {
	v := SessionView{
		ID: s.id, App: s.app, Edge: s.edge.id, Node: r.node(), Watches: s.watches, Phase: phaseNames[s.phase], Player: "connected",
		Token: s.owner, Key: s.key, Begun: s.born.UTC().Truncate(time.Millisecond), Quality: s.quality, Checks: s.checks,
	}
	if s.player == nil {
		v.Player = "away"
	}
	for _, other := range s.edge.sessions {
		if other.watches == s.id {
			v.Spectators++
		}
	}
	return v
}

// sessionViews is a page of this node's sessions in the order of their ids, and whether more follow.
func (r *registry) sessionViews(q SessionQuery) (page []SessionView, more bool) {
	limit := pageSize(q.Limit)
	var found []*session
	look := func(s *session) {
		if s.over == nil && s.id > q.After && (q.App == "" || s.app == q.App) && (q.Token == "" || s.owner == q.Token) {
			found = append(found, s)
		}
	}
	if q.Edge == "" {
		for _, s := range r.sessions {
			look(s)
		}
	} else if e := r.edges[q.Edge]; e != nil {
		for _, s := range e.sessions {
			look(s)
		}
	}
	slices.SortFunc(found, func(a, b *session) int { return cmp.Compare(a.id, b.id) })
	more = len(found) > limit
	page = make([]SessionView, 0, min(limit, len(found)))
	for _, s := range found[:min(limit, len(found))] {
		page = append(page, r.sessionView(s))
	}
	return page, more
}

// waitingViews are the players in this node's line, the first MaxPage.
func (r *registry) waitingViews() []WaitingView {
	views := make([]WaitingView, 0, min(len(r.line), MaxPage))
	for _, p := range r.line[:min(len(r.line), MaxPage)] {
		views = append(views, WaitingView{
			Node: r.node(), Position: p.waiting.told.Position, Since: p.waiting.since.UTC().Truncate(time.Millisecond), App: p.request.App,
			Estimate: p.waiting.told.Estimate, Token: signaling.TokenID(p.claims.ID),
		})
	}
	return views
}

// nodeViews are this node and the others that are heard.
func (r *registry) nodeViews() []NodeView {
	views := []NodeView{{ID: r.node(), Self: true, Draining: r.draining, Heard: time.Now().UTC().Truncate(time.Millisecond), Edges: len(r.edges), Waiting: len(r.line)}}
	if r.cluster == nil {
		return views
	}
	for _, n := range r.cluster.nodes {
		views = append(views, NodeView{ID: n.id, Draining: n.drained, Heard: n.heard.UTC().Truncate(time.Millisecond), Edges: len(n.edges), Waiting: len(n.queue)})
	}
	slices.SortFunc(views[1:], func(a, b NodeView) int { return cmp.Compare(a.ID, b.ID) })
	return views
}

// whole is an explanation with lists where it has none, and with what checkers say of the edges in it.
func (r *registry) whole(e match.Explanation) match.Explanation {
	for _, reasons := range [][]match.Reason{e.Ranked, e.Named} {
		for i := range reasons {
			if r.checked && r.isKnown(reasons[i].Edge) {
				reasons[i].Standing = r.standingOf(reasons[i].Edge).Words
			}
		}
	}
	e.Ranked, e.Unmet, e.Named = some(e.Ranked), some(e.Unmet), some(e.Named)
	return e
}

// some is a list that JSON shows as [] when it is empty.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// explained says which edges would do for a request now, in which order, and why not others. own is the edge that it came to, "" for none.
func (r *registry) explained(request match.Request, own signaling.EdgeID, named []signaling.EdgeID) match.Explanation {
	if e := r.edges[own]; e != nil {
		// Its slot is taken by the very session that is asked about.
		r.index.SetFree(own, e.available()+1)
		defer r.reindex(own)
	}
	if request.Draw == 0 { // else the explanation would know of another draw than the shortlist
		request.Draw = uint64(r.intN(1 << 31))
	}
	var ranked []match.Ranked
	if candidates, err := r.index.Shortlist(request, r.intN); err == nil {
		ranked = match.Rank(match.Balanced{}, match.Unmeasured(candidates), match.Ranking{Keep: own})
	}
	return r.whole(r.index.Explain(request, ranked, named...))
}
