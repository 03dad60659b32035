package match_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"math/rand/v2"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -run %s -update writes it anew):\n%s", path, t.Name(), got)
	}
}

// paris is where the players of the explanations are.
var paris = match.Place{Latitude: 48.86, Longitude: 2.35}

// explained is an index with an edge for each demand that is not met, and three that meet all.
func explained() (*match.Index, match.Request) {
	tux := []signaling.App{{Name: "tux", Title: "Tux", Installed: true}}
	full := match.Picture{Size: signaling.Size{Width: 1920, Height: 1080}, FrameRate: 60}
	with := func(id signaling.EdgeID, change func(*match.Edge)) match.Edge {
		e := match.Edge{
			ID: id, Slots: 4, Free: 2, Codecs: []string{"h264", "vp8"}, Proved: []match.Ability{{Codec: "h264", Picture: full}}, Apps: tux,
			Price: 10, Score: 900, Regions: []string{"fr", "eu"}, Network: "AS64500", Place: &paris,
		}
		change(&e)
		return e
	}
	x := match.NewIndex(
		with("near", func(*match.Edge) {}),
		with("lyon", func(e *match.Edge) { e.Place = &match.Place{Latitude: 45.76, Longitude: 4.84} }),
		with("berlin", func(e *match.Edge) { e.Place = &match.Place{Latitude: 52.52, Longitude: 13.4} }),
		with("plain", func(e *match.Edge) { e.Apps = nil }),
		with("absent", func(e *match.Edge) { e.Apps = []signaling.App{{Name: "tux", Title: "Tux"}} }),
		with("abroad", func(e *match.Edge) { e.Regions = []string{"us", "ny"} }),
		with("other-codec", func(e *match.Edge) { e.Codecs = []string{"av1"} }),
		with("small", func(e *match.Edge) {
			e.Proved = []match.Ability{{Codec: "h264", Picture: match.Picture{Size: signaling.Size{Width: 1280, Height: 720}, FrameRate: 60}}}
		}),
		with("unproved", func(e *match.Edge) { e.Proved = nil }),
		with("poor", func(e *match.Edge) { e.Score = 400 }),
		with("dear", func(e *match.Edge) { e.Price = 31 }),
		with("draining", func(e *match.Edge) { e.State = match.Draining }),
		with("jailed", func(e *match.Edge) { e.State = match.Jailed }),
		with("refused", func(*match.Edge) {}),
		with("full", func(e *match.Edge) { e.Free = 0 }),
		with("new", func(e *match.Edge) { e.Share = 50 }),
	)
	return x, match.Request{
		App: "tux", Codecs: []string{"h264"}, Picture: full, PriceCap: 20, MinScore: 500, Regions: []string{"eu", "uk"},
		Draw: 1, Except: []signaling.EdgeID{"refused"}, Near: &match.Near{Place: paris, Uncertainty: 20},
	}
}

func TestExplanationsSayWhy(t *testing.T) {
	x, request := explained()
	candidate := func(id signaling.EdgeID, vantage match.Vantage, distance match.Kilometres, load float64, link match.Link) match.Measured {
		return match.Measured{Link: link, Candidate: match.Candidate{Edge: id, Vantage: vantage, Distance: distance, Load: load, Score: 900, Price: 10, Installed: true}}
	}
	trips := func(ms ...float64) match.Link { return match.Measure(ms, 0) }
	lost := match.Measure([]float64{24}, 1)
	list := []match.Measured{
		candidate("near", match.Nearby, 12, 0.5, trips(9, 10, 12)),
		candidate("lyon", match.OtherPlace, 392, 0.25, trips(21, 22)),
		candidate("lossy", match.Recalled, match.Unknown, 0, lost),
		candidate("untried", match.OtherNetwork, 80, 0, match.Link{}),
		candidate("silent", match.Anywhere, 9000, 0, match.Measure(nil, 3)),
	}
	var out strings.Builder
	show := func(title string, e match.Explanation) {
		fmt.Fprintf(&out, "# %s\n", title)
		if e.Refused != nil {
			fmt.Fprintf(&out, "%v\n", e.Refused)
		}
		for _, r := range append(e.Ranked, e.Named...) {
			fmt.Fprintln(&out, r.Words)
		}
		fmt.Fprintf(&out, "%d edges, %d meet every demand\n", e.Edges, e.Eligible)
		for _, u := range e.Unmet {
			fmt.Fprintln(&out, u.Words)
		}
		fmt.Fprintln(&out)
	}
	named := []signaling.EdgeID{
		"plain", "absent", "abroad", "other-codec", "small", "unproved", "poor", "dear", "draining", "jailed", "refused", "full", "new", "berlin", "near", "nobody",
	}
	show("measured", x.Explain(request, match.Rank(match.Balanced{}, list, match.Ranking{}), named...))
	kept := match.Rank(match.Nearest{}, []match.Measured{list[0], candidate("has", match.Nearby, 20, 1, trips(15))}, match.Ranking{Keep: "has"})
	show("an edge that the player has, and one that is a little better", x.Explain(request, kept))
	alike := match.Rank(match.Balanced{}, match.Unmeasured([]match.Candidate{list[0].Candidate, list[0].Candidate}), match.Ranking{})
	alike[1].Edge = "twin"
	show("nothing was measured, and two are alike", x.Explain(request, alike))
	request.Regions = []string{"mars"}
	show("no edge meets a demand", x.Explain(request, nil, "near"))
	pinned := request
	pinned.Only = []signaling.EdgeID{"plain", "elsewhere"}
	pinned.Root = "0xb"
	show("only edges will do that do not have the app, or are not there", x.Explain(pinned, nil, "near", "plain", "elsewhere"))
	request.App = "chess"
	show("an app that nobody lists", x.Explain(request, nil, "near"))
	golden(t, "explain.txt", out.String())
}

func TestAnExplanationIsDataToo(t *testing.T) {
	x, request := explained()
	ranked := match.Rank(match.Balanced{}, []match.Measured{{
		Candidate: match.Candidate{Edge: "near", Vantage: match.Nearby, Distance: 3, Score: 1000, Installed: true}, Link: match.Measure([]float64{9}, 0),
	}}, match.Ranking{})
	data, err := json.MarshalIndent(x.Explain(request, ranked, "dear"), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "explain.json", string(data)+"\n")
}

// For any index and request: whoever is on the shortlist has a place, whoever is not has a demand that it does not meet, or meets all.
func TestEveryEdgeIsExplained(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := map[signaling.EdgeID]match.Edge{}
		x := match.NewIndex()
		var named []signaling.EdgeID
		for _, e := range rapid.SliceOfNDistinct(edges, 0, 20, func(e match.Edge) signaling.EdgeID { return e.ID }).Draw(t, "edges") {
			x.Upsert(e)
			model[e.ID] = e
			named = append(named, e.ID)
		}
		request := requests.Draw(t, "request")
		request.Draw |= 1 // 0 has each method draw for itself
		candidates, refused := x.Shortlist(request, rand.New(rand.NewPCG(1, 1)).IntN)
		explained := x.Explain(request, match.Rank(match.Balanced{}, match.Unmeasured(candidates), match.Ranking{}), named...)
		if (refused == nil) != (explained.Refused == nil) || refused != nil && refused.Code != explained.Refused.Code {
			t.Fatalf("%v, want %v", explained.Refused, refused)
		}
		total := explained.Eligible
		for _, u := range explained.Unmet {
			total += u.Edges
		}
		if total != len(model) || explained.Edges != len(model) {
			t.Fatalf("%d edges are counted, want %d", total, len(model))
		}
		for i, why := range explained.Named {
			unmet := first(request, model[named[i]])
			if why.Demand != nil && *why.Demand == match.Drawn {
				if unmet != 0 || !partial(request, model[named[i]]) || why.Place != 0 || explained.Eligible == 0 {
					t.Fatalf("%+v, though it lacks %v", why, unmet)
				}
				continue
			}
			if (why.Demand != nil) != (unmet != 0) || unmet != 0 && *why.Demand != unmet || why.Words == "" || unmet != 0 && why.Place != 0 {
				t.Fatalf("%+v, want %v", why, unmet)
			}
		}
		if _, err := json.Marshal(explained); err != nil {
			t.Fatal(err)
		}
	})
}
