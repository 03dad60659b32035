package server

import (
	"slices"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// A checker visits an edge in one of two ways. To challenge it, it has a token of the network's own check key, with the right token.Check, and everybody may see that. To look at it as
// players do, it has a token like any player's, and the server is told where that one is to lead (Steer): nothing in what the edge is sent says so.

// errand is what a player has come for besides playing. It travels to the node of its edge, and never to an edge.
type errand struct {
	// Check says that the right token.Check of its token counts.
	Check bool `json:"check,omitempty"`
	// Steered is the one edge that it is to have, whatever the edge's standing; "": whichever does.
	Steered signaling.EdgeID `json:"steered,omitempty"`
}

// checks reports whether it is a checker's.
func (e errand) checks() bool { return e.Check || e.Steered != "" }

// edge is the edge that it is about, "" where there is none, or where its token names several.
func (e errand) edge(claims token.Claims) signaling.EdgeID {
	if e.Check && e.Steered == "" && len(claims.Edges) == 1 {
		return signaling.EdgeID(claims.Edges[0].String())
	}
	return e.Steered
}

// errandOf is what somebody with a token has come for. The mutex is held, here and below.
func (r *registry) errandOf(claims token.Claims) errand {
	steered := r.steers[signaling.TokenID(claims.ID)].Edge
	return errand{Check: claims.Allows(token.Check) && claims.Studio == "" && r.isCheckKey(claims.Key), Steered: steered}
}

// isCheckKey reports whether tokens of a key may have the right token.Check: whoever keeps the log of checks has said so.
func (r *registry) isCheckKey(id string) bool {
	if id == "" {
		return false
	}
	if id == r.checkKey {
		return true
	}
	if r.cluster == nil {
		return false
	}
	for _, n := range r.cluster.nodes {
		if n.key == id {
			return true
		}
	}
	return false
}

// checks reports whether a player has come to check an edge.
func (p *player) checks(id signaling.EdgeID) bool {
	return p.errand.Steered == id || p.errand.Check && slices.ContainsFunc(p.claims.Edges, func(a identity.Address) bool { return a.String() == string(id) })
}

// steering is where whoever begins by a token is led.
type steering struct {
	Token string           `json:"token"` // its TokenID
	Edge  signaling.EdgeID `json:"edge"`
	Until int64            `json:"until"` // milliseconds since 1970
}

const (
	// maxSteers bounds how many tokens lead somewhere at a time: each is some hundred octets in every node.
	maxSteers = 65_536
	// longestSteer is how far ahead a node believes another that a token leads somewhere.
	longestSteer = time.Hour
)

// Steer has whoever begins by a token be matched with one edge alone until a time, whatever is known of that edge, slots permitting. Its session is no player's to the log of checks, and all else is as with any
// other player: what the edge is sent says nothing of it. All nodes hear of it, in a moment. jti is the token's.
func (s *Server) Steer(jti string, edge identity.Address, until time.Time) {
	r := s.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	to := steering{Token: signaling.TokenID(jti), Edge: signaling.EdgeID(edge.String()), Until: until.UnixMilli()}
	r.steer(to)
	r.toAll(ofTokens{Steers: []steering{to}})
}

// steer takes it, from whoever has told.
func (r *registry) steer(to steering) {
	left := time.Until(time.UnixMilli(to.Until))
	switch _, known := r.steers[to.Token]; {
	case left <= 0:
		return
	case left > longestSteer || !known && len(r.steers) >= maxSteers || !wellFormedID(to.Token, maxShown) || !wellFormedID(string(to.Edge), maxShown):
		r.metrics.dropped.WithLabelValues("strange-steering").Inc()
		return
	}
	r.steers[to.Token] = to
	r.after(left, func() {
		if r.steers[to.Token] == to {
			delete(r.steers, to.Token)
		}
	})
}

// Offer is what an edge has for who comes by a token.
type Offer struct {
	Apps    []string // that are installed and shown to players
	Regions []string
	Price   uint64
	Root    string // whose endorsement it has shown; "": nobody's
}

// OfferOf is an edge's, at whichever node it is; ok is false for one that is at none.
func (s *Server) OfferOf(edge identity.Address) (o Offer, ok bool) {
	r, id := s.registry, signaling.EdgeID(edge.String())
	r.mu.Lock()
	defer r.mu.Unlock()
	var apps []signaling.App
	switch e, f := r.edges[id], r.farNow(id); {
	case f != nil:
		apps, o = f.apps, Offer{Regions: f.Regions, Price: f.Price, Root: f.Root}
	case e != nil:
		apps, o = e.apps, Offer{Regions: e.traits.Regions, Price: e.traits.Price, Root: e.root}
	default:
		return o, false
	}
	for i := range apps {
		if apps[i].Installed && !apps[i].Hidden {
			o.Apps = append(o.Apps, apps[i].Name)
		}
	}
	return o, true
}

// Playable checks a token as a player's is checked who comes with it, but for where it is used and how often. One without the right token.Play plays nothing, and may be good for what it
// says.
func (s *Server) Playable(raw string) (token.Claims, error) {
	claims, err := s.verify(raw, token.Player)
	if err != nil {
		return claims, err
	}
	if claims.Studio != "" && claims.Allows(token.Play) {
		if reason := s.studios.roster().Of(claims.Studio).Admit(claims); reason != nil {
			return claims, reason
		}
	}
	return claims, nil
}

// tidying is how long an edge may take to have a slot ready again: its app has two seconds to end, and its display is made anew.
const tidying = 15 * time.Second

// hasRoom reports whether fewer slots of an edge are leased than it has, by this node's own count: whatever it says, one of them is free. It does not say so while there may be an honest
// reason to have none.
func (r *registry) hasRoom(e *edge) bool {
	now := time.Now()
	if now.Sub(e.tidied) < tidying || now.Before(e.shunned) || e.relief != nil {
		return false
	}
	leased := 0
	for _, s := range e.sessions {
		switch {
		case s.degraded != nil:
			return false
		case s.watches == "" && s.phase != leasing:
			leased++
		}
	}
	return leased < e.slots
}

// ownWords is what a checker is told when its edge has not taken it, in words of this server's: those of the edge would let it choose what is found. That there is no room is believed where
// that may be so by this node's own count, and that the edge is being stopped. Everybody else is told what the edge says.
func (r *registry) ownWords(p *player, e *edge, said *signaling.Error) *signaling.Error {
	if !p.errand.checks() || e == nil || said.Code == signaling.CodeShuttingDown {
		return said
	}
	room := r.hasRoom(e)
	switch said.Code {
	case signaling.CodeFull, signaling.CodeNotAccepting, signaling.CodeStale, signaling.CodeTokenInUse:
		if !room {
			return signaling.NewError(signaling.CodeFull)
		}
		return signaling.Errorf(signaling.CodeEdgeRefused, "The machine takes no further game, and has fewer than it has room for (%s).", said.Code)
	}
	return signaling.Errorf(signaling.CodeEdgeRefused, "The machine has refused the game (%s).", said.Code)
}
