package server_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"nearlight/signaling"
	"nearlight/signaling/server"
)

// registerAt presents a bare edge with one slot, whose media port is at an address of this machine.
func (n *network) registerAt(port int) *socket {
	n.Helper()
	return n.edge(1, func(m *signaling.Register) { m.Media = []string{fmt.Sprintf("127.0.0.1:%d", port)} })
}

// asks begins to play with a page that measures, and returns what it is asked.
func (n *network) asks() (*socket, signaling.Measure) {
	n.Helper()
	s := n.dial(signaling.PlayerPath)
	play := n.play("tux")
	play.Measures = true
	s.say(play)
	return s, expect[signaling.Measure](s)
}

func TestAMeasurementThatCannotBeOneEndsItsConnectionAndTakesNoSlot(t *testing.T) {
	n := newNetwork(t, nil)
	n.registerAt(9001)
	n.registerAt(9002)
	whole := func(edges string) string { return `{"type":"measured","round":1,"edges":[` + edges + `]}` }
	for _, step := range []struct{ why, raw string }{
		{"no number", whole(`{"edge":"e-1","roundTrips":[NaN],"failed":0}`)},
		{"infinite", whole(`{"edge":"e-1","roundTrips":[1e999],"failed":0}`)},
		{"negative", whole(`{"edge":"e-1","roundTrips":[-5],"failed":0}`)},
		{"longer than anybody waits", whole(`{"edge":"e-1","roundTrips":[1e9],"failed":0}`)},
		{"negative failures", whole(`{"edge":"e-1","roundTrips":[],"failed":-1}`)},
		{"an edge twice", whole(`{"edge":"e-1","roundTrips":[],"failed":1},{"edge":"e-1","roundTrips":[],"failed":1}`)},
		{"edges beyond count", whole(strings.Repeat(`{"edge":"e-1","roundTrips":[],"failed":1},`, 1000) + `{"edge":"e-2","roundTrips":[],"failed":1}`)},
		{"round trips beyond count", whole(`{"edge":"e-1","roundTrips":[1` + strings.Repeat(",1", 10_000) + `],"failed":0}`)},
	} {
		s, _ := n.asks()
		if err := s.WriteMessage(websocket.TextMessage, []byte(step.raw)); err != nil {
			t.Fatal(err)
		}
		if reason, _ := s.closed(); reason == nil || reason.Code != signaling.CodeBadMessage {
			t.Errorf("%s: closed with %v", step.why, reason)
		}
	}
	n.eventually("nobody plays", func() bool { return n.metric("nearlight_signaling_sessions") == 0 })
	if answered := n.metric("nearlight_signaling_measurements_total"); answered != 0 {
		t.Errorf("%v of them count as answers", answered)
	}
}

func TestAPlayerOnThisMachineIsAskedAboutEdgesOnThisMachine(t *testing.T) {
	n := newNetwork(t, nil)
	edges := map[string]*socket{"127.0.0.1:9001": n.registerAt(9001), "127.0.0.1:9002": n.registerAt(9002)}
	s, question := n.asks()
	answer := signaling.Measured{Round: question.Round}
	for _, target := range question.Edges {
		ms := 30.0
		if target.At[0] == "127.0.0.1:9002" {
			ms = 3
		}
		answer.Edges = append(answer.Edges, signaling.Trips{Edge: target.Edge, RoundTrips: []float64{ms, ms, ms}})
	}
	s.say(answer)
	expect[signaling.Start](edges["127.0.0.1:9002"])
	expect[signaling.Matched](s)
	s.say(answer) // once more: it is dropped, and harms nobody
	n.eventually("the late answer is counted", func() bool { return n.metric("nearlight_signaling_messages_dropped_total") == 1 })
}

func TestHiddenEdgesAreNotMeasured(t *testing.T) {
	n := newNetwork(t, func(c *server.Config) {
		c.Relay = &server.Relay{StandIns: func(server.Reach) []netip.AddrPort { return nil }}
	})
	n.registerAt(9001)
	n.registerAt(9002)
	s := n.dial(signaling.PlayerPath)
	play := n.play("tux")
	play.Measures = true
	s.say(play)
	expect[signaling.Matched](s)
}
