package committee

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"net/netip"
	"time"

	"nearlight/checker/vrf"
)

// Commitment hides a report until it is revealed, and fixes it.
type Commitment [32]byte

// Report is what a checker reveals.
type Report struct {
	Checker CheckerID
	Proof   vrf.Proof
	// Address is where the checker measured from, as the edge has seen it and the checker signs it.
	Address netip.Addr
	// RoundTrip is the least that it has measured to the edge, 0 where there is none. It answers nothing and decides nothing here: it is among what is committed to.
	RoundTrip time.Duration
	Answers   []Answer // one for each question, in their order
	Salt      [32]byte
}

// Commitment is what the checker has to have committed to: a hash over a form that has no two readings.
func (r Report) Commitment(task TaskID) Commitment {
	hash := sha256.New()
	hash.Write([]byte("nearlight committee report 2\x00"))
	hash.Write(task[:])
	hash.Write(r.Checker[:])
	hash.Write(r.Proof[:])
	address := r.Address.As16()
	hash.Write(address[:])
	hash.Write(r.Salt[:])
	var number [8]byte
	put := func(n uint64) {
		binary.BigEndian.PutUint64(number[:], n)
		hash.Write(number[:])
	}
	put(uint64(r.RoundTrip))
	put(uint64(len(r.Answers)))
	for _, a := range r.Answers {
		yes := uint64(0)
		if a.Yes {
			yes = 1
		}
		put(yes)
		put(math.Float64bits(a.Figure))
		put(math.Float64bits(a.Vantage))
	}
	return Commitment(hash.Sum(nil))
}

// Networks of which one report counts.
const (
	network4 = 24
	network6 = 48
)

// Network is the network that an address counts for.
func Network(address netip.Addr) netip.Prefix {
	address = address.Unmap()
	bits := network6
	if address.Is4() {
		bits = network4
	}
	prefix, err := address.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{} // of no address, which no report has
	}
	return prefix
}

// copies reports whether two reports cannot have been measured apart: figures have more digits than two measurements share.
func (r Report) copies(other Report) bool {
	const telling = 3 // figures
	same := 0
	for i, a := range r.Answers {
		b := other.Answers[i]
		if a.Figure != b.Figure {
			return false
		}
		if a.Figure != 0 {
			same++
		}
	}
	return same >= telling
}
