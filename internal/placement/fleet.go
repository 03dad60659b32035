package placement

import (
	"fmt"
	"iter"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

// apps is how many different ones a fleet has in all, and appsPerEdge how many each edge lists.
const (
	apps        = 200
	appsPerEdge = 4
)

// Fleet is edges of the simulated world, with apps, proofs and regions, some of them full or not taking players: what an index holds.
func Fleet(n int, seed uint64) iter.Seq[match.Edge] {
	return func(yield func(match.Edge) bool) {
		w := newWorld(Config{Seed: seed})
		for i := range n {
			e := w.newEdge(i)
			if !yield(w.equipped(e)) {
				return
			}
		}
	}
}

// popular draws one of n, the first ones more often.
func (w *world) popular(n int) int {
	at := w.random.Float64()
	return int(at * at * at * float64(n))
}

func appName(n int) string { return fmt.Sprintf("app-%d", n) }

var (
	small = match.Picture{Size: signaling.Size{Width: 1280, Height: 720}, FrameRate: 60}
	large = match.Picture{Size: signaling.Size{Width: 1920, Height: 1080}, FrameRate: 60}
)

func (w *world) equipped(e edge) match.Edge {
	shown := e.shown
	shown.Codecs = []string{"h264", "vp8"}
	shown.Proved = []match.Ability{{Codec: "h264", Picture: small}, {Codec: "vp8", Picture: small}}
	if w.random.Float64() < 0.7 {
		shown.Proved = append(shown.Proved, match.Ability{Codec: "h264", Picture: large})
	}
	if w.random.Float64() < 0.3 {
		shown.Codecs = append(shown.Codecs, "av1")
		shown.Proved = append(shown.Proved, match.Ability{Codec: "av1", Picture: large})
	}
	c := cities[e.city]
	shown.Regions = []string{c.country, c.continent}
	for len(shown.Apps) < appsPerEdge {
		name := appName(w.popular(apps))
		shown.Apps = append(shown.Apps, signaling.App{Name: name, Title: name, Installed: w.random.Float64() < 0.8})
	}
	if w.random.Float64() < 0.03 {
		shown.State = match.Draining
	}
	shown.Free = w.random.IntN(shown.Slots + 1)
	return shown
}

// Audience returns a source of requests as players of the world make them.
func Audience(seed uint64) func() match.Request {
	w := newWorld(Config{Seed: seed})
	return func() match.Request {
		city := w.somewhere()
		p := w.newPlayer(city)
		r := match.Request{App: appName(w.popular(apps)), Codecs: []string{"av1", "h264", "vp8"}[w.random.IntN(2):], Near: p.shown}
		switch w.random.IntN(10) {
		case 0:
		case 1, 2, 3:
			r.Picture = large
		default:
			r.Picture = small
		}
		if w.random.IntN(2) == 0 {
			r.PriceCap = match.Price(10 + w.random.IntN(10))
		}
		r.MinScore = []match.Score{0, 750, 900}[w.random.IntN(3)]
		if w.random.IntN(5) == 0 {
			r.Regions = []string{cities[city].continent}
		}
		return r
	}
}
