package match_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

// pick is the best of a shortlist of which nothing was measured.
func pick(x *match.Index, request match.Request, intN func(int) int) (match.Candidate, *signaling.Error) {
	candidates, err := x.Shortlist(request, intN)
	if err != nil {
		return match.Candidate{}, err
	}
	return match.Rank(match.Balanced{}, match.Unmeasured(candidates), match.Ranking{Salt: uint64(intN(1 << 31))})[0].Candidate, nil
}

func TestPickTakesTheLeastLoadedThatFitsAndSaysWhyNot(t *testing.T) {
	tux := []signaling.App{{Name: "tux", Title: "Tux", Installed: true}}
	absent := []signaling.App{{Name: "tux", Title: "Tux"}}
	h264, vp8 := []string{"h264"}, []string{"vp8"}
	wantTux := match.Request{App: "tux", Codecs: []string{"av1", "h264"}}
	for _, step := range []struct {
		reason  string
		edges   []match.Edge
		request match.Request
		want    signaling.EdgeID
		code    signaling.Code
	}{
		{"nobody is there", nil, wantTux, "", signaling.CodeNoEdge},
		{"nobody lists the app", []match.Edge{{ID: "a", Slots: 1, Free: 1, Codecs: h264}}, wantTux, "", signaling.CodeUnknownApp},
		{"it is listed but nowhere installed", []match.Edge{{ID: "a", Slots: 1, Free: 1, Codecs: h264, Apps: absent}}, wantTux, "", signaling.CodeNotInstalled},
		{"the codecs differ", []match.Edge{{ID: "a", Slots: 1, Free: 1, Codecs: vp8, Apps: tux}}, wantTux, "", signaling.CodeNoCommonCodec},
		{"the only slot is in use", []match.Edge{{ID: "a", Slots: 1, Codecs: h264, Apps: tux}}, wantTux, "", signaling.CodeFull},
		{"demands count together, not each on another edge", []match.Edge{
			{ID: "a", Slots: 1, Free: 1, Codecs: h264}, {ID: "b", Slots: 1, Free: 0, Codecs: h264, Apps: tux},
		}, wantTux, "", signaling.CodeFull},
		{"one fits", []match.Edge{{ID: "a", Slots: 1, Free: 1, Codecs: h264, Apps: tux}}, wantTux, "a", ""},
		{"the one installed wins over the emptier one without", []match.Edge{
			{ID: "a", Slots: 4, Free: 1, Codecs: h264, Apps: tux}, {ID: "b", Slots: 4, Free: 4, Codecs: h264, Apps: absent},
		}, wantTux, "a", ""},
		{"load is the part in use, not the number", []match.Edge{
			{ID: "a", Slots: 2, Free: 1, Codecs: h264, Apps: tux}, {ID: "b", Slots: 8, Free: 6, Codecs: h264, Apps: tux},
		}, wantTux, "b", ""},
		{"no app named: any edge", []match.Edge{{ID: "a", Slots: 1, Free: 1, Codecs: h264}}, match.Request{Codecs: h264}, "a", ""},
	} {
		t.Run(step.reason, func(t *testing.T) {
			choice, err := pick(match.NewIndex(step.edges...), step.request, func(int) int { return 0 })
			if err != nil {
				if err.Code != step.code {
					t.Fatalf("%v, want %s", err, step.code)
				}
				return
			}
			if step.code != "" || choice.Edge != step.want || !slices.Equal(choice.Codecs, h264) {
				t.Errorf("%+v, want %s %s", choice, step.want, step.code)
			}
		})
	}
}

func TestEqualsShareThePlayers(t *testing.T) {
	edges := []match.Edge{
		{ID: "a", Slots: 2, Free: 2, Codecs: []string{"h264"}}, {ID: "b", Slots: 1, Free: 1, Codecs: []string{"h264"}},
		{ID: "c", Slots: 2, Free: 1, Codecs: []string{"h264"}},
	}
	random := rand.New(rand.NewPCG(1, 2))
	picked := map[signaling.EdgeID]int{}
	for range 1000 {
		choice, err := pick(match.NewIndex(edges...), match.Request{Codecs: []string{"h264"}}, random.IntN)
		if err != nil {
			t.Fatal(err)
		}
		picked[choice.Edge]++
	}
	if picked["c"] != 0 || picked["a"] < 400 || picked["b"] < 400 {
		t.Error(picked)
	}
}

func TestWhatIsPickedAlwaysFitsAndNothingThatFitsIsMissed(t *testing.T) {
	codec := rapid.SampledFrom([]string{"h264", "vp8", "av1"})
	edge := rapid.Custom(func(t *rapid.T) match.Edge {
		slots := rapid.IntRange(1, 4).Draw(t, "slots")
		var apps []signaling.App
		for _, name := range []string{"tux", "race"} {
			if rapid.Bool().Draw(t, name) {
				apps = append(apps, signaling.App{Name: name, Title: name, Installed: rapid.Bool().Draw(t, "installed")})
			}
		}
		return match.Edge{
			ID:    signaling.EdgeID(rapid.StringMatching(`[a-z]{8}`).Draw(t, "id")),
			Slots: slots, Free: rapid.IntRange(0, slots).Draw(t, "free"),
			Codecs: rapid.SliceOfN(codec, 1, 3).Draw(t, "codecs"), Apps: apps,
		}
	})
	fits := func(e match.Edge, request match.Request) bool {
		hasApp := request.App == "" || slices.ContainsFunc(e.Apps, func(a signaling.App) bool { return a.Name == request.App && a.Installed })
		return hasApp && e.Free > 0 && len(match.Common(request.Codecs, e.Codecs)) > 0
	}
	rapid.Check(t, func(t *rapid.T) {
		edges := rapid.SliceOfNDistinct(edge, 0, 6, func(e match.Edge) signaling.EdgeID { return e.ID }).Draw(t, "edges")
		request := match.Request{
			App:    rapid.SampledFrom([]string{"", "tux", "race"}).Draw(t, "app"),
			Codecs: rapid.SliceOfN(codec, 1, 3).Draw(t, "wanted"),
		}
		choice, err := pick(match.NewIndex(edges...), request, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "random") })
		if err != nil {
			if slices.ContainsFunc(edges, func(e match.Edge) bool { return fits(e, request) }) {
				t.Fatalf("%v, though one fits", err)
			}
			return
		}
		at := slices.IndexFunc(edges, func(e match.Edge) bool { return e.ID == choice.Edge })
		if !fits(edges[at], request) || len(choice.Codecs) == 0 {
			t.Fatalf("%+v does not fit", edges[at])
		}
		for _, other := range edges {
			used := func(e match.Edge) float64 { return float64(e.Slots-e.Free) / float64(e.Slots) }
			if fits(other, request) && used(other) < used(edges[at]) {
				t.Fatalf("%+v is less loaded than %+v", other, edges[at])
			}
		}
	})
}
