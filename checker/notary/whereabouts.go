package notary

import (
	"nearlight/checker/epoch"
	"nearlight/internal/identity"
)

// Whereabouts is what checkers make of where an edge says that it is.
type Whereabouts uint8

// The whereabouts.
const (
	Unsaid     Whereabouts = iota // it does not say, or nobody can say whether it is so
	Consistent                    // it may be so, and round trips are as usual there
	Impossible                    // it is not so, or what it said last was not and nobody has looked since
)

func whereabouts(found *epoch.Located, claim *epoch.Claim) Whereabouts {
	switch {
	case found != nil && found.Impossible:
		return Impossible
	case found.Bears(claim):
		return Consistent
	}
	return Unsaid
}

func (e *edge) whereabouts() Whereabouts { return whereabouts(e.located, e.claim) }

// Whereabouts is what is known of where an edge says that it is, for who matches players with it.
func (n *Notary) Whereabouts(address identity.Address) Whereabouts {
	n.mu.Lock()
	defer n.mu.Unlock()
	if e := n.edges[address]; e != nil {
		return e.whereabouts()
	}
	return Unsaid
}
