package server

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/sequence"
	"nearlight/signaling/token"
)

// link is the way of a player of this node to its edge's node.
type link struct {
	name    string
	node    string // where the edge is
	edge    signaling.EdgeID
	session signaling.SessionID // "" until it is matched
	settled bool                // nothing of a negotiation is under way
	player  *player             // nil: it has left, and the last words may still be under way
	end     sequence.End
	heard   time.Time
}

// connect has a player's request served by the node that its edge is at.
func (r *registry) connect(p *player, f *farEdge, m signaling.Play, claims token.Claims, quiet bool) *signaling.Error {
	play, err := signaling.Encode(signaling.PlayerToSignaling, m)
	if err != nil {
		r.log.Error("a request cannot be written", "error", err)
		return signaling.NewError(signaling.CodeInternal)
	}
	r.alarms.stop(p.idle)
	r.decisions.goOn(m.Resume)
	l := &link{name: rand.Text(), node: f.node.id, edge: f.ID, session: m.Resume, settled: quiet, player: p, heard: time.Now()}
	r.cluster.links[l.name] = l
	if r.cluster.ways[l.edge] == nil {
		r.cluster.ways[l.edge] = make(map[*link]struct{})
	}
	r.cluster.ways[l.edge][l] = struct{}{}
	p.link = l
	if !quiet {
		r.step(p, nil, spanElsewhere)
	}
	p.log.Debug("player is served by another node", "link", l.name, "at", l.node, "edge", l.edge)
	r.toHome(l, body{Open: &opening{Play: play, Claims: claims, Edge: f.ID, Quiet: quiet, Offer: p.offer, Trace: p.traced(), Rest: max(0, time.Until(p.rest)), Handed: p.handed, Turn: p.turn, Errand: p.errand}})
	return nil
}

func (r *registry) toHome(l *link, b body) {
	data, err := json.Marshal(b)
	if err != nil {
		r.log.Error("a message for another node cannot be written", "error", err)
		return
	}
	frame, err := l.end.Send(data)
	if err != nil { // it has taken none of many
		r.linkLost(l)
		return
	}
	r.mail(l.node, envelope{Link: l.name, Home: true, Frame: frame})
}

// forward passes a player's message on to its edge's node. It reports false for a player whose edge is here.
func (r *registry) forward(p *player, m signaling.Message) bool {
	if p.seek != nil {
		if _, asks := m.(signaling.Check); asks {
			r.hurry(p)
		}
		r.metrics.dropped.WithLabelValues("edge-sought").Inc()
		return true
	}
	l := p.link
	if l == nil {
		return false
	}
	data, err := signaling.Encode(signaling.PlayerToSignaling, m)
	if err != nil {
		r.log.Error("a player's message cannot be written", "error", err)
		return true
	}
	if _, answers := m.(signaling.Answer); answers {
		l.settled = true
		r.endRequest(p, nil)
	}
	r.toHome(l, body{Message: data})
	return true
}

// unlink takes a player off its link. What was said before still arrives.
func (r *registry) unlink(p *player) {
	if p.link != nil {
		p.link.player = nil
		p.link = nil
	}
}

// linkLost looks for the edge of a player whose edge's node is gone, or has forgotten the player.
func (r *registry) linkLost(l *link) {
	r.dropLink(l)
	p := l.player
	if p == nil {
		return
	}
	p.link, l.player = nil, nil
	if l.session == "" { // it was not matched yet
		r.reassign(p, signaling.NewError(signaling.CodeEdgeGone))
		return
	}
	r.seekOn(p, l.session, l.settled)
}

func (r *registry) dropLink(l *link) {
	delete(r.cluster.links, l.name)
	if delete(r.cluster.ways[l.edge], l); len(r.cluster.ways[l.edge]) == 0 {
		delete(r.cluster.ways, l.edge)
	}
}

// moved has the players of an edge that is at another node now, "" for this one, look for it there.
func (r *registry) moved(id signaling.EdgeID, node string) {
	if r.cluster == nil {
		return
	}
	for l := range r.cluster.ways[id] {
		if l.node != node {
			r.linkLost(l)
		}
	}
}

// fromHome takes what the edge's node says to a player of this one.
func (r *registry) fromHome(l *link, data []byte) {
	var b body
	if err := json.Unmarshal(data, &b); err != nil {
		r.strange(err)
		return
	}
	p := l.player
	if p == nil {
		return
	}
	switch {
	case b.Message != nil:
		m, err := signaling.Parse(signaling.SignalingToPlayer, b.Message)
		if err != nil {
			r.strange(err)
			return
		}
		switch m := m.(type) {
		case signaling.Matched:
			l.session, l.settled = m.Session, false
			p.tries, p.had = 0, m.Edge.ID
			r.decisions.add(m.Session, p.decided, time.Now())
			r.decisions.goOn(m.Session)
			p.decided = nil
			r.began(p)
		case signaling.Offer:
			l.settled = m.Restart && l.settled
		case signaling.Ended:
			r.decisions.end(l.session, time.Now())
			r.endRequest(p, m.Reason)
			r.unlink(p)
			r.unclaim(p)
			r.rest(p)
		}
		p.send(m)
	case b.SDP != "":
		r.endRequest(p, nil)
		p.send(signaling.Answer{SDP: b.SDP})
	case b.End != nil:
		r.decisions.end(l.session, time.Now())
		r.endRequest(p, b.End.Reason)
		r.unlink(p)
		p.end(b.End.Reason)
	case b.Moved != nil:
		r.decisions.end(l.session, time.Now())
		r.unlink(p)
		r.fullNow(l.edge)
		r.handOver(p, b.Moved)
	case b.Retry != nil:
		r.unlink(p)
		r.fullNow(l.edge)
		r.reassign(p, b.Retry)
	case b.Seek:
		session, settled := l.session, l.settled
		r.unlink(p)
		r.seekOn(p, session, settled)
	}
}

// fullNow takes an edge of another node to have no slot free, until its node says how it is.
func (r *registry) fullNow(id signaling.EdgeID) {
	if f := r.farNow(id); f != nil {
		f.Free = 0
		r.reindex(id)
	}
}

// reassign finds another edge for a player whose session did not begin.
func (r *registry) reassign(p *player, why *signaling.Error) {
	if p.tries++; p.tries >= maxTries {
		if p.errand.checks() && why.Code == signaling.CodeStale {
			why = signaling.Errorf(signaling.CodeEdgeRefused, "The machine has refused every slot that was proposed to it.")
		}
		r.endRequest(p, why)
		p.end(why)
		return
	}
	if err := r.assign(p); err != nil {
		r.endRequest(p, err)
		p.end(err)
	}
}
