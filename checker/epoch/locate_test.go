package epoch

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/checker/location"
	"nearlight/internal/identity"
)

var (
	frankfurt = Place{50.1, 8.7}
	tokyo     = Place{35.7, 139.7}
	cities    = []Place{
		{50.1, 8.7}, {52.4, 4.9}, {48.9, 2.4}, {51.5, -0.1}, {47.4, 8.5}, {52.5, 13.4}, {48.2, 16.4}, {45.5, 9.2}, {52.2, 21}, {40.4, -3.7}, {59.3, 18.1},
		{41.9, 12.5}, {50.1, 14.4}, {55.7, 12.6}, {53.3, -6.3}, {38.7, -9.1},
	}
)

// tripOver is what a round trip between two places takes: twice as long as light in fibre would, and 2 ms for the ends.
func tripOver(a, b Place) Micros {
	return Micros(location.Distance(location.Place(a), location.Place(b))/100*2*1000) + 2000
}

// europe is a network whose checkers are in Europe, one a city, and whose edges are in Frankfurt, wherever they say that they are. The liars help.
func europe(t testing.TB, liars int, claims ...Claim) *town {
	t.Helper()
	w := newTown(t, len(cities), len(claims), uint32(len(cities)))
	w.claims = make(map[identity.Address]Claim)
	for i := range cities {
		w.people[i].at = &cities[i]
	}
	for i, c := range claims {
		if c != (Claim{}) {
			w.claims[w.edges[i]] = c
		}
	}
	w.trip = func(by int, edge identity.Address) Micros {
		if claim, says := w.claims[edge]; says && by < liars {
			return tripOver(cities[by], claim.Place) // as from where it says that it is
		}
		return tripOver(cities[by], frankfurt)
	}
	return w
}

// checked is what an epoch comes to in which each edge has one task.
func (w *town) checked(t testing.TB) (Outcome, []byte) {
	t.Helper()
	entries := w.opening()
	for _, e := range w.edges {
		entries = append(entries, w.carry(t, w.task(e), nil)...)
	}
	log := write(t, entries)
	checked, err := Verify(bytes.NewReader(log))
	if err != nil || len(checked.Differences) > 0 || !checked.Sealed {
		t.Fatalf("%v, %v", checked.Differences, err)
	}
	return checked.Outcome, log
}

func TestAnEdgeInFrankfurtThatClaimsTokyoIsFlaggedAndAnHonestOneIsNot(t *testing.T) {
	f := liarsOf(len(cities))
	o, _ := europe(t, f, Claim{Place: tokyo}, Claim{Place: frankfurt}, Claim{}).checked(t)
	false_, honest, silent := o.Edges[0].Located, o.Edges[1].Located, o.Edges[2].Located
	if false_ == nil || !false_.Impossible || false_.Excluding != len(cities)-f || false_.Liars != f || false_.Reports != len(cities) || false_.Beyond < 5000 || false_.Beyond > 9400 {
		t.Errorf("of who claims Tokyo is said %+v", false_)
	}
	if honest == nil || honest.Impossible || honest.Excluding != 0 || honest.Consistency < Consistent || !honest.Bears(&Claim{Place: frankfurt}) {
		t.Errorf("of who is where it says is said %+v", honest)
	}
	if silent != nil {
		t.Errorf("of who says nothing is said %+v", silent)
	}
}

func TestAsManyLiarsAsThereMayBeCannotHaveAnHonestEdgeFlagged(t *testing.T) {
	w := europe(t, 0, Claim{Place: frankfurt})
	honest := w.trip
	f := liarsOf(len(cities))
	w.trip = func(by int, edge identity.Address) Micros {
		if by >= len(cities)-f { // Lisbon, Dublin and others far away: they say that it is next door
			return 1
		}
		return honest(by, edge)
	}
	o, _ := w.checked(t)
	if l := o.Edges[0].Located; l == nil || l.Impossible || l.Excluding != f {
		t.Errorf("%+v", l)
	}
}

// TestNothingButThePlaceChangesByIt plays the same epoch with claims true, false and none: verdicts, conducts, scores and standings are the same.
func TestNothingButThePlaceChangesByIt(t *testing.T) {
	of := func(w *town) Outcome {
		o, _ := w.checked(t)
		for i := range o.Edges {
			o.Edges[i].Located, o.Edges[i].Claim = nil, nil
		}
		for i := range o.Verdicts {
			o.Verdicts[i].Task = Hash{}
		}
		return o
	}
	plain := europe(t, 0, Claim{}, Claim{})
	plain.trip = nil
	want := of(plain)
	for name, w := range map[string]*town{
		"an impossible claim":   europe(t, 3, Claim{Place: tokyo}, Claim{Place: tokyo}),
		"a possible claim":      europe(t, 0, Claim{Place: frankfurt}, Claim{Place: frankfurt}),
		"one of each, and lies": europe(t, 5, Claim{Place: tokyo}, Claim{Place: frankfurt}),
	} {
		if got := of(w); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestVerifySeesThatAPlaceWasJudgedOtherwise(t *testing.T) {
	_, log := europe(t, 0, Claim{Place: tokyo}, Claim{Place: frankfurt}).checked(t)
	lines := strings.SplitAfter(string(log), "\n")
	for what, change := range map[string]func(*Edge){
		"acquitted": func(e *Edge) {
			e.Located.Impossible, e.Located.Excluding, e.Located.Beyond = false, 0, 0
		},
		"nearer than it is":      func(e *Edge) { e.Located.Beyond-- },
		"by others' consistency": func(e *Edge) { e.Located.Consistency++ },
		"never looked at":        func(e *Edge) { e.Located = nil },
		"another claim":          func(e *Edge) { e.Claim, e.Located.Claim = &Claim{Place: frankfurt}, Claim{Place: frankfurt} },
	} {
		changed := slices.Clone(lines)
		found := false
		for i, line := range lines {
			e, err := Decode([]byte(strings.TrimSuffix(line, "\n")))
			if line == "" || err != nil || e.Standing == nil || e.Standing.Located == nil || !e.Standing.Located.Impossible {
				continue
			}
			change(e.Standing)
			own, err := e.Encode()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			changed[i], found = string(own)+"\n", true
		}
		checked, err := Verify(strings.NewReader(strings.Join(changed, "")))
		if !found || err != nil || len(checked.Differences) == 0 || !strings.Contains(checked.Differences[0], `"standing"`) {
			t.Errorf("%s: %v, %v", what, checked.Differences, err)
		}
	}
}

func TestWhoReportsOfAnOwnerOrANetworkOnceCountsOnce(t *testing.T) {
	full := func() *town { return europe(t, 0, Claim{Place: frankfurt}, Claim{Place: frankfurt}) }
	for reason, c := range map[string]struct {
		change func(*town)
		want   int // reports
	}{
		"all for themselves":       {func(*town) {}, 16},
		"two of one network":       {func(w *town) { w.people[1].from = netip.MustParseAddr("10.0.0.77") }, 15},
		"and the caps are lifted":  {func(w *town) { w.people[1].from, w.head.Uncapped = netip.MustParseAddr("10.0.0.77"), true }, 16},
		"one says not where it is": {func(w *town) { w.people[3].at = nil }, 15},
		"one has no round trip": {func(w *town) {
			before := w.trip
			w.trip = func(by int, edge identity.Address) Micros {
				if by == 4 {
					return 0
				}
				return before(by, edge)
			}
		}, 15},
		"fewer than a committee decides with": {func(w *town) {
			for i := range 8 {
				w.people[i].at = nil
			}
		}, 0},
		"nobody says where it is": {func(w *town) {
			for i := range w.people {
				w.people[i].at = nil
			}
		}, 0},
		"a claim of half of the Earth": {func(w *town) { w.claims[w.edges[0]] = Claim{frankfurt, 5000} }, 0},
	} {
		w := full()
		c.change(w)
		o, _ := w.checked(t)
		got := 0
		if l := o.Edges[0].Located; l != nil {
			got = l.Reports
		}
		if got != c.want {
			t.Errorf("%s: %d reports, want %d", reason, got, c.want)
		}
	}
}

func TestACheckerThatComesAgainCountsOnceByItsLeastRoundTrip(t *testing.T) {
	w := europe(t, 0, Claim{Place: frankfurt})
	honest, visit := w.trip, 0
	w.trip = func(by int, edge identity.Address) Micros { return honest(by, edge) * Micros(3-visit) }
	entries := w.opening()
	for ; visit < 2; visit++ {
		entries = append(entries, w.carry(t, w.task(w.edges[0]), nil)...)
	}
	checked, err := Verify(bytes.NewReader(write(t, entries)))
	if err != nil {
		t.Fatal(err)
	}
	twice := europe(t, 0, Claim{Place: frankfurt})
	twice.trip = func(by int, edge identity.Address) Micros { return honest(by, edge) * 2 }
	once, _ := twice.checked(t)
	got, want := *checked.Outcome.Edges[0].Located, *once.Edges[0].Located
	if want.At = got.At; got != want || got.At != entries[len(entries)-1].Report.At-1+10_000 {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestWhatWasSaidOfAPlaceHolds(t *testing.T) {
	impossible := &Located{Claim: Claim{Place: tokyo}, At: 5, Reports: 16, Liars: 5, Excluding: 11, Impossible: true, Beyond: 800, Consistency: 100}
	possible := &Located{Claim: Claim{Place: frankfurt}, At: 5, Reports: 16, Liars: 5, Consistency: 700}
	for reason, c := range map[string]struct {
		before *Located
		claim  Claim
		asked  bool // enough checkers say something
		want   func(*Located) bool
	}{
		"nobody looks, and it still claims the same":       {possible, Claim{Place: frankfurt}, false, func(l *Located) bool { return l == possible }},
		"nobody looks, and it claims something else":       {possible, Claim{Place: tokyo}, false, func(l *Located) bool { return l == nil }},
		"nobody looks, and it claims nothing":              {possible, Claim{}, false, func(l *Located) bool { return l == nil }},
		"the impossible stays, whatever is claimed next":   {impossible, Claim{Place: frankfurt}, false, func(l *Located) bool { return l == impossible }},
		"and if nothing is":                                {impossible, Claim{}, true, func(l *Located) bool { return l == impossible }},
		"until somebody looks":                             {impossible, Claim{Place: frankfurt}, true, func(l *Located) bool { return l != nil && !l.Impossible }},
		"and who was where it said may be elsewhere today": {possible, Claim{Place: tokyo}, true, func(l *Located) bool { return l != nil && l.Impossible && l.Claim.Place == tokyo }},
	} {
		w := europe(t, 0, c.claim)
		w.before = map[identity.Address]*Located{w.edges[0]: c.before}
		if !c.asked {
			w.trip = nil
		}
		replay := NewReplay()
		for _, e := range slices.Concat(w.opening(), w.carry(t, w.task(w.edges[0]), nil)) {
			line, err := e.Encode()
			if err == nil {
				err = replay.Add(e, line)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if o, err := replay.Outcome(); err != nil || !c.want(o.Edges[0].Located) {
			t.Errorf("%s: %+v, %v", reason, o.Edges[0].Located, err)
		}
	}
}

// TestWhatIsUsualIsMeasuredOfOtherEdges has honest edges on slow links: by the guess without a curve they would all be odd.
func TestWhatIsUsualIsMeasuredOfOtherEdges(t *testing.T) {
	consistency := func(edges int) int {
		var claims []Claim
		for i := range edges {
			claims = append(claims, Claim{Place: cities[i%len(cities)]})
		}
		w := europe(t, 0, claims...)
		w.trip = func(by int, edge identity.Address) Micros {
			return 3*tripOver(cities[by], w.claims[edge].Place) + 40_000
		}
		o, _ := w.checked(t)
		return o.Edges[0].Located.Consistency
	}
	if few, many := consistency(2*fewestSampled-1), consistency(2*fewestSampled); few >= Consistent || many < Consistent {
		t.Errorf("of an honest edge on a slow link %d of 1000 is consistent with few others, and %d with enough", few, many)
	}
}

func TestPlacesAreRoundedAndHaveOneForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		latitude, longitude := rapid.Float64Range(-90, 90).Draw(t, "latitude"), rapid.Float64Range(-180, 180).Draw(t, "longitude")
		p, ok := PlaceOf(latitude, longitude)
		if !ok || !p.valid() {
			t.Fatalf("%v, %v becomes %v", latitude, longitude, p)
		}
		if off := location.Distance(location.Place(p), location.Place{Latitude: latitude, Longitude: longitude}); off > coarse/2 {
			t.Errorf("%v is %v km off", p, off)
		}
		if again, ok := PlaceOf(p.Latitude, p.Longitude); !ok || again != p {
			t.Errorf("%v, rounded again, is %v", p, again)
		}
		e := Entry{Checker: &Checker{Place: &p}}
		line, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if read, err := Decode(line); err != nil || *read.Checker.Place != p {
			t.Errorf("%s: %v", line, err)
		}
	})
	for _, p := range [][2]float64{{90.1, 0}, {0, -180.1}, {math.NaN(), 0}, {0, math.Inf(1)}} {
		if got, ok := PlaceOf(p[0], p[1]); ok {
			t.Errorf("%v is a place: %v", p, got)
		}
	}
	if c, ok := ClaimOf(1.26, -0.01, 1e300); !ok || c != (Claim{Place{1.3, 0}, mostWithin}) || math.Signbit(c.Longitude) {
		t.Errorf("%+v, %v", c, ok)
	}
	if _, ok := ClaimOf(1, 1, math.NaN()); ok {
		t.Error("a radius that is no number is taken")
	}
}

func TestARoundTripIsNeverToldShorterThanItWas(t *testing.T) {
	for trip, want := range map[time.Duration]Micros{0: 0, -1: 0, 1: 1, time.Microsecond: 1, time.Microsecond + 1: 2, 10 * time.Second: MostRoundTrip, 10*time.Second + 1: 0, math.MaxInt64: 0} {
		if got := MicrosOf(trip); got != want {
			t.Errorf("%v becomes %d us, want %d", trip, got, want)
		}
	}
}

func TestPlacesAndRoundTripsAreBounded(t *testing.T) {
	good := Located{Claim: Claim{Place: tokyo}, At: 5, Reports: 16, Liars: 5, Excluding: 11, Impossible: true, Beyond: 800, Consistency: 100}
	if _, err := (Entry{Standing: &Edge{Located: &good}}).Encode(); err != nil {
		t.Fatal(err)
	}
	entries := map[string]Entry{
		"a place in more digits":     {Checker: &Checker{Place: &Place{1.23, 0}}},
		"a place beyond the pole":    {Checker: &Checker{Place: &Place{90.1, 0}}},
		"a negative zero":            {Edge: &Edge{Claim: &Claim{Place: Place{math.Copysign(0, -1), 0}}}},
		"a claim of more than Earth": {Edge: &Edge{Claim: &Claim{Within: mostWithin + 1}}},
		"a claim of less than 0 km":  {Edge: &Edge{Claim: &Claim{Within: -1}}},
		"a round trip of 10 s":       {Report: &Report{RoundTrip: MostRoundTrip + 1}},
	}
	for name, change := range map[string]func(*Located){
		"too few reports":        func(l *Located) { l.Reports, l.Liars, l.Excluding = 3, 0, 3 },
		"too many reports":       func(l *Located) { l.Reports, l.Liars, l.Excluding = 300, 99, 300 },
		"too many liars":         func(l *Located) { l.Liars = 6 },
		"more exclude than tell": func(l *Located) { l.Excluding = 17 },
		"impossible by too few":  func(l *Located) { l.Excluding = 5 },
		"impossible, by nothing": func(l *Located) { l.Beyond = 0 },
		"further than there is":  func(l *Located) { l.Beyond = mostWithin + 1 },
		"more than consistent":   func(l *Located) { l.Consistency = 1001 },
		"a claim of nowhere":     func(l *Located) { l.Claim.Latitude = 91 },
	} {
		bad := good
		change(&bad)
		entries[name] = Entry{Edge: &Edge{Located: &bad}}
		entries[fmt.Sprint(name, ", at the end")] = Entry{Standing: &Edge{Located: &bad}}
	}
	for name, e := range entries {
		if line, err := e.Encode(); !errors.Is(err, ErrEntry) {
			t.Errorf("%s: %s, %v", name, line, err)
		}
	}
	for _, line := range []string{
		`{"report":{"roundTrip":-1}}`, `{"report":{"roundTrip":1.5}}`, `{"edge":{"claim":{"latitude":"50","longitude":8.7}}}`, `{"checker":{"place":{"latitude":50.1,"longitude":8.7,"within":4}}}`,
	} {
		if _, err := Decode([]byte(line)); !errors.Is(err, ErrEntry) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestARoundTripIsAmongWhatIsCommittedTo(t *testing.T) {
	w := europe(t, 0, Claim{Place: frankfurt})
	entries := w.opening()
	for _, e := range w.carry(t, w.task(w.edges[0]), nil) {
		if e.Report != nil && e.Report.Checker == w.people[2].key.Address() {
			e.Report.RoundTrip--
			e = w.sign(t, w.people[2], *e.Report)
		}
		entries = append(entries, e)
	}
	checked, err := Verify(bytes.NewReader(write(t, entries)))
	if err != nil {
		t.Fatal(err)
	}
	if got := checked.Outcome.Verdicts[0].Conduct[w.people[2].key.Address()]; got != "fabricated" || checked.Outcome.Edges[0].Located.Reports != len(cities)-1 {
		t.Errorf("who tells another round trip than committed to has %s, and %d reports count", got, checked.Outcome.Edges[0].Located.Reports)
	}
}
