package match_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

var (
	policies = rapid.SampledFrom(match.Policies())
	links    = rapid.Custom(func(t *rapid.T) match.Link {
		trips := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(0, 300), rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), -1})), 0, 5)
		return match.Measure(trips.Draw(t, "trips"), rapid.OneOf(rapid.IntRange(0, 3), rapid.Int()).Draw(t, "failed"))
	})
	measured = rapid.Custom(func(t *rapid.T) match.Measured {
		return match.Measured{Link: links.Draw(t, "link"), Candidate: match.Candidate{
			Edge: ids.Draw(t, "id"), Distance: match.Kilometres(rapid.Float64Range(-1, 20000).Draw(t, "distance")),
			Load: rapid.Float64Range(0, 1).Draw(t, "load"), Score: match.Score(rapid.Uint16().Draw(t, "score")),
			Price: match.Price(rapid.Uint64().Draw(t, "price")), Installed: rapid.Bool().Draw(t, "installed"), Consistent: rapid.Bool().Draw(t, "consistent"),
		}}
	})
	lists = rapid.SliceOfNDistinct(measured, 1, 8, func(m match.Measured) signaling.EdgeID { return m.Edge })
)

func order(ranked []match.Ranked) (ids []signaling.EdgeID) {
	for _, r := range ranked {
		ids = append(ids, r.Edge)
	}
	return ids
}

func TestTheRankingIsTotalAndDoesNotDependOnTheOrderOfTheCandidates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, policy := lists.Draw(t, "list"), policies.Draw(t, "policy")
		ranking := match.Ranking{Salt: rapid.Uint64().Draw(t, "salt"), Keep: ids.Draw(t, "keep")}
		ranked := match.Rank(policy, list, ranking)
		if len(ranked) != len(list) {
			t.Fatal("a candidate is lost")
		}
		for i, r := range ranked {
			if math.IsNaN(float64(r.Cost)) || math.IsInf(float64(r.Cost), 0) || r.Cost < 0 {
				t.Fatalf("cost %v of %+v", r.Cost, r)
			}
			if i > 0 && !ranked[0].Kept && ranked[i-1].Link.Measured() == r.Link.Measured() && r.Link.Measured() && math.Floor(float64(ranked[i-1].Cost)) > math.Floor(float64(r.Cost)) {
				t.Fatal("out of order")
			}
			if i > 1 && !ranked[i-1].Link.Measured() && r.Link.Measured() {
				t.Fatal("one that was measured is behind one that was not")
			}
		}
		if got := order(match.Rank(policy, rapid.Permutation(list).Draw(t, "permuted"), ranking)); !slices.Equal(got, order(ranked)) {
			t.Fatalf("%v, permuted %v", order(ranked), got)
		}
	})
}

func TestAPlayerIsMovedOnceAndNeverBack(t *testing.T) {
	// Ways that are measured again and again, each time up to 5 ms off: whoever was left is not come back to.
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(t, "edges")
		trips := rapid.SliceOfN(rapid.Float64Range(6, 150), n, n).Draw(t, "trips")
		noise := rapid.Float64Range(-4.999, 4.999)
		var current signaling.EdgeID
		left := map[signaling.EdgeID]bool{}
		for range 30 {
			var list []match.Measured
			for i, trip := range trips {
				id := signaling.EdgeID(fmt.Sprint(i))
				list = append(list, match.Measured{
					Candidate: match.Candidate{Edge: id, Installed: true}, Link: match.Measure([]float64{trip + noise.Draw(t, "noise")}, 0),
				})
			}
			best := match.Rank(match.Nearest{}, list, match.Ranking{Keep: current})[0].Edge
			if best != current {
				if left[best] {
					t.Fatalf("back to %s of %v", best, trips)
				}
				left[current] = true
				current = best
			}
		}
	})
}

func TestASwitchNeedsTenMillisecondsAndAThird(t *testing.T) {
	for _, step := range []struct {
		why              string
		has, other       float64
		moves, otherwise bool
	}{
		{why: "as good", has: 20, other: 20},
		{why: "9 ms is not enough, though it is nearly a half", has: 20, other: 11},
		{why: "10 ms is not enough where it is a tenth", has: 100, other: 90},
		{why: "10 ms and a half", has: 20, other: 10, moves: true},
		{why: "a third of 60", has: 60, other: 40, moves: true},
		{why: "less than a third of 60", has: 60, other: 41},
	} {
		list := []match.Measured{
			{Candidate: match.Candidate{Edge: "has", Installed: true}, Link: match.Measure([]float64{step.has}, 0)},
			{Candidate: match.Candidate{Edge: "other", Installed: true}, Link: match.Measure([]float64{step.other}, 0)},
		}
		first := match.Rank(match.Nearest{}, list, match.Ranking{Keep: "has"})[0]
		if moved := first.Edge == "other"; moved != step.moves || first.Kept != (step.other < step.has && !moved) {
			t.Errorf("%s: %+v", step.why, first)
		}
	}
	gone := []match.Measured{
		{Candidate: match.Candidate{Edge: "has", Installed: true}, Link: match.Measure(nil, 3)},
		{Candidate: match.Candidate{Edge: "other", Installed: true}, Link: match.Measure([]float64{70}, 0)},
	}
	if first := match.Rank(match.Nearest{}, gone, match.Ranking{Keep: "has"})[0]; first.Edge != "other" {
		t.Error("an edge that does not answer is kept")
	}
}

func TestEachPolicyFollowsWhatItIsNamedAfter(t *testing.T) {
	at := func(id signaling.EdgeID, trip float64, price match.Price, load float64, score match.Score) match.Measured {
		return match.Measured{Candidate: match.Candidate{Edge: id, Price: price, Load: load, Score: score, Installed: true}, Link: match.Measure([]float64{trip}, 0)}
	}
	list := []match.Measured{at("near", 10, 30, 1, 500), at("cheap", 30, 10, 0, 1000), at("fair", 11, 12, 0, 1000), at("far", 180, 5, 0, 1000)}
	for policy, want := range map[match.Policy]signaling.EdgeID{match.Nearest{}: "near", match.Cheapest{}: "cheap", match.Balanced{}: "fair"} {
		if got := order(match.Rank(policy, list, match.Ranking{})); got[0] != want {
			t.Errorf("%s: %v", policy.Name(), got)
		}
	}
	unmeasured := append(match.Unmeasured([]match.Candidate{{Edge: "untried", Installed: true}}), match.Measured{Candidate: match.Candidate{Edge: "silent", Installed: true}, Link: match.Measure(nil, 3)})
	if got := order(match.Rank(match.Balanced{}, append(unmeasured, list...), match.Ranking{})); got[4] != "untried" || got[5] != "silent" {
		t.Error(got)
	}
}

func TestTiesAreDecidedByTheSalt(t *testing.T) {
	list := match.Unmeasured([]match.Candidate{{Edge: "a"}, {Edge: "b"}, {Edge: "c"}})
	first := map[signaling.EdgeID]int{}
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		first[match.Rank(match.Balanced{}, list, match.Ranking{Salt: random.Uint64()})[0].Edge]++
	}
	for _, id := range []signaling.EdgeID{"a", "b", "c"} {
		if first[id] < 900 || first[id] > 1100 {
			t.Error(first)
		}
	}
}

func TestAHistoryKeepsTheBestOfFiveMinutes(t *testing.T) {
	var h match.History
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	h.Add(now, "a", match.Measure([]float64{10}, 0))
	h.Add(now.Add(time.Minute), "a", match.Measure([]float64{30}, 0))
	h.Add(now.Add(time.Minute), "a", match.Measure(nil, 3))
	for at, want := range map[time.Duration]time.Duration{time.Minute: 10 * time.Millisecond, 5 * time.Minute: 30 * time.Millisecond, 6 * time.Minute: 0} {
		if link, known := h.Best(now.Add(at), "a"); link.RoundTrip != want || known != (want > 0) {
			t.Errorf("after %v: %+v", at, link)
		}
	}
	for i := range 1000 {
		h.Add(now.Add(2*time.Minute), signaling.EdgeID(fmt.Sprint(i)), match.Measure([]float64{10}, 0))
	}
	if _, known := h.Best(now.Add(2*time.Minute), "999"); !known {
		t.Error("the newest edge is not known")
	}
	if _, known := h.Best(now.Add(2*time.Minute), "a"); known {
		t.Error("a history has no bounds")
	}
}

// FuzzMeasure has round trips of any bits.
func FuzzMeasure(f *testing.F) {
	f.Add([]byte{}, 0)
	f.Add(binary.LittleEndian.AppendUint64(nil, math.Float64bits(12.5)), 1)
	f.Add(binary.LittleEndian.AppendUint64(nil, math.Float64bits(math.NaN())), -1)
	f.Add(slices.Repeat(binary.LittleEndian.AppendUint64(nil, math.Float64bits(-math.MaxFloat64)), 40), math.MaxInt)
	f.Fuzz(func(t *testing.T, data []byte, failed int) {
		var trips []float64
		for ; len(data) >= 8; data = data[8:] {
			trips = append(trips, math.Float64frombits(binary.LittleEndian.Uint64(data)))
		}
		before := slices.Clone(trips)
		link := match.Measure(trips, failed)
		if link.Samples < 0 || link.Samples > match.MaxSamples || link.Failed < 0 || link.Jitter < 0 || link.RoundTrip < 0 || link.RoundTrip+link.Jitter > 10*time.Second ||
			link.Measured() != (link.RoundTrip > 0) || !(link.Loss() >= 0 && link.Loss() <= 1) {
			t.Fatalf("%+v of %v", link, before)
		}
		ranked := match.Rank(match.Balanced{}, []match.Measured{{Link: link}, {Candidate: match.Candidate{Edge: "other"}, Link: match.Measure([]float64{20}, 0)}}, match.Ranking{})
		if cost := float64(ranked[0].Cost); math.IsNaN(cost) || math.IsInf(cost, 0) {
			t.Fatalf("cost %v", cost)
		}
	})
}

func TestOtherThingsEqualTheEdgeComesFirstThatIsWhereItSays(t *testing.T) {
	candidate := func(id signaling.EdgeID, trip float64, consistent bool) match.Measured {
		return match.Measured{Candidate: match.Candidate{Edge: id, Installed: true, Score: match.MaxScore, Consistent: consistent}, Link: match.Measure([]float64{trip, trip, trip}, 0)}
	}
	for why, step := range map[string]struct {
		other, consistent float64 // round trips, ms
		want              signaling.EdgeID
	}{
		"alike":                         {20.5, 20.5, "here"},
		"slower by less than one knows": {20.1, 20.9, "here"},
		"slower":                        {20.5, 21.5, "elsewhere"},
		"quicker":                       {20.5, 18.5, "here"},
	} {
		for salt := range uint64(8) {
			list := []match.Measured{candidate("elsewhere", step.other, false), candidate("here", step.consistent, true)}
			if got := order(match.Rank(match.Balanced{}, list, match.Ranking{Salt: salt}))[0]; got != step.want {
				t.Errorf("%s: %s is first, want %s", why, got, step.want)
			}
		}
	}
}
