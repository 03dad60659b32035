package notary

import (
	"errors"
	"strings"

	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/internal/identity"
)

// Appeal is what an edge's owner sends to have a check done again that failed, signed by the edge's key (identity.Appeal).
type Appeal struct {
	Edge      identity.Address `json:"edge"`
	Task      epoch.Hash       `json:"task"`
	At        epoch.Millis     `json:"at"` // by the owner's clock, whole seconds
	Signature epoch.Signature  `json:"signature"`
}

// Wish is what an edge's owner wants with it, signed by the edge's key (identity.Wish) for the host that it is sent to.
type Wish struct {
	Edge      identity.Address `json:"edge"`
	What      string           `json:"what"` // drain, return, leave or revoke
	At        epoch.Millis     `json:"at"`   // by the owner's clock, whole seconds
	Signature epoch.Signature  `json:"signature"`
}

// wishes are what an owner may want, by their names.
var wishes = map[string]life.What{"drain": life.Drain, "return": life.Return, "leave": life.Leave, "revoke": life.Revoke}

// mostWishes is how many an edge may have in an epoch: each is kept for ever.
const mostWishes = 20

// Answer says what has come of an appeal or a wish: the state that the edge is in now.
type Answer struct {
	State string `json:"state"`
}

// Appeal has a failed check done again by another committee. An error is a *Refused, or of the disk.
func (n *Notary) Appeal(a Appeal) (Answer, error) {
	signed := identity.Appeal{Task: a.Task, At: a.At.Time()}
	if err := n.knows(a.Edge); err != nil {
		return Answer{}, err
	}
	if err := owns(a.Edge, signed.Digest(), a.Signature, a.At, signed.Current(n.config.Now())); err != nil {
		return Answer{}, err
	}
	n.mu.Lock()
	answer, err := n.grant(a.Edge, happened{What: life.Appeal.String(), Task: &a.Task})
	n.mu.Unlock()
	if err == nil {
		n.tell(a.Edge)
	}
	return answer, err
}

// Wish does what an edge's owner wants; host is what the wish was sent to. Of two wishes the one that was signed later holds. An error is a *Refused, or of the disk.
func (n *Notary) Wish(w Wish, host string) (Answer, error) {
	host = strings.ToLower(host)
	if n.config.Host != nil && !n.config.Host(host) {
		return Answer{}, refuse(codeWrongHost, "this network is not known by the name that you have asked")
	}
	what, known := wishes[w.What]
	if !known {
		return Answer{}, refuse(codeUnknownWish, "want drain, return, leave or revoke")
	}
	signed := identity.Wish{Host: host, What: w.What, At: w.At.Time()}
	if err := n.knows(w.Edge); err != nil {
		return Answer{}, err
	}
	if err := owns(w.Edge, signed.Digest(), w.Signature, w.At, signed.Current(n.config.Now())); err != nil {
		return Answer{}, err
	}
	n.mu.Lock()
	answer, err := n.heed(w, what)
	n.mu.Unlock()
	if err == nil {
		n.tell(w.Edge)
	}
	return answer, err
}

// heed does what was wished. The mutex is held.
func (n *Notary) heed(w Wish, what life.What) (Answer, error) {
	e := n.edges[w.Edge]
	switch {
	case w.At <= e.wished:
		return Answer{}, refuse(codeStale, "a wish that was signed in the same second, or later, was taken before")
	case e.wishes == mostWishes:
		return Answer{}, refuse(codeTooMany, "you have wished %d times in this epoch, %d: wait for the next", mostWishes, n.number)
	}
	answer, err := n.grant(w.Edge, happened{What: what.String(), Signed: w.At})
	if err == nil {
		e.wishes++
	}
	return answer, err
}

// knows refuses whom nothing can be done for, before a signature is looked at, which is dear. An edge that is known stays so.
func (n *Notary) knows(address identity.Address) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.edges[address] == nil {
		return refuse(codeUnknownEdge, "%v is not known here: it has never been connected", address)
	}
	return nil
}

// owns fails unless an edge's key has signed, just now.
func owns(edge identity.Address, digest identity.Digest, signature epoch.Signature, at epoch.Millis, current error) error {
	err := identity.Verify(digest, identity.Signature(signature), edge)
	switch {
	case at%1000 != 0: // else what is signed for a second could be sent for each of its instants
		return refuse(codeBadSignature, "what is signed has whole seconds")
	case err != nil:
		return refuse(codeBadSignature, "it is not signed by %v, for this network: %v", edge, err)
	case current != nil:
		return refuse(codeBadSignature, "what you have signed: %v; is your clock right?", current)
	}
	return nil
}

// grant tells the life of an edge what its owner asks for. The mutex is held.
func (n *Notary) grant(address identity.Address, h happened) (Answer, error) {
	e := n.edges[address]
	err := n.live(address, h)
	for _, why := range []error{life.ErrRefused, life.ErrEvent} {
		if errors.Is(err, why) {
			return Answer{}, refuse(codeCannotHave, "%s", strings.TrimPrefix(err.Error(), why.Error()+": "))
		}
	}
	if err != nil {
		return Answer{}, err
	}
	n.config.Log.Info("an edge's owner is heard", "edge", address, "asks for", h.What, "state", e.life.State)
	return Answer{e.life.State.String()}, nil
}
