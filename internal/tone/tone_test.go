package tone

import (
	"testing"
	"time"
)

func TestAToneIsFoundByItsFrequencyAndNoOtherIs(t *testing.T) {
	samples := make([]int16, Channels*Rate/10)
	for _, hertz := range []float64{100, 440, 1000, 3000} {
		Fill(samples, hertz, 12345)
		if share := Share(samples, hertz); share < 0.97 || share > 1.03 {
			t.Errorf("%v Hz is %.2f of itself", hertz, share)
		}
		if share := Share(samples, hertz*1.3); share > 0.05 {
			t.Errorf("%v Hz is taken for %v Hz: %.2f", hertz, hertz*1.3, share)
		}
	}
	clear(samples)
	if share := Share(samples, 440); share != 0 {
		t.Errorf("%.2f of silence is a tone", share)
	}
	if Share(nil, 440) != 0 {
		t.Error("nothing is a tone")
	}
}

func TestAClickBeginsAndEndsOnItsSample(t *testing.T) {
	samples := make([]int16, Channels*Rate/50)
	FillClick(samples[Channels*100:], 0)
	if at := Onset(samples); at < 100 || at > 104 {
		t.Errorf("it begins at %d", at)
	}
	last := Channels * (100 + int(ClickLength*Rate/time.Second))
	for i, s := range samples[last:] {
		if s != 0 {
			t.Fatalf("it goes on %d after its end", i)
		}
	}
	FillClick(samples, int(ClickLength*Rate/time.Second)+7)
	if at := Onset(samples); at != -1 {
		t.Errorf("long after its end it begins at %d", at)
	}
}
