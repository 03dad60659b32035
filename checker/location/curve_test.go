package location

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// line is samples between the north pole and places at 100 km, 200 km and so on from it, each at so many kilometres for a millisecond.
func line(n int, perMillisecond float64) []Sample {
	var all []Sample
	for i := range n {
		to := vector{z: 1}.compass().going(float64(i), Kilometres(100*(i+1)))
		all = append(all, Sample{Place{90, 0}, to.place(), time.Duration(float64(100*(i+1)) / perMillisecond * float64(ms))})
	}
	return all
}

func TestACurveFollowsWhatWasSampled(t *testing.T) {
	c, err := Calibrate(line(150, 60))
	if err != nil || c.Dropped != 0 {
		t.Fatalf("%+v, %v", c, err)
	}
	for _, trip := range []time.Duration{20 * ms, 50 * ms, 100 * ms, 200 * ms} {
		// A band is of 14 or 15 samples, which lie within 1500 km.
		b, want := c.at(trip), Kilometres(60*milliseconds(trip))
		if math.Abs(float64(b.usual-want)) > 200 || !(want-b.near > 0 && want-b.near < 1000 && b.far-want > 0 && b.far-want < 1000) {
			t.Errorf("%v: %+v, want around %v km", trip, b, float64(want))
		}
		if b.agreement(b.usual) != 1 || b.agreement(b.far) != 0.5 || b.agreement(b.near) != 0.5 || b.agreement(b.far*3) > 0.1 {
			t.Errorf("%v: agreement %v at the usual distance, %v and %v at the ends, %v far out", trip, b.agreement(b.usual), b.agreement(b.near), b.agreement(b.far), b.agreement(b.far*3))
		}
	}
	if last, longer := c.at(240*ms), c.at(time.Hour); last.usual > longer.usual || longer.usual > 15_000 {
		t.Errorf("an hour says %+v, 240 ms %+v: no sample was further than 15000 km", longer, last)
	}
	if b := c.at(1); b.far > 1 || b.agreement(0) < 0.99 || b.agreement(1000) > 0.01 {
		t.Errorf("a nanosecond says %+v", b)
	}
}

func TestLiesMoveACurveNoFurtherThanOtherSamples(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var honest []Sample
	for range 20 {
		honest = append(honest, line(150, 40+30*random.Float64())...)
	}
	before, err := Calibrate(honest)
	if err != nil {
		t.Fatal(err)
	}
	impossible, slow := slices.Clone(honest), slices.Clone(honest)
	for i := range honest {
		if i%10 == 0 {
			impossible[i].RoundTrip /= 10
			slow[i].RoundTrip *= 10
		}
	}
	after, err := Calibrate(impossible)
	if err != nil || after.Dropped != len(honest)/10 {
		t.Errorf("%+v, %v; want %d dropped, which are faster than light", after, err, len(honest)/10)
	}
	delayed, err := Calibrate(slow)
	if err != nil {
		t.Fatal(err)
	}
	for _, trip := range []time.Duration{20 * ms, 50 * ms, 100 * ms, 200 * ms} {
		want := before.at(trip)
		for _, c := range []*Curve{after, delayed} {
			if got := c.at(trip); math.Abs(float64(got.usual-want.usual)) > 0.2*float64(want.usual) {
				t.Errorf("%v: a tenth of lies moves %+v to %+v", trip, want, got)
			}
		}
	}
}

func TestSamplesThatNobodyMeasuredAreRefused(t *testing.T) {
	with := func(s Sample) []Sample { return append(line(100, 60), s) }
	for _, c := range []struct {
		reason  string
		samples []Sample
		want    error
	}{
		{"none", nil, ErrTooFew},
		{"one less than it takes", line(MinSamples-1, 60), ErrTooFew},
		{"as many, and all of them faster than light", line(MinSamples, 110), ErrTooFew},
		{"as many as it takes", line(MinSamples, 60), nil},
		{"more than it takes", make([]Sample, MaxSamples+1), ErrTooMany},
		{"no time", with(Sample{paris, london, 0}), ErrRoundTrip},
		{"a negative time", with(Sample{paris, london, math.MinInt64}), ErrRoundTrip},
		{"from nowhere", with(Sample{Place{math.NaN(), 0}, london, ms}), ErrPlace},
		{"to nowhere", with(Sample{paris, Place{0, math.Inf(1)}, ms}), ErrPlace},
	} {
		if curve, err := Calibrate(c.samples); !errors.Is(err, c.want) || (curve == nil) != (err != nil) {
			t.Errorf("%s: %v, %v; want %v", c.reason, curve, err, c.want)
		}
	}
}

var anySamples = rapid.Custom(func(t *rapid.T) []Sample {
	one := rapid.Custom(func(t *rapid.T) Sample {
		from, to := anyPlace.Draw(t, "from"), anyPlace.Draw(t, "to")
		return Sample{from, to, 1 + tripTo(Distance(from, to)) + time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "added"))}
	})
	return rapid.SliceOfN(one, MinSamples, 200).Draw(t, "samples")
})

func TestACurveGrowsAndItsBandsAreInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, err := Calibrate(anySamples.Draw(t, "samples"))
		if err != nil {
			t.Fatal(err)
		}
		times := rapid.SliceOfN(rapid.Int64Range(1, int64(2*time.Second)), 2, 10).Draw(t, "times")
		slices.Sort(times)
		before := band{}
		for _, trip := range times {
			b := c.at(time.Duration(trip))
			const rounding = 1e-6 // km
			if b.near < before.near-rounding || b.usual < before.usual-rounding || b.far < before.far-rounding || b.near > b.usual+rounding || b.usual > b.far+rounding || b.far > halfTheEarth+rounding {
				t.Errorf("%v: %+v after %+v", time.Duration(trip), b, before)
			}
			before = b
		}
	})
}

func TestACurveExcludesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		curve, err := Calibrate(anySamples.Draw(t, "samples"))
		if err != nil {
			t.Fatal(err)
		}
		reports := rapid.SliceOfN(lie, 1, 10).Draw(t, "reports")
		claim := Claim{Place: anyPlace.Draw(t, "claim")}
		with, without := judged(t, reports, Rules{Curve: curve}, claim), judged(t, reports, Rules{}, claim)
		with.Consistency, without.Consistency = 0, 0
		if with != without {
			t.Errorf("%+v with a curve, %+v without", with, without)
		}
	})
}
