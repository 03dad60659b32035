package location

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"nearlight/internal/placement"
)

// world is the simulated one of internal/placement, with checkers and edges in it. The checkers that lie collude with an edge that lies, and against one that does not.
type world struct {
	hosts  *placement.Hosts
	random *rand.Rand
	curve  *Curve
	share  float64 // of checkers who lie
	may    float64 // how large a share is reckoned with
	close  bool    // committees are drawn around where the edge seems to be
	nearby map[int][]int
}

// The first hosts are edges, the others checkers.
const (
	edges    = 400
	checkers = 800
	samples  = 5 // of a round trip
)

func newWorld(t *testing.T, share, may float64) *world {
	t.Helper()
	w := &world{hosts: placement.NewHosts(edges+checkers, 1), random: rand.New(rand.NewPCG(1, 3)), share: share, may: may, nearby: map[int][]int{}}
	var pairs []Sample
	for range 4000 {
		from, to := w.checker(), w.checker()
		if from != to {
			pairs = append(pairs, Sample{w.told(from), w.told(to), w.hosts.RoundTrip(from, to, samples)})
		}
	}
	curve, err := Calibrate(pairs)
	if err != nil {
		t.Fatal(err)
	}
	w.curve = curve
	return w
}

func (w *world) place(host int) Place {
	p := w.hosts.Place(host)
	return Place{p.Latitude, p.Longitude}
}

func (w *world) checker() int { return edges + w.random.IntN(checkers) }

// told is where a checker says that it is while the curve is calibrated: the first ones lie.
func (w *world) told(checker int) Place {
	if float64(checker-edges) < w.share*checkers {
		return w.place(edges + (checker*7919)%checkers)
	}
	return w.place(checker)
}

// committee is n of these checkers, of whom the first ones lie.
func (w *world) committee(n int, of []int) []int {
	var members []int
	for _, c := range w.random.Perm(len(of))[:n] {
		members = append(members, of[c])
	}
	return members
}

func part(share float64, n int) int { return int(math.Round(share * float64(n))) }

func (w *world) everybody() []int {
	all := make([]int, checkers)
	for i := range all {
		all[i] = edges + i
	}
	return all
}

// around is the eighth of all checkers that is nearest to one of a first committee: the one with the shortest round trip of those that liars cannot all be.
func (w *world) around(members []int, reports []Report) []int {
	order := make([]int, len(members))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(reports[a].RoundTrip, reports[b].RoundTrip) })
	centre := members[order[part(w.may, len(order))]]
	if w.nearby[centre] == nil {
		far := make(map[int]Kilometres, checkers)
		for _, c := range w.everybody() {
			far[c] = Distance(w.place(c), w.place(centre))
		}
		w.nearby[centre] = slices.SortedFunc(maps.Keys(far), func(a, b int) int { return cmp.Or(cmp.Compare(far[a], far[b]), cmp.Compare(a, b)) })[:checkers/8]
	}
	return w.nearby[centre]
}

// aside is a place so far off.
func (w *world) aside(from Place, by Kilometres) Place {
	return from.vector().compass().going(2*math.Pi*w.random.Float64(), by).place()
}

// usual is a round trip that nobody would wonder at.
func usual(distance Kilometres) time.Duration { return tripTo(distance)*3/2 + 5*ms }

// attack is how those who lie go about it.
type attack int

const (
	slander attack = iota // the edge tells the truth; liars have it a tenth as far from them as it is
	plain                 // the edge lies about its place alone; liars say what they would find there
	waiting               // it waits besides, as long as answers from there would take, and knows where each checker is
)

func (w *world) reports(edge int, members []int, claim Place, how attack) []Report {
	liars := part(w.share, len(members))
	reports := make([]Report, len(members))
	for i, m := range members {
		from := w.place(m)
		trip := w.hosts.RoundTrip(m, edge, samples)
		there := usual(Distance(from, claim))
		switch {
		case how == slander && i < liars:
			trip /= 10
		case how != slander && i < liars:
			trip = there
		case how == waiting:
			trip = max(trip, there)
		}
		reports[i] = Report{from, trip}
	}
	return reports
}

func (w *world) survey(t *testing.T, reports []Report) *Survey {
	t.Helper()
	s, err := NewSurvey(reports, Rules{Liars: part(w.may, len(reports)), Curve: w.curve})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tried is what came of many edges with one way to lie.
type tried struct {
	flagged     float64 // part of them
	consistency []float64
}

func (w *world) try(t *testing.T, trials, n int, off Kilometres, how attack) tried {
	t.Helper()
	var r tried
	for range trials {
		edge := w.random.IntN(edges)
		claim := w.place(edge)
		if how != slander {
			claim = w.aside(claim, off)
		}
		members := w.committee(n, w.everybody())
		reports := w.reports(edge, members, claim, how)
		if w.close {
			reports = w.reports(edge, w.committee(n, w.around(members, reports)), claim, how)
		}
		v, err := w.survey(t, reports).Judge(Claim{claim, 25})
		if err != nil {
			t.Fatal(err)
		}
		if v.Impossible {
			r.flagged += 1 / float64(trials)
		}
		r.consistency = append(r.consistency, v.Consistency)
	}
	slices.Sort(r.consistency)
	return r
}

// odd is the part that is flagged, or less consistent than 19 of 20 true claims.
func (r tried) odd(truth tried) float64 {
	threshold := truth.consistency[len(truth.consistency)/20]
	n, _ := slices.BinarySearch(r.consistency, threshold)
	return max(float64(n)/float64(len(r.consistency)), r.flagged)
}

// TestFalseClaimsAreFound prints the first two tables of docs/checking.md.
func TestFalseClaimsAreFound(t *testing.T) {
	trials := 1000
	if testing.Short() || raceDetector {
		trials = 100
	}
	type row struct {
		checkers   int
		share, may float64
		close      bool
	}
	var rows []row
	for _, close := range []bool{false, true} {
		for _, n := range []int{8, 16, 32, 57} {
			rows = append(rows, row{n, 0, 0, close}, row{n, 0, 0.25, close}, row{n, 0.1, 0.1, close}, row{n, 0.25, 0.25, close})
		}
	}
	flagged := map[row][]float64{} // by how far off
	for _, r := range rows {
		w := newWorld(t, r.share, r.may)
		w.close = r.close
		truth := w.try(t, trials, r.checkers, 0, slander)
		if truth.flagged > 0 {
			t.Errorf("%+v: %v of true claims are flagged", r, truth.flagged)
		}
		line := fmt.Sprintf("| %d | %d | %d |", r.checkers, part(r.may, r.checkers), part(r.share, r.checkers))
		for _, off := range []Kilometres{1000, 3000} {
			open, waits := w.try(t, trials, r.checkers, off, plain), w.try(t, trials, r.checkers, off, waiting)
			line += fmt.Sprintf(" %.0f %% | %.0f %% | %.0f %% |", 100*open.flagged, 100*open.odd(truth), 100*waits.odd(truth))
			flagged[r] = append(flagged[r], open.flagged)
			if waits.flagged > open.flagged {
				t.Errorf("%+v: %v of edges that wait are flagged, and %v of those that do not", r, waits.flagged, open.flagged)
			}
		}
		t.Log(line)
	}
	for _, c := range []struct {
		reason     string
		more, less float64
	}{
		{"more checkers find more", flagged[row{32, 0, 0, false}][0], flagged[row{8, 0, 0, false}][0]},
		{"what is further off is found more often", flagged[row{16, 0.1, 0.1, false}][1], flagged[row{16, 0.1, 0.1, false}][0]},
		{"liars hide something", flagged[row{16, 0, 0, false}][1], flagged[row{16, 0.25, 0.25, false}][1]},
		{"checkers around the edge find more", flagged[row{32, 0.1, 0.1, true}][0], flagged[row{32, 0.1, 0.1, false}][0]},
		{"checkers around the edge find more, whoever lies", flagged[row{32, 0.25, 0.25, true}][1], flagged[row{32, 0.25, 0.25, false}][1]},
		{"who reckons with liars finds less, even where there are none", flagged[row{32, 0, 0, false}][1], flagged[row{32, 0, 0.25, false}][1]},
	} {
		if c.more <= c.less {
			t.Errorf("%s: %v and %v", c.reason, c.more, c.less)
		}
	}
}

// TestEstimatesAreNearTheTruth prints the third table of docs/checking.md.
func TestEstimatesAreNearTheTruth(t *testing.T) {
	trials := 100
	if testing.Short() || raceDetector {
		trials = 4
	}
	for _, n := range []int{8, 16, 32, 57} {
		for _, share := range []float64{0, 0.10, 0.25} {
			w := newWorld(t, share, share)
			within := 0
			var off, radius []float64
			for range trials {
				edge := w.random.IntN(edges)
				e := w.survey(t, w.reports(edge, w.committee(n, w.everybody()), Place{}, slander)).Estimate()
				if !e.Possible {
					t.Errorf("%d checkers of whom %.0f %% lie: no place is possible", n, 100*share)
				}
				d := Distance(e.Place, w.place(edge))
				if d <= e.Radius {
					within++
				}
				off, radius = append(off, float64(d)), append(radius, float64(e.Radius))
			}
			slices.Sort(off)
			slices.Sort(radius)
			t.Logf("| %d | %d | %.0f | %.0f | %.0f | %.0f %% |", n, part(share, n), off[trials/2], off[trials*9/10], radius[trials/2], 100*float64(within)/float64(trials))
		}
	}
}
