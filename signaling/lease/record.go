package lease

import (
	"fmt"
	"slices"

	"nearlight/internal/identity"
	"nearlight/signaling"
)

// Event is what happened to a slot, or to an edge as a whole.
type Event string

// The events of a record.
const (
	Started  Event = "started" // the edge: whatever it ran before is gone
	Granted  Event = "granted"
	Released Event = "released"
	Expired  Event = "expired"
)

// Record is a line of an edge's log of leases.
type Record struct {
	Event   Event               `json:"event"`
	At      int64               `json:"at"`             // milliseconds since 1970, by the edge's clock: for people, nothing is decided by it
	Edge    string              `json:"edge,omitempty"` // of Started: the edge's address
	Slot    int                 `json:"slot"`
	Epoch   signaling.Epoch     `json:"epoch"`
	Session signaling.SessionID `json:"session,omitempty"`
	// What else a lease has, of Granted.
	Token     string `json:"token,omitempty"`
	Player    string `json:"player,omitempty"`
	ExpiresAt int64  `json:"expiresAt,omitempty"`
	Signature string `json:"signature,omitempty"`
}

// GrantOf is the record of a lease, made at a time in milliseconds since 1970.
func GrantOf(l signaling.Lease, at int64) Record {
	return Record{
		Event: Granted, At: at, Slot: l.Slot, Epoch: l.Epoch, Session: l.Session, Token: l.Token, Player: l.Player, ExpiresAt: l.ExpiresAt, Signature: l.Signature,
	}
}

// Lease is the lease of a grant in the log of an edge.
func (r Record) Lease(edge signaling.EdgeID) signaling.Lease {
	return signaling.Lease{
		Edge: edge, Slot: r.Slot, Epoch: r.Epoch, Session: r.Session, Player: r.Player, Token: r.Token, ExpiresAt: r.ExpiresAt, Signature: r.Signature,
	}
}

// Epochs is what each slot has reached by records, from what it had before them. Slots that are not among these are left out.
func Epochs(before []signaling.Epoch, records []Record) []signaling.Epoch {
	epochs := slices.Clone(before)
	for _, r := range records {
		if r.Slot >= 0 && r.Slot < len(epochs) {
			epochs[r.Slot] = max(epochs[r.Slot], r.Epoch)
		}
	}
	return epochs
}

// Audit reads one edge's records in order, and fails at the first slot that was given to two at once, or epoch that was given twice.
func Audit(records []Record) error {
	type state struct {
		epoch signaling.Epoch
		held  bool
		by    signaling.SessionID
	}
	slots := make(map[int]*state)
	for i, r := range records {
		if r.Event == Started {
			for _, s := range slots {
				s.held = false
			}
			continue
		}
		s := slots[r.Slot]
		if s == nil {
			s = &state{}
			slots[r.Slot] = s
		}
		switch {
		case r.Event == Granted && s.held:
			return fmt.Errorf("lease: record %d gives slot %d to %s while %s holds it", i, r.Slot, r.Session, s.by)
		case r.Event == Granted && r.Epoch <= s.epoch:
			return fmt.Errorf("lease: record %d gives epoch %d of slot %d once more; it had reached %d", i, r.Epoch, r.Slot, s.epoch)
		case r.Event == Granted:
			s.epoch, s.held, s.by = r.Epoch, true, r.Session
		case s.held && r.Epoch == s.epoch:
			s.held = false
		}
	}
	return nil
}

// AuditSigned is Audit for who knows which edge the records are of: each grant in them has to be signed by it. It fails with ErrSignature at the
// first that is not.
func AuditSigned(records []Record, edge identity.Address) error {
	for i, r := range records {
		if r.Event != Granted {
			continue
		}
		if err := Verify(r.Lease(signaling.EdgeID(edge.String())), edge); err != nil {
			return fmt.Errorf("lease: record %d, epoch %d of slot %d: %w", i, r.Epoch, r.Slot, err)
		}
	}
	return Audit(records)
}
