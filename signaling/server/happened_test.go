package server

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/internal/store"
	"nearlight/signaling"
)

func TestTheLogIsToldWhatHappensToEdges(t *testing.T) {
	for _, at := range []string{"its own node", "another"} {
		t.Run("at "+at, func(t *testing.T) {
			inCity(t, 3, func(c *city) {
				l := c.keeping(c.nodes[0])
				n := c.nodes[0]
				if at == "another" {
					n = c.nodes[1]
				}
				m := c.rig(2)
				m.connect(n)
				c.settle()
				l.say(m.edge.id, Standing{Score: 900})
				c.settle()
				c.same(l.take(), "came")
				g := c.gamer(c.nodes[2], "one", nil)
				matched := c.plays(g)
				c.settle()
				c.same(l.take(), "session began")
				c.heard(c.gamer(n, "two", func(p *signaling.Play) { p.App, p.Watch = "", matched.Session }), "matched", "offer")
				c.settle()
				c.same(l.take())
				n.orders(store.DrainEdge, string(m.edge.id), time.Time{})
				c.settle()
				c.same(l.take(), "drained")
				g.node.leave(g.player)
				c.settle()
				c.same(l.take(), "session ended")
				n.orders(store.DrainEdge, string(m.edge.id), time.Now())
				c.settle()
				c.same(l.take(), "undrained")
				c.plays(c.gamer(c.nodes[2], "three", nil))
				c.settle()
				c.same(l.take(), "session began")
				m.mute = true
				m.lost()
				time.Sleep(time.Second)
				c.same(l.take()) // it may be back in a moment
				c.settle()
				c.settle()
				c.same(l.take(), "session ended", "went")
			})
		})
	}
}

func TestAnEdgeWhoseNodeIsLostIsNotGoneForItsLogOnceItIsBack(t *testing.T) {
	inCity(t, 3, func(c *city) {
		l := c.keeping(c.nodes[0])
		m := c.rig(1)
		m.connect(c.nodes[1])
		c.settle()
		l.say(m.edge.id, Standing{})
		c.settle()
		c.plays(c.gamer(c.nodes[2], "one", nil))
		c.settle()
		c.same(l.take(), "came", "session began")
		c.kill(c.nodes[1])
		time.Sleep(300 * time.Millisecond)
		m.connect(c.nodes[2])
		time.Sleep(5 * time.Second)
		c.same(l.take()) // its player plays on all the while
		if got := c.nodes[2].shows(m.edge.id); got != "accepting 1000 0 " {
			t.Error(got)
		}
	})
}

func TestALogWhoseNodeHearsNobodyBlamesNoEdge(t *testing.T) {
	inCity(t, 2, func(c *city) {
		l := c.keeping(c.nodes[0])
		stays, goes := c.rig(1), c.rig(1)
		stays.connect(c.nodes[1])
		goes.connect(c.nodes[1])
		c.settle()
		c.same(l.take(), "came", "came")
		c.nodes[0].bus.Cut(true)
		time.Sleep(30 * time.Second)
		c.same(l.take())
		goes.mute = true
		goes.lost()
		time.Sleep(30 * time.Second)
		c.same(l.take())
		c.nodes[0].bus.Cut(false)
		time.Sleep(2 * time.Second)
		c.same(l.take())
		time.Sleep(5 * time.Second)
		c.same(l.take(), "went")
	})
}

// Whatever happens to an edge, and however much of it happens between two looks: what is told adds up to how things are.
func TestWhatTheLogIsToldAddsUp(t *testing.T) {
	id := signaling.EdgeID(newKey(t).Address().String())
	rapid.Check(t, func(t *rapid.T) {
		r := newRegistry(slog.New(slog.DiscardHandler), newMetrics(), nil, nil, nil)
		r.keeper, r.checked = newKeeper(&ledger{}, r.log), true
		there, players, drained := false, 0, false
		t.Repeat(map[string]func(*rapid.T){
			"edge": func(t *rapid.T) {
				if e := r.edges[id]; e == nil {
					r.edges[id] = &edge{id: id, sessions: make(map[signaling.SessionID]*session)}
				} else if rapid.Bool().Draw(t, "gone") {
					delete(r.edges, id)
				}
			},
			"session": func(t *rapid.T) {
				if e := r.edges[id]; e != nil {
					name := signaling.SessionID(fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "session")))
					e.sessions[name] = &session{
						phase: phase(rapid.IntRange(0, 3).Draw(t, "phase")), checks: rapid.Bool().Draw(t, "checks"),
						watches: rapid.SampledFrom([]signaling.SessionID{"", "another"}).Draw(t, "watches"),
					}
				}
			},
			"end": func(t *rapid.T) {
				if e := r.edges[id]; e != nil {
					delete(e.sessions, signaling.SessionID(fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "session"))))
				}
			},
			"order": func(t *rapid.T) {
				until := time.Time{}
				if rapid.Bool().Draw(t, "lifted") {
					until = time.Unix(1, 0)
				}
				r.orders[orderName{store.DrainEdge, string(id)}] = store.Order{Kind: store.DrainEdge, Target: string(id), Until: until}
			},
			"look": func(t *rapid.T) {
				r.note(id)
				for _, e := range r.keeper.takeEvents() {
					switch e.What {
					case EdgeCame:
						if there {
							t.Fatal("it comes twice")
						}
						there = true
					case EdgeWent:
						if !there || players != 0 {
							t.Fatalf("it goes with %d players", players)
						}
						there = false
					case SessionBegan:
						players++
					case SessionEnded:
						players--
					case EdgeDrained, EdgeUndrained:
						if drained == (e.What == EdgeDrained) {
							t.Fatalf("%v twice", e.What)
						}
						drained = !drained
					}
					if players < 0 || players > 0 && !there {
						t.Fatalf("%d players after %v", players, e.What)
					}
				}
				e, want := r.edges[id], 0
				if e != nil {
					want = e.played()
				}
				if there != (e != nil) || players != want || drained != r.holds(store.DrainEdge, string(id)) {
					t.Fatalf("there %v, %d players, drained %v", there, players, drained)
				}
			},
		})
	})
}

func TestALogThatTakesNothingIsToldThatItHasMissedSomething(t *testing.T) {
	k := newKeeper(&ledger{}, slog.New(slog.DiscardHandler))
	key := newKey(t)
	k.tell(signaling.EdgeID(key.Address().String()), SessionBegan, maxEvents+5)
	k.tell("no address", EdgeDrained, 1)
	events := k.takeEvents()
	if n := len(events); n != maxEvents+1 || events[n-1].What != EventsLost || events[n-2].What != SessionBegan || events[0].Edge != key.Address() {
		t.Errorf("%d events, the last of them %+v", n, events[n-1])
	}
	k.tell(signaling.EdgeID(key.Address().String()), SessionEnded, 1)
	if events := k.takeEvents(); len(events) != 1 {
		t.Errorf("%+v", events)
	}
}
