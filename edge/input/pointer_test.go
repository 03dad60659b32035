package input

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestEveryPixelCanBeReachedExactly(t *testing.T) {
	for _, size := range []int{1, 2, 3, 720, 1280, 1366, 1920, 4096} {
		for want := range size {
			fraction := uint16(0)
			if size > 1 { // as the player computes it
				fraction = uint16(math.Round(float64(want) / float64(size-1) * math.MaxUint16))
			}
			if got := pixel(fraction, size); int(got) != want {
				t.Fatalf("size %d: pixel %d became %d", size, want, got)
			}
		}
	}
}

func TestRunningTotalsAreExactWhateverIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		total := rapid.Int32().Draw(rt, "start") // anywhere, so that totals wrap
		axis := turned{total: total}
		moved, sent := int64(0), int64(0)
		for _, step := range rapid.SliceOf(rapid.Int32Range(-5000, 5000)).Draw(rt, "steps") {
			total += step
			sent += int64(step)
			if rapid.Bool().Draw(rt, "lost") {
				continue
			}
			pixels, ok := axis.advance(total)
			if !ok && (sent-moved*16 < 1<<18 && sent-moved*16 > -(1<<18)) {
				rt.Fatalf("refused %d units", sent-moved*16)
			}
			moved += int64(pixels)
			if rest := sent - moved*16; rest <= -16 || rest >= 16 {
				rt.Fatalf("%d units sent, %d pixels moved", sent, moved)
			}
		}
	})
}
