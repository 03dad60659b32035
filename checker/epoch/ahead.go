package epoch

import (
	"bytes"
	"fmt"
	"io"

	"nearlight/checker/committee"
	"nearlight/checker/vrf"
	"nearlight/internal/identity"
)

// How much of a log is read ahead: signatures of some thousands of reports take less together than those of some hundreds.
const (
	mostAhead       = 8192    // entries
	mostAheadOctets = 8 << 20 // of their lines
)

// ahead verifies what takes long, signatures and proofs of having been drawn, of many entries together, before they are replayed one by one. It says nothing of
// an entry: what it has not found to be right is looked at again, by itself, when the entry's turn comes, so that a log comes to the same with it and without,
// and what is wrong with it is told of the same line. A nil ahead has found nothing.
type ahead struct {
	keys  map[identity.Address]vrf.PublicKey  // of the checkers that were read
	draws map[committee.TaskID]committee.Draw // of the tasks that were read, without the beacon's values
	drawn map[uint64]Hash                     // those of the rounds that were read
	seats uint32

	signers *identity.Verifier
	provers *vrf.Verifier

	signed  map[*Report]struct{} // of the entries as they were read
	outputs map[proved]shown
}

// proved is a claim to have been drawn, but for its input.
type proved struct {
	key   vrf.PublicKey
	proof vrf.Proof
}

type shown struct {
	input []byte
	vrf.Verified
}

func newAhead() *ahead {
	return &ahead{
		keys: make(map[identity.Address]vrf.PublicKey), draws: make(map[committee.TaskID]committee.Draw), drawn: make(map[uint64]Hash),
		signers: identity.NewVerifier(), provers: vrf.NewVerifier(),
	}
}

// holds reports whether a report's signature was found to be right.
func (a *ahead) holds(r *Report) bool {
	if a == nil {
		return false
	}
	_, holds := a.signed[r]
	return holds
}

// proven is vrf.Verify.
func (a *ahead) proven(key vrf.PublicKey, input []byte, proof vrf.Proof) (vrf.Output, error) {
	if a != nil {
		if known, is := a.outputs[proved{key, proof}]; is && bytes.Equal(known.input, input) {
			return known.Output, known.Err
		}
	}
	return vrf.Verify(key, input, proof)
}

// read takes up entries that are replayed next, in place of those before.
func (a *ahead) read(entries []read) {
	a.signed, a.outputs = make(map[*Report]struct{}), make(map[proved]shown)
	var signed []identity.Claim
	var draws []vrf.Claim
	for i := range entries {
		switch e := &entries[i].Entry; {
		case e.Head != nil:
			a.seats = e.Head.Seats
		case e.Checker != nil:
			a.keys[e.Checker.Address] = vrf.PublicKey(e.Checker.Key)
		case e.Task != nil:
			if draw, err := e.Task.Draw(a.seats, Hash{}); err == nil { // else its turn tells
				a.draws[draw.Task] = draw
			}
		case e.Drawn != nil:
			a.drawn[e.Drawn.Round] = e.Drawn.Value
		case e.Report != nil:
			a.signed[e.Report] = struct{}{}
			signed = append(signed, e.Report.signed())
			key, licensed := a.keys[e.Report.Checker]
			draw, set := a.draws[committee.TaskID(e.Report.Task)]
			draw.Beacon.Value = a.drawn[draw.Beacon.Round]
			if one := (proved{key, vrf.Proof(e.Report.Proof)}); licensed && set {
				if _, twice := a.outputs[one]; !twice {
					a.outputs[one] = shown{}
					draws = append(draws, vrf.Claim{Key: key, Input: draw.Input(), Proof: one.proof})
				}
			}
		}
	}
	if !a.signers.Verify(signed) {
		clear(a.signed)
	}
	for i, found := range a.provers.Verify(draws) {
		a.outputs[proved{draws[i].Key, draws[i].Proof}] = shown{draws[i].Input, found}
	}
}

// forget lets go of what was found: the replay may go on with entries that nobody has read ahead.
func (a *ahead) forget() { *a = ahead{} }

// read is an entry, its line and the line's number.
type read struct {
	Entry
	line   []byte
	number int
}

// scanAhead is Scan for entries that take adds to the replay, of which so many at the most are read ahead.
func (r *Replay) scanAhead(log io.Reader, most int, take func(e Entry, line []byte) error) error {
	r.ahead = newAhead()
	defer r.ahead.forget()
	var next []read
	octets := 0
	turn := func() error {
		r.ahead.read(next)
		for i := range next {
			if err := take(next[i].Entry, next[i].line); err != nil {
				return fmt.Errorf("line %d: %w", next[i].number, err)
			}
		}
		next, octets = next[:0], 0
		return nil
	}
	var stopped error
	number := 0
	err := Scan(log, func(e Entry, line []byte) error {
		number++
		next, octets = append(next, read{e, bytes.Clone(line), number}), octets+len(line)
		if len(next) >= most || octets > mostAheadOctets {
			stopped = turn()
		}
		return stopped
	})
	if stopped != nil {
		return stopped
	}
	// What is wrong with a line that is read counts after those before it.
	if earlier := turn(); earlier != nil {
		return earlier
	}
	return err
}
