package recovery

import (
	"testing"
	"time"
)

const ms = time.Millisecond

func TestAPacketIsRepeatedWhileItHelps(t *testing.T) {
	for _, row := range []struct {
		packet    Packet
		roundTrip time.Duration
		want      Verdict
		reason    string
	}{
		{Packet{Age: 45 * ms, Since: 45 * ms}, 40 * ms, Verdict{Copies: 1}, "asked for the first time"},
		{Packet{Age: 2 * ms, Since: 2 * ms}, 40 * ms, Verdict{Copies: 1}, "asked for sooner than the round trip says: packets overtook it"},
		{Packet{Age: 60 * ms, Since: 15 * ms, Repeats: 1}, 40 * ms, Verdict{}, "the repeat is on its way"},
		{Packet{Age: 90 * ms, Since: 45 * ms, Repeats: 1}, 40 * ms, Verdict{Copies: 2}, "lost twice"},
		{Packet{Age: 180 * ms, Since: 45 * ms, Repeats: 3}, 40 * ms, Verdict{Copies: 1, Doubt: true}, "no more than it may cost, and little hope"},
		{Packet{Age: 180 * ms, Since: 15 * ms, Repeats: 4}, 40 * ms, Verdict{}, "the last repeat is on its way"},
		{Packet{Age: 180 * ms, Since: 45 * ms, Repeats: 4}, 40 * ms, Verdict{Lost: true}, "it has cost enough"},
		{Packet{Age: 260 * ms, Since: 260 * ms}, 40 * ms, Verdict{Lost: true}, "it would come too late"},
		{Packet{Age: 260 * ms, Since: 15 * ms, Repeats: 2}, 40 * ms, Verdict{}, "too late to ask, but a repeat is on its way"},
		{Packet{Age: 215 * ms, Since: 215 * ms}, 200 * ms, Verdict{Copies: 2}, "a long way: there is no time for a second repeat"},
		{Packet{Age: 220 * ms, Since: 220 * ms}, 60 * ms, Verdict{Copies: 2}, "its last chance: nobody heard of it before"},
		{Packet{Age: 420 * ms, Since: 210 * ms, Repeats: 1}, 200 * ms, Verdict{Lost: true}, "the second repeat on a long way comes too late"},
		{Packet{Age: 3 * ms, Since: 1 * ms, Repeats: 1}, 0, Verdict{}, "a burst of requests before the round trip is known"},
		{Packet{Age: 9 * ms, Since: 6 * ms, Repeats: 1}, 0, Verdict{Copies: 2}, "asked for again on a short way"},
	} {
		if got := Judge(row.packet, row.roundTrip); got != row.want {
			t.Errorf("%+v with a round trip of %v (%s): %+v, want %+v", row.packet, row.roundTrip, row.reason, got, row.want)
		}
	}
}

func TestRequestsWithoutEndCostNoMoreThanTheyMay(t *testing.T) {
	for _, roundTrip := range []time.Duration{0, 10 * ms, 80 * ms, 400 * ms} {
		sent, lost := 0, time.Duration(0)
		p := Packet{}
		for p.Age = 0; p.Age < time.Second; p.Age += ms {
			p.Since += ms
			v := Judge(p, roundTrip)
			if v.Lost && lost == 0 {
				lost = p.Age
			}
			if v.Copies > 0 {
				if lost != 0 {
					t.Fatalf("a round trip of %v: a packet is sent again after it was said to be lost for good", roundTrip)
				}
				sent += v.Copies
				p.Repeats += v.Copies
				p.Since = 0
			}
		}
		if sent > mostRepeats || sent < 2 {
			t.Errorf("a round trip of %v: a packet was sent %d times again", roundTrip, sent)
		}
		if lost == 0 || lost > max(mostWait, mostRoundTrips*roundTrip)+max(roundTrip, leastGap) {
			t.Errorf("a round trip of %v: it is lost for good after %v", roundTrip, lost)
		}
	}
}
