package recovery

import "testing"

func TestAFrameIsNeededUntilALaterOneDoesWithoutIt(t *testing.T) {
	var f Frames
	needed := func(want ...int64) {
		t.Helper()
		var got []int64
		for n := int64(1); n <= f.Newest(); n++ {
			if f.Needed(n) {
				got = append(got, n)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("needed are %v, want %v", got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("needed are %v, want %v", got, want)
			}
		}
	}
	f.Sent(1, true, 0)
	for n := int64(2); n <= 6; n++ {
		f.Sent(n, false, 0)
	}
	needed(1, 2, 3, 4, 5, 6)
	f.Shown(2)
	needed(3, 4, 5, 6)
	f.Sent(7, false, 2) // refers to 4, which refers to 3
	needed(3, 4, 7)
	f.Shown(99) // nothing that was sent
	needed(3, 4, 7)
	f.Sent(8, true, 0)
	f.Sent(9, false, 0)
	needed(8, 9)
	f.Shown(1) // a late word
	needed(8, 9)
}

func TestFramesOfLongAgoAreNotNeeded(t *testing.T) {
	var f Frames
	for n := int64(1); n <= 3*rememberedFrames; n++ {
		f.Sent(n, n == 1, 0)
	}
	if f.Needed(2*rememberedFrames) || !f.Needed(2*rememberedFrames+1) {
		t.Error("what can be repeated is no longer known, or more than that is")
	}
	f.Sent(3*rememberedFrames+1, false, 1<<20) // more than there ever were
	if f.Needed(3 * rememberedFrames) {
		t.Error("a frame that is done without is needed")
	}
}

func TestTheLastPacketOfAStreamThatPausesIsSentAgain(t *testing.T) {
	var f Frames
	if _, is := f.Tail(0, 40*ms); is {
		t.Error("before the first frame there is no tail")
	}
	f.Sent(1, true, 0)
	if _, is := f.Tail(0, 40*ms); is {
		t.Error("a player who has acknowledged nothing yet may never do it")
	}
	f.Shown(1)
	if _, is := f.Tail(0, 40*ms); is {
		t.Error("the newest frame is shown")
	}
	f.Sent(2, false, 0)
	first, is := f.Tail(0, 40*ms)
	if !is || first != 40*ms+tailMargin {
		t.Errorf("the first time after %v, %v", first, is)
	}
	if second, is := f.Tail(1, 40*ms); !is || second != 2*first {
		t.Errorf("the second time after %v, %v", second, is)
	}
	if _, is := f.Tail(tailProbes, 40*ms); is {
		t.Error("it goes on without end")
	}
}
