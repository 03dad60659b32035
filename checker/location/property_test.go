package location

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var anyPlace = rapid.Custom(func(t *rapid.T) Place {
	return Place{rapid.Float64Range(-90, 90).Draw(t, "latitude"), rapid.Float64Range(-180, 180).Draw(t, "longitude")}
})

// lie is anything that a checker could say.
var lie = rapid.Custom(func(t *rapid.T) Report {
	return Report{anyPlace.Draw(t, "from"), time.Duration(rapid.Int64Range(1, int64(time.Second)).Draw(t, "time"))}
})

// honestOf is what an honest checker finds of an edge: light's time and whatever is added to it.
func honestOf(edge Place) *rapid.Generator[Report] {
	return rapid.Custom(func(t *rapid.T) Report {
		from := anyPlace.Draw(t, "from")
		if rapid.IntRange(0, 3).Draw(t, "near") == 0 { // as often as nearly at its place
			from = Place{min(max(edge.Latitude+rapid.Float64Range(-2, 2).Draw(t, "north"), -90), 90), edge.Longitude}
		}
		added := rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64Range(0, int64(time.Second)), rapid.Int64Range(0, math.MaxInt64/2)).Draw(t, "added")
		return Report{from, max(tripTo(Distance(from, edge)), 1) + time.Duration(added)}
	})
}

func judged(t interface{ Fatal(...any) }, reports []Report, rules Rules, c Claim) Verdict {
	s, err := NewSurvey(reports, rules)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Judge(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAnHonestClaimIsNeverImpossibleHoweverMuchDelayIsAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		edge := anyPlace.Draw(t, "edge")
		reports := rapid.SliceOfN(honestOf(edge), 1, 20).Draw(t, "reports")
		if v := judged(t, reports, Rules{}, Claim{Place: edge}); v.Impossible || v.Excluding > 0 {
			t.Errorf("the truth is judged %+v", v)
		}
	})
}

func TestMoreDelayNeverMakesAPossibleClaimImpossible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reports := rapid.SliceOfN(lie, 1, 20).Draw(t, "reports")
		rules := Rules{Liars: rapid.IntRange(0, (len(reports)-1)/3).Draw(t, "liars")}
		claim := Claim{anyPlace.Draw(t, "claim"), Kilometres(rapid.Float64Range(0, 500).Draw(t, "within"))}
		before := judged(t, reports, rules, claim)
		for i := range reports {
			reports[i].RoundTrip += time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "added"))
		}
		if after := judged(t, reports, rules, claim); after.Excluding > before.Excluding || after.Needed > before.Needed || after.Impossible && !before.Impossible {
			t.Errorf("first %+v, then %+v", before, after)
		}
	})
}

func TestLiarsCannotHaveAnHonestEdgeFlagged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		edge := anyPlace.Draw(t, "edge")
		lies := rapid.SliceOfN(lie, 0, 7).Draw(t, "lies")
		honest := rapid.SliceOfN(honestOf(edge), 2*len(lies)+1, 2*len(lies)+8).Draw(t, "honest")
		v := judged(t, append(lies, honest...), Rules{Liars: len(lies)}, Claim{Place: edge})
		if v.Impossible || v.Excluding > len(lies) {
			t.Errorf("%d liars of %d have the truth judged %+v", len(lies), len(lies)+len(honest), v)
		}
	})
}

func TestLiarsCannotSaveAClaimThatEnoughHonestCheckersExclude(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		edge, claim := anyPlace.Draw(t, "edge"), Claim{Place: anyPlace.Draw(t, "claim")}
		lies := rapid.SliceOfN(lie, 0, 7).Draw(t, "lies")
		honest := rapid.SliceOfN(honestOf(edge), 2*len(lies)+1, 2*len(lies)+8).Draw(t, "honest")
		alone := judged(t, honest, Rules{}, claim).Excluding
		if v := judged(t, append(lies, honest...), Rules{Liars: len(lies)}, claim); alone > len(lies) && !v.Impossible {
			t.Errorf("%d honest checkers exclude it, %d lie, and it is judged %+v", alone, len(lies), v)
		}
	})
}

func TestReportsNeverMakeAnImpossibleClaimPossible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reports := rapid.SliceOfN(lie, 1, 20).Draw(t, "reports")
		rules := Rules{Liars: rapid.IntRange(0, (len(reports)-1)/3).Draw(t, "liars")}
		claim := Claim{Place: anyPlace.Draw(t, "claim")}
		before := judged(t, reports, rules, claim)
		after := judged(t, append(reports, rapid.SliceOfN(lie, 1, 20).Draw(t, "more")...), rules, claim)
		if before.Impossible && !after.Impossible || after.Excluding < before.Excluding || after.Needed < before.Needed {
			t.Errorf("first %+v, then %+v", before, after)
		}
	})
}

func TestTheOrderOfReportsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reports := rapid.SliceOfN(lie, 1, 12).Draw(t, "reports")
		rules := Rules{Liars: (len(reports) - 1) / 3}
		claim := Claim{Place: anyPlace.Draw(t, "claim")}
		turned := rapid.Permutation(reports).Draw(t, "turned")
		if a, b := judged(t, reports, rules, claim), judged(t, turned, rules, claim); a != b {
			t.Errorf("%+v and %+v", a, b)
		}
	})
	// Estimates take longer.
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		reports := make([]Report, 10)
		for i := range reports {
			reports[i] = Report{lattice(random.IntN(grid)).place(), time.Duration(1 + random.IntN(longest))}
		}
		estimate := func() Estimate {
			s, err := NewSurvey(reports, Rules{Liars: 3})
			if err != nil {
				t.Fatal(err)
			}
			return s.Estimate()
		}
		first := estimate()
		random.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		if again := estimate(); again != first {
			t.Errorf("%+v and %+v", first, again)
		}
	}
}

const longest = int(300 * time.Millisecond)

func TestLiarsMoveConsistencyByTheirShareAtMost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reports := rapid.SliceOfN(lie, 4, 20).Draw(t, "reports")
		f := rapid.IntRange(1, (len(reports)-1)/3).Draw(t, "liars")
		claim := Claim{Place: anyPlace.Draw(t, "claim")}
		before := judged(t, reports, Rules{Liars: f}, claim).Consistency
		for i := range f {
			reports[i] = lie.Draw(t, "lie")
		}
		after := judged(t, reports, Rules{Liars: f}, claim).Consistency
		if share := float64(f) / float64(len(reports)); math.Abs(after-before) > share+1e-9 {
			t.Errorf("from %v to %v by %v of the reports", before, after, share)
		}
	})
}

// What the discs say is what a closer look says: a claim is impossible where no n-f reports all admit it.
func TestAClaimIsImpossibleWhereNoChoiceOfHonestReportsAdmitsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reports := rapid.SliceOfN(lie, 1, 10).Draw(t, "reports")
		f := rapid.IntRange(0, (len(reports)-1)/3).Draw(t, "liars")
		claim := Claim{Place: anyPlace.Draw(t, "claim")}
		admitted := false
		for chosen := range 1 << len(reports) {
			var honest []Report
			for i, r := range reports {
				if chosen>>i&1 == 1 {
					honest = append(honest, r)
				}
			}
			if len(honest) == len(reports)-f && !slices.ContainsFunc(honest, func(r Report) bool {
				return Distance(r.Place, claim.Place)/oblate > reach(r.RoundTrip, Fibre)
			}) {
				admitted = true
			}
		}
		if v := judged(t, reports, Rules{Liars: f}, claim); v.Impossible == admitted {
			t.Errorf("%+v, and a choice of %d of %d admits it: %v", v, len(reports)-f, len(reports), admitted)
		}
	})
}
