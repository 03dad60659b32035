package epoch

import (
	"bytes"
	"encoding/hex"
	"math"
	"net/netip"
	"strconv"

	"nearlight/internal/identity"
)

// Nearly all lines of a log are commitments and reports. quick reads these in a twentieth of the time that encoding/json takes to read them and write them
// again, and takes a line in the one form that an entry has and in no other; what it leaves is read as JSON. Decode is right with it and without, which FuzzDecode holds.

// addresses are those that were read before, by how they are written: their checksums take longer than all else of a line. A nil one keeps none.
type addresses map[string]identity.Address

const mostAddresses = 1 << 14

func (known addresses) parse(written []byte) (identity.Address, error) {
	if a, is := known[string(written)]; is {
		return a, nil
	}
	a, err := identity.ParseAddress(string(written))
	if err == nil && known != nil && len(known) < mostAddresses {
		known[string(written)] = a
	}
	return a, err
}

// quick reads a commitment or a report; not every one.
func quick(line []byte, known addresses) (Entry, bool) {
	t := text{left: line, known: known}
	switch {
	case t.skips(`{"commitment":{"task":`):
		var c Commitment
		t.hash(&c.Task)
		t.skip(`,"checker":`)
		t.address(&c.Checker)
		t.skip(`,"commitment":`)
		t.hash(&c.Commitment)
		c.At, c.Signature = t.signed()
		return Entry{Commitment: &c}, t.ends()
	case t.skips(`{"report":{"task":`):
		var r Report
		t.hash(&r.Task)
		t.skip(`,"checker":`)
		t.address(&r.Checker)
		t.skip(`,"proof":`)
		t.hex(r.Proof[:])
		t.skip(`,"address":"`)
		r.Address = t.network()
		t.skip(`"`)
		if t.skips(`,"roundTrip":`) {
			trip := t.number(`,`)
			t.wrong = t.wrong || trip < 1 || trip > int64(MostRoundTrip) // 0 is left out
			r.RoundTrip = Micros(trip)
		}
		t.skip(`,"answers":[`)
		r.Answers = t.answers()
		t.skip(`],"salt":`)
		t.hash(&r.Salt)
		r.At, r.Signature = t.signed()
		return Entry{Report: &r}, t.ends()
	}
	return Entry{}, false
}

// text is what is left of a line.
type text struct {
	left  []byte
	known addresses
	wrong bool // it is in another form, or not for quick
}

func (t *text) ends() bool { return !t.wrong && len(t.left) == 0 }

func (t *text) skips(expected string) bool {
	if t.wrong || len(t.left) < len(expected) || string(t.left[:len(expected)]) != expected {
		return false
	}
	t.left = t.left[len(expected):]
	return true
}

func (t *text) skip(expected string) { t.wrong = !t.skips(expected) || t.wrong }

// until takes the text before the first of the ends.
func (t *text) until(ends string) []byte {
	at := bytes.IndexAny(t.left, ends)
	if t.wrong || at < 0 {
		t.wrong = true
		return nil
	}
	taken := t.left[:at]
	t.left = t.left[at:]
	return taken
}

// hex takes lower-case hexadecimal digits in quotes.
func (t *text) hex(to []byte) {
	t.skip(`"0x`)
	if t.wrong || len(t.left) < 2*len(to) {
		t.wrong = true
		return
	}
	digits := t.left[:2*len(to)]
	if _, err := hex.Decode(to, digits); err != nil {
		t.wrong = true
		return
	}
	for _, digit := range digits {
		t.wrong = t.wrong || digit >= 'A' && digit <= 'F'
	}
	t.left = t.left[len(digits):]
	t.skip(`"`)
}

func (t *text) hash(to *Hash) { t.hex(to[:]) }

// address takes an address with its checksum.
func (t *text) address(to *identity.Address) {
	t.skip(`"`)
	parsed, err := t.known.parse(t.until(`"`))
	t.wrong = t.wrong || err != nil
	*to = parsed
	t.skip(`"`)
}

// network takes an address of a network, of the characters that have one form in JSON.
func (t *text) network() netip.Addr {
	const longest = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
	written := t.until(`"`)
	for _, c := range written {
		t.wrong = t.wrong || !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c == ':' || c == '.')
	}
	if t.wrong || len(written) > longest {
		t.wrong = true
		return netip.Addr{}
	}
	parsed, err := netip.ParseAddr(string(written))
	var again [longest]byte
	t.wrong = err != nil || !bytes.Equal(parsed.AppendTo(again[:0]), written)
	return parsed
}

// answers takes one answer or more, up to the bracket behind them.
func (t *text) answers() []Answer {
	answers := make([]Answer, 0, 8)
	for {
		var a Answer
		t.skip(`{`)
		comma := ""
		if t.skips(`"yes":true`) {
			a.Yes, comma = true, ","
		}
		if t.skips(comma + `"figure":`) {
			a.Figure, comma = t.figure(), ","
		}
		if t.skips(comma + `"vantage":`) {
			a.Vantage = t.figure()
		}
		t.skip(`}`)
		answers = append(answers, a)
		if t.wrong || !t.skips(`,`) {
			t.wrong = t.wrong || len(answers) > maxQuestions
			return answers
		}
	}
}

// figure takes a number that is not 0, which is left out, and that encoding/json writes without an exponent.
func (t *text) figure() float64 {
	const (
		longest     = 32
		least, most = 1e-6, 1e21
	)
	written := t.until(`,}`)
	if t.wrong || len(written) > longest {
		t.wrong = true
		return 0
	}
	number, err := strconv.ParseFloat(string(written), 64)
	if size := math.Abs(number); err != nil || !(size >= least && size < most) {
		t.wrong = true
		return 0
	}
	var again [longest]byte
	t.wrong = !bytes.Equal(strconv.AppendFloat(again[:0], number, 'f', -1, 64), written)
	return number
}

// signed takes the end of an entry: when it was taken, and its signature.
func (t *text) signed() (at Millis, s Signature) {
	t.skip(`,"at":`)
	at = Millis(t.number(`,`))
	t.skip(`,"signature":`)
	t.hex(s[:])
	t.skip(`}}`)
	return at, s
}

// number takes a whole number before the first of the ends.
func (t *text) number(ends string) int64 {
	const longest = len("-9223372036854775808")
	written := t.until(ends)
	if t.wrong || len(written) > longest {
		t.wrong = true
		return 0
	}
	number, err := strconv.ParseInt(string(written), 10, 64)
	var again [longest]byte
	t.wrong = err != nil || !bytes.Equal(strconv.AppendInt(again[:0], number, 10), written)
	return number
}
