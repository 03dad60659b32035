package server

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"time"

	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/match"
)

// presence is what a node tells all others of its edges: what has changed, or, in a round of several, all.
type presence struct {
	Node string `json:"node"`
	Seq  uint64 `json:"seq"` // a gap is asked about
	// First and Last begin and end an account of all edges: what it does not name is not there.
	First   bool                       `json:"first,omitempty"`
	Last    bool                       `json:"last,omitempty"`
	Edges   []presentEdge              `json:"edges,omitempty"`
	Gone    []signaling.EdgeID         `json:"gone,omitempty"`
	Apps    map[string][]signaling.App `json:"apps,omitempty"` // catalogues by digest: most edges have the same one
	Queue   []int64                    `json:"queue,omitempty"`
	Studios map[string]int             `json:"studios,omitempty"` // sessions of each that run at the node
	Orders  []presentOrder             `json:"orders,omitempty"`
	// Standings are of edges at other nodes, by this node's log of checks.
	Standings []presentStanding `json:"standings,omitempty"`
	Keeps     bool              `json:"keeps,omitempty"`    // the node keeps that log
	CheckKey  string            `json:"checkKey,omitempty"` // the id of the network's check key, as the node was told it
	Drained   bool              `json:"drained,omitempty"`  // the node takes no further edges and players
	Leaving   bool              `json:"leaving,omitempty"`  // the node is being stopped
}

type presentEdge struct {
	ID        signaling.EdgeID `json:"id"`
	Name      string           `json:"name,omitempty"`
	Slots     int              `json:"slots"`
	Free      int              `json:"free,omitempty"`
	Codecs    []string         `json:"codecs"`
	Catalogue string           `json:"catalogue"`
	Since     int64            `json:"since"`
	signaling.Traits
	Found   *signaling.Place `json:"found,omitempty"` // where its address is; Traits.Place is its own word
	Network string           `json:"network,omitempty"`
	Root    string           `json:"root,omitempty"`  // by whom it is endorsed, as its node has seen
	Ways    []string         `json:"ways,omitempty"`  // where players may measure it, ADDRESS:PORT each
	Block   string           `json:"block,omitempty"` // that it connects from, as blockOf has it
	// Standing is what checkers make of it, nil where its node does not know; Players is how many sessions of players run.
	Standing *presentStanding `json:"standing,omitempty"`
	Players  int              `json:"players,omitempty"`
}

// farEdge is an edge of another node.
type farEdge struct {
	presentEdge
	node  *neighbour
	apps  []signaling.App
	ways  []netip.AddrPort
	block netip.Prefix
	round uint64
}

// maxQueueTold is how many who wait are told to the other nodes.
const maxQueueTold = 32

// touch notes that something about an edge of ours has changed.
func (r *registry) touch(e *edge) {
	r.reindex(e.id)
	if r.cluster != nil {
		r.cluster.dirty[e.id] = struct{}{}
	}
}

// tick tells the other nodes what is new, finds those that are gone, and serves who waits.
func (r *registry) tick() {
	c := r.cluster
	now := time.Now()
	for _, n := range c.nodes {
		if now.Sub(n.heard) > nodeSilence {
			r.nodeLost(n)
		}
	}
	switch {
	case c.all:
		c.all = false
		r.tell(slices.Collect(maps.Keys(r.edges)), true)
	case len(c.dirty) > 0 || len(c.orders) > 0 || len(c.standings) > 0 || now.Sub(c.told) >= presenceBeat:
		r.tell(slices.Collect(maps.Keys(c.dirty)), false)
	}
	if r.keeper != nil {
		r.look()
	}
	r.trySeekers()
	r.serveQueue()
	r.after(presenceTick, r.tick)
}

// tell publishes how edges are, in as many messages as it takes.
func (r *registry) tell(ids []signaling.EdgeID, all bool) {
	c := r.cluster
	c.told = time.Now()
	clear(c.dirty)
	next := presence{First: all, Queue: r.queueTold(), Studios: r.studiosTold(), Drained: r.draining, Keeps: r.keeper != nil, CheckKey: r.checkKey}
	size := 0
	flush := func(last bool) {
		c.seq++
		next.Node, next.Seq, next.Last = c.id, c.seq, all && last
		r.post(presenceSubject, next)
		next, size = presence{Queue: next.Queue, Studios: next.Studios, Drained: next.Drained, Keeps: next.Keeps, CheckKey: next.CheckKey}, 0
	}
	news := maps.Keys(c.orders)
	if all {
		news = maps.Keys(r.orders)
	}
	for name := range news {
		next.Orders = append(next.Orders, presented(r.orders[name]))
		if size += 1280; size > batchBytes { // of octets, with the longest reason escaped
			flush(false)
		}
	}
	clear(c.orders)
	r.standingsTold(all, func(p *presentStanding) {
		next.Standings = append(next.Standings, *p)
		if size += 256 + len(p.Words); size > batchBytes {
			flush(false)
		}
	})
	for _, id := range ids {
		e := r.edges[id]
		if e == nil {
			next.Gone = append(next.Gone, id)
			size += 64
			continue
		}
		free := 0
		if e.peer != nil && !e.quiet {
			free = e.available()
		}
		present := presentEdge{ID: id, Name: e.name, Slots: e.slots, Free: free, Codecs: e.codecs, Since: e.since, Traits: e.traits, Found: e.found, Network: e.network, Root: e.root, Players: e.played()}
		if block := blockOf(e.reach.From); block.IsValid() {
			present.Block = block.String()
		}
		if s, there := r.standings[id]; there {
			present.Standing = presentedStanding("", s)
			size += 192 + len(s.Words)
		}
		present.Catalogue = e.catalogue.digest
		for _, way := range e.ways {
			present.Ways = append(present.Ways, way.String())
		}
		size += 384 + len(present.Block) + len(e.root) + 20*len(e.codecs) + 50*len(e.ways) + 40*len(e.traits.Regions) + 80*len(e.traits.Pictures)
		if next.Apps[present.Catalogue] == nil {
			if size > 0 && size+e.catalogue.size > batchBytes && len(next.Edges) > 0 {
				flush(false)
			}
			if next.Apps == nil {
				next.Apps = make(map[string][]signaling.App)
			}
			next.Apps[present.Catalogue] = e.apps
			size += e.catalogue.size
		}
		next.Edges = append(next.Edges, present)
		if size > batchBytes {
			flush(false)
		}
	}
	flush(true)
}

// leave tells the other nodes that this one is being stopped.
func (r *registry) leaveCluster() {
	if r.cluster == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cluster.seq++
	r.post(presenceSubject, presence{Node: r.cluster.id, Seq: r.cluster.seq, Leaving: true})
}

// hear takes what another node tells.
func (r *registry) hear(p presence) {
	c := r.cluster
	if p.Node == c.id {
		return
	}
	n := c.nodes[p.Node]
	if n == nil {
		if p.Leaving {
			return
		}
		if !wellFormedID(p.Node, maxNodeID) || len(c.nodes) >= maxNodes {
			r.metrics.dropped.WithLabelValues("strange-node").Inc()
			return
		}
		n = &neighbour{id: p.Node, edges: make(map[signaling.EdgeID]*farEdge)}
		if p.First {
			n.seq = p.Seq - 1
		}
		c.nodes[p.Node] = n
		c.all = true // it has heard nothing of us either
		r.log.Info("signaling node is found", "node", n.id)
		r.book.Found(n.id)
		r.tellClaims(n.id)
	}
	now := time.Now()
	if p.Seq <= n.seq {
		return // once more
	}
	switch {
	case p.First:
		n.whole = true
	case p.Seq != n.seq+1:
		n.missed, n.whole = true, false
	}
	if n.missed && !n.whole && now.Sub(n.asked) > presenceTick { // again and again, since what is asked and answered may be lost as well
		n.asked = now
		r.mail(n.id, envelope{Full: true})
	}
	n.seq, n.heard, n.queue, n.studios = p.Seq, now, p.Queue[:min(len(p.Queue), maxQueueTold)], p.Studios
	if p.Leaving {
		n.leaving = true
		r.nodeLost(n)
		return
	}
	n.drained, n.key = p.Drained, p.CheckKey
	for _, told := range p.Orders {
		if o := told.order(); knownOrder(o.Kind) && o.Target != "" && len(o.Target) <= maxOrderText && len(o.Reason) <= maxOrderText && len(o.Actor) <= maxOrderText {
			r.obey(o)
		} else {
			r.metrics.dropped.WithLabelValues("strange-node").Inc()
		}
	}
	r.hearStandings(n, p)
	if p.First {
		n.round++
	}
	for _, id := range p.Gone {
		r.forgetFar(n, id)
	}
	for _, present := range p.Edges {
		apps, ok := p.Apps[present.Catalogue]
		ways, known := present.parsedWays()
		block, is := present.parsedBlock()
		if !ok || !known || !is || !present.fits(apps) {
			r.metrics.dropped.WithLabelValues("strange-node").Inc()
			continue
		}
		f := n.edges[present.ID]
		if f == nil {
			f = &farEdge{node: n}
			n.edges[present.ID] = f
			r.far[present.ID] = append(r.far[present.ID], f)
		}
		f.presentEdge, f.ways, f.block, f.round = present, ways, block, n.round
		f.apps = r.catalogue(apps).apps
		f.Codecs = r.internCodecs(present.Codecs)
		f.presentEdge.Standing = nil // kept with all others
		r.hearStanding(present.ID, present.Standing)
		r.reindex(present.ID)
		if e := r.edges[present.ID]; e != nil && e.since < present.Since {
			r.yield(e)
		}
		if r.farNow(present.ID) == f {
			r.moved(present.ID, n.id)
		}
		r.found(present.ID)
	}
	if p.Last && n.whole {
		n.missed, n.whole = false, false
		for id, f := range n.edges {
			if f.round != n.round {
				r.forgetFar(n, id)
			}
		}
	}
}

// forgetFar forgets what a node has told of an edge.
func (r *registry) forgetFar(n *neighbour, id signaling.EdgeID) {
	f := n.edges[id]
	if f == nil {
		return
	}
	delete(n.edges, id)
	if rest := slices.DeleteFunc(r.far[id], func(other *farEdge) bool { return other == f }); len(rest) > 0 {
		r.far[id] = rest
	} else {
		delete(r.far, id)
	}
	r.reindex(id)
}

// farNow is where an edge is now, by what all other nodes say; nil if none has it, or it is here.
func (r *registry) farNow(id signaling.EdgeID) *farEdge {
	var best *farEdge
	for _, f := range r.far[id] {
		if best == nil || f.Since > best.Since {
			best = f
		}
	}
	if e := r.edges[id]; e != nil && best != nil && e.since >= best.Since {
		return nil
	}
	return best
}

// reindex has matching know what an edge is like now, at whichever node it is.
func (r *registry) reindex(id signaling.EdgeID) {
	defer r.note(id)
	if !r.isKnown(id) {
		delete(r.standings, id)
	}
	var now match.Edge
	var own, byAddress *signaling.Place
	switch e, f := r.edges[id], r.farNow(id); {
	case f != nil:
		now, own, byAddress = f.offer(), f.Traits.Place, f.Found
	case e != nil && e.peer != nil && !e.quiet:
		now, own, byAddress = e.offer(), e.traits.Place, e.found
	default:
		r.index.Remove(id)
		delete(r.vacant, id)
		delete(r.reserved, id)
		return
	}
	standing := r.standingOf(id)
	now.State, now.Share, now.Score = standing.State, standing.Share, standing.Score
	now.Place, now.Consistent = placeOf(own, byAddress, standing.Place), standing.Place == Consistent
	if r.holds(store.DrainEdge, string(id)) || r.holds(store.BanEdge, string(id)) {
		now.State = match.Draining
	}
	r.index.Upsert(now)
	delete(r.vacant, id)
	delete(r.reserved, id)
	switch {
	case now.Free <= 0:
	case admits(now.State, false):
		r.vacant[id] = struct{}{}
	case admits(now.State, true):
		r.reserved[id] = struct{}{}
	}
}

// catalogue is a list of apps that edges share: most have the same.
type catalogue struct {
	digest string
	size   int // as JSON, in octets
	apps   []signaling.App
}

// maxCatalogues bounds what is remembered; beyond it lists are not shared.
const maxCatalogues = 4096

// catalogue returns the shared list that equals apps.
func (r *registry) catalogue(apps []signaling.App) *catalogue {
	data, err := json.Marshal(apps)
	if err != nil { // cannot be: it was read from JSON
		r.log.Error("a catalogue cannot be written", "error", err)
	}
	sum := sha256.Sum256(data)
	key := base64.RawURLEncoding.EncodeToString(sum[:16])
	if known := r.catalogues[key]; known != nil {
		return known
	}
	if len(r.catalogues) >= maxCatalogues {
		clear(r.catalogues) // those in use go on
	}
	made := &catalogue{digest: key, size: len(data), apps: apps}
	r.catalogues[key] = made
	return made
}

// internCodecs is catalogue for lists of codecs.
func (r *registry) internCodecs(codecs []string) []string {
	for _, known := range r.codecs {
		if slices.Equal(known, codecs) {
			return known
		}
	}
	if len(r.codecs) < 64 {
		r.codecs = append(r.codecs, codecs)
	}
	return codecs
}
