// Package rendezvous answers one question: how does a viewer come to its edge through signaling, and whose key is at the other end? It takes what
// signaling says, has the viewer answer the edge's offer, carries candidates both ways, and signs where the player's token wants that.
//
// It starts nothing and waits for nothing: who plays runs the viewer and signaling's client, and hands each what the other says.
//
// Hear is called from one goroutine at a time, the client's. The other methods may be called from anywhere.
package rendezvous

import (
	"fmt"
	"sync"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/binding"
)

// peer is what is brought to the edge: a viewer.
type peer interface {
	UseICEServers([]webrtc.ICEServer) error
	Answer(offer string) (string, error)
	AddCandidate(webrtc.ICECandidateInit) error
}

// Rendezvous is one session's.
type Rendezvous struct {
	peer    peer
	bond    *binding.Player
	send    func(signaling.Message) error
	session signaling.SessionID // Hear's

	mu      sync.Mutex
	proven  bool
	edge    identity.Address
	holding bool // candidates, until the answer is sent: a page's come after it
	held    []signaling.Candidate
}

// New prepares a rendezvous of a *viewer.Viewer. Send is signaling's client's. Bond is what the token demands; nil neither signs nor demands
// anything, and nothing is ever proven.
func New(peer peer, bond *binding.Player, send func(signaling.Message) error) *Rendezvous {
	r := &Rendezvous{peer: peer, bond: bond, send: send}
	r.look()
	return r
}

// Hear takes a message of signaling; what does not concern the connection is left alone. The error names the message, and has a
// *signaling.Error of signaling.CodeUnproven in its chain where the edge is not who it should be: nothing of the connection counts then.
func (r *Rendezvous) Hear(m signaling.Message) error {
	var err error
	switch m := m.(type) {
	case signaling.Matched:
		err = r.matched(m)
	case signaling.Offer:
		if err = r.offered(m); err != nil {
			r.giveUp()
		}
	case signaling.Bound:
		if r.bond != nil {
			err = r.bond.Bound(m)
		}
	case signaling.Candidate:
		line := uint16(m.Line)
		err = r.peer.AddCandidate(webrtc.ICECandidateInit{Candidate: m.Candidate, SDPMid: &m.Mid, SDPMLineIndex: &line})
	}
	r.look()
	if err != nil {
		return fmt.Errorf("%s: %w", signaling.Kind(m), err)
	}
	return nil
}

// look notes what the bond has come to.
func (r *Rendezvous) look() {
	if r.bond == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.proven, r.edge = r.bond.Proven(), r.bond.Edge()
}

func (r *Rendezvous) matched(m signaling.Matched) error {
	r.session = m.Session
	if r.bond != nil {
		r.bond.Matched(m)
	}
	servers := make([]webrtc.ICEServer, len(m.ICEServers))
	for i, server := range m.ICEServers {
		servers[i] = webrtc.ICEServer{URLs: server.URLs, Username: server.Username, Credential: server.Credential}
	}
	return r.peer.UseICEServers(servers)
}

// offered answers an offer, with a signature where the token wants one.
func (r *Rendezvous) offered(m signaling.Offer) error {
	if r.bond != nil {
		if err := r.bond.Offered(r.session, m); err != nil {
			return err
		}
		r.look() // another connection's is not proven any more, before anything of it comes
	}
	var reply signaling.Answer
	var err error
	r.hold()
	if reply.SDP, err = r.peer.Answer(m.SDP); err != nil {
		return err
	}
	if r.bond != nil {
		if reply.Player, err = r.bond.Answer(reply.SDP); err != nil {
			return err
		}
	}
	if err := r.send(reply); err != nil {
		return err
	}
	return r.release()
}

// hold keeps our candidates from now on.
func (r *Rendezvous) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holding = true
}

// release tells those that were kept.
func (r *Rendezvous) release() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holding = false
	for i, c := range r.held {
		if err := r.send(c); err != nil {
			r.held = r.held[i:]
			return err
		}
	}
	r.held = nil
	return nil
}

// giveUp forgets what was kept: nothing was answered.
func (r *Rendezvous) giveUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holding, r.held = false, nil
}

// mostHeld bounds what is kept: whoever has more ways needs no more.
const mostHeld = 64

// Tell tells the edge one of our candidates, nil for the end of them.
func (r *Rendezvous) Tell(c *webrtc.ICECandidateInit) error {
	m := signaling.Candidate{}
	if c != nil {
		m.Candidate = c.Candidate
		if c.SDPMid != nil {
			m.Mid = *c.SDPMid
		}
		if c.SDPMLineIndex != nil {
			m.Line = int(*c.SDPMLineIndex)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.holding {
		return r.send(m)
	}
	if len(r.held) < mostHeld {
		r.held = append(r.held, m)
	}
	return nil
}

// Proven reports whether the connection is with an edge that the token trusts, or with whichever where it demands nothing. Nothing of the
// connection counts before.
func (r *Rendezvous) Proven() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.proven
}

// Edge is whose key has signed the connection; zero where nobody has.
func (r *Rendezvous) Edge() identity.Address {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.edge
}
