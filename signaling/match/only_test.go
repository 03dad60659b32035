package match_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

// fleet is an index of many edges alike in one place, with the game.
func fleet(n int) *match.Index {
	x := match.NewIndex()
	place := match.Place{Latitude: 50.11, Longitude: 8.68}
	for i := range n {
		x.Upsert(match.Edge{
			ID: signaling.EdgeID(fmt.Sprint(i)), Slots: 2, Free: 2, Codecs: []string{"h264"}, Place: &place,
			Apps: []signaling.App{{Name: "tux", Title: "Tux", Installed: i%2 == 0}}, Root: map[bool]string{true: "0xb"}[i == 8],
		})
	}
	return x
}

func TestOnlyTheEdgesThatAreNamedWillDo(t *testing.T) {
	request := match.Request{App: "tux", Codecs: []string{"h264"}}
	for _, step := range []struct {
		why    string
		change func(*match.Index, *match.Request)
		want   []signaling.EdgeID
		code   signaling.Code
	}{
		{"those that have the app", func(_ *match.Index, r *match.Request) { r.Only = []signaling.EdgeID{"2", "3", "4"} }, []signaling.EdgeID{"2", "4"}, ""},
		{"those that would have to install it, too", func(_ *match.Index, r *match.Request) {
			r.Only, r.Pull = []signaling.EdgeID{"2", "3"}, true
		}, []signaling.EdgeID{"2", "3"}, ""},
		{"each once, whoever names it twice", func(_ *match.Index, r *match.Request) { r.Only = []signaling.EdgeID{"2", "2", "gone", "2"} }, []signaling.EdgeID{"2"}, ""},
		{"whatever was good before", func(_ *match.Index, r *match.Request) {
			r.Only, r.Remembered = []signaling.EdgeID{"2"}, []signaling.EdgeID{"4", "2"}
		}, []signaling.EdgeID{"2"}, ""},
		{"those that a root has endorsed", func(_ *match.Index, r *match.Request) { r.Root = "0xb" }, []signaling.EdgeID{"8"}, ""},
		{"those, and the named ones, each once", func(_ *match.Index, r *match.Request) {
			r.Root, r.Only = "0xb", []signaling.EdgeID{"8", "2", "gone"}
		}, []signaling.EdgeID{"2", "8"}, ""},
		{"the root has endorsed none", func(_ *match.Index, r *match.Request) { r.Root = "0xc" }, nil, signaling.CodeNoEdge},
		{"none is named by nobody's endorsement", func(_ *match.Index, r *match.Request) { r.Root, r.Only = "0xc", []signaling.EdgeID{"gone"} }, nil, signaling.CodeNoEdge},
		{"none is there", func(_ *match.Index, r *match.Request) { r.Only = []signaling.EdgeID{"gone"} }, nil, signaling.CodeNoEdge},
		{"none has the app", func(_ *match.Index, r *match.Request) { r.Only = []signaling.EdgeID{"1", "3"} }, nil, signaling.CodeNoEdge},
		{"nobody has the app", func(_ *match.Index, r *match.Request) { r.App, r.Only = "chess", []signaling.EdgeID{"2"} }, nil, signaling.CodeUnknownApp},
		{"all are full, and others are not", func(x *match.Index, r *match.Request) {
			r.Only = []signaling.EdgeID{"2"}
			x.SetFree("2", 0)
		}, nil, signaling.CodeFull},
		{"all take no players, and others do", func(x *match.Index, r *match.Request) {
			r.Only = []signaling.EdgeID{"2"}
			x.SetState("2", match.Draining)
		}, nil, signaling.CodeNotAccepting},
		{"the only one is not to be given", func(_ *match.Index, r *match.Request) {
			r.Only, r.Except = []signaling.EdgeID{"2"}, []signaling.EdgeID{"2"}
		}, nil, signaling.CodeEdgeRefused},
	} {
		for _, near := range []*match.Near{nil, {Place: match.Place{Latitude: 50, Longitude: 8}, Uncertainty: 20}, {Uncertainty: 2000}} {
			x, r := fleet(40), request
			r.Near = near
			step.change(x, &r)
			list, err := x.Shortlist(r, rand.New(rand.NewPCG(1, 2)).IntN)
			var got []signaling.EdgeID
			for _, c := range list {
				got = append(got, c.Edge)
			}
			slices.Sort(got)
			if !slices.Equal(got, step.want) || (err == nil) != (step.code == "") || err != nil && err.Code != step.code {
				t.Errorf("%s, near %v: %v, %v", step.why, near, got, err)
			}
		}
	}
}

// Of sixteen that are named, as many as a token can name, those are taken that the player is likely to want.
func TestOfManyNamedEdgesTheNearAreOnTheShortlist(t *testing.T) {
	x := fleet(1000)
	near := match.Place{Latitude: 48.86, Longitude: 2.35}
	request := match.Request{Codecs: []string{"h264"}, Near: &match.Near{Place: near}}
	for i := range 16 {
		id := signaling.EdgeID(fmt.Sprint("named-", i))
		place := match.Place{Latitude: near.Latitude - 4*float64(i), Longitude: near.Longitude}
		x.Upsert(match.Edge{ID: id, Slots: 1, Free: 1, Codecs: []string{"h264"}, Place: &place})
		request.Only = append(request.Only, id)
	}
	list, err := x.Shortlist(request, rand.New(rand.NewPCG(1, 2)).IntN)
	if err != nil || len(list) != match.MaxCandidates {
		t.Fatal(list, err)
	}
	for i, c := range list[:3] {
		if want := signaling.EdgeID(fmt.Sprint("named-", i)); c.Edge != want || c.Vantage != match.Nearby {
			t.Errorf("number %d is %s (%v), want %s", i, c.Edge, c.Vantage, want)
		}
	}
}

// The work is counted by the random numbers that are drawn: one for each cell and each edge that is looked at.
func TestNamedEdgesAreFoundWithoutASearch(t *testing.T) {
	x := fleet(20_000)
	request := match.Request{Codecs: []string{"h264"}, Near: &match.Near{Place: match.Place{Latitude: 50, Longitude: 8}}, Only: []signaling.EdgeID{"7", "19999", "12000"}}
	drawn := 0
	list, err := x.Shortlist(request, func(n int) int { drawn++; return n - 1 })
	if err != nil || len(list) != 3 || drawn > 50 {
		t.Errorf("%d candidates after %d draws: %v", len(list), drawn, err)
	}
}

func BenchmarkThreeNamedEdgesOfAMillion(b *testing.B) {
	x := fleet(1_000_000)
	random := rand.New(rand.NewPCG(1, 1))
	request := match.Request{Codecs: []string{"h264"}, Near: &match.Near{Place: match.Place{Latitude: 50, Longitude: 8}}, Only: []signaling.EdgeID{"7", "999999", "500000"}}
	b.ReportAllocs()
	for b.Loop() {
		if list, err := x.Shortlist(request, random.IntN); err != nil || len(list) != 3 {
			b.Fatal(list, err)
		}
	}
}
