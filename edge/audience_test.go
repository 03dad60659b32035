package edge

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/internal/media"
	"nearlight/streamer"
)

// lookout is an onlooker whose way a test can block.
type lookout struct {
	codecs []media.Codec // that it takes

	mu      sync.Mutex
	open    *sync.Cond
	blocked bool
	// Of its link.
	behind, seenBehind time.Duration
	fail               error
	units              map[media.Instant][]media.Slice
	order              []media.Instant
}

func newLookout(codecs ...media.Codec) *lookout {
	l := &lookout{codecs: codecs, units: map[media.Instant][]media.Slice{}}
	l.open = sync.NewCond(&l.mu)
	return l
}

func (l *lookout) Accepts(codec media.Codec) bool { return slices.Contains(l.codecs, codec) }
func (*lookout) Use(media.Codec)                  {}
func (*lookout) Grant() streamer.Grant            { return streamer.Grant{} }
func (l *lookout) Behind() (expected, seen time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.behind, l.seenBehind
}

func (l *lookout) WriteSlice(s media.Slice, captured media.Instant) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.blocked {
		l.open.Wait()
	}
	if l.fail != nil {
		return l.fail
	}
	if l.units[captured] == nil {
		l.order = append(l.order, captured)
	}
	s.Data = slices.Clone(s.Data)
	l.units[captured] = append(l.units[captured], s)
	return nil
}

func (l *lookout) block(blocked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blocked = blocked
	l.open.Broadcast()
}

func (l *lookout) failWith(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// seen are the access units that arrived, by their capture times.
func (l *lookout) seen() []media.Instant {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.order)
}

// data is what arrived of one.
func (l *lookout) data(captured media.Instant) (data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.units[captured] {
		data = append(data, s.Data...)
	}
	return data
}

// look lets one look on until the test ends.
func look(t *testing.T, a *audience, to *lookout) *spectator {
	t.Helper()
	s := a.add(to)
	var writing sync.WaitGroup
	writing.Go(s.write)
	t.Cleanup(func() {
		a.remove(s)
		to.block(false)
		writing.Wait()
	})
	return s
}

// sent sends an access unit of three slices that is told by its number.
func sent(a *audience, number int, keyframe bool) media.Instant {
	captured := media.Instant(number)
	a.begin(media.H264, captured)
	memory := make([]byte, 1) // used anew for each slice, as encoders do
	for i := range 3 {
		memory[0] = byte(10*number + i)
		a.send(media.Slice{Data: memory, Keyframe: keyframe, Last: i == 2})
	}
	memory[0] = 0
	a.end(true, keyframe, captured)
	return captured
}

func TestLateKeyframesAreRareAndPrepared(t *testing.T) {
	var a audience
	now := media.Now()
	step := func(reason string, after time.Duration, wantKeyframe, wantMore bool) {
		t.Helper()
		now = now.Add(after)
		keyframe, more := a.plan(now)
		if keyframe != wantKeyframe || more != wantMore {
			t.Errorf("%s: keyframe %v, more bits %v", reason, keyframe, more)
		}
		a.begin(media.H264, now)
		a.send(media.Slice{Keyframe: keyframe, Last: true})
		a.end(true, keyframe, now)
	}
	const frame = 16 * time.Millisecond
	step("nobody looks on", frame, false, false)
	first := a.add(newLookout())
	step("somebody comes: the frame before the keyframe", frame, false, true)
	step("the keyframe", frame, true, true)
	step("no other", frame, false, false)
	second := a.add(newLookout())
	step("another comes at once: not within a second", 500*time.Millisecond, false, false)
	step("but then", 500*time.Millisecond, false, true)
	a.begin(media.H264, now)
	a.send(media.Slice{Keyframe: true, Last: true})
	a.end(true, true, now) // the player asked for one meanwhile, which serves all
	step("a keyframe that was made for the player", frame, false, false)
	second.wantKeyframe()
	a.remove(first)
	a.remove(second)
	step("the last one has left", 2*time.Second, false, false)
}

func TestSpectatorsGetTheSameAccessUnitsFromAKeyframeOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a audience
		one, other := newLookout(), newLookout()
		look(t, &a, one)
		sent(&a, 1, false)
		keyframe := sent(&a, 2, true)
		synctest.Wait()
		look(t, &a, other)
		delta := sent(&a, 3, false)
		synctest.Wait()
		if got := one.seen(); !slices.Equal(got, []media.Instant{keyframe, delta}) {
			t.Errorf("the first one saw %v", got)
		}
		if got := one.data(delta); !slices.Equal(got, []byte{30, 31, 32}) {
			t.Errorf("the slices hold %v", got)
		}
		if got := other.seen(); len(got) != 0 || a.missed.Load() != 0 {
			t.Errorf("the one who came late saw %v, %d count as missed", got, a.missed.Load())
		}
	})
}

func TestASpectatorThatDoesNotKeepUpLosesWholeAccessUnitsAndHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a audience
		slow, quick := newLookout(), newLookout()
		look(t, &a, slow)
		look(t, &a, quick)
		slow.block(true)
		for number := 1; number <= 6; number++ {
			sent(&a, number, number == 1)
			synctest.Wait() // returns: nobody waits for the slow one
		}
		if got := quick.seen(); len(got) != 6 {
			t.Errorf("the quick one saw %v", got)
		}
		if got := a.missed.Load(); got != 4 {
			t.Errorf("%d access units count as missed, want 4: two wait", got)
		}
		if a.due(media.Instant(time.Minute)) {
			t.Error("a keyframe would be made for one whom it does not reach")
		}
		sent(&a, 7, true) // a keyframe finds no room either
		slow.block(false)
		synctest.Wait()
		if !a.due(media.Instant(time.Minute)) {
			t.Error("no keyframe would be made for one who can take it")
		}
		sent(&a, 8, false)
		back := sent(&a, 9, true)
		synctest.Wait()
		if got := slow.seen(); !slices.Equal(got, []media.Instant{1, 2, back}) {
			t.Errorf("the slow one saw %v", got)
		}
		for _, captured := range slow.seen() {
			if got := slow.data(captured); len(got) != 3 || got[0] != byte(10*captured) {
				t.Errorf("access unit %d arrived as %v", captured, got)
			}
		}
	})
}

func TestAfterAFailedWriteASpectatorWaitsForAKeyframe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a audience
		to := newLookout()
		look(t, &a, to)
		first := sent(&a, 1, true)
		synctest.Wait()
		to.failWith(errors.New("no route"))
		sent(&a, 2, false)
		synctest.Wait()
		to.failWith(nil)
		sent(&a, 3, false)
		synctest.Wait()
		back := sent(&a, 4, true)
		synctest.Wait()
		a.begin(media.H264, 5)
		a.send(media.Slice{Data: []byte{50}})
		a.end(false, false, 5) // its encoder failed
		sent(&a, 6, false)
		synctest.Wait()
		if got := to.seen(); !slices.Equal(got, []media.Instant{first, back, 5}) {
			t.Errorf("it saw %v", got)
		}
	})
}

func TestASpectatorLeavesWhileItsWayIsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a audience
		to := newLookout()
		s := a.add(to)
		ended := make(chan struct{})
		go func() { defer close(ended); s.write() }()
		to.block(true)
		sent(&a, 1, true)
		synctest.Wait()
		a.begin(media.H264, 2)
		a.send(media.Slice{Data: []byte{20}})
		a.remove(s)
		a.send(media.Slice{Data: []byte{21}, Last: true})
		a.end(true, false, 2)
		to.failWith(errors.New("closed"))
		to.block(false) // as the end of the connection does
		<-ended
	})
}

func TestHandingOnAnAccessUnitDoesNotAllocate(t *testing.T) {
	var a audience
	for range 3 {
		s := a.add(deaf{})
		go s.write()
		t.Cleanup(func() { a.remove(s) })
	}
	data := make([]byte, 20_000)
	frame := func() {
		a.begin(media.H264, 1)
		for i := range 4 {
			a.send(media.Slice{Data: data, Keyframe: true, Last: i == 3})
		}
		a.end(true, true, 1)
	}
	for range 100 {
		frame()
	}
	if allocations := testing.AllocsPerRun(1000, frame); allocations >= 1 {
		t.Errorf("%v allocations an access unit", allocations)
	}
}

// deaf takes everything and keeps nothing.
type deaf struct{}

func (deaf) Accepts(media.Codec) bool                    { return true }
func (deaf) Use(media.Codec)                             {}
func (deaf) Grant() streamer.Grant                       { return streamer.Grant{} }
func (deaf) Behind() (expected, seen time.Duration)      { return 0, 0 }
func (deaf) WriteSlice(media.Slice, media.Instant) error { return nil }

func BenchmarkHandingOn(b *testing.B) {
	var a audience
	for range 16 {
		s := a.add(deaf{})
		go s.write()
		b.Cleanup(func() { a.remove(s) })
	}
	data := make([]byte, 17_000) // a frame at 8 Mbit/s and 60 frames per second
	b.ReportAllocs()
	for b.Loop() {
		a.begin(media.H264, 1)
		a.send(media.Slice{Data: data, Keyframe: true, Last: true})
		a.end(true, true, 1)
	}
}

func (l *lookout) fallBehind(expected, seen time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.behind, l.seenBehind = expected, seen
}

func TestASpectatorWhoseLinkIsTooSlowGetsKeyframesEverMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a audience
		to := newLookout()
		s := look(t, &a, to)
		now := media.Instant(time.Hour)
		number := 0
		// next sends a frame, a keyframe where one is due or wanted anyhow, and reports whether the slow one saw it.
		next := func(anyhow bool) (keyframe, saw bool) {
			number++
			now = now.Add(time.Second / 60)
			keyframe, _ = a.plan(now)
			a.begin(media.H264, now)
			a.send(media.Slice{Data: []byte{1}, Keyframe: keyframe || anyhow, Last: true})
			a.end(true, keyframe || anyhow, now)
			synctest.Wait()
			seen := to.seen()
			return keyframe, len(seen) > 0 && seen[len(seen)-1] == now
		}
		if _, saw := next(true); !saw {
			t.Fatal("it did not see the first keyframe")
		}
		if _, saw := next(false); !saw {
			t.Fatal("it did not see the frame after")
		}
		to.fallBehind(mostBehind+1, 0)
		if _, saw := next(false); !saw {
			t.Error("an estimate that no report bears out cost it a frame")
		}
		for _, pause := range []time.Duration{firstPause, longestPause, longestPause} {
			to.fallBehind(mostBehind+1, mostBehind)
			before := a.missed.Load()
			for range 30 {
				if keyframe, saw := next(false); saw || keyframe {
					t.Fatalf("frame %d of a link that is far behind: keyframe %v, saw it %v", number, keyframe, saw)
				}
			}
			if _, saw := next(true); saw {
				t.Error("a keyframe was sent to a link that is far behind")
			}
			if missed := a.missed.Load() - before; missed != 31 {
				t.Errorf("%d frames count as missed of 31", missed)
			}
			to.fallBehind(0, 0)
			frames := 0
			for saw := false; !saw; frames++ {
				_, saw = next(false)
			}
			waited := time.Duration(frames+31) * time.Second / 60
			if waited < pause || waited > pause+lateKeyframes+time.Second/4 {
				t.Errorf("it got a keyframe after %v, want about %v", waited, pause)
			}
		}
		if left := s.takeLeftOut(); left == 0 || a.leftOut(to) != 0 {
			t.Errorf("%d are told of as left out, and then again", left)
		}
		// What is made for somebody else it gets at once, and what it keeps up with is forgotten.
		to.fallBehind(mostBehind+1, mostBehind)
		next(false)
		to.fallBehind(0, 0)
		next(false)
		if _, saw := next(true); !saw {
			t.Error("it did not see a keyframe that was made for somebody else")
		}
		for range keepsUp {
			next(false)
		}
		to.fallBehind(mostBehind+1, mostBehind)
		next(false)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.pause != firstPause {
			t.Errorf("after ten seconds without trouble it waits for %v", s.pause)
		}
	})
}
