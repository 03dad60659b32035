package recovery

import (
	"testing"
	"time"
)

// after is a protection that has seen a loss for long, in rows of so many.
func after(loss float64, row int) (p Protection) {
	for range 10 * lossMemory {
		p.Observe(loss)
	}
	for n := range uint16(40 * burstMemory) {
		for i := range row {
			p.Missed(20*n + uint16(i))
		}
	}
	return p
}

// spends is how many repair packets there are for each hundred packets.
func spends(p Protection, packets, together int, roundTrip time.Duration) int {
	repairs, frames := 0, 1000
	for range frames {
		repairs += p.Repairs(Protected{Packets: packets, Together: together}, roundTrip)
	}
	return (repairs*100 + packets*frames/2) / (packets * frames)
}

func TestRepairPacketsAreSentWhereARepeatComesLate(t *testing.T) {
	for _, row := range []struct {
		loss      float64
		row       int
		packets   int
		together  int
		roundTrip time.Duration
		percent   int
		reason    string
	}{
		{0, 1, 30, 90, 200 * ms, 0, "a clean link"},
		{0.003, 1, 30, 90, 200 * ms, 0, "hardly any loss"},
		{0.02, 1, 30, 90, 10 * ms, 0, "a repeat is there at once"},
		{0.02, 1, 30, 90, 0, 0, "the round trip is not known"},
		{0.02, 1, 30, 90, 40 * ms, 5, "some loss"},
		{0.02, 1, 30, 90, 80 * ms, 8, "the same on a long way"},
		{0.02, 1, 30, 90, 160 * ms, 12, "on a very long way"},
		{0.02, 1, 30, 90, 600 * ms, 12, "there is an end to it"},
		{0.02, 5, 30, 90, 80 * ms, 23, "the same losses, in rows of five"},
		{0.05, 1, 30, 90, 80 * ms, 14, "much loss"},
		{0.05, 1, 4, 12, 80 * ms, 33, "small frames vary more"},
		{0.02, 1, 30, 30, 80 * ms, 14, "a frame by itself"},
		{0.4, 1, 30, 90, 160 * ms, 33, "no more than a third"},
		{0.05, 1, 0, 0, 80 * ms, 0, "nothing to protect"},
	} {
		p := after(row.loss, row.row)
		if row.packets == 0 {
			if p.Repairs(Protected{}, row.roundTrip) != 0 {
				t.Error(row.reason)
			}
			continue
		}
		if got := spends(p, row.packets, row.together, row.roundTrip); got != row.percent {
			t.Errorf("%v lost in rows of %d, %d packets of %d, %v (%s): %d %%, want %d", row.loss, row.row, row.packets, row.together, row.roundTrip, row.reason, got, row.percent)
		}
	}
}

func TestAKeyframeIsProtectedBetter(t *testing.T) {
	p := after(0.02, 1)
	same := p
	frame := Protected{Packets: 60, Together: 60}
	keyframe := frame
	keyframe.Keyframe = true
	if more, usual := p.Repairs(keyframe, 80*ms), same.Repairs(frame, 80*ms); more <= usual {
		t.Errorf("%d repair packets for a keyframe, %d for another frame", more, usual)
	}
}

func TestTheFirstKeyframeIsProtectedBeforeLossIsKnown(t *testing.T) {
	var p Protection
	first := Protected{Packets: 20, Together: 20, Keyframe: true}
	if repairs := p.Repairs(first, 0); repairs < 3 || repairs > 6 {
		t.Errorf("%d repair packets for the first keyframe", repairs)
	}
	if repairs := p.Repairs(Protected{Packets: 20, Together: 40}, 0); repairs != 0 {
		t.Errorf("%d repair packets for the frame after it", repairs)
	}
	for range lossRise {
		p.Observe(0)
	}
	if repairs := p.Repairs(first, 200*ms); repairs != 0 {
		t.Errorf("%d repair packets for a keyframe on a way that is known to lose nothing", repairs)
	}
}

func TestProtectionDoesNotFlap(t *testing.T) {
	p := after(0.006, 1)
	for range lossMemory {
		p.Observe(0.003)
	}
	if spends(p, 10, 30, 80*ms) == 0 {
		t.Error("it ends as soon as loss is a little less")
	}
	for range 10 * lossMemory {
		p.Observe(0)
	}
	if spends(p, 10, 30, 80*ms) != 0 {
		t.Error("it goes on without loss")
	}
}

func TestAnOutageIsNoBurst(t *testing.T) {
	p := after(0.02, 1)
	for n := range uint16(1000) {
		p.Missed(n)
	}
	p.Missed(5000)
	if p.burst > float64(mostBurst)/burstMemory {
		t.Errorf("losses are said to come in rows of %.1f", p.burst+1)
	}
}
