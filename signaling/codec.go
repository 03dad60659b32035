package signaling

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxMessage is the longest message in octets: room for a session description with many candidates.
const MaxMessage = 64 << 10

// Direction is a way that messages take. Each has its own set of types.
type Direction uint8

// The four directions, by who sends and who reads.
const (
	PlayerToSignaling Direction = iota + 1
	SignalingToPlayer
	EdgeToSignaling
	SignalingToEdge
)

func (d Direction) String() string {
	switch d {
	case PlayerToSignaling:
		return "player-to-signaling"
	case SignalingToPlayer:
		return "signaling-to-player"
	case EdgeToSignaling:
		return "edge-to-signaling"
	case SignalingToEdge:
		return "signaling-to-edge"
	}
	return fmt.Sprintf("Direction(%d)", uint8(d))
}

// edge reports whether one end is an edge, whose socket carries many sessions.
func (d Direction) edge() bool { return d == EdgeToSignaling || d == SignalingToEdge }

// Parse reads one message that came in direction d. What does not fit is refused with an *Error of CodeBadMessage that
// says why.
func Parse(d Direction, data []byte) (Message, error) {
	m, err := parse(d, data)
	if err != nil {
		return nil, Errorf(CodeBadMessage, "A message was refused: %v.", err)
	}
	return m, nil
}

func parse(d Direction, data []byte) (Message, error) {
	if len(data) > MaxMessage {
		return nil, fmt.Errorf("%d octets, the limit is %d", len(data), MaxMessage)
	}
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8")
	}
	kind, names, err := inspect(data)
	if err != nil {
		return nil, err
	}
	decode := decoder(d, kind)
	if decode == nil {
		return nil, fmt.Errorf("unknown type %q", Cut(kind, maxName))
	}
	m, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	c := checks{direction: d, names: names}
	if m.check(&c); c.err != nil {
		return nil, fmt.Errorf("%s: %w", kind, c.err)
	}
	return m, nil
}

// Encode writes m for direction d. It refuses what Parse would refuse at the other end, so an error is the caller's defect.
func Encode(d Direction, m Message) ([]byte, error) {
	if decoder(d, m.kind()) == nil {
		return nil, fmt.Errorf("signaling: encode: %s does not travel %v", m.kind(), d)
	}
	c := checks{direction: d}
	if m.check(&c); c.err != nil {
		return nil, fmt.Errorf("signaling: encode %s: %w", m.kind(), c.err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, `{"type":%q`, m.kind())
	opening := out.Len()
	body, err := marshal(m)
	if err != nil {
		return nil, fmt.Errorf("signaling: encode %s: %w", m.kind(), err)
	}
	data := append(out.Bytes(), body...)
	if len(data) == opening+len("{}") {
		data = append(data[:opening], '}')
	} else {
		data[opening] = ',' // the body's opening brace
	}
	if len(data) > MaxMessage {
		return nil, fmt.Errorf("signaling: encode %s: %d octets, the limit is %d", m.kind(), len(data), MaxMessage)
	}
	return data, nil
}

// MarshalJSON shows an empty list as [], which readers of other languages expect.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return marshal([]T(l))
}

// marshal is json.Marshal without the escapes for HTML, which would make text up to six times as long.
func marshal(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// decoder returns how a message of the type is read in direction d, nil where there is no such message.
func decoder(d Direction, kind string) func([]byte) (Message, error) {
	switch d {
	case PlayerToSignaling:
		switch kind {
		case "play":
			return read[Play]
		case "answer":
			return read[Answer]
		case "candidate":
			return read[Candidate]
		case "check":
			return read[Check]
		case "restart":
			return read[Restart]
		case "install":
			return read[Install]
		case "leave":
			return read[Leave]
		case "measured":
			return read[Measured]
		}
	case SignalingToPlayer:
		switch kind {
		case "matched":
			return read[Matched]
		case "measure":
			return read[Measure]
		case "moved":
			return read[Moved]
		case "queued":
			return read[Queued]
		case "progress":
			return read[Progress]
		case "offer":
			return read[Offer]
		case "bound":
			return read[Bound]
		case "candidate":
			return read[Candidate]
		case "checked":
			return read[Checked]
		case "unheard":
			return read[Unheard]
		case "installing":
			return read[Installing]
		case "ended":
			return read[Ended]
		case "error":
			return read[Failed]
		}
	case EdgeToSignaling:
		switch kind {
		case "login":
			return read[Login]
		case "register":
			return read[Register]
		case "status":
			return read[Status]
		case "refuse":
			return read[Refuse]
		case "leased":
			return read[Leased]
		case "progress":
			return read[Progress]
		case "offer":
			return read[Offer]
		case "bound":
			return read[Bound]
		case "answer":
			return read[Answer]
		case "candidate":
			return read[Candidate]
		case "ended":
			return read[Ended]
		case "installing":
			return read[Installing]
		case "alive":
			return read[Living]
		case "usage":
			return read[Usage]
		case "unheard":
			return read[Unheard]
		case "degraded":
			return read[Degraded]
		}
	case SignalingToEdge:
		switch kind {
		case "challenge":
			return read[Challenge]
		case "registered":
			return read[Registered]
		case "start":
			return read[Start]
		case "offer":
			return read[Offer]
		case "answer":
			return read[Answer]
		case "candidate":
			return read[Candidate]
		case "probe":
			return read[Probe]
		case "counted":
			return read[Counted]
		case "restart":
			return read[Restart]
		case "install":
			return read[Install]
		case "stop":
			return read[Stop]
		case "error":
			return read[Failed]
		}
	}
	return nil
}

func read[M Message](data []byte) (Message, error) {
	var m M
	if err := json.Unmarshal(data, &m); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) { // in words of the wire, not of Go
			return nil, fmt.Errorf("%s is a %s", wrong.Field, wrong.Value)
		}
		return nil, err
	}
	return m, nil
}
