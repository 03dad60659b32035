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
		{Packet{Since: 45 * ms}, 40 * ms, Verdict{Copies: 1}, "asked for the first time"},
		{Packet{Since: 2 * ms}, 40 * ms, Verdict{Copies: 1}, "asked for sooner than the round trip says: packets overtook it"},
		{Packet{Since: 900 * ms}, 40 * ms, Verdict{Copies: 1}, "the link stood still before anybody could ask"},
		{Packet{Waited: 15 * ms, Since: 15 * ms, Repeats: 1}, 40 * ms, Verdict{}, "the repeat is on its way"},
		{Packet{Waited: 45 * ms, Since: 45 * ms, Repeats: 1}, 40 * ms, Verdict{Copies: 2}, "lost twice"},
		{Packet{Waited: 90 * ms, Since: 45 * ms, Repeats: 3}, 40 * ms, Verdict{Copies: 1, Doubt: true}, "no more than it may cost, and little hope"},
		{Packet{Waited: 105 * ms, Since: 15 * ms, Repeats: 4}, 40 * ms, Verdict{}, "the last repeat is on its way"},
		{Packet{Waited: 135 * ms, Since: 45 * ms, Repeats: 4}, 40 * ms, Verdict{Lost: true}, "it has cost enough"},
		{Packet{Waited: 265 * ms, Since: 100 * ms, Repeats: 1}, 40 * ms, Verdict{Lost: true}, "it would come too late"},
		{Packet{Waited: 265 * ms, Since: 15 * ms, Repeats: 2}, 40 * ms, Verdict{}, "too late to ask, but a repeat is on its way"},
		{Packet{Since: 215 * ms}, 200 * ms, Verdict{Copies: 2}, "a long way: there is no time for a second repeat"},
		{Packet{Since: 90 * ms}, 80 * ms, Verdict{Copies: 1}, "there is"},
		{Packet{Waited: 210 * ms, Since: 210 * ms, Repeats: 2}, 200 * ms, Verdict{Lost: true}, "a second repeat on a long way comes too late"},
		{Packet{Waited: 1 * ms, Since: 1 * ms, Repeats: 1}, 0, Verdict{}, "a burst of requests before the round trip is known"},
		{Packet{Waited: 6 * ms, Since: 6 * ms, Repeats: 1}, 0, Verdict{Copies: 2}, "asked for again on a short way"},
	} {
		if got := Judge(row.packet, row.roundTrip); got != row.want {
			t.Errorf("%+v with a round trip of %v (%s): %+v, want %+v", row.packet, row.roundTrip, row.reason, got, row.want)
		}
	}
}

func TestRequestsWithoutEndCostNoMoreThanTheyMay(t *testing.T) {
	for _, roundTrip := range []time.Duration{0, 10 * ms, 80 * ms, 400 * ms} {
		sent, lost := 0, time.Duration(0)
		p := Packet{Since: roundTrip}
		for ; p.Waited < time.Second; p.Waited += ms {
			p.Since += ms
			v := Judge(p, roundTrip)
			if v.Lost && lost == 0 {
				lost = p.Waited
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

func TestThereIsRoomUpToATenthOfASecond(t *testing.T) {
	const rate = 8_000_000
	if Room(90_000, rate) != 10_000 || Room(110_000, rate) != 0 || Room(0, 0) != 0 {
		t.Errorf("%d, %d, %d", Room(90_000, rate), Room(110_000, rate), Room(0, 0))
	}
}

func TestWhatAnOutageLostIsNotRepeatedWhole(t *testing.T) {
	const rate = 8_000_000
	if TooMuch(90_000, rate) || !TooMuch(110_000, rate) || !TooMuch(1, 0) || TooMuch(0, 0) {
		t.Error("it is not a tenth of a second that may be repeated at once")
	}
}
