package recovery

import (
	"testing"
	"time"

	"nearlight/internal/netsim"
)

// The bounds are the worst of five seeds; the links repeat by seed, so that a bound that is passed is a change of what is decided here.
func TestAStreamOverLossyLinksSeldomStalls(t *testing.T) {
	random := func(share float64) netsim.Loss { return netsim.Random{Share: share} }
	rowsOf := func(length float64) netsim.Loss {
		return netsim.GilbertElliott{ToBad: 0.02 / 0.98 / length, ToGood: 1 / length}
	}
	const fast, slow = 17_000_000, 3_000_000
	var now, before float64 // stalls a minute, in total
	for _, row := range []struct {
		name   string
		loss   netsim.Loss
		share  float64
		rate   float64
		stalls map[time.Duration]float64 // a minute, at the most
	}{
		{"1 %", random(0.01), 0.01, fast, map[time.Duration]float64{20 * ms: 0, 40 * ms: 0, 80 * ms: 2, 160 * ms: 6}},
		{"2 %", random(0.02), 0.02, fast, map[time.Duration]float64{20 * ms: 0, 40 * ms: 1, 80 * ms: 2, 160 * ms: 4}},
		{"5 %", random(0.05), 0.05, fast, map[time.Duration]float64{20 * ms: 0, 40 * ms: 2, 80 * ms: 6, 160 * ms: 7}},
		{"2 % in rows of 2", rowsOf(2), 0.02, fast, map[time.Duration]float64{20 * ms: 1, 40 * ms: 3, 80 * ms: 5, 160 * ms: 5}},
		{"2 % in rows of 5", rowsOf(5), 0.02, fast, map[time.Duration]float64{20 * ms: 3, 40 * ms: 6, 80 * ms: 21, 160 * ms: 20}},
		{"2 %", random(0.02), 0.02, slow, map[time.Duration]float64{80 * ms: 4}},
		{"5 %", random(0.05), 0.05, slow, map[time.Duration]float64{80 * ms: 4}},
	} {
		for _, roundTrip := range []time.Duration{20 * ms, 40 * ms, 80 * ms, 160 * ms} {
			most, is := row.stalls[roundTrip]
			if !is {
				continue
			}
			c := simulation{loss: row.loss, share: row.share, roundTrip: roundTrip, rate: row.rate, length: simSettle + time.Minute, seed: 3}
			came := c.run()
			t.Logf("%s lost, %v, %.0f Mbit/s: %v", row.name, roundTrip, row.rate/1e6, came)
			if roundTrip >= 80*ms {
				c.rows = true
				rows := c.run()
				t.Logf("    with rows of single frames: %v", rows)
				now, before = now+came.stallsPerMinute(), before+rows.stallsPerMinute()
			}
			if came.stallsPerMinute() > most {
				t.Errorf("%s lost, %v: %.1f stalls a minute, want %.0f at the most", row.name, roundTrip, came.stallsPerMinute(), most)
			}
			if share := float64(came.undecodable) / float64(came.frames); share > 0.002 && row.share < 0.05 && roundTrip <= 40*ms {
				t.Errorf("%s lost, %v: %.2f %% undecodable", row.name, roundTrip, 100*share)
			}
			if spent := float64(came.repairs) / float64(came.media); spent > 1./mostProtection+0.01 {
				t.Errorf("%s lost, %v: %.2f repair packets for each other", row.name, roundTrip, spent)
			}
			for i := range len(came.keyframes) - 1 {
				if gap := came.keyframes[i+1] - came.keyframes[i]; gap < max(roundTrip, 100*ms) {
					t.Errorf("%s lost, %v: two keyframes within %v", row.name, roundTrip, gap)
				}
			}
		}
	}
	if now > before/5 {
		t.Errorf("%.0f stalls a minute in all, and %.0f with rows", now, before)
	}
}
