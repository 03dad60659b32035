package committee

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"

	"nearlight/checker/vrf"
)

type (
	// CheckerID is the address of a checker's key.
	CheckerID [20]byte
	// OwnerID is the address that a licence is registered to.
	OwnerID [20]byte
	// TaskID is the hash of what a task asks, and of whom.
	TaskID [32]byte
)

func (id CheckerID) String() string { return "0x" + hex.EncodeToString(id[:]) }
func (id TaskID) String() string    { return "0x" + hex.EncodeToString(id[:]) }

// Beacon is one round of public randomness, as drand publishes it: Value is the hash of the round's signature.
type Beacon struct {
	Round uint64
	Value [32]byte
}

// License is a checker that may be drawn.
type License struct {
	ID    CheckerID
	Owner OwnerID
	Key   vrf.PublicKey
	Stake uint64 // in the token's smallest unit
}

// Roster is the licensed checkers of an epoch. It does not change.
type Roster struct {
	licenses map[CheckerID]License
	cap      uint64
	total    *big.Int // of the weights
}

// NewRoster makes the roster of an epoch. A checker's weight is its stake, cap at the most; a cap of 0 is none. An error names the
// licence that is there twice or has no stake.
func NewRoster(licenses []License, cap uint64) (*Roster, error) {
	r := &Roster{licenses: make(map[CheckerID]License, len(licenses)), cap: cap, total: new(big.Int)}
	keys := make(map[vrf.PublicKey]CheckerID, len(licenses))
	for _, l := range licenses {
		if _, twice := r.licenses[l.ID]; twice {
			return nil, fmt.Errorf("checker %v has two licences", l.ID)
		}
		if other, twice := keys[l.Key]; twice {
			return nil, fmt.Errorf("checkers %v and %v have one key: each draw would be the other's too", other, l.ID)
		}
		if l.Stake == 0 {
			return nil, fmt.Errorf("checker %v has no stake", l.ID)
		}
		r.licenses[l.ID], keys[l.Key] = l, l.ID
		r.total.Add(r.total, new(big.Int).SetUint64(r.weight(l)))
	}
	return r, nil
}

// Len is the number of licences.
func (r *Roster) Len() int { return len(r.licenses) }

func (r *Roster) weight(l License) uint64 {
	if r.cap > 0 {
		return min(l.Stake, r.cap)
	}
	return l.Stake
}

// Draw is one drawing: who measures a task.
type Draw struct {
	Task TaskID
	// Occasion is what several tasks are drawn by at once, so that the same checkers measure all of them; zero: the task is drawn by itself.
	Occasion TaskID
	Beacon   Beacon
	// Seats is how many checkers are drawn on average. How many it is in fact nobody knows before they reveal.
	Seats uint32
}

// domain keeps the draw's input apart from whatever else the key may prove.
const domain = "nearlight committee draw 1\x00"

// Input is what a checker's function is evaluated on.
func (d Draw) Input() []byte {
	input := make([]byte, 0, len(domain)+8+len(d.Beacon.Value)+len(d.Task))
	input = append(input, domain...)
	input = binary.BigEndian.AppendUint64(input, d.Beacon.Round)
	input = append(input, d.Beacon.Value[:]...)
	if d.Occasion != (TaskID{}) {
		return append(input, d.Occasion[:]...)
	}
	return append(input, d.Task[:]...)
}

// Errors of Check.
var (
	ErrNoLicense = errors.New("the checker has no licence in this epoch")
	ErrNotDrawn  = errors.New("the checker was not drawn")
)

// Drawn reports whether a checker with this output is drawn: with a probability of Seats times its share of the roster's weight. The
// arithmetic is exact, so that everybody comes to the same result.
func (d Draw) Drawn(r *Roster, id CheckerID, output vrf.Output) bool {
	l, licensed := r.licenses[id]
	if !licensed {
		return false
	}
	// output / 2^128 < Seats * weight / total, without dividing.
	const bits = 128
	left := new(big.Int).SetBytes(output[:bits/8])
	left.Mul(left, r.total)
	right := new(big.Int).SetUint64(r.weight(l))
	right.Mul(right, new(big.Int).SetUint64(uint64(d.Seats)))
	right.Lsh(right, bits)
	return left.Cmp(right) < 0
}

// Check returns the output that a checker's proof shows, or why it has no seat.
func (d Draw) Check(r *Roster, id CheckerID, proof vrf.Proof) (vrf.Output, error) {
	return d.check(r, id, proof, vrf.Verify)
}

func (d Draw) check(r *Roster, id CheckerID, proof vrf.Proof, prove func(vrf.PublicKey, []byte, vrf.Proof) (vrf.Output, error)) (vrf.Output, error) {
	l, licensed := r.licenses[id]
	if !licensed {
		return vrf.Output{}, ErrNoLicense
	}
	output, err := prove(l.Key, d.Input(), proof)
	if err != nil {
		return vrf.Output{}, err
	}
	if !d.Drawn(r, id, output) {
		return vrf.Output{}, ErrNotDrawn
	}
	return output, nil
}

// NewTaskID hashes what a task asks, in whatever form its parties have agreed on.
func NewTaskID(content []byte) TaskID { return sha256.Sum256(content) }
