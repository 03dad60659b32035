package match_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

// from is what a player at a place measures: cables that are half as long again, and 6 ms of its own.
func from(place match.Place, candidates []match.Candidate, byID map[signaling.EdgeID]match.Edge) []match.Measured {
	list := match.Unmeasured(candidates)
	for i := range list {
		distance := match.Distance(place, *byID[list[i].Edge].Place)
		list[i].Link = match.Measure([]float64{6 + float64(distance)*1.5/100}, 0)
	}
	return list
}

func TestAPlaceThatIsWrongIsFoundOut(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 1))
	list, byID := world(3000, random)
	x := match.NewIndex(list...)
	tokyo := match.Place{Latitude: 35, Longitude: 139}
	for _, step := range []struct {
		why  string
		near *match.Near
	}{
		{"said to be at another end of the world", &match.Near{Place: match.Place{Latitude: 48, Longitude: 2}, Uncertainty: 20}},
		{"nobody knows where", nil},
	} {
		for range 50 {
			request := match.Request{Codecs: []string{"h264"}, Near: step.near}
			candidates, refused := x.Shortlist(request, random.IntN)
			if refused != nil {
				t.Fatal(refused)
			}
			measured := from(tokyo, candidates, byID)
			for range 2 {
				measured = append(measured, from(tokyo, x.Again(request, measured, random.IntN), byID)...)
			}
			best := match.Rank(match.Nearest{}, measured, match.Ranking{})[0]
			if d := match.Distance(tokyo, *byID[best.Edge].Place); d > 100 {
				t.Fatalf("%s: the best edge found is %.0f km away", step.why, d)
			}
			ids := map[signaling.EdgeID]bool{}
			for _, m := range measured {
				if ids[m.Edge] {
					t.Fatalf("%s: %s is to be measured twice", step.why, m.Edge)
				}
				ids[m.Edge] = true
			}
		}
	}
}

func TestAPlaceThatIsRightIsNotDoubted(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 1))
	list, byID := world(3000, random)
	x := match.NewIndex(list...)
	for range 100 {
		place := *list[random.IntN(len(list))].Place
		request := match.Request{Codecs: []string{"h264"}, Near: &match.Near{Place: place, Uncertainty: 30}}
		candidates, refused := x.Shortlist(request, random.IntN)
		if refused != nil {
			t.Fatal(refused)
		}
		if again := x.Again(request, from(place, candidates, byID), random.IntN); again != nil {
			t.Fatalf("a player at %v is given a second shortlist", place)
		}
	}
}

func TestAnyMeasurementIsTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := match.NewIndex(rapid.SliceOfN(edges, 0, 40).Draw(t, "edges")...)
		request, random := requests.Draw(t, "request"), rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		measured := lists.Draw(t, "measured")
		before := slices.Clone(request.Except)
		for _, c := range x.Again(request, measured, random.IntN) {
			if slices.ContainsFunc(measured, func(m match.Measured) bool { return m.Edge == c.Edge }) || slices.Contains(before, c.Edge) {
				t.Fatalf("%s is to be measured, though it was, or is not to be given", c.Edge)
			}
		}
	})
}
