// Package tells answers one question: by what can an edge tell one kind of player from another? It takes what an edge's owner could record
// of a session, turns it into features, and says how well a classifier that learns from some sessions sorts the others. Only tests use it.
//
// # Vocabulary
//
// A Recording is one session as its edge has it. A feature is a number with a name; what is no number is a feature for each
// value that it can have, 1 or 0. A tell is a feature that differs between kinds of players. A group is where a feature is seen: in
// signaling, the description, STUN, DTLS, SCTP, RTCP, or messages.
package tells

import (
	"fmt"
	"slices"
	"time"

	"nearlight/streamer/control"
)

// Group is where a feature is seen.
type Group string

// The groups.
const (
	Signaling Group = "signaling" // what signaling relays to an edge, but for the description
	SDP       Group = "sdp"
	STUN      Group = "stun"
	DTLS      Group = "dtls"
	SCTP      Group = "sctp"
	RTCP      Group = "rtcp"
	Messages  Group = "messages" // acknowledgements and pings
	Input     Group = "input"
)

// Groups are all of them.
var Groups = []Group{Signaling, SDP, STUN, DTLS, SCTP, RTCP, Messages, Input}

// Recording is one session as its edge has it. Times are from the session's beginning.
type Recording struct {
	Codecs     []string // that the player takes, as signaling tells the edge
	Sized      bool     // the player has asked for a size
	Candidates []Candidate
	Offer      string // the edge's session description
	Answer     string // the player's
	AnswerTook time.Duration
	Datagrams  []Datagram
	Sent       []Frame
	Reports    []Report
	Messages   []Message
	Length     time.Duration
}

// Candidate is one of the player's.
type Candidate struct {
	At   time.Duration // after the answer; negative before it
	Line string
	Mid  string
}

// Datagram is one that came to the edge's port.
type Datagram struct {
	At   time.Duration
	Data []byte
}

// Frame is one that the edge has sent.
type Frame struct {
	At  time.Duration
	RTP uint32
}

// Report is a packet of RTCP.
type Report struct {
	At   time.Duration
	Data []byte
}

// Message is one of a data channel.
type Message struct {
	At      time.Duration
	Control bool // on the reliable channel
	Data    []byte
}

// First is the beginning of a recording: what came until length after its first acknowledgement of a picture. How long a player stays is not to tell what it is.
func (r *Recording) First(length time.Duration) *Recording {
	cut := *r
	var parser control.Parser
	for _, m := range r.Messages {
		if m.Control {
			continue
		}
		if parsed, err := parser.Parse(control.FromPlayer, control.OnMotion, m.Data); err == nil {
			if _, is := parsed.(*control.Ack); is {
				cut.Length = min(r.Length, m.At+length)
				break
			}
		}
	}
	cut.Datagrams = before(r.Datagrams, cut.Length, func(d Datagram) time.Duration { return d.At })
	cut.Sent = before(r.Sent, cut.Length, func(f Frame) time.Duration { return f.At })
	cut.Reports = before(r.Reports, cut.Length, func(p Report) time.Duration { return p.At })
	cut.Messages = before(r.Messages, cut.Length, func(m Message) time.Duration { return m.At })
	return &cut
}

// before are those that came by then. They are in their order.
func before[T any](all []T, end time.Duration, at func(T) time.Duration) []T {
	for i, one := range all {
		if at(one) > end {
			return all[:i:i]
		}
	}
	return all
}

// Features are what a session comes to, by group and name.
type Features map[Group]map[string]float64

func (f Features) number(g Group, name string, value float64) {
	if f[g] == nil {
		f[g] = make(map[string]float64)
	}
	f[g][name] = value
}

// is notes a feature that is no number.
func (f Features) is(g Group, name string, value any) {
	f.number(g, fmt.Sprintf("%s=%v", name, value), 1)
}

// spread notes the distribution of values, in milliseconds.
func (f Features) spread(g Group, name string, values []time.Duration) {
	f.number(g, name+" count", float64(len(values)))
	if len(values) == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(values))
	for _, q := range []int{10, 50, 90} {
		f.number(g, fmt.Sprintf("%s p%d", name, q), float64(sorted[(len(sorted)-1)*q/100])/float64(time.Millisecond))
	}
}

// intervals are the times between instants.
func intervals(instants []time.Duration) []time.Duration {
	var between []time.Duration
	for i := 1; i < len(instants); i++ {
		between = append(between, instants[i]-instants[i-1])
	}
	return between
}

// Of extracts a session's features. What cannot be parsed is a feature as well.
func Of(r *Recording) Features {
	f := make(Features)
	f.signaling(r)
	f.description(r.Answer)
	f.datagrams(r.Datagrams)
	f.reports(r.Reports, r.Length)
	f.messages(r)
	return f
}

func (f Features) signaling(r *Recording) {
	f.is(Signaling, "codecs", r.Codecs)
	f.is(Signaling, "asks for a size", r.Sized)
	before, named, ended := 0, 0, false
	for _, c := range r.Candidates {
		if c.At < 0 {
			before++
		}
		form := candidateForm(c.Line)
		f.is(Signaling, "candidate", form)
		f.is(Signaling, "candidate's section", c.Mid)
		if c.Line == "" {
			ended = true
		} else {
			named++
		}
	}
	f.number(Signaling, "candidates", float64(named))
	f.number(Signaling, "candidates before the answer", float64(before))
	f.is(Signaling, "end of candidates", ended)
}
