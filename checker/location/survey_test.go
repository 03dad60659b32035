package location

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"
)

const ms = time.Millisecond

var (
	frankfurt = Place{50.1, 8.7}
	paris     = Place{48.9, 2.4}
	london    = Place{51.5, -0.1}
	madrid    = Place{40.4, -3.7}
	newYork   = Place{40.7, -74}
	tokyo     = Place{35.7, 139.7}
	sydney    = Place{-33.9, 151.2}
)

func TestDistances(t *testing.T) {
	for _, c := range []struct {
		reason string
		a, b   Place
		want   Kilometres
		within Kilometres
	}{
		{"a place from itself", frankfurt, frankfurt, 0, 0},
		{"some metres are not lost to rounding", Place{50, 8}, Place{50.00001, 8}, 0.0011119, 1e-6},
		{"a quarter of the equator", Place{}, Place{0, 90}, halfTheEarth / 2, 1e-6},
		{"from pole to pole, whatever their longitude", Place{90, 17}, Place{-90, -120}, halfTheEarth, 1e-3},
		{"across the antimeridian it is near", Place{0, 179.5}, Place{0, -179.5}, 111.2, 0.1},
		{"London and New York, as everybody has it", london, newYork, 5570, 15},
	} {
		if got := Distance(c.a, c.b); math.Abs(float64(got-c.want)) > float64(c.within) {
			t.Errorf("%s: %v km, want %v", c.reason, got, c.want)
		}
	}
	if got := Distance(Place{91, 0}, paris); !math.IsNaN(float64(got)) {
		t.Errorf("a place that is none is %v km off", got)
	}
}

func TestClaims(t *testing.T) {
	// An edge in Frankfurt, by usual ways.
	honest := []Report{{frankfurt, 2 * ms}, {paris, 9 * ms}, {london, 13 * ms}, {madrid, 28 * ms}, {newYork, 85 * ms}, {tokyo, 230 * ms}, {sydney, 290 * ms}}
	with := func(rest ...Report) []Report { return append(slices.Clone(honest), rest...) }
	for _, c := range []struct {
		reason     string
		reports    []Report
		rules      Rules
		claim      Claim
		impossible bool
		excluding  int
	}{
		{"the truth", honest, Rules{}, Claim{Place: frankfurt}, false, 0},
		{"the truth, whoever may lie", honest, Rules{Liars: 2}, Claim{Place: frankfurt}, false, 0},
		{"Madrid is further from Frankfurt, Paris and London than light gets in their times", honest, Rules{}, Claim{Place: madrid}, true, 2},
		{"two may lie, and two exclude it", honest, Rules{Liars: 2}, Claim{Place: madrid}, false, 2},
		{"one may lie, and two exclude it", honest, Rules{Liars: 1}, Claim{Place: madrid}, true, 2},
		{"New York is excluded by all of Europe", honest, Rules{Liars: 2}, Claim{Place: newYork}, true, 4},
		{"Paris is 480 km from Frankfurt, and 2 ms are 200", honest, Rules{}, Claim{Place: paris}, true, 1},
		{"a part of what is claimed is in reach", honest, Rules{}, Claim{paris, 300}, false, 0},
		{"a liar close by says that the edge is at its place", with(Report{tokyo, ms}), Rules{Liars: 1}, Claim{Place: frankfurt}, false, 1},
		{"a liar nobody reckons with", with(Report{tokyo, ms}), Rules{}, Claim{Place: frankfurt}, true, 1},
		{"a liar about its own place: it is in Frankfurt", with(Report{sydney, 2 * ms}), Rules{Liars: 1}, Claim{Place: frankfurt}, false, 1},
		{"a liar who adds time excludes nothing", with(Report{frankfurt, time.Hour}), Rules{}, Claim{Place: frankfurt}, false, 0},
		{"an edge that waits a second is anywhere", []Report{{frankfurt, time.Second}, {paris, time.Second}}, Rules{}, Claim{Place: sydney}, false, 0},
		{"along a meridian at the equator the Earth is smaller than a sphere: 2 degrees are 221.15 km", []Report{{Place{0, 0}, 2214 * time.Microsecond}}, Rules{}, Claim{Place: Place{2, 0}}, false, 0},
		{"and not much smaller", []Report{{Place{0, 0}, 2210 * time.Microsecond}}, Rules{}, Claim{Place: Place{2, 0}}, true, 1},
		{"a link of radio: 480 km in 4 ms is faster than light in fibre", []Report{{frankfurt, 4 * ms}}, Rules{}, Claim{Place: paris}, true, 1},
		{"and slower than light", []Report{{frankfurt, 4 * ms}}, Rules{Speed: Vacuum}, Claim{Place: paris}, false, 0},
		{"nothing answers from the other side of the Earth in a nanosecond", []Report{{Place{90, 0}, 1}}, Rules{Speed: Vacuum}, Claim{Place: Place{-90, 0}}, true, 1},
		{"the longest time that there is", []Report{{Place{90, 0}, math.MaxInt64}}, Rules{}, Claim{Place: Place{-90, 0}}, false, 0},
	} {
		s, err := NewSurvey(c.reports, c.rules)
		if err != nil {
			t.Errorf("%s: %v", c.reason, err)
			continue
		}
		v, err := s.Judge(c.claim)
		if err != nil || v.Impossible != c.impossible || v.Excluding != c.excluding {
			t.Errorf("%s: %+v, %v; want impossible %v, excluded by %d", c.reason, v, err, c.impossible, c.excluding)
		}
		if v.Impossible != (v.Needed > s.light) || v.Impossible != (v.Beyond > 0) || !(v.Consistency >= 0 && v.Consistency <= 1) {
			t.Errorf("%s: %+v contradicts itself", c.reason, v)
		}
	}
}

func TestTheSpeedThatAClaimTakes(t *testing.T) {
	s, err := NewSurvey([]Report{{Place{0, 0}, 10 * ms}, {Place{0, 0}, 20 * ms}, {Place{0, 0}, 40 * ms}, {Place{0, 0}, 80 * ms}}, Rules{Liars: 1})
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Judge(Claim{Place: Place{0, 20}}) // 2223.9 km, at least 2211.3 of them on the ellipsoid
	if want := 2211.3 / 10; err != nil || math.Abs(float64(v.Needed)-want) > 0.1 {
		t.Errorf("%v km per ms, %v; want %v, by the second of the reports: the first may be the lie", v.Needed, err, want)
	}
}

func TestHowFarAClaimIsBeyondReach(t *testing.T) {
	reports := []Report{{Place{0, 0}, 10 * ms}, {Place{0, 0}, 4 * ms}, {Place{0, 0}, 2 * ms}, {Place{0, 0}, 50 * ms}}
	for liars, want := range map[int]float64{0: 2211.3 - float64(Fibre), 1: 2211.3 - 2*float64(Fibre)} {
		s, err := NewSurvey(reports, Rules{Liars: liars})
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.Judge(Claim{Place: Place{0, 20}}) // as above
		if err != nil || math.Abs(float64(v.Beyond)-want) > 0.1 {
			t.Errorf("%d may lie: %v km, %v; want %v", liars, v.Beyond, err, want)
		}
		within, err := s.Judge(Claim{Place{0, 20}, 100})
		if err != nil || math.Abs(float64(v.Beyond-within.Beyond)-100) > 1e-6 {
			t.Errorf("100 km to spare make it %v km, %v", within.Beyond, err)
		}
	}
}

func TestBetterVerdictsComeFirst(t *testing.T) {
	verdicts := []Verdict{{Impossible: true, Consistency: 0.9}, {Consistency: 0.2}, {Consistency: 0.7}, {Impossible: true, Consistency: 0.95}}
	slices.SortFunc(verdicts, Compare)
	want := []Verdict{{Consistency: 0.7}, {Consistency: 0.2}, {Impossible: true, Consistency: 0.95}, {Impossible: true, Consistency: 0.9}}
	if !slices.Equal(verdicts, want) {
		t.Errorf("got %+v", verdicts)
	}
}

func TestWhatNobodyMeasuredIsRefused(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	good := Report{frankfurt, ms}
	for _, c := range []struct {
		reason  string
		reports []Report
		rules   Rules
		want    error
	}{
		{"nobody reports", nil, Rules{}, ErrTooFew},
		{"more than a survey takes", make([]Report, MaxReports+1), Rules{}, ErrTooMany},
		{"a negative time", []Report{good, {paris, -1}}, Rules{}, ErrRoundTrip},
		{"no time at all", []Report{{paris, 0}}, Rules{}, ErrRoundTrip},
		{"the least number there is", []Report{{paris, math.MinInt64}}, Rules{}, ErrRoundTrip},
		{"north of the pole", []Report{{Place{90.1, 0}, ms}}, Rules{}, ErrPlace},
		{"beyond the antimeridian", []Report{{Place{0, 180.1}, ms}}, Rules{}, ErrPlace},
		{"no number", []Report{{Place{nan, 0}, ms}}, Rules{}, ErrPlace},
		{"no number either", []Report{{Place{0, nan}, ms}}, Rules{}, ErrPlace},
		{"no end", []Report{{Place{0, -inf}, ms}}, Rules{}, ErrPlace},
		{"fewer liars than none", []Report{good}, Rules{Liars: -1}, ErrLiars},
		{"a third lies", []Report{good, good, good}, Rules{Liars: 1}, ErrLiars},
		{"a number whose triple is negative", []Report{good}, Rules{Liars: math.MaxInt}, ErrLiars},
		{"no speed", []Report{good}, Rules{Speed: Speed(nan)}, ErrSpeed},
		{"a negative speed", []Report{good}, Rules{Speed: -1}, ErrSpeed},
		{"a speed without end", []Report{good}, Rules{Speed: Speed(inf)}, ErrSpeed},
	} {
		if s, err := NewSurvey(c.reports, c.rules); !errors.Is(err, c.want) || s != nil {
			t.Errorf("%s: %v, %v; want %v", c.reason, s, err, c.want)
		}
	}
	s, err := NewSurvey([]Report{good, good, good, good}, Rules{Liars: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		reason string
		claim  Claim
		want   error
	}{
		{"nowhere", Claim{Place: Place{nan, nan}}, ErrPlace},
		{"south of the pole", Claim{Place: Place{-90.5, 0}}, ErrPlace},
		{"nearer than near", Claim{frankfurt, -1}, ErrWithin},
		{"anywhere", Claim{frankfurt, 20_000}, ErrWithin},
		{"no number", Claim{frankfurt, Kilometres(nan)}, ErrWithin},
	} {
		if v, err := s.Judge(c.claim); !errors.Is(err, c.want) || v != (Verdict{}) {
			t.Errorf("%s: %+v, %v; want %v", c.reason, v, err, c.want)
		}
	}
}

func TestEstimates(t *testing.T) {
	for _, c := range []struct {
		reason   string
		reports  []Report
		rules    Rules
		near     Place
		within   Kilometres
		possible bool
	}{
		{"a checker in the same town", []Report{{frankfurt, ms}, {paris, 9 * ms}, {london, 13 * ms}, {newYork, 85 * ms}}, Rules{}, frankfurt, 100, true},
		{"a disc of 10 km that no point of the grid is in", []Report{{Place{12.34, 56.78}, ms / 10}}, Rules{}, Place{12.34, 56.78}, 10, true},
		{"at a pole", []Report{{Place{90, 0}, ms}, {Place{80, 0}, 20 * ms}, {Place{80, 120}, 20 * ms}, {Place{80, -120}, 20 * ms}}, Rules{}, Place{90, 0}, 100, true},
		{"across the antimeridian", []Report{{Place{0, 178}, 6 * ms}, {Place{0, -178}, 6 * ms}}, Rules{}, Place{0, 180}, 300, true},
		{"a liar in Sydney", []Report{{frankfurt, 2 * ms}, {paris, 9 * ms}, {london, 13 * ms}, {sydney, ms}}, Rules{Liars: 1}, frankfurt, 200, true},
		{"one edge answers in two places", []Report{{frankfurt, ms}, {sydney, ms}}, Rules{}, frankfurt, halfTheEarth, false},
	} {
		s, err := NewSurvey(c.reports, c.rules)
		if err != nil {
			t.Fatal(err)
		}
		e := s.Estimate()
		t.Logf("%s: %+v", c.reason, e)
		if off := Distance(e.Place, c.near); !(off <= c.within) || e.Possible != c.possible || !(e.Radius > 0 && e.Radius <= halfTheEarth) {
			t.Errorf("%s: %+v is %.0f km off, want %v; possible %v", c.reason, e, float64(off), c.within, c.possible)
		}
		if v, err := s.Judge(Claim{Place: e.Place}); err != nil || v.Impossible == e.Possible {
			t.Errorf("%s: the estimate is judged %+v, %v", c.reason, v, err)
		}
	}
}

func TestJudgingAndEstimatingDoNotAllocate(t *testing.T) {
	s := many(t, MaxReports)
	if n := testing.AllocsPerRun(10, func() {
		if _, err := s.Judge(Claim{frankfurt, 20}); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("a claim takes %v allocations", n)
	}
	if n := testing.AllocsPerRun(1, func() { s.Estimate() }); n != 0 {
		t.Errorf("an estimate takes %v allocations", n)
	}
}

// many is a survey by so many checkers all around of an edge in Frankfurt.
func many(t testing.TB, n int) *Survey {
	t.Helper()
	reports := make([]Report, n)
	for i := range reports {
		p := lattice(i * grid / n).place()
		reports[i] = Report{p, tripTo(Distance(p, frankfurt)*1.5) + 3*ms}
	}
	s, err := NewSurvey(reports, Rules{Liars: (n - 1) / 3})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tripTo is how long light takes in fibre, there and back.
func tripTo(d Kilometres) time.Duration {
	return time.Duration(math.Ceil(float64(d) / float64(Fibre) * 2 * float64(ms)))
}

func BenchmarkJudge(b *testing.B) {
	s := many(b, 57)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Judge(Claim{Place: frankfurt}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEstimate(b *testing.B) {
	s := many(b, 57)
	b.ReportAllocs()
	for b.Loop() {
		s.Estimate()
	}
}
