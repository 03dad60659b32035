package server

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/internal/edgesim"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/token"
)

// slow is what an edge says of a session that it does not keep up with.
var slow = signaling.Errorf(signaling.CodeDegraded, "The machine that runs your game makes no more than 24 frames per second.")

// degrade has a rig say that it does not keep up with a session, as an edge does: it takes nobody more.
func (m *rig) degrade(id signaling.SessionID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peer()
	m.say(p, signaling.Status{Free: 0, Leases: m.Status().Leases})
	m.say(p, signaling.Degraded{Session: id, Reason: slow})
}

func (m *rig) recover(id signaling.SessionID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peer()
	m.say(p, m.Status())
	m.say(p, signaling.Degraded{Session: id})
}

// room is how many players the rig's node would send to it.
func (m *rig) room() int {
	return m.node.figure(func() int { return m.node.edges[m.edge.id].available() })
}

func TestAnEdgeThatDoesNotKeepUpHandsItsPlayerOnAndIsToldToStop(t *testing.T) {
	for _, where := range []string{"at the player's node", "at another"} {
		t.Run(where, func(t *testing.T) {
			inCity(t, 2, func(c *city) {
				first, second := c.rig(1), c.rig(1)
				first.connect(c.nodes[0])
				c.settle()
				n := c.nodes[0]
				if where == "at another" {
					n = c.nodes[1]
				}
				g := c.gamer(n, "one", nil)
				matched := c.plays(g)
				second.connect(c.nodes[1])
				c.settle()
				kindsOf(first.recorder)
				began := time.Now()
				first.degrade(matched.Session)
				got := c.heard(g, "moved", "matched", "offer")
				if took := time.Since(began); took > 3*time.Second {
					c.Errorf("it takes %v", took)
				}
				if reason := got[0].(signaling.Moved).Reason; reason.Code != signaling.CodeDegraded || !strings.Contains(reason.Message, "24 frames") {
					c.Errorf("the player is told %v", reason)
				}
				if edge := got[1].(signaling.Matched).Edge.ID; edge != second.edge.id {
					c.Errorf("the player is given %s", edge)
				}
				c.same(kindsOf(first.recorder), "stop") // which gives the app its time to save, as any end does
			})
		})
	}
}

func TestAPlayerStaysAtASlowEdgeWhereNoOtherHasRoom(t *testing.T) {
	inCity(t, 1, func(c *city) {
		first, second := c.rig(1), c.rig(1)
		first.connect(c.nodes[0])
		c.settle()
		one := c.gamer(c.nodes[0], "one", nil)
		matched := c.plays(one)
		second.connect(c.nodes[0])
		c.settle()
		two := c.gamer(c.nodes[0], "two", nil)
		c.plays(two)
		first.degrade(matched.Session)
		time.Sleep(time.Minute)
		c.heard(one)

		// There is room, but somebody waits for it.
		waiting := c.gamer(c.nodes[0], "three", nil)
		c.heard(waiting, "queued")
		c.nodes[0].leave(two.player)
		synctest.Wait()
		c.plays(waiting)
		time.Sleep(time.Minute)
		c.heard(one)

		// Now nobody does.
		c.nodes[0].leave(waiting.player)
		time.Sleep(reliefLook + 2*time.Second)
		c.heard(one, "moved", "matched", "offer")
	})
}

func TestAPlayerIsMovedOnceInAWhileAndNotBackWhereItCameFrom(t *testing.T) {
	inCity(t, 2, func(c *city) {
		first, second := c.rig(2), c.rig(2)
		first.connect(c.nodes[0])
		c.settle()
		g := c.gamer(c.nodes[1], "one", nil)
		matched := c.plays(g)
		second.connect(c.nodes[1])
		c.settle()
		first.degrade(matched.Session)
		c.heard(g, "moved", "matched", "offer")
		g.node.answer(g.player, signaling.Answer{SDP: "v=0"})
		c.settle()
		moved := g.session.id
		if first.room() != 0 {
			c.Error("the edge that was relieved is given the next player at once")
		}
		second.degrade(moved)
		time.Sleep(moveRest - 10*time.Second)
		c.heard(g) // though the first has long been free
		if first.room() != 2 {
			c.Error("the edge that was relieved is never given anybody again")
		}
		time.Sleep(10*time.Second + reliefLook)
		c.heard(g, "moved", "matched", "offer")
	})
}

func TestAnEdgeIsRelievedOfOnePlayerAtATimeTheYoungestFirst(t *testing.T) {
	inCity(t, 1, func(c *city) {
		first, second := c.rig(3), c.rig(3)
		first.connect(c.nodes[0])
		c.settle()
		var all []*gamer
		for _, name := range []string{"one", "two", "three"} {
			g := c.gamer(c.nodes[0], name, nil)
			c.plays(g)
			all = append(all, g)
			time.Sleep(time.Second)
		}
		second.connect(c.nodes[0])
		c.settle()
		for _, g := range all {
			first.degrade(g.session.id)
		}
		c.heard(all[0], "moved", "matched", "offer") // it was the only one then
		time.Sleep(reliefTime - time.Second)
		c.heard(all[2])
		time.Sleep(time.Second)
		c.heard(all[2], "moved", "matched", "offer")
		first.recover(all[1].session.id)
		time.Sleep(10 * reliefTime)
		c.heard(all[1])
		if c.nodes[0].figure(func() int { return first.edge.relief.index }) >= 0 {
			c.Error("an edge that is well is still looked after")
		}
	})
}

func TestOnlyWhoWantsToIsMoved(t *testing.T) {
	inCity(t, 1, func(c *city) {
		first, second := c.rig(2), c.rig(2)
		first.connect(c.nodes[0])
		c.settle()
		stays := c.gamer(c.nodes[0], "stays", func(m *signaling.Play) { m.Wait = false })
		c.plays(stays)
		away := c.gamer(c.nodes[0], "away", nil)
		matched := c.plays(away)
		second.connect(c.nodes[0])
		c.settle()
		c.nodes[0].part(away.player, holdTime)
		first.degrade(stays.session.id)
		first.degrade(matched.Session)
		time.Sleep(20 * time.Second)
		c.heard(stays)
		c.heard(away)
		again := c.gamer(c.nodes[0], "away", func(m *signaling.Play) { m.Resume = matched.Session })
		c.plays(again)
		time.Sleep(reliefLook + 2*time.Second)
		c.heard(again, "moved", "matched", "offer")
	})
}

func TestAnEdgeThatAnswersLateIsDegradedUnlessAllDo(t *testing.T) {
	inCity(t, 1, func(c *city) {
		n := c.nodes[0]
		rigs := []*rig{c.rig(1), c.rig(1), c.rig(1)}
		rigs[0].connect(n)
		c.settle()
		g := c.gamer(n, "one", nil)
		c.plays(g)
		rigs[1].connect(n)
		rigs[2].connect(n)
		c.settle()
		late := func(m *rig, is bool) { n.heartbeats(m.edge, m.peer(), is) }
		late(rigs[2], true)
		late(rigs[1], true)
		late(rigs[0], true)
		time.Sleep(30 * time.Second)
		c.heard(g) // it is this node that reads late
		late(rigs[0], false)
		late(rigs[1], false)
		late(rigs[2], false)
		time.Sleep(30 * time.Second)
		c.heard(g)
		late(rigs[0], true)
		if reason := c.heard(g, "moved", "matched", "offer")[0].(signaling.Moved).Reason; reason.Code != signaling.CodeDegraded {
			c.Errorf("the player is told %v", reason)
		}
		rigs[0].lost()
		if n.figure(func() int { return len(n.late) }) != 0 {
			c.Error("an edge that is lost still answers late")
		}
	})
}

func TestAPulseIsLateAfterTwoLateAnswersAndWellAfterThreePromptOnes(t *testing.T) {
	now := time.Unix(0, 0)
	var p pulse
	beat := func(answer time.Duration) bool { // 0: none comes
		now = now.Add(signaling.EdgePing)
		changed := p.ping(now)
		if answer > 0 {
			changed = p.pong(now.Add(answer)) || changed
		}
		return changed
	}
	for i, step := range []struct {
		answer        time.Duration
		changed, late bool
	}{
		{time.Millisecond, false, false}, {3 * time.Second, false, false}, {time.Second, false, false}, {3 * time.Second, false, false},
		{0, false, false}, {time.Millisecond, true, true}, {time.Millisecond, false, true}, {time.Millisecond, true, false},
	} {
		if changed := beat(step.answer); changed != step.changed || p.isLate != step.late {
			t.Errorf("step %d: changed %v, late %v", i, changed, p.isLate)
		}
	}
	if p.pong(now) {
		t.Error("an answer to nothing changes something")
	}
}

func TestAPlayerWhoseEdgeAnswersPingsLateIsMoved(t *testing.T) {
	onPipes(t, func(t *testing.T, issuer *token.Issuer, dial func(string) *websocket.Conn) {
		issue := func(claims token.Claims) string {
			claims.Expires = time.Now().Add(time.Hour)
			raw, err := issuer.Issue(claims)
			if err != nil {
				t.Fatal(err)
			}
			return raw
		}
		playing := token.Claims{Role: token.Player, Rights: []token.Right{token.Play}, ID: "one"}
		var running sync.WaitGroup
		defer running.Wait()
		write := func(ws *websocket.Conn, d signaling.Direction, m signaling.Message) {
			data, err := signaling.Encode(d, m)
			if err != nil {
				t.Error(err)
			}
			if err := ws.WriteMessage(websocket.TextMessage, data); err != nil {
				t.Error(err)
			}
		}
		edge := func(delay time.Duration) *websocket.Conn {
			ws := dial(signaling.EdgePath)
			ws.SetPingHandler(func(text string) error {
				time.AfterFunc(delay, func() { _ = ws.WriteControl(websocket.PongMessage, []byte(text), time.Now().Add(time.Second)) })
				return nil
			})
			slots := newSlots(t, 0)
			write(ws, signaling.EdgeToSignaling, signaling.Login{Address: string(slots.ID())})
			running.Go(func() {
				for {
					_, data, err := ws.ReadMessage()
					if err != nil {
						return
					}
					m, err := signaling.Parse(signaling.SignalingToEdge, data)
					if err != nil {
						t.Error(err)
					}
					switch m := m.(type) {
					case signaling.Challenge:
						proof, err := client.Prove(m, slots.Key(), "localhost", time.Now())
						if err != nil {
							t.Error(err)
						}
						register := signaling.Register{Token: issue(token.Claims{Role: token.Edge}), Proof: proof, Codecs: signaling.List[string]{"h264"}}
						slots.Describe(&register)
						write(ws, signaling.EdgeToSignaling, register)
					case signaling.Start:
						said, _, err := slots.Answer(m, edgesim.BearerOf(playing))
						if err != nil {
							t.Error(err)
						}
						for _, answer := range said {
							write(ws, signaling.EdgeToSignaling, answer)
						}
						write(ws, signaling.EdgeToSignaling, signaling.Offer{Session: m.Session, SDP: "v=0"})
					}
				}
			})
			return ws
		}
		lagging := edge(lateAnswer + time.Second)
		defer lagging.Close()
		synctest.Wait()
		player := dial(signaling.PlayerPath)
		defer player.Close()
		write(player, signaling.PlayerToSignaling, signaling.Play{
			Token: issue(playing), Codecs: []string{"h264"}, Wait: true,
		})
		began := time.Now()
		var edges []signaling.EdgeID
		for offers := 0; offers < 2; {
			_, data, err := player.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			m, err := signaling.Parse(signaling.SignalingToPlayer, data)
			if err != nil {
				t.Fatal(err)
			}
			switch m := m.(type) {
			case signaling.Matched:
				edges = append(edges, m.Edge.ID)
			case signaling.Offer:
				if offers++; offers == 2 {
					break
				}
				write(player, signaling.PlayerToSignaling, signaling.Answer{SDP: "v=0"})
				prompt := edge(time.Millisecond)
				defer prompt.Close()
			}
		}
		if took := time.Since(began); edges[0] == edges[1] || took < signaling.EdgePing || took > 4*signaling.EdgePing {
			t.Errorf("from %s to %s after %v", edges[0], edges[1], took)
		}
	})
}
