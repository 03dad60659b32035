package recovery

import (
	"testing"
	"time"
)

func TestAPacketIsRepeatedWhileItHelps(t *testing.T) {
	const ms = time.Millisecond
	for _, row := range []struct {
		packet    Packet
		roundTrip time.Duration
		copies    int
		reason    string
	}{
		{Packet{Age: 45 * ms, Since: 45 * ms}, 40 * ms, 1, "asked for the first time"},
		{Packet{Age: 2 * ms, Since: 2 * ms}, 40 * ms, 1, "asked for sooner than the round trip says: packets overtook it"},
		{Packet{Age: 60 * ms, Since: 15 * ms, Repeats: 1}, 40 * ms, 0, "the repeat is on its way"},
		{Packet{Age: 90 * ms, Since: 45 * ms, Repeats: 1}, 40 * ms, 2, "lost twice"},
		{Packet{Age: 180 * ms, Since: 45 * ms, Repeats: 3}, 40 * ms, 1, "no more than it may cost"},
		{Packet{Age: 180 * ms, Since: 45 * ms, Repeats: 4}, 40 * ms, 0, "it has cost enough"},
		{Packet{Age: 290 * ms, Since: 290 * ms}, 40 * ms, 0, "it would come too late"},
		{Packet{Age: 200 * ms, Since: 200 * ms}, 300 * ms, 0, "it would come too late on a long way"},
		{Packet{Age: 3 * ms, Since: 1 * ms, Repeats: 1}, 0, 0, "a burst of requests before the round trip is known"},
		{Packet{Age: 9 * ms, Since: 6 * ms, Repeats: 1}, 0, 2, "asked for again on a short way"},
	} {
		if copies := Copies(row.packet, row.roundTrip); copies != row.copies {
			t.Errorf("%+v with a round trip of %v (%s): %d copies, want %d", row.packet, row.roundTrip, row.reason, copies, row.copies)
		}
	}
}

func TestRequestsWithoutEndCostNoMoreThanTheyMay(t *testing.T) {
	sent := 0
	p := Packet{}
	for p.Age = 0; p.Age < time.Second; p.Age += time.Millisecond {
		p.Since += time.Millisecond
		if copies := Copies(p, 10*time.Millisecond); copies > 0 {
			sent += copies
			p.Repeats += copies
			p.Since = 0
		}
	}
	if sent != mostRepeats {
		t.Errorf("a packet was sent %d times again", sent)
	}
}
