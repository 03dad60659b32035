package edge

import (
	"math"
	"testing"
	"time"

	"nearlight/internal/media"
)

// link codes pictures with the bits that a link has: so coarse at the whole size and 60 frames a second.
type link struct {
	fitter  *fitter
	now     media.Instant
	coarse  float64
	changes int
}

func (l *link) play(length time.Duration) {
	for end := l.now.Add(length); l.now < end; l.now = l.now.Add(time.Second / time.Duration(l.fitter.now().rate)) {
		whole := fit{wholeSize, 60}
		quantiser := l.coarse + 6*detailShare*math.Log2(l.fitter.now().pixels()/whole.pixels())
		if l.fitter.observe(l.now, quantiser) {
			l.changes++
		}
	}
}

func newLink(quantiser float64) *link {
	return &link{fitter: newFitter(60), now: media.Instant(time.Hour), coarse: quantiser}
}

func TestAPictureThatIsTooCoarseGetsSmallerThenRarer(t *testing.T) {
	for _, row := range []struct {
		quantiser float64
		want      fit
		reason    string
	}{
		{24, fit{8, 60}, "fine"},
		{37, fit{8, 60}, "just fine enough"},
		{40, fit{6, 60}, "a little too coarse"},
		{45, fit{4, 60}, "half the bits again"},
		{51, fit{4, 30}, "as coarse as it gets"},
		{60, fit{3, 30}, "beyond"},
	} {
		l := newLink(row.quantiser)
		l.play(20 * time.Second)
		if got := l.fitter.now(); got != row.want {
			t.Errorf("%s: %+v, want %+v", row.reason, got, row.want)
		}
	}
}

func TestALinkThatGetsWorseIsFollowedWithinTwoSecondsAndOneThatGetsBetterSlowly(t *testing.T) {
	l := newLink(25)
	l.play(5 * time.Second)
	l.coarse = 46
	l.play(2 * time.Second)
	if l.fitter.step == 0 {
		t.Error("two seconds of blocks, and nothing was done")
	}
	l.play(10 * time.Second)
	l.coarse = 25
	l.play(4 * time.Second)
	if l.fitter.step == 0 {
		t.Error("it was believed at once")
	}
	l.play(20 * time.Second)
	if l.fitter.step != 0 {
		t.Errorf("the whole size is not back: %+v", l.fitter.now())
	}
}

func TestWhateverTheBitsTheSizeDoesNotPump(t *testing.T) {
	for quantiser := 20.0; quantiser < 52; quantiser += 0.5 {
		l := newLink(quantiser)
		l.play(10 * time.Second)
		l.changes = 0
		l.play(5 * time.Minute)
		if l.changes > 0 {
			t.Errorf("at a quantiser of %v the size changes %d times in five minutes of the same", quantiser, l.changes)
		}
	}
}

func TestAStepUpThatDoesNotLastMakesTheNextOneWait(t *testing.T) {
	l := newLink(45)
	l.play(10 * time.Second)
	l.changes = 0
	for range 30 { // two minutes of which each four seconds are a trap
		l.coarse = 25
		l.play(6 * time.Second)
		l.coarse = 46
		l.play(4 * time.Second)
	}
	if l.changes > 30 {
		t.Errorf("%d changes in five minutes", l.changes)
	}
}
