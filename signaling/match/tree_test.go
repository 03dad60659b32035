package match

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"nearlight/signaling"
)

// checkTree compares every summary with what is below it, and every edge with the cell it is in.
func checkTree(t *testing.T, x *Index, n *node, depth int, c cell, seen map[slot]bool) {
	t.Helper()
	all, open := nobody, nobody
	for _, s := range n.in {
		e := &x.entries[s]
		all.add(e)
		if e.open() {
			open.add(e)
		}
		if seen[s] {
			t.Fatalf("%s is in two leaves", e.id)
		}
		seen[s] = true
		if depth > 0 && e.placed {
			if centre, radius := c.reach(); e.at.chord(centre) > radius {
				t.Fatalf("%s at %v is out of its cell %+v: %v from %v, want %v", e.id, e.at, c, e.at.chord(centre), centre, radius)
			}
		}
	}
	for digit := range n.kids {
		kid := &n.kids[digit]
		checkTree(t, x, kid, depth+1, c.child(digit), seen)
		all.merge(&kid.all)
		open.merge(&kid.open)
	}
	if n.all != all && n.all.count+all.count > 0 || n.open != open && n.open.count+open.count > 0 {
		t.Fatalf("at depth %d: %+v and %+v, want %+v and %+v", depth, n.all, n.open, all, open)
	}
	if n.kids == nil && len(n.in) > bucketSize && depth <= levels || n.kids != nil && all.count <= mergeSize {
		t.Fatalf("a node of %d edges at depth %d has %d children", all.count, depth, len(n.kids))
	}
}

func TestSummariesAndCellsStayTrue(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	x := NewIndex()
	edge := func() Edge {
		e := Edge{
			ID: signaling.EdgeID(fmt.Sprint(random.IntN(3000))), Slots: 2, Free: random.IntN(3), State: State(random.IntN(2)), Codecs: []string{"a", "b"}[random.IntN(2):],
			Price: Price(random.IntN(5)), Score: Score(random.IntN(5)), Regions: []string{"eu", "us"}[:random.IntN(3)],
		}
		if random.IntN(5) > 0 {
			e.Place = &Place{math.Asin(2*random.Float64()-1) * 180 / math.Pi, 360*random.Float64() - 180}
			if random.IntN(3) == 0 {
				e.Place = &Place{48, 2}
			}
		}
		if random.IntN(2) == 0 {
			e.Apps = []signaling.App{{Name: "tux", Installed: random.IntN(2) == 0}}
		}
		return e
	}
	check := func() {
		trees := map[string]*tree{"every": &x.every}
		for name, a := range x.apps {
			trees[name], trees[name+", to be installed"] = &a.installed, &a.pullable
		}
		for name, tree := range trees {
			seen := map[slot]bool{}
			checkTree(t, x, &tree.root, 0, cell{}, seen)
			if name == "every" && len(seen) != x.Len() {
				t.Fatalf("%d edges are in leaves, want %d", len(seen), x.Len())
			}
		}
	}
	for i := range 40_000 {
		id := signaling.EdgeID(fmt.Sprint(random.IntN(3000)))
		switch random.IntN(5) {
		case 0, 1:
			x.Upsert(edge())
		case 2:
			x.SetFree(id, random.IntN(3))
		case 3:
			x.SetState(id, State(random.IntN(2)))
		case 4:
			x.Remove(id)
		}
		if i%4000 == 0 {
			check()
		}
	}
	check()
	for id := range 3000 {
		x.Remove(signaling.EdgeID(fmt.Sprint(id)))
	}
	check()
	if x.Len() != 0 || len(x.profiles) != 0 || len(x.apps) != 0 || x.every.root.kids != nil {
		t.Errorf("%d edges, %d profiles, %d apps are left", x.Len(), len(x.profiles), len(x.apps))
	}
}

func TestEveryEdgeOfABandIsAsLikely(t *testing.T) {
	// Edges of a tree that is deep at one end and flat at the other, drawn without a place.
	random := rand.New(rand.NewPCG(1, 2))
	x := NewIndex()
	const n = 300
	for i := range n {
		place := &Place{48, 2}
		if i%10 == 0 {
			place = &Place{-60 + float64(i)/3, float64(i)}
		}
		x.Upsert(Edge{ID: signaling.EdgeID(fmt.Sprint(i)), Slots: 1, Free: 1, Codecs: []string{"a"}, Place: place, Price: Price(i % 2)})
	}
	counts := make([]int, n)
	q := x.query(&Request{Codecs: []string{"a"}, PriceCap: 0})
	const draws = 60_000
	for range draws {
		s := &x.found
		s.begin(x, q, random.IntN)
		s.start()
		e, _ := s.next()
		counts[e]++
	}
	squares := 0.0
	for _, count := range counts {
		off := float64(count) - draws/n
		squares += off * off / (draws / n)
	}
	if squares > n+4*math.Sqrt(2*n) { // chi-squared with n-1 degrees of freedom, four standard deviations up
		t.Errorf("chi-squared is %.0f of %d edges", squares, n)
	}
}

func TestDistances(t *testing.T) {
	for _, step := range []struct {
		why  string
		a, b Place
		want Kilometres
	}{
		{"Paris and Berlin", Place{48.857, 2.352}, Place{52.520, 13.405}, 878},
		{"over the date line", Place{0, 179.5}, Place{0, -179.5}, 111},
		{"over the pole", Place{89, 0}, Place{89, 180}, 222},
		{"the other end of the world", Place{0, 0}, Place{0, 180}, 20015},
		{"the same", Place{10, 10}, Place{10, 10}, 0},
	} {
		if got := Distance(step.a, step.b); math.Abs(float64(got-step.want)) > 2 {
			t.Errorf("%s: %v km, want %v", step.why, got, step.want)
		}
	}
	if got := Distance(Place{math.NaN(), 0}, Place{}); got != Unknown {
		t.Errorf("from nowhere: %v", got)
	}
}
