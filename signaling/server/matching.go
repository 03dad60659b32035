package server

import (
	"net/netip"
	"slices"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

// requestOf is what a player asks for, as matching reads it: what its page says, what its token limits, and where it is.
func (r *registry) requestOf(p *player) match.Request {
	request := match.Request{
		App: p.request.App, Codecs: p.request.Codecs, PriceCap: match.Price(p.claims.Price), Regions: p.claims.Regions, Near: p.location.Near,
	}
	for _, edge := range p.claims.Edges {
		request.Only = append(request.Only, signaling.EdgeID(edge.String()))
	}
	if root := p.claims.Root; !root.IsZero() {
		request.Root = root.String()
	}
	request.Check = p.errand.checks()
	if e := p.errand.Steered; e != "" {
		request.Only, request.Root = []signaling.EdgeID{e}, ""
	}
	request.Draw = uint64(r.intN(1 << 31))
	if size := p.request.Size; size != nil {
		request.Picture.Size = *size
	}
	if key, known := r.networks.key(p.from, p.location.Network); known {
		request.Remembered = r.memory.Good(time.Now(), key, nil)
	}
	return request
}

// shortlist finds the edges that would do for a player. A size is a wish: an edge that was not seen to be quick enough for it sends what it
// can, and is better than none.
func (r *registry) shortlist(p *player) (match.Request, []match.Candidate, *signaling.Error) {
	request := r.requestOf(p)
	candidates, err := r.index.Shortlist(request, r.intN)
	if err != nil && request.Picture != (match.Picture{}) {
		request.Picture = match.Picture{}
		candidates, err = r.index.Shortlist(request, r.intN)
	}
	return request, candidates, err
}

// recall puts what a player has measured lately to a shortlist.
func (p *player) recall(candidates []match.Candidate) []match.Measured {
	list := match.Unmeasured(candidates)
	for i := range list {
		list[i].Link, _ = p.history.Best(time.Now(), list[i].Edge)
	}
	return list
}

// rank orders those of a list that have a slot free just now, best first.
func (r *registry) rank(p *player, list []match.Measured) []match.Ranked {
	list = slices.DeleteFunc(slices.Clone(list), func(c match.Measured) bool {
		_, free := r.vacant[c.Edge]
		if !free && p.checks(c.Edge) {
			_, free = r.reserved[c.Edge]
		}
		return !free
	})
	return match.Rank(r.policy, list, match.Ranking{Keep: p.had, Salt: uint64(r.intN(1 << 31))})
}

// settle gives a player the best of a ranking.
func (r *registry) settle(p *player, request match.Request, ranked []match.Ranked) *signaling.Error {
	p.decided = &decision{request: request, ranked: ranked}
	r.metrics.matches.WithLabelValues("matched").Inc()
	return r.give(p, ranked[0].Edge)
}

// offer is what matching knows of an edge.
func (f *farEdge) offer() match.Edge {
	return offerOf(match.Edge{ID: f.ID, Slots: f.Slots, Free: f.Free, Codecs: f.Codecs, Apps: f.apps, Network: f.Network, Root: f.Root}, f.Traits)
}

func (e *edge) offer() match.Edge {
	return offerOf(match.Edge{ID: e.id, Slots: e.slots, Free: e.available(), Codecs: e.codecs, Apps: e.apps, Network: e.network, Root: e.root}, e.traits)
}

// offerOf adds what an edge says of itself, but for its place, which checkers may know better.
func offerOf(edge match.Edge, traits signaling.Traits) match.Edge {
	edge.Price, edge.Regions = match.Price(traits.Price), traits.Regions
	for _, p := range traits.Pictures {
		edge.Proved = append(edge.Proved, match.Ability{Codec: p.Codec, Picture: match.Picture{Size: p.Size, FrameRate: p.FrameRate}})
	}
	return edge
}

// waysTo is where a player may measure an edge, wherever that is; none where it cannot.
func (r *registry) waysTo(id signaling.EdgeID, from netip.Addr) signaling.List[string] {
	if f := r.farNow(id); f != nil {
		return waysFor(from, f.ways)
	}
	if e := r.edges[id]; e != nil {
		return waysFor(from, e.ways)
	}
	return nil
}
