package gpu

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// slowDriver answers after a delay.
type slowDriver struct {
	delay     time.Duration
	asked     int
	under     bool // a question is under way
	shutdowns int
	t         *testing.T
}

func (d *slowDriver) inventory() (Inventory, error) {
	if d.under || d.shutdowns > 0 {
		d.t.Error("the driver was asked by two at once, or after its end")
	}
	d.under = true
	d.asked++
	time.Sleep(d.delay)
	d.under = false
	return Inventory{Driver: "550.54.15"}, nil
}

func (d *slowDriver) shutdown() error {
	if d.under {
		d.t.Error("the library was closed under a question")
	}
	d.shutdowns++
	return nil
}

func TestAQuestionEndsWithItsContextThoughTheDriverHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slowDriver{delay: time.Minute, t: t}
		l := newLibrary(d)
		for range 2 { // the second one waits for the first one's answer, not beside it
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			started := time.Now()
			if _, err := l.Query(ctx); !errors.Is(err, ErrUnanswered) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(started); took != time.Second {
				t.Errorf("took %v", took)
			}
			cancel()
		}
		started := time.Now()
		if err := l.Close(); !errors.Is(err, ErrUnanswered) || time.Since(started) != closePatience || d.shutdowns != 0 {
			t.Errorf("closed under a question: %v after %v", err, time.Since(started))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		d.delay = time.Millisecond
		if in, err := l.Query(t.Context()); err != nil || in.Driver != "550.54.15" || d.asked != 2 {
			t.Errorf("after the driver has come back: %+v, %v, asked %d times", in, err, d.asked)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestALibraryThatOpensTooLateIsClosedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slowDriver{t: t}
		opening := func() (*Library, error) {
			time.Sleep(time.Minute)
			return newLibrary(d), nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if l, err := within(ctx, opening); l != nil || !errors.Is(err, ErrUnanswered) {
			t.Errorf("got %v, %v", l, err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if d.shutdowns != 1 {
			t.Errorf("%d shutdowns", d.shutdowns)
		}
		if l, err := within(t.Context(), opening); err != nil || l == nil || d.shutdowns != 1 {
			t.Errorf("in time: %v, %v", l, err)
		}
	})
}

func TestAContextThatHasEndedAsksNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &slowDriver{t: t}
	if _, err := newLibrary(d).Query(ctx); !errors.Is(err, ErrUnanswered) || d.asked != 0 {
		t.Errorf("got %v, asked %d times", err, d.asked)
	}
}

func TestALibraryIsClosedOnceAndAnswersNoMore(t *testing.T) {
	d := &slowDriver{t: t}
	l := newLibrary(d)
	if err := errors.Join(l.Close(), l.Close()); err != nil || d.shutdowns != 1 {
		t.Errorf("%v, %d shutdowns", err, d.shutdowns)
	}
	for range 2 {
		if _, err := l.Query(t.Context()); !errors.Is(err, ErrClosed) || d.asked != 0 {
			t.Errorf("after Close: %v, asked %d times", err, d.asked)
		}
	}
}

func TestManyAskAtOnceAndTheDriverIsAskedByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slowDriver{delay: time.Millisecond, t: t}
		l := newLibrary(d)
		for range 20 {
			go func() {
				if _, err := l.Query(t.Context()); err != nil {
					t.Error(err)
				}
			}()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if d.asked != 20 {
			t.Errorf("asked %d times", d.asked)
		}
	})
}
