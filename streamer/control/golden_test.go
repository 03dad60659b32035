package control

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// golden is testdata/golden.json, which the player's tests read as well.
type golden struct {
	Messages []struct {
		Name, Channel, From, Hex string
		Message                  plain
	}
	Malformed []struct{ Name, Channel, From, Hex, Why string }
}

// plain is a message as the golden file spells it: every field of every type, times in microseconds.
type plain struct {
	Type                              string
	Seq, ID, RTP, Frames, Serial      uint32
	X, Y, Code, Width, Height         uint16
	DX, DY                            int32
	Buttons, Button                   uint8
	Keys                              []uint16
	Down, At                          bool
	Received, Presented, Decode, Sent int64
	Edge                              int64
	Text, PNG                         string
	Notice                            json.RawMessage
}

func (p plain) message(t *testing.T) Message {
	us := func(v int64) time.Duration { return time.Duration(v) * time.Microsecond }
	switch p.Type {
	case "move":
		return &Move{p.Seq, p.X, p.Y}
	case "turn":
		return &Turn{p.Seq, p.DX, p.DY}
	case "held":
		return &Held{p.Seq, p.Buttons, p.Keys}
	case "ack":
		return &Ack{p.RTP, us(p.Received), us(p.Presented), us(p.Decode), p.Frames}
	case "ping":
		return &Ping{p.ID, us(p.Sent)}
	case "key":
		return &Key{p.Seq, p.Down, p.Code}
	case "button":
		return &Button{p.Seq, p.Down, p.Button, p.At, p.X, p.Y}
	case "wheel":
		return &Wheel{p.Seq, int16(p.DX), int16(p.DY)}
	case "text":
		return &Text{p.Seq, p.Text}
	case "release":
		return &Release{p.Seq}
	case "pong":
		return &Pong{p.ID, us(p.Sent), us(p.Edge)}
	case "cursor":
		return &Cursor{p.Serial, p.Width, p.Height, p.X, p.Y, unhex(t, p.PNG)}
	case "alive":
		return &Alive{us(p.Edge)}
	case "notice":
		n := new(Notice)
		if err := json.Unmarshal(p.Notice, n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	t.Fatalf("golden.json has a message of type %q", p.Type)
	return nil
}

func readGolden(t testing.TB) golden {
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Messages) == 0 || len(g.Malformed) == 0 {
		t.Fatal("golden.json is empty")
	}
	return g
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func channelNamed(t testing.TB, label string) Channel {
	for _, c := range []Channel{OnMotion, OnControl} {
		if c.Label() == label {
			return c
		}
	}
	t.Fatalf("no channel %q", label)
	return 0
}

func senderNamed(t testing.TB, name string) Sender {
	switch name {
	case "player":
		return FromPlayer
	case "edge":
		return FromEdge
	}
	t.Fatalf("no sender %q", name)
	return 0
}

func TestGoldenMessagesReadAndWriteAlike(t *testing.T) {
	var p Parser
	seen := map[string]bool{}
	for _, g := range readGolden(t).Messages {
		t.Run(g.Name, func(t *testing.T) {
			wire := unhex(t, g.Hex)
			got, err := p.Parse(senderNamed(t, g.From), channelNamed(t, g.Channel), wire)
			if err != nil {
				t.Fatal(err)
			}
			want := g.Message.message(t)
			seen[g.Message.Type] = true
			if !reflect.DeepEqual(got, want) {
				t.Errorf("read %+v, want %+v", got, want)
			}
			if label := ChannelOf(got).Label(); label != g.Channel {
				t.Errorf("travels on %s, want %s", label, g.Channel)
			}
			written, err := Append([]byte("before"), want)
			if err != nil {
				t.Fatal(err)
			}
			if g.Message.Type == "notice" { // JSON numbers and key order may be spelled in several ways
				again, err := Parse(FromEdge, OnControl, written[len("before"):])
				if err != nil || !reflect.DeepEqual(again, want) {
					t.Errorf("read back %+v, %v, want %+v", again, err, want)
				}
				return
			}
			if string(written) != "before"+string(wire) {
				t.Errorf("wrote %x, want %x", written[len("before"):], wire)
			}
		})
	}
	if len(seen) != 14 {
		t.Errorf("golden.json shows %d of 14 message types: %v", len(seen), seen)
	}
}

func TestMalformedMessagesAreRefusedForTheirReason(t *testing.T) {
	reasons := map[string]error{"empty": ErrLength, "unknown type": ErrType, "wrong channel": ErrRoute, "wrong sender": ErrRoute,
		"wrong length": ErrLength, "out of range": ErrRange, "not UTF-8": ErrText, "not a notice": ErrNotice}
	for _, g := range readGolden(t).Malformed {
		t.Run(g.Name, func(t *testing.T) {
			why, _, _ := strings.Cut(g.Why, ":")
			want, known := reasons[why]
			if !known {
				t.Fatalf("no sentinel for %q", g.Why)
			}
			m, err := Parse(senderNamed(t, g.From), channelNamed(t, g.Channel), unhex(t, g.Hex))
			if !errors.Is(err, want) || m != nil {
				t.Errorf("got %+v, %v, want %v", m, err, want)
			}
		})
	}
}
