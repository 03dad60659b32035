package server

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/match"
	"nearlight/signaling/token"
)

func TestTheEdgeThatIsNearestByMeasurementIsGivenWhicheverNodeItIsAt(t *testing.T) {
	inCity(t, 2, func(c *city) {
		here, there := c.nodes[0], c.nodes[1]
		c.rigAt(here, berlin, nil)
		c.rigAt(here, berlin, nil)
		far := c.rigAt(there, lyon, nil) // farther away, and by a better way
		c.settle()
		g := c.traveller(here, "one", berlin, nil)
		question := c.asked(g)
		if len(question.Edges) != 3 {
			t.Fatalf("asked about %+v", question.Edges)
		}
		for _, target := range question.Edges {
			if len(target.At) != 1 || !strings.HasPrefix(target.At[0], "203.0.") {
				t.Errorf("%s is to be measured at %v", target.Edge, target.At)
			}
		}
		if taken := len(here.sessions) + len(there.sessions); taken != 0 {
			t.Error("a slot is taken before the player has measured")
		}
		c.answers(g, question, func(id signaling.EdgeID) float64 {
			if id == far.edge.id {
				return 12
			}
			return 40
		})
		matched := c.given(g)
		if matched.Edge.ID != far.edge.id {
			t.Fatalf("the player is given %s, want %s", matched.Edge.ID, far.edge.id)
		}
		why, known := here.Explain(matched.Session, far.edge.id)
		if !known || len(why.Ranked) != 3 || why.Ranked[0].Edge != far.edge.id || !strings.Contains(why.Ranked[0].Words, "round trip 12.0 ms") ||
			!strings.Contains(why.Ranked[1].Words, "most of all by its round trip") {
			t.Errorf("explained as %+v, %v", why, known)
		}
		text, err := json.Marshal(why)
		if err != nil || strings.Contains(string(text), "198.51.100") || strings.Contains(string(text), "AS64496") {
			t.Errorf("the explanation tells whose it is: %s, %v", text, err)
		}
		if _, known := there.Explain(matched.Session); known {
			t.Error("a node explains what another has decided")
		}
	})
}

func TestAPlayerIsNotAskedWhereThereIsNothingToChoose(t *testing.T) {
	for _, step := range []struct {
		why    string
		edges  int
		change func(*registry, *signaling.Play)
		ways   bool
	}{
		{"one edge alone", 1, nil, true},
		{"a page that cannot measure", 3, func(_ *registry, m *signaling.Play) { m.Measures = false }, true},
		{"player and edge are hidden from each other", 3, func(r *registry, _ *signaling.Play) {
			r.relay = &Relay{StandIns: func(Reach) []netip.AddrPort { return nil }}
		}, true},
		{"edges that nobody knows the way to", 3, nil, false},
	} {
		t.Run(step.why, func(t *testing.T) {
			inCity(t, 1, func(c *city) {
				n := c.nodes[0]
				for range step.edges {
					c.rigAt(n, berlin, func(m *signaling.Register) {
						if !step.ways {
							m.Media = []string{"10.0.0.7:9000", "127.0.0.1:9000", "[fe80::1]:9000"}
						}
					})
				}
				g := c.traveller(n, "one", berlin, func(m *signaling.Play, _ *token.Claims) {
					if step.change != nil {
						step.change(n.registry, m)
					}
				})
				if kinds := kindsOf(g.recorder); slices.Contains(kinds, "measure") || !slices.Contains(kinds, "matched") {
					t.Errorf("got %v", kinds)
				}
			})
		})
	}
}

func TestAPlayerThatDoesNotAnswerIsGivenAnEdgeAfterASecond(t *testing.T) {
	inCity(t, 1, func(c *city) {
		n := c.nodes[0]
		near := c.rigAt(n, berlin, nil)
		c.rigAt(n, sydney, nil)
		g := c.traveller(n, "one", berlin, nil)
		question := c.asked(g)
		time.Sleep(signaling.MeasureTime + measureMargin - time.Millisecond)
		c.heard(g)
		time.Sleep(time.Millisecond)
		if matched := c.given(g); matched.Edge.ID != near.edge.id {
			t.Errorf("the player is given %s, want the one nearby by what is known of its address", matched.Edge.ID)
		}
		c.answers(g, question, func(signaling.EdgeID) float64 { return 1 })
		c.heard(g)
		if n.memory.Len() != 0 {
			t.Error("what came too late is remembered")
		}
	})
}

func TestWhatAPlayerTellsOfEdgesThatItWasNotAskedAboutCountsForNothing(t *testing.T) {
	inCity(t, 1, func(c *city) {
		n := c.nodes[0]
		near, middle := c.rigAt(n, berlin, nil), c.rigAt(n, lyon, nil)
		hidden := c.rigAt(n, lyon, func(m *signaling.Register) { m.Media = nil })
		other := c.rigAt(n, berlin, func(m *signaling.Register) { m.Apps = []signaling.App{race} })
		g := c.traveller(n, "one", berlin, nil)
		question := c.asked(g)
		if len(question.Edges) != 2 {
			t.Fatalf("asked about %+v", question.Edges)
		}
		stale := question
		stale.Round++
		c.answers(g, stale, func(signaling.EdgeID) float64 { return 1 })
		c.heard(g) // it is another question's
		trip := func(id signaling.EdgeID, ms float64) signaling.Trips {
			return signaling.Trips{Edge: id, RoundTrips: []float64{ms, ms, ms}}
		}
		answer := signaling.Measured{Round: question.Round, Edges: []signaling.Trips{
			trip(hidden.edge.id, 0.001), trip(other.edge.id, 0.001), trip("e-nobody", 0.001), trip(near.edge.id, 30), trip(middle.edge.id, 20),
		}}
		if err := n.measured(g.player, answer); err != nil {
			t.Fatal(err)
		}
		matched := c.given(g)
		if matched.Edge.ID != middle.edge.id {
			t.Errorf("the player is given %s, want %s", matched.Edge.ID, middle.edge.id)
		}
		if why, _ := n.Explain(matched.Session, hidden.edge.id, other.edge.id); !strings.Contains(why.Named[0].Words, "was not measured") ||
			!strings.Contains(why.Named[1].Words, "does not list the app") {
			t.Errorf("explained as %+v", why.Named)
		}
	})
}

func TestNothingThatAPlayerMeasuresGivesItMoreThanOneOfItsCandidates(t *testing.T) {
	for seed := range uint64(200) {
		inCity(t, 1, func(c *city) {
			random := rand.New(rand.NewPCG(seed, 0))
			n := c.nodes[0]
			n.intN = random.IntN
			for range 3 + random.IntN(10) {
				c.rigAt(n, match.Place{Latitude: random.Float64()*160 - 80, Longitude: random.Float64()*360 - 180}, nil)
			}
			g := c.traveller(n, "one", berlin, nil)
			for rounds := 0; ; rounds++ {
				synctest.Wait()
				kinds := g.take()
				question, ok := kinds[0].(signaling.Measure)
				if !ok {
					if _, matched := kinds[0].(signaling.Matched); !matched || rounds > maxRounds {
						t.Fatalf("seed %d: got %v after %d rounds", seed, kinds, rounds)
					}
					break
				}
				answer := signaling.Measured{Round: question.Round}
				for _, target := range question.Edges {
					if random.IntN(4) == 0 {
						continue
					}
					trips := signaling.Trips{Edge: target.Edge, Failed: random.IntN(1001)}
					for range random.IntN(17) {
						trips.RoundTrips = append(trips.RoundTrips, []float64{1e-300, 10_000, random.Float64() * 500, random.Float64()}[random.IntN(4)])
					}
					answer.Edges = append(answer.Edges, trips)
				}
				if err := n.measured(g.player, answer); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestAPlayerWhoseRoundTripsSayThatItIsSomewhereElseIsAskedOnceMore(t *testing.T) {
	inCity(t, 2, func(c *city) {
		random := rand.New(rand.NewPCG(1, 2))
		places := map[signaling.EdgeID]match.Place{}
		add := func(n *nodeUnderTest, at match.Place, number int) {
			at.Latitude += random.Float64() / 10
			places[c.rigAt(n, at, nil).edge.id] = at
		}
		for i := range 10 {
			add(c.nodes[0], berlin, i)
			add(c.nodes[1], lyon, i)
			add(c.nodes[0], newYork, i)
		}
		for i, at := range []match.Place{{Latitude: 35.7, Longitude: 139.7}, {Latitude: 1.35, Longitude: 103.8}, {Latitude: -23.5, Longitude: -46.6}, {Latitude: 34.05, Longitude: -118.2}} {
			add(c.nodes[i%2], at, 0)
			add(c.nodes[i%2], at, 1)
		}
		add(c.nodes[1], sydney, 0)
		c.settle()
		n := c.nodes[0]
		n.intN = random.IntN
		trip := func(id signaling.EdgeID) float64 { return 4 + float64(match.Distance(sydney, places[id]))/66.7 }
		g := c.traveller(n, "one", berlin, nil)
		first := c.asked(g)
		c.answers(g, first, trip)
		second := c.asked(g)
		if second.Round == first.Round {
			t.Error("both questions have the same number")
		}
		for _, target := range second.Edges {
			if slices.ContainsFunc(first.Edges, func(other signaling.Target) bool { return other.Edge == target.Edge }) {
				t.Errorf("%s is asked about twice", target.Edge)
			}
		}
		c.answers(g, second, trip)
		matched := c.given(g)
		if away := match.Distance(places[matched.Edge.ID], sydney); away > 100 {
			t.Errorf("the player in Sydney is given an edge %.0f km away", away)
		}

		// The next one of this network is asked about it at once.
		g = c.traveller(n, "two", berlin, nil)
		again := c.asked(g)
		best := slices.MinFunc(first.Edges, func(a, b signaling.Target) int { return int(trip(a.Edge) - trip(b.Edge)) })
		for _, target := range second.Edges {
			if target.Edge != matched.Edge.ID && trip(target.Edge) < trip(best.Edge) {
				best = target
			}
		}
		if !slices.ContainsFunc(again.Edges, func(target signaling.Target) bool { return target.Edge == best.Edge }) {
			t.Errorf("%s was good from this network, and is not among %+v", best.Edge, again.Edges)
		}
	})
}

func TestWhoeverIsQuickerGetsTheSlotAndWhoMeasuredTheNextBest(t *testing.T) {
	inCity(t, 1, func(c *city) {
		n := c.nodes[0]
		first, second := c.rigAt(n, berlin, nil), c.rigAt(n, berlin, nil)
		g := c.traveller(n, "one", berlin, nil)
		question := c.asked(g)
		var quick []*gamer
		take := func() {
			quick = append(quick, c.traveller(n, fmt.Sprint("quick", len(quick)), berlin, func(m *signaling.Play, _ *token.Claims) { m.Measures = false }))
		}
		take()
		taken := c.given(quick[0]).Edge.ID
		left := first
		if taken == first.edge.id {
			left = second
		}
		c.answers(g, question, func(id signaling.EdgeID) float64 {
			if id == taken {
				return 1
			}
			return 90
		})
		if matched := c.given(g); matched.Edge.ID != left.edge.id {
			t.Errorf("the player is given %s, want %s", matched.Edge.ID, left.edge.id)
		}

		// And in line, where nothing is left.
		for _, m := range []*rig{first, second} {
			for _, s := range m.edge.sessions {
				n.leave(s.player)
			}
		}
		synctest.Wait()
		kindsOf(g.recorder)
		late := c.traveller(n, "late", berlin, nil)
		question = c.asked(late)
		take()
		take()
		c.answers(late, question, func(signaling.EdgeID) float64 { return 5 })
		c.heard(late, "queued")
	})
}

func TestAPlayerWhoLeavesWhileItMeasuresGetsNothing(t *testing.T) {
	inCity(t, 1, func(c *city) {
		n := c.nodes[0]
		for range 3 {
			c.rigAt(n, berlin, nil)
		}
		leaves, parts := c.traveller(n, "leaves", berlin, nil), c.traveller(n, "parts", berlin, nil)
		question := c.asked(leaves)
		c.asked(parts)
		if err := n.play(leaves.player, leaves.request, leaves.as); err == nil || err.Code != signaling.CodeBadMessage {
			t.Errorf("a second request while the first is under way: %v", err)
		}
		n.leave(leaves.player)
		n.part(parts.player, holdTime)
		c.answers(leaves, question, func(signaling.EdgeID) float64 { return 1 })
		time.Sleep(10 * time.Second)
		c.heard(leaves)
		c.heard(parts)
		if len(n.sessions) != 0 {
			t.Errorf("%d sessions have begun", len(n.sessions))
		}
		if err := n.play(leaves.player, leaves.request, leaves.as); err != nil {
			t.Error(err)
		}
		c.asked(leaves)
	})
}

func TestAPlayerWhoseEdgeEndsGetsTheNextBestOfThoseThatItMeasuredAtOnce(t *testing.T) {
	inCity(t, 1, func(c *city) {
		n := c.nodes[0]
		best, next := c.rigAt(n, sydney, nil), c.rigAt(n, newYork, nil)
		near := c.rigAt(n, berlin, nil)
		g := c.traveller(n, "one", berlin, nil)
		trips := map[signaling.EdgeID]float64{best.edge.id: 5, next.edge.id: 9, near.edge.id: 20}
		c.answers(g, c.asked(g), func(id signaling.EdgeID) float64 { return trips[id] })
		if matched := c.plays(g); matched.Edge.ID != best.edge.id {
			t.Fatalf("the player is given %s", matched.Edge.ID)
		}
		best.lost()
		time.Sleep(edgeReturn)
		got := c.heard(g, "moved", "matched", "offer")
		if matched := got[1].(signaling.Matched); matched.Edge.ID != next.edge.id {
			t.Errorf("the player is handed to %s, want %s", matched.Edge.ID, next.edge.id)
		}
	})
}

func TestWhereNothingAnswersAPlayerItIsAsIfItHadNotMeasured(t *testing.T) {
	inCity(t, 1, func(c *city) {
		n := c.nodes[0]
		near := c.rigAt(n, berlin, nil)
		c.rigAt(n, sydney, nil)
		g := c.traveller(n, "one", berlin, nil)
		c.answers(g, c.asked(g), func(signaling.EdgeID) float64 { return 0 })
		matched := c.given(g)
		if why, _ := n.Explain(matched.Session); matched.Edge.ID != near.edge.id || why.Ranked[0].Terms[0].Name != match.TermEstimate {
			t.Errorf("given %s: %+v", matched.Edge.ID, why.Ranked)
		}
	})
}
