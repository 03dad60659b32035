package capture

import (
	"context"
	"testing"
	"testing/synctest"
)

func TestTheEndOfTheNewestContextWakesAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Waker
		woken := 0
		w.Arm(func() { woken++ })
		first, endFirst := context.WithCancel(t.Context())
		second, endSecond := context.WithCancel(t.Context())
		w.Watch(first)
		w.Watch(second)
		w.Watch(second)
		endFirst()
		synctest.Wait()
		if woken != 0 {
			t.Errorf("the end of a context that is not watched any more woke %d times", woken)
		}
		endSecond()
		synctest.Wait()
		if woken != 1 {
			t.Errorf("the end of the context that is watched woke %d times", woken)
		}
	})
}

func TestAContextThatNeverEndsNeedsNoWatch(t *testing.T) {
	var w Waker
	w.Watch(context.Background())
	if w.unwatch != nil {
		t.Error("it is watched")
	}
}

func TestCloseWakesOnceAndIsTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Waker
		woken := 0
		w.Arm(func() { woken++ })
		before, endBefore := context.WithCancel(t.Context())
		after, endAfter := context.WithCancel(t.Context())
		w.Watch(before)
		w.Close()
		if woken != 1 || !w.Closed() {
			t.Errorf("Close woke %d times, closed %v", woken, w.Closed())
		}
		w.Watch(after)
		w.Wake()
		w.Close()
		endBefore()
		endAfter()
		synctest.Wait()
		if woken != 1 {
			t.Errorf("woken %d times, after Close too", woken)
		}
	})
}

func TestAReleasedContextWakesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Waker
		woken := 0
		w.Arm(func() { woken++ })
		ctx, end := context.WithCancel(t.Context())
		w.Watch(ctx)
		w.Release()
		end()
		synctest.Wait()
		if woken != 0 {
			t.Errorf("woken %d times", woken)
		}
		w.Watch(ctx) // it has ended already
		synctest.Wait()
		if woken != 1 {
			t.Errorf("a context that had ended woke %d times", woken)
		}
	})
}
