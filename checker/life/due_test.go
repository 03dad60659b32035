package life

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"nearlight/checker/epoch"
	"nearlight/internal/identity"
)

// lists what is due, in words.
func lists(l Life) (due []string) {
	for _, d := range l.Due() {
		how := fmt.Sprintf("once from %d", d.From/minute)
		switch {
		case d.Appeal != (epoch.Hash{}):
			how = "again"
		case d.Every > 0:
			how = fmt.Sprintf("every %d", d.Every/minute)
		case d.Mean > 0:
			how = fmt.Sprintf("mean %d", d.Mean/minute)
		}
		due = append(due, string(d.Check)+" "+how)
	}
	return due
}

func TestWhatIsDue(t *testing.T) {
	rows := []struct {
		reason string
		from   func(testing.TB) Life
		plays  []play
		due    []string
	}{
		{"one who is unknown enrols", unknown, nil, []string{"enrolment once from 0"}},
		{"and waits when that failed", unknown, []play{{0, failed(Enrolment)}}, []string{"enrolment once from 10"}},
		{"longer each time", unknown, []play{{0, failed(Enrolment)}, {10 * minute, failed(Enrolment)}}, []string{"enrolment once from 30"}},
		{"a day at the most", unknown, append(repeat(12, play{day, failed(Enrolment)}), play{0, just(Seen)}), []string{"enrolment once from 18720"}},
		{"a newcomer is checked each hour", newcomer, nil, []string{"alive every 1", "capacity mean 60"}},
		{"and its players' experience", newcomer, []play{{1, just(Began)}}, []string{"alive every 1", "capacity mean 60", "experience every 1"}},
		{"standby", standby, nil, []string{"alive every 1", "capacity mean 240"}},
		{"who has players has slots besides", standby, []play{{1, just(Began)}}, []string{"alive every 1", "capacity mean 240", "experience every 1"}},
		{"capacity in doubt is seen to soon", standby, []play{{1, failed(Capacity)}}, []string{"alive every 1", "capacity mean 30"}},
		{"so is experience when nobody plays", standby, []play{{1, failed(Experience)}}, []string{"alive every 1", "capacity mean 240", "experience mean 30"}},
		{"or each minute when somebody does", standby, []play{{1, failed(Experience)}, {1, just(Began)}}, []string{"alive every 1", "capacity mean 240", "experience every 1"}},
		{"draining lets nobody in", standby, []play{{1, just(Began)}, {1, just(Drain)}}, []string{"alive every 1", "experience every 1"}},
		{"a leave is left alone", standby, []play{{1, just(Drain)}}, nil},
		{"who is away is looked for", standby, []play{{hour, missedFor(hour)}}, []string{"alive every 1"}},
		{"who is gone now and then", standby, []play{{day, missedFor(day)}}, []string{"alive every 10"}},
		{"nobody looks into jail", standby, jailed, nil},
		{"but for an appeal", standby, join(jailed, []play{{1, of(Appeal, 52)}}), []string{"capacity again"}},
		{"which is made once", standby, join(jailed, []play{{1, of(Appeal, 52)}, {1, of(Upheld, 52)}}), nil},
		{"from jail it is checked soon", standby, join(jailed, []play{{hour, just(TimeOver)}}), []string{"alive every 1", "capacity mean 30"}},
		{"retired", standby, []play{{1, just(Leave)}}, nil},
		{"banned", standby, []play{{1, just(Revoke)}}, nil},
	}
	for _, row := range rows {
		l := row.from(t)
		for i, p := range row.plays {
			l = after(t, l, p.at(l, i))
		}
		if got := lists(l); !slices.Equal(got, row.due) {
			t.Errorf("%s: %q, want %q", row.reason, got, row.due)
		}
	}
}

// beacon is a value of a beacon, of a number.
func beacon(n int) epoch.Hash {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func TestRandomChecksAreAsFarApartAsIsSaidAndEdgesApartFromEachOther(t *testing.T) {
	const stretches = 100_000
	for _, mean := range []epoch.Millis{standbyMean, probationMean, doubtMean} {
		d := Due{Check: Capacity, Mean: mean}
		one, both := 0, 0
		for n := range stretches {
			a, b := d.Drawn(identity.Address{1}, beacon(n)), d.Drawn(identity.Address{2}, beacon(n))
			if a {
				one++
			}
			if a && b {
				both++
			}
		}
		// Within five standard deviations: of Poisson numbers their root at the most.
		parts := float64(mean / Stretch)
		for what, got := range map[string][2]float64{"drawn": {float64(one), stretches / parts}, "drawn with another": {float64(both), stretches / parts / parts}} {
			if off := got[0] - got[1]; off*off > 25*got[1] {
				t.Errorf("mean of %d minutes: %s in %v of %d stretches, want %v", mean/minute, what, got[0], stretches, got[1])
			}
		}
	}
}

// Others who recompute a drawing have to come to the same: these are the stretches of the first hundred beacons of this test, computed apart from this package.
func TestDrawingsStayAsTheyAre(t *testing.T) {
	draws := func(d Due) (drawn []int) {
		for n := range 100 {
			if d.Drawn(identity.Address{0xed, 19: 7}, beacon(n)) {
				drawn = append(drawn, n)
			}
		}
		return drawn
	}
	for _, row := range []struct {
		reason string
		due    Due
		drawn  []int
	}{
		{"each four hours", Due{Check: Capacity, Mean: standbyMean}, []int{6, 20, 27, 33, 45, 62, 65, 83}},
		{"in doubt whatever would have been, and more", Due{Check: Capacity, Mean: doubtMean}, []int{1, 2, 6, 8, 9, 12, 15, 16, 17, 20, 23, 24, 27, 33, 35, 43, 45, 48, 49, 50, 54, 56, 57, 58, 60, 62, 65, 66, 67, 70, 82, 83, 85, 89, 90, 95, 99}},
		{"another check is drawn apart", Due{Check: Experience, Mean: doubtMean}, []int{5, 7, 8, 11, 14, 15, 16, 18, 19, 22, 23, 24, 26, 39, 40, 41, 42, 44, 48, 50, 53, 58, 59, 62, 63, 69, 70, 78, 79, 80, 82, 83, 84, 85, 86, 88, 92, 93, 96, 98}},
		{"what is at fixed times is not drawn", Due{Check: Alive, Every: EachMinute}, nil},
	} {
		if got := draws(row.due); !slices.Equal(got, row.drawn) {
			t.Errorf("%s: %v, want %v", row.reason, got, row.drawn)
		}
	}
}
