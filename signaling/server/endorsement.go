package server

import (
	"fmt"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
)

// endorsement is by whom an edge is endorsed. Players whose tokens name that root may be given the edge; they, and the edge, look again by themselves.
type endorsement struct {
	root  string // an address; "": nobody's
	until time.Time
}

// endorsementOf reads what an edge shows when it registers. Its id is the address of the key that it has shown.
func endorsementOf(of signaling.EdgeID, shown string, now time.Time) (endorsement, error) {
	if shown == "" {
		return endorsement{}, nil
	}
	endorsed, err := identity.ParseEndorsed(shown)
	if err != nil {
		return endorsement{}, err
	}
	if signaling.EdgeID(endorsed.Edge.String()) != of {
		return endorsement{}, fmt.Errorf("it is of %s", endorsed.Edge)
	}
	if err := endorsed.Current(now); err != nil {
		return endorsement{}, err
	}
	root, err := identity.Recover(endorsed.Digest(), endorsed.Signature)
	if err != nil {
		return endorsement{}, err
	}
	return endorsement{root.String(), endorsed.ExpiresAt}, nil
}

// endorse notes by whom an edge is endorsed, until that ends.
func (r *registry) endorse(e *edge, by endorsement) {
	r.alarms.stop(e.lapse)
	e.root, e.lapse = by.root, nil
	if by.root == "" {
		return
	}
	e.lapse = r.after(time.Until(by.until), func() {
		e.log.Warn("the edge's endorsement is over; players whose tokens demand it are not given the edge any more", "root", by.root)
		e.root = ""
		r.touch(e)
	})
}
