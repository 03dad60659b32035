package server

import (
	"testing"
	"testing/synctest"

	"nearlight/signaling"
	"nearlight/signaling/match"
	"nearlight/signaling/token"
)

func TestATokensLimitsAndAPagesWishDecideWhichEdgesWouldDo(t *testing.T) {
	picture := func(side int) []signaling.Picture {
		return []signaling.Picture{{Codec: "h264", Size: signaling.Size{Width: side, Height: side}, FrameRate: 60}}
	}
	for _, step := range []struct {
		why    string
		change func(*signaling.Play, *token.Claims)
		want   string // the price of the edge; "" for a refusal
		code   signaling.Code
	}{
		{"a cap", func(_ *signaling.Play, claims *token.Claims) { claims.Price = 15 }, "10", ""},
		{"a cap below all", func(_ *signaling.Play, claims *token.Claims) { claims.Price = 9 }, "", signaling.CodeTooDear},
		{"a region", func(_ *signaling.Play, claims *token.Claims) { claims.Regions = []string{"uk", "us"} }, "20", ""},
		{"a region where nobody is", func(_ *signaling.Play, claims *token.Claims) { claims.Regions = []string{"uk"} }, "", signaling.CodeWrongRegion},
		{"a size that one is quick enough for", func(m *signaling.Play, _ *token.Claims) { m.Size = &signaling.Size{Width: 1000, Height: 1000} }, "20", ""},
		{"a size that none is", func(m *signaling.Play, claims *token.Claims) {
			m.Size, claims.Price = &signaling.Size{Width: 4000, Height: 4000}, 10
		}, "10", ""},
	} {
		t.Run(step.why, func(t *testing.T) {
			inCity(t, 2, func(c *city) {
				edges := map[string]*rig{
					"10": c.rigAt(c.nodes[0], berlin, func(m *signaling.Register) {
						m.Price, m.Regions, m.Pictures = 10, []string{"de", "eu"}, picture(720)
					}),
					"20": c.rigAt(c.nodes[1], newYork, func(m *signaling.Register) {
						m.Price, m.Regions, m.Pictures = 20, []string{"us"}, picture(1080)
					}),
				}
				c.settle()
				g := c.traveller(c.nodes[0], "one", berlin, step.change)
				if step.want == "" {
					synctest.Wait()
					if g.reason == nil || g.reason.Code != step.code {
						t.Errorf("told %v, want %s", g.reason, step.code)
					}
					return
				}
				if matched := c.given(g); matched.Edge.ID != edges[step.want].edge.id {
					t.Errorf("given %s, want the one that costs %s", matched.Edge.ID, step.want)
				}
			})
		})
	}
}

func TestWhatAnEdgeFoundOutLaterCounts(t *testing.T) {
	inCity(t, 2, func(c *city) {
		c.rigAt(c.nodes[0], berlin, nil)
		late := c.rigAt(c.nodes[0], newYork, nil)
		late.say(late.peer(), signaling.Status{Free: 1, Leases: late.Status().Leases, Pictures: []signaling.Picture{
			{Codec: "h264", Size: signaling.Size{Width: 1280, Height: 720}, FrameRate: 60},
		}})
		c.settle()
		g := c.traveller(c.nodes[1], "one", berlin, func(m *signaling.Play, _ *token.Claims) { m.Size = &signaling.Size{Width: 1280, Height: 720} })
		if matched := c.given(g); matched.Edge.ID != late.edge.id {
			t.Errorf("given %s, want %s", matched.Edge.ID, late.edge.id)
		}
	})
}

func TestThePolicyDecides(t *testing.T) {
	for _, policy := range match.Policies() {
		t.Run(policy.Name(), func(t *testing.T) {
			inCity(t, 1, func(c *city) {
				n := c.nodes[0]
				n.policy = policy
				dear := c.rigAt(n, berlin, func(m *signaling.Register) { m.Price = 20 })
				cheap := c.rigAt(n, lyon, func(m *signaling.Register) { m.Price = 10 })
				g := c.traveller(n, "one", berlin, nil)
				c.answers(g, c.asked(g), func(id signaling.EdgeID) float64 {
					if id == cheap.edge.id {
						return 40
					}
					return 10
				})
				want := dear
				if policy.Name() == "cheapest" {
					want = cheap
				}
				if matched := c.given(g); matched.Edge.ID != want.edge.id {
					t.Errorf("given %s, want %s", matched.Edge.ID, want.edge.id)
				}
			})
		})
	}
}
