package challenge_test

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"nearlight/checker/challenge"
	"nearlight/internal/media"
)

const (
	blockNonces = 5 // 2.5 s: longer than what one loss, or one burst, has to do with the next
	blocksEach  = 4 // 10 s
)

// endsVariable asks for more challenges that are judged at their ends than 1000 of each encoder: 10,000 take an hour and more.
const endsVariable = "NEARLIGHT_CHALLENGES"

// alarms is how often honest edges were accused.
type alarms struct {
	looks, atLooks          int
	challenges, independent int // of those that were made up from others', and of those
	made, of                int
	by                      map[string]int
	margins                 map[string][]float64 // by finding, of the challenges that were made: from the figure to the limit
}

// TestHonestEdgesAreSeldomAccused is an honest edge with each encoder over each way: each look at challenges of 10 s, and challenges that are put together
// from theirs, by a bootstrap of blocks. NEARLIGHT_EXPERIMENTS=1 has it long enough for docs/checking.md's figures.
func TestHonestEdgesAreSeldomAccused(t *testing.T) {
	each, ends, made := 3, 0, 20 // for each encoder, way and rate
	if os.Getenv("NEARLIGHT_EXPERIMENTS") != "" {
		each, ends, made = 8, 1000, 200
		if asked := os.Getenv(endsVariable); asked != "" {
			var err error
			ends, err = strconv.Atoi(asked)
			must(t, err)
		}
	}
	a, p := openApp(t), painter(t)
	var recs []*recording
	for _, c := range coders {
		plan := planned(3 * time.Second)
		plan.Share = 0.3
		s, w := a.seenBy(t, p, honest(3, plan, clean), c)
		if s.alarms > 0 {
			t.Errorf("%s: %v", c.name, s.caught)
		}
		recs = append(recs, recorded(c.name, w))
	}
	var all alarms
	for _, w := range append(ways[:len(ways):len(ways)], stalls) {
		for _, rate := range []int{fps, quick} {
			plan := planned(10 * time.Second)
			plan.FrameRate = rate
			of := alarms{by: map[string]int{}, margins: map[string][]float64{}}
			for n, rec := range recs {
				seed := uint64(n) << 32
				of.add(t, rec, w, plan, uint64(each), made, seed)
				if w.name == clean.name || w.name == lossy.name {
					of.atEnds(t, rec, w, plan, seed+1<<20, uint64(ends))
				}
			}
			t.Logf("%s, %d: %d of %d looks, %d of %d challenges, 95 %%: %.2g to %.2g; of %d made of their blocks %d: %v; extrapolated %v", w.name, rate, of.atLooks, of.looks,
				of.challenges, of.independent, between(of.challenges, of.independent, 0), between(of.challenges, of.independent, 1), of.made, of.of, of.by, of.extrapolated())
			if w.name == stalls.name {
				continue
			}
			all.looks, all.atLooks, all.challenges, all.independent = all.looks+of.looks, all.atLooks+of.atLooks, all.challenges+of.challenges, all.independent+of.independent
			if (w.name == clean.name || w.name == lossy.name) && (of.atLooks > 0 || of.of > of.made/1000) {
				t.Errorf("%s, %d: an honest edge is accused at %d looks, and in %d of %d challenges made of its blocks", w.name, rate, of.atLooks, of.of, of.made)
			}
		}
	}
	t.Logf("all but %s: %d of %d looks, %d of %d challenges, 95 %%: %.2g to %.2g", stalls.name, all.atLooks, all.looks, all.challenges, all.independent,
		between(all.challenges, all.independent, 0), between(all.challenges, all.independent, 1))
}

// add runs challenges, and makes others of their blocks.
func (a *alarms) add(t *testing.T, rec *recording, w way, plan challenge.Plan, each uint64, made int, seed uint64) {
	t.Helper()
	var blocks []challenge.Block
	for n := range each {
		s, look := sighted(t, nil)
		watch := rec.replayed(t, honest(seed+n, plan, w).carried(), seed+n, look)
		blocks = append(blocks, watch.Blocks(blockNonces)...)
		a.looks, a.atLooks, a.independent = a.looks+s.looks, a.atLooks+s.alarms, a.independent+1
		if len(s.last.Failed()) > 0 {
			a.challenges++
		}
	}
	random := rand.New(rand.NewPCG(seed, 10))
	for range made {
		var drawn []challenge.Block
		for range blocksEach {
			drawn = append(drawn, one(random, blocks))
		}
		watch, length := challenge.Joined(plan, drawn)
		v, err := watch.Judge(nil, challenge.DefaultLimits, media.Instant(length))
		must(t, err)
		a.made++
		failed := v.Failed()
		if len(failed) > 0 {
			a.of++
		}
		for _, name := range failed {
			a.by[name]++
		}
		for _, f := range v.Findings {
			margin := f.Limit - f.Figure
			if f.Least {
				margin = -margin
			}
			a.margins[f.Name] = append(a.margins[f.Name], margin)
		}
	}
}

// atEnds runs challenges that are judged when they are over, as checkers do it.
func (a *alarms) atEnds(t *testing.T, rec *recording, w way, plan challenge.Plan, seed, count uint64) {
	t.Helper()
	for n := range count {
		v, err := rec.replayed(t, honest(seed+n, plan, w).carried(), seed+n, nil).Judge(nil, challenge.DefaultLimits, began.Add(plan.Length))
		must(t, err)
		a.independent++
		if failed := v.Failed(); len(failed) > 0 {
			a.challenges++
			t.Logf("challenge %d: %v", seed+n, failed)
		}
	}
}

// extrapolated is, of the findings that vary, how often they would be beyond their limits if their distance to them were normal, which it is near its middle only.
func (a *alarms) extrapolated() map[string]float64 {
	tails := map[string]float64{}
	for name, margins := range a.margins {
		mean, square := 0.0, 0.0
		for _, m := range margins {
			mean += m / float64(len(margins))
		}
		for _, m := range margins {
			square += (m - mean) * (m - mean) / float64(len(margins)-1)
		}
		if tail := math.Erfc(mean/math.Sqrt(2*square)) / 2; tail > 1e-9 {
			tails[name] = tail
		}
	}
	return tails
}

// between is an end of the 95 % interval of a share of which k of n were seen, by Clopper and Pearson.
func between(k, n, end int) float64 {
	if k == 0 && end == 0 || k == n && end == 1 {
		return float64(end)
	}
	least, most := 0.0, 1.0
	for range 60 {
		p := (least + most) / 2
		// The chance of at most k, or at most one less, of n.
		upTo := k - 1 + end
		tail := 0.0
		for i := 0; i <= upTo; i++ {
			x, _ := math.Lgamma(float64(n + 1))
			y, _ := math.Lgamma(float64(i + 1))
			z, _ := math.Lgamma(float64(n - i + 1))
			tail += math.Exp(x - y - z + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
		}
		if end == 1 && tail > 0.025 || end == 0 && 1-tail < 0.025 {
			least = p
		} else {
			most = p
		}
	}
	return (least + most) / 2
}

func TestIntervalsAreThoseOfTables(t *testing.T) {
	for _, c := range []struct {
		k, n        int
		least, most float64
	}{{0, 100, 0, 0.0362}, {1, 100, 0.00025, 0.0545}, {5, 50, 0.0333, 0.2181}} {
		if least, most := between(c.k, c.n, 0), between(c.k, c.n, 1); math.Abs(least-c.least) > 1e-4 || math.Abs(most-c.most) > 1e-4 {
			t.Errorf("%d of %d: %.5f to %.5f", c.k, c.n, least, most)
		}
	}
}
