package server

import (
	"encoding/json"
	"time"

	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/match"
	"nearlight/signaling/sequence"
)

// guestName names a player of another node.
type guestName struct{ node, link string }

// guest is a player of another node, as its edge's node sees it. The registry's mutex guards it, and is held when any method is called.
type guest struct {
	r      *registry
	name   guestName
	player *player // nil before it has said what it wants
	end    sequence.End
	heard  time.Time
	broken bool // it takes nothing any more
}

// guestPeer is a guest as a player's peer.
type guestPeer struct{ *guest }

var _ peer = guestPeer{}

// send implements peer.
func (g guestPeer) send(m signaling.Message) {
	if answer, offered := m.(signaling.Answer); offered { // to who offers, which players of the protocol never do
		g.tell(body{SDP: answer.SDP})
		return
	}
	data, err := signaling.Encode(signaling.SignalingToPlayer, m)
	if err != nil {
		g.r.log.Error("a message for a player cannot be written", "error", err)
		return
	}
	g.tell(body{Message: data})
}

// end implements peer.
func (g guestPeer) end(reason *signaling.Error) { g.tell(body{End: &ending{Reason: reason}}) }

func (g *guest) tell(b body) {
	if g.broken {
		return
	}
	data, err := json.Marshal(b)
	if err != nil {
		g.r.log.Error("a message for another node cannot be written", "error", err)
		return
	}
	frame, err := g.end.Send(data)
	if err != nil {
		g.broken = true // the next beat finds it
		return
	}
	g.r.mail(g.name.node, envelope{Link: g.name.link, Frame: frame})
}

// fromFront takes what a player of another node says.
func (r *registry) fromFront(g *guest, data []byte) {
	var b body
	if err := json.Unmarshal(data, &b); err != nil {
		r.strange(err)
		return
	}
	if b.Open != nil && g.player == nil {
		r.open(g, *b.Open)
		return
	}
	if g.player == nil {
		r.metrics.dropped.WithLabelValues("out-of-turn").Inc()
		return
	}
	switch {
	case b.Part != nil:
		hold := max(0, min(b.Part.Hold, holdTime))
		delete(r.cluster.guests, g.name)
		r.leaveSession(g.player, hold)
	case b.SDP != "":
		r.takeOffer(g.player, b.SDP)
	case b.Message != nil:
		m, err := signaling.Parse(signaling.PlayerToSignaling, b.Message)
		if err != nil {
			r.strange(err)
			return
		}
		r.fromGuest(g, m)
	}
}

// fromGuest takes a message that a player of another node has sent.
func (r *registry) fromGuest(g *guest, m signaling.Message) {
	p := g.player
	switch m := m.(type) {
	case signaling.Answer:
		r.takeAnswer(p, m)
	case signaling.Candidate:
		r.takeCandidate(p, m)
	case signaling.Check:
		r.takeCheck(p)
	case signaling.Restart:
		r.takeRestart(p)
	case signaling.Leave:
		r.takeLeave(p)
		delete(r.cluster.guests, g.name)
	}
}

// open begins what a player of another node has asked for.
func (r *registry) open(g *guest, o opening) {
	m, err := signaling.Parse(signaling.PlayerToSignaling, o.Play)
	play, ok := m.(signaling.Play)
	if err != nil || !ok {
		r.strange(err)
		g.broken = true
		return
	}
	p := &player{peer: guestPeer{g}, log: r.log.With("role", "player", "of", g.name.node), guest: g, request: play, claims: o.Claims, offer: o.Offer, turn: o.Turn, errand: o.Errand}
	p.rest = time.Now().Add(max(0, min(o.Rest, moveRest)))
	r.joinRequest(p, o.Trace)
	g.player = p
	r.metrics.guests.Inc()
	var refusal *signaling.Error
	switch {
	case play.Resume != "" && o.Quiet:
		refusal = r.rebind(p, play, o.Claims)
	case play.Resume != "":
		refusal = r.resume(p, play, o.Claims)
	case play.Watch != "":
		refusal = r.lookOn(p, play, o.Claims)
	default:
		e := r.edges[o.Edge]
		if e == nil || e.peer == nil || e.quiet || e.available() == 0 || r.holds(store.DrainEdge, string(o.Edge)) || r.holds(store.BanEdge, string(o.Edge)) || !r.takes(o.Edge, p.checks(o.Edge)) {
			full := signaling.NewError(signaling.CodeFull)
			if told := r.ownWords(p, e, full); told.Code != full.Code {
				p.end(told)
				return
			}
			g.tell(body{Retry: full})
			return
		}
		codecs := match.Common(play.Codecs, e.codecs)
		if len(codecs) == 0 {
			g.tell(body{Retry: match.NoCommonCodec(play.Codecs, e.codecs)})
			return
		}
		r.leaveBehind(signaling.TokenID(o.Claims.ID), o.Turn)
		if refusal = r.mayBegin(o.Claims, o.Handed); refusal == nil {
			refusal = r.begin(p, e, codecs)
		}
	}
	if refusal != nil {
		p.end(refusal)
	}
}

// guestLost is for a player whose node is gone, or has forgotten it: it may come back by another.
func (r *registry) guestLost(g *guest) {
	delete(r.cluster.guests, g.name)
	if g.player != nil {
		r.leaveSession(g.player, holdTime)
	}
}
