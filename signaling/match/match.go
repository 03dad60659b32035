// Package match picks the edge for a player among those that signaling knows, and says why when there is none.
//
// It is pure: no state, no clock, no sockets, and the random source is the caller's.
package match

import (
	"slices"
	"strings"

	"nearlight/signaling"
)

// Edge is what matching looks at.
type Edge struct {
	ID     signaling.EdgeID
	Slots  int
	Free   int
	Codecs []string
	Apps   []signaling.App
}

// Request is what a player wants.
type Request struct {
	App    string   // "": whatever the edge runs by itself
	Codecs []string // best first
}

// Choice is the edge that was picked and the codecs that both sides know, the player's best first.
type Choice struct {
	Edge   signaling.EdgeID
	Codecs []string
}

// Pick returns the least loaded edge that has the app installed, a common codec and a free slot. intN returns a random
// number below its argument and decides among equals (rand.IntN).
//
// When no edge fits, the *signaling.Error names the first of these demands that nobody meets together with those before it.
func Pick(edges []Edge, request Request, intN func(int) int) (Choice, *signaling.Error) {
	if len(edges) == 0 {
		return Choice{}, signaling.NewError(signaling.CodeNoEdge)
	}
	fitting := edges
	for _, demand := range []struct {
		met func(Edge) bool
		why func() *signaling.Error
	}{
		{
			func(e Edge) bool { return request.App == "" || app(e, request.App) != nil },
			func() *signaling.Error {
				return signaling.Errorf(signaling.CodeUnknownApp, "No machine offers %s.", request.App)
			},
		}, {
			func(e Edge) bool { return request.App == "" || app(e, request.App).Installed },
			func() *signaling.Error {
				return signaling.Errorf(signaling.CodeNotInstalled, "%s is not installed.", app(fitting[0], request.App).Title)
			},
		}, {
			func(e Edge) bool { return len(Common(request.Codecs, e.Codecs)) > 0 },
			func() *signaling.Error { return NoCommonCodec(request.Codecs, fitting[0].Codecs) },
		}, {
			func(e Edge) bool { return e.Free > 0 },
			func() *signaling.Error { return signaling.NewError(signaling.CodeFull) },
		},
	} {
		next := filter(fitting, demand.met)
		if len(next) == 0 {
			return Choice{}, demand.why()
		}
		fitting = next
	}
	best := fitting[:1:1]
	for _, edge := range fitting[1:] {
		switch order := compareLoad(edge, best[0]); {
		case order < 0:
			best = []Edge{edge}
		case order == 0:
			best = append(best, edge)
		}
	}
	picked := best[intN(len(best))]
	return Choice{Edge: picked.ID, Codecs: Common(request.Codecs, picked.Codecs)}, nil
}

// Common returns the codecs of wanted that had has, in wanted's order and each once.
func Common(wanted, had []string) []string {
	var both []string
	for _, codec := range wanted {
		if slices.Contains(had, codec) && !slices.Contains(both, codec) {
			both = append(both, codec)
		}
	}
	return both
}

// NoCommonCodec says that nothing in wanted is among had.
func NoCommonCodec(wanted, had []string) *signaling.Error {
	return signaling.Errorf(signaling.CodeNoCommonCodec,
		"Your browser decodes %s, the machine sends %s.", strings.Join(wanted, ", "), strings.Join(had, ", "))
}

// compareLoad orders by the part of slots in use, without dividing.
func compareLoad(a, b Edge) int { return (a.Slots-a.Free)*b.Slots - (b.Slots-b.Free)*a.Slots }

func app(edge Edge, name string) *signaling.App {
	for i := range edge.Apps {
		if edge.Apps[i].Name == name {
			return &edge.Apps[i]
		}
	}
	return nil
}

func filter(edges []Edge, keep func(Edge) bool) []Edge {
	var kept []Edge
	for _, edge := range edges {
		if keep(edge) {
			kept = append(kept, edge)
		}
	}
	return kept
}
