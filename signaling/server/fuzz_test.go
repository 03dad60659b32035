package server

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"nearlight/internal/bus/bustest"
	"nearlight/signaling"
	"nearlight/signaling/claim"
	"nearlight/signaling/sequence"
)

// Whatever comes over the bus, a node goes on, and what it then says to its players and edges is what the wire allows.
func FuzzWhatOtherNodesSay(f *testing.F) {
	add := func(first, second any) {
		for _, message := range []any{first, second} {
			if _, err := json.Marshal(message); err != nil {
				f.Fatal(err)
			}
		}
		a, _ := json.Marshal(first)
		b, _ := json.Marshal(second)
		f.Add(a, b)
	}
	play := json.RawMessage(`{"type":"play","token":"t","app":"tux","codecs":["h264"],"wait":true}`)
	open := func(o opening) []byte {
		data, err := json.Marshal(body{Open: &o})
		if err != nil {
			f.Fatal(err)
		}
		return data
	}
	const here = signaling.EdgeID("0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf")
	add(presence{Node: "n-1", Seq: 1, First: true, Last: true, Edges: []presentEdge{{ID: "e-far", Slots: 2, Free: 1, Codecs: []string{"h264"}, Catalogue: "c", Since: 5}},
		Apps: map[string][]signaling.App{"c": {tux}}, Queue: []int64{1}}, presence{Node: "n-1", Seq: 2, Leaving: true})
	add(envelope{From: "n-1", Link: "l", Home: true, Frame: sequence.Frame{Seq: 1, Body: open(opening{Play: play, Claims: claimsOf("x"), Edge: here})}},
		envelope{From: "n-1", Link: "l", Home: true, Frame: sequence.Frame{Seq: 2, Body: []byte(`{"message":{"type":"leave"}}`)}})
	add(envelope{From: "n-1", Full: true, Unknown: "l", Keeps: []keep{{Link: "k", Home: true, Frame: sequence.Frame{Top: 7}}}},
		envelope{From: "n-1", Link: "l", Home: true, Frame: sequence.Frame{Seq: 1, Body: []byte(`{"part":{"hold":-5}}`)}})
	add(presence{Node: "n-1", Seq: 1, First: true, Last: true, Edges: []presentEdge{{ID: here, Slots: 1, Codecs: []string{"h264"}, Catalogue: "c", Since: 1 << 50}},
		Apps: map[string][]signaling.App{"c": nil}}, presence{Node: "n-1", Seq: 9})
	add(presence{Node: "n-1", Seq: 1, First: true, Last: true, Edges: []presentEdge{{ID: "e-far", Slots: 2, Free: 1, Codecs: []string{"h264"}, Catalogue: "c", Since: 5,
		Traits: signaling.Traits{Price: 7, Regions: []string{"eu"}, Place: &signaling.Place{Latitude: 52}, Pictures: []signaling.Picture{{Codec: "h264", Size: signaling.Size{Width: 640, Height: 480}, FrameRate: 60}}},
		Found:  &signaling.Place{Longitude: 13}, Standing: &presentStanding{State: "accepting", Share: 50, Place: "impossible", By: "n-1", At: 3}, Network: "AS64496", Ways: []string{"203.0.113.9:9", "[2001:db8::9]:9"}}},
		Apps: map[string][]signaling.App{"c": {tux}}}, presence{Node: "n-1", Seq: 2})
	ask := claim.Claim{Token: signaling.TokenID("y"), ID: "0", Once: true, Until: 1 << 40}
	add(envelope{From: "n-1", Claims: &ofTokens{Ask: &ask}}, envelope{From: "n-1", Claims: &ofTokens{Reply: &claimReply{ID: "0", Answer: claim.Taken}}})
	add(envelope{From: "n-1", Claims: &ofTokens{Spent: []claim.Claim{ask}}}, envelope{From: "n-1", Claims: &ofTokens{Unspent: &ask}})
	add(presence{Node: "n-1", Seq: 1, First: true, Last: true, Studios: map[string]int{"acme": -5}},
		envelope{From: "n-1", Claims: &ofTokens{Holds: []claim.Hold{{Token: signaling.TokenID("x"), Session: "s-1", Since: -1, Alone: true}}}})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		r := newRegistry(slog.New(slog.DiscardHandler), newMetrics(), func(int) int { return 0 },
			func(signaling.SessionID) []signaling.ICEServer { return nil }, nil)
		network := &bustest.Network{}
		r.cluster = newCluster(network.Join())
		register := signaling.Register{
			Token: "t", Name: "rig", Slots: 1, Free: 1, Codecs: signaling.List[string]{"h264"}, Apps: signaling.List[signaling.App]{tux}, Since: 1,
			Leases: []signaling.SlotState{{}}, Media: []string{"203.0.113.1:9"},
		}
		edgeSocket, playerSocket := &recorder{}, &recorder{}
		r.register(edgeSocket, register, here)
		p := r.join(playerSocket, r.log)
		for _, data := range [][]byte{first, second} {
			var said presence
			var sent envelope
			r.mu.Lock()
			if json.Unmarshal(data, &said) == nil {
				r.hear(said)
			}
			if json.Unmarshal(data, &sent) == nil {
				r.receive(sent)
			}
			r.tick()
			r.beat()
			r.mu.Unlock()
		}
		if err := r.play(p, signaling.Play{Token: "t", App: "tux", Codecs: []string{"h264"}, Wait: true, Measures: true}, claimsOf("y")); err != nil {
			playerSocket.end(err)
		}
		r.part(p, 0)
		for d, socket := range map[signaling.Direction]*recorder{signaling.SignalingToEdge: edgeSocket, signaling.SignalingToPlayer: playerSocket} {
			for _, m := range socket.take() {
				if _, err := signaling.Encode(d, m); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// Whatever a player says that it has measured, it gets one of the edges that would do for it, and the node goes on.
func FuzzWhatAPlayerMeasures(f *testing.F) {
	edges := []signaling.EdgeID{"e-a", "e-b", "e-c"}
	for _, answer := range []signaling.Measured{
		{Round: 1},
		{Round: 1, Edges: []signaling.Trips{{Edge: edges[0], RoundTrips: []float64{1, 2, 3}}, {Edge: edges[1], Failed: 3}}},
		{Round: 2, Edges: []signaling.Trips{{Edge: edges[2], RoundTrips: []float64{1e-300, 10_000}, Failed: 1000}}},
		{Round: 1, Edges: []signaling.Trips{{Edge: "e-nobody", RoundTrips: []float64{5}}}},
	} {
		data, err := signaling.Encode(signaling.PlayerToSignaling, answer)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, data)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		r := newRegistry(slog.New(slog.DiscardHandler), newMetrics(), func(int) int { return 0 },
			func(signaling.SessionID) []signaling.ICEServer { return nil }, nil)
		for i, id := range edges {
			r.register(&recorder{}, signaling.Register{
				Token: "t", Name: "rig", Slots: 1, Free: 1, Codecs: signaling.List[string]{"h264"}, Apps: signaling.List[signaling.App]{tux}, Since: 1,
				Leases: make([]signaling.SlotState, 1), Media: []string{fmt.Sprintf("203.0.113.%d:9", i)}, Traits: signaling.Traits{Place: &signaling.Place{Latitude: float64(30 * i)}},
			}, id)
		}
		socket := &recorder{}
		p := r.join(socket, r.log)
		if err := r.play(p, signaling.Play{Token: "t", App: "tux", Codecs: []string{"h264"}, Measures: true}, claimsOf("y")); err != nil {
			t.Fatal(err)
		}
		for _, data := range [][]byte{first, second} {
			if m, err := signaling.Parse(signaling.PlayerToSignaling, data); err == nil {
				if answer, ok := m.(signaling.Measured); ok {
					if err := r.measured(p, answer); err != nil {
						t.Error(err)
					}
				}
			}
		}
		r.mu.Lock()
		if p.measuring != nil {
			if err := r.weigh(p, nil); err != nil {
				t.Error(err)
			}
		}
		r.mu.Unlock()
		if p.session == nil {
			t.Fatalf("the player has got %v", socket.take())
		}
		why, known := r.Explain(p.session.id)
		if !known || len(why.Ranked) != 3 || why.Ranked[0].Edge != p.session.edge.id {
			t.Errorf("explained as %+v, %v", why, known)
		}
		for _, reason := range why.Ranked {
			if c := float64(reason.Cost); !(c >= 0 && c < 1e6) {
				t.Errorf("a cost of %v", reason.Cost)
			}
		}
	})
}
