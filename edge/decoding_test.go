package edge

import (
	"testing"
	"time"

	"nearlight/encoder"
)

const interval = 16 * time.Millisecond

func TestADecoderIsTooSlowWhenItIsForSeconds(t *testing.T) {
	var d decoding
	for round := range 2 {
		for n := range slowDecodingIn - 1 {
			if d.judge(12*time.Millisecond, interval, interval) != asItIs {
				t.Errorf("round %d: too slow after %d reports", round, n+1)
			}
		}
		if d.judge(8*time.Millisecond, interval, interval) != asItIs {
			t.Error("a fast report is too slow")
		}
	}
	slow := 0
	for range 2 * slowDecodingIn {
		if d.judge(12*time.Millisecond, interval, interval) == tooHard {
			slow++
		}
	}
	if slow != 2 {
		t.Errorf("too slow %d times, want twice", slow)
	}
}

// play reports a decoder's time for so long, and follows what it says.
func play(d *decoding, rate *decodable, takes, length time.Duration) (changes int) {
	for range int(length / statsInterval) {
		pressed := d.judge(takes, encoder.FrameTime(rate.now()), encoder.FrameTime(rate.above()))
		if pressed == tooHard && rate.fewer() || pressed == easy && rate.more() {
			changes++
		}
	}
	return changes
}

func TestTheFrameRateFollowsTheDecoderAndDoesNotPump(t *testing.T) {
	for takes := time.Millisecond; takes < 60*time.Millisecond; takes += time.Millisecond / 2 {
		var d decoding
		rate := newDecodable(60)
		play(&d, &rate, takes, time.Minute)
		share := float64(takes) / float64(encoder.FrameTime(rate.now()))
		if lowest := rate.step == len(rate.rates)-1; share > decodeShare && !lowest {
			t.Errorf("a decoder that takes %v gets %d frames per second", takes, rate.now())
		}
		if changes := play(&d, &rate, takes, 10*time.Minute); changes > 0 {
			t.Errorf("a decoder that takes %v: %d changes in ten minutes of the same", takes, changes)
		}
	}
}

func TestADecoderThatGetsFasterGetsItsFramesBack(t *testing.T) {
	var d decoding
	rate := newDecodable(60)
	play(&d, &rate, 30*time.Millisecond, 30*time.Second)
	if rate.now() > 30 {
		t.Fatalf("a slow decoder gets %d frames per second", rate.now())
	}
	if play(&d, &rate, 4*time.Millisecond, 9*time.Second); rate.step == 0 {
		t.Error("it was believed at once")
	}
	if play(&d, &rate, 4*time.Millisecond, time.Minute); rate.now() != 60 {
		t.Errorf("after a minute it gets %d", rate.now())
	}
}

func TestRatesBelowTheStepsAreKept(t *testing.T) {
	for asked, want := range map[int]int{240: 24, 60: 24, 30: 24, 24: 24, 10: 10} {
		rate := newDecodable(asked)
		for rate.fewer() {
		}
		if rate.now() != want {
			t.Errorf("of %d frames per second %d are left, want %d", asked, rate.now(), want)
		}
		for rate.more() {
		}
		if rate.now() != asked {
			t.Errorf("%d frames per second come back as %d", asked, rate.now())
		}
	}
}
