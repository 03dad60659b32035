package match_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

// street is edges in one place: some that are known to be good, and some newcomers with a share.
func street(good, newcomers, share int) *match.Index {
	x := match.NewIndex()
	place := match.Place{Latitude: 50, Longitude: 8}
	for i := range good + newcomers {
		e := match.Edge{ID: signaling.EdgeID(fmt.Sprint("good-", i)), Slots: 2, Free: 2, Codecs: []string{"h264"}, Place: &place}
		if i >= good {
			e.ID, e.Share = signaling.EdgeID(fmt.Sprint("new-", i)), share
		}
		x.Upsert(e)
	}
	return x
}

func isNew(id signaling.EdgeID) bool { return strings.HasPrefix(string(id), "new-") }

var nearby = &match.Near{Place: match.Place{Latitude: 50, Longitude: 8}, Uncertainty: 5}

func TestANewcomerIsACandidateInItsShareOfTheRequests(t *testing.T) {
	for _, share := range []int{1, 50, 500, 999} {
		x := street(3, 1, share)
		random := rand.New(rand.NewPCG(uint64(share), 1))
		const asked = 40_000
		seen := 0
		for range asked {
			list, err := x.Shortlist(match.Request{Codecs: []string{"h264"}, Near: nearby}, random.IntN)
			if err != nil || len(list) < 3 {
				t.Fatal(list, err)
			}
			for _, c := range list {
				if isNew(c.Edge) {
					seen++
				}
			}
		}
		p := float64(share) / match.Whole
		if off := math.Abs(float64(seen) - p*asked); off > 5*math.Sqrt(asked*p*(1-p)) { // one in two million
			t.Errorf("with a share of %d a newcomer is a candidate in %d of %d requests", share, seen, asked)
		}
	}
}

func TestAskingTwiceForOneRequestDrawsOnce(t *testing.T) {
	x := street(20, 200, 50) // of whom together no more is seen than of one
	random := rand.New(rand.NewPCG(3, 1))
	const asked = 4000
	seen := 0
	for range asked {
		request := match.Request{Codecs: []string{"h264"}, Draw: random.Uint64() | 1}
		found := 0
		for range 5 {
			list, err := x.Shortlist(request, random.IntN)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range append(list, x.Again(request, match.Unmeasured(list), random.IntN)...) {
				if isNew(c.Edge) {
					found = 1
				}
			}
		}
		seen += found
	}
	if seen < asked/20-70 || seen > asked/20+70 { // five deviations of 14
		t.Errorf("newcomers are candidates in %d of %d requests", seen, asked)
	}
}

func TestWhereNobodyElseWouldDoNewcomersCount(t *testing.T) {
	x := street(1, 5, 1)
	random := rand.New(rand.NewPCG(4, 1))
	ask := func(r match.Request) int {
		r.Codecs, r.Near = []string{"h264"}, nearby
		list, err := x.Shortlist(r, random.IntN)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, c := range list {
			if isNew(c.Edge) {
				n++
			}
		}
		return n
	}
	for range 100 {
		if n := ask(match.Request{Draw: 1}); n != 0 {
			t.Fatalf("%d newcomers that were not drawn", n)
		}
		if n := ask(match.Request{Except: []signaling.EdgeID{"good-0"}}); n == 0 {
			t.Fatal("nobody is left")
		}
	}
	x.SetFree("good-0", 0)
	if n := ask(match.Request{Draw: 1}); n != 5 {
		t.Errorf("%d of 5 newcomers count, though nobody else has a slot", n)
	}
	x.SetState("good-0", match.Jailed)
	for i := 1; i <= 5; i++ {
		x.SetState(signaling.EdgeID(fmt.Sprint("new-", i)), match.Checking)
	}
	if _, err := x.Shortlist(match.Request{Codecs: []string{"h264"}}, random.IntN); err == nil || err.Code != signaling.CodeNotAccepting {
		t.Errorf("edges that are to get nobody: %v", err)
	}
}

func TestWhoChecksReachesTheEdgesThatItNamesAndNoOther(t *testing.T) {
	x := street(0, 3, 1)
	random := rand.New(rand.NewPCG(5, 1))
	for _, step := range []struct {
		state match.State
		check bool
		want  bool
	}{
		{match.Accepting, false, true}, {match.Checking, false, false}, {match.Jailed, false, false},
		{match.Accepting, true, true}, {match.Checking, true, true}, {match.Jailed, true, true},
		{match.Draining, true, false}, {match.Silent, true, false}, {match.Leaving, true, false},
	} {
		x.SetState("new-1", step.state)
		list, err := x.Shortlist(match.Request{Codecs: []string{"h264"}, Check: step.check, MinScore: 1, Only: []signaling.EdgeID{"new-1"}}, random.IntN)
		if !step.check { // whose score is 0
			list, err = x.Shortlist(match.Request{Codecs: []string{"h264"}, Only: []signaling.EdgeID{"new-1"}}, random.IntN)
		}
		if (err == nil) != step.want || step.want && (len(list) != 1 || list[0].Edge != "new-1") {
			t.Errorf("%v, check %v: %v %v", step.state, step.check, list, err)
		}
	}
	x.SetState("new-2", match.Jailed)
	if _, err := x.Shortlist(match.Request{Codecs: []string{"h264"}, Check: true, Only: []signaling.EdgeID{"new-9"}}, random.IntN); err == nil {
		t.Error("a check reaches an edge that it does not name")
	}
}

// BenchmarkShortlist is a request of a player whose place is known, by how many edges are newcomers.
func BenchmarkShortlist(b *testing.B) {
	for _, newcomers := range []int{0, 10, 50, 99, 100} {
		b.Run(fmt.Sprint(newcomers, "percent"), func(b *testing.B) {
			random := rand.New(rand.NewPCG(6, 1))
			list, _ := world(100_000, random)
			for i := range list {
				if i%100 < newcomers {
					list[i].Share = 50
				}
			}
			x := match.NewIndex(list...)
			b.ReportAllocs()
			for b.Loop() {
				near := &match.Near{Place: *list[random.IntN(len(list))].Place, Uncertainty: 30}
				if _, err := x.Shortlist(match.Request{Codecs: []string{"h264"}, Near: near}, random.IntN); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
