package life

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"nearlight/checker/epoch"
)

// arrows are those of State's drawing.
var arrows = map[State][]State{
	Enrolling:   {Probation, Retired, Banned},
	Probation:   {Standby, Streaming, Draining, OnLeave, BrieflyAway, LongAway, Gone, Jailed, Retired, Banned},
	Standby:     {Streaming, OnLeave, BrieflyAway, LongAway, Gone, Jailed, Retired, Banned},
	Streaming:   {Standby, Draining, BrieflyAway, LongAway, Gone, Jailed, Banned},
	Draining:    {Probation, Streaming, OnLeave, BrieflyAway, LongAway, Gone, Jailed, Banned},
	OnLeave:     {Probation, Standby, Streaming, Enrolling, Jailed, Retired, Banned},
	BrieflyAway: {Probation, Standby, Streaming, Draining, OnLeave, LongAway, Gone, Jailed, Retired, Banned},
	LongAway:    {Probation, Draining, OnLeave, Gone, Jailed, Retired, Banned},
	Gone:        {Enrolling, Retired, Banned},
	Jailed:      {Probation, Standby, Streaming, Draining, OnLeave, Retired, Banned},
	Retired:     {Enrolling, Jailed, Banned},
	Banned:      nil,
}

func task(n int) (h epoch.Hash) {
	binary.BigEndian.PutUint64(h[24:], uint64(n)+1)
	return h
}

// world makes events that could happen to an edge, and some that could not.
type world struct {
	pick  func(n int) int // from 0 to n-1
	tasks int
	good  bool // for a while checks are passed that would fail
}

// step is how long nothing happens: nothing at all, minutes, hours, and seldom weeks.
func (w *world) step() epoch.Millis {
	switch w.pick(12) {
	case 0:
		return 0
	case 1, 2:
		return epoch.Millis(w.pick(40)) * minute
	case 3:
		return epoch.Millis(w.pick(30)) * hour
	case 4:
		return epoch.Millis(w.pick(3)) * 10 * day
	}
	return epoch.Millis(w.pick(int(2 * minute)))
}

func (w *world) decided(l Life, at epoch.Millis, result epoch.Result) Event {
	checks := []Check{Capacity, Capacity, Experience}
	e := Event{At: at, What: Decided, Check: checks[w.pick(3)], Result: result, Task: task(w.tasks), Set: at}
	if l.State == Enrolling {
		e.Check = Enrolment
		at = max(at, l.Retest, l.since)
		e.At, e.Set = at, at
	}
	w.tasks++
	if w.pick(4) == 0 {
		e.Set = max(0, at-epoch.Millis(w.pick(int(hour))))
	}
	return e
}

// told is what heartbeats, signaling, owner and clock tell.
func (w *world) told(l Life, at epoch.Millis) Event {
	whats := []What{Seen, Seen, Seen, Missed, Missed, Began, Began, Ended, Ended, Drain, Return, Return, Leave, TimeOver, Revoke}
	e := Event{At: at, What: whats[w.pick(len(whats))]}
	switch {
	case e.What == Revoke && w.pick(50) > 0, e.What == Leave && w.pick(4) > 0:
		e.What = Seen
	case e.What == TimeOver && l.State == Jailed && w.pick(3) > 0:
		e.At = max(at, l.Jail.Until)
	}
	if e.What == Missed || e.What == Seen {
		e.For = min(at, []epoch.Millis{0, minute, 3 * minute, 10 * minute, 20 * minute, 30 * hour}[w.pick(6)])
	}
	return e
}

func (w *world) event(l Life) Event {
	at := min(l.At+w.step(), latest-100*day)
	if w.pick(30) == 0 {
		w.good = !w.good
	}
	switch n := w.pick(20); {
	case n < 5 && !w.good:
		return w.decided(l, at, epoch.Failed)
	case n < 10:
		return w.decided(l, at, epoch.Passed)
	case n == 10:
		return w.decided(l, at, epoch.Undecided)
	case n < 13:
		e := Event{At: at, What: []What{Appeal, Granted, Upheld, Granted}[w.pick(4)], Task: task(w.pick(w.tasks + 1))}
		if len(l.Failures) > 0 && w.pick(5) > 0 {
			e.Task = l.Failures[w.pick(len(l.Failures))].Task
		}
		return e
	case n == 13 && w.pick(5) == 0:
		return Event{At: at - 1 - epoch.Millis(w.pick(5)), What: What(w.pick(20)), For: epoch.Millis(w.pick(9)) - 4, Check: Alive}
	}
	return w.told(l, at)
}

func check(t *rapid.T, property func(t *rapid.T, w *world)) {
	property(t, &world{pick: func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }})
}

// live takes the next event, and notes that it was taken.
func live(t *rapid.T, l Life, e Event, taken *[]Event) Life {
	next, err := l.After(e)
	if err == nil {
		*taken = append(*taken, e)
		return next
	}
	if !reflect.DeepEqual(next, l) {
		t.Fatalf("%+v is refused (%v), and has changed %+v to %+v", e, err, l, next)
	}
	if !errors.Is(err, ErrEvent) && !errors.Is(err, ErrBack) && !errors.Is(err, ErrRefused) {
		t.Fatalf("an error of no kind: %v", err)
	}
	return l
}

func TestWhateverIsSaidToHaveHappenedIsTakenOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		check(t, func(t *rapid.T, w *world) {
			l := someLife(t, w)
			number := rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, int64(latest)), rapid.Just(int64(l.At)), rapid.Just(int64(latest)))
			name := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"enrolment", "capacity", "experience", "alive", "passed", "failed"}))
			var taken []Event
			for range 20 {
				next := live(t, l, Event{
					At: epoch.Millis(number.Draw(t, "at")), What: What(rapid.Byte().Draw(t, "what") % 20), For: epoch.Millis(number.Draw(t, "for")), Task: task(w.pick(5) - 1),
					Check: Check(name.Draw(t, "check")), Result: epoch.Result(name.Draw(t, "result")), Set: epoch.Millis(number.Draw(t, "set")),
				}, &taken)
				if next.State != l.State && !slices.Contains(arrows[l.State], next.State) {
					t.Fatalf("%+v: from %v to %v, which is not drawn", taken[len(taken)-1], l.State, next.State)
				}
				consistent(t, next)
				l = next
			}
		})
	})
}

// clone is the life with failures of its own.
func clone(l Life) Life {
	l.Failures = slices.Clone(l.Failures)
	return l
}

func TestNoEventsLeaveTheDrawing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		check(t, func(t *rapid.T, w *world) {
			var l Life
			var taken []Event
			for range rapid.IntRange(1, 150).Draw(t, "events") {
				e := w.event(l)
				copied := clone(l)
				next := live(t, l, e, &taken)
				if !reflect.DeepEqual(l, copied) {
					t.Fatalf("%+v has changed the life that it came to", e)
				}
				if next.State != l.State && !slices.Contains(arrows[l.State], next.State) {
					t.Fatalf("%+v: from %v to %v, which is not drawn", e, l.State, next.State)
				}
				consistent(t, next)
				l = next
			}
			again, err := Replay(taken)
			if err != nil || !reflect.DeepEqual(again, l) {
				t.Fatalf("replayed: %+v, %v, want %+v", again, err, l)
			}
		})
	})
}

// consistent fails for what no life is.
func consistent(t *rapid.T, l Life) {
	switch {
	case int(l.State) >= states || l.Sessions < 0 || l.Owed < 0 || l.Owed > ProbationChecks:
		t.Fatalf("a life of %+v", l)
	case l.State == Standby && l.Sessions > 0, l.State == Streaming && l.Sessions == 0, l.State == Draining && l.Sessions == 0:
		t.Fatalf("%v with %d sessions", l.State, l.Sessions)
	case l.State == Probation && l.Owed == 0, (l.State == Standby || l.State == Streaming) && (l.Owed > 0 || l.Unproven):
		t.Fatalf("%v, and %d checks are owed", l.State, l.Owed)
	case l.State == Jailed && (l.Jail.Until <= l.Jail.Since || l.Jail.Until-l.Jail.Since > longestTerm || l.Jail.Times < 1):
		t.Fatalf("jailed for %+v", l.Jail)
	case len(l.Failures) > 2+4+2+11+12+1: // one less than jail of each kind, those of a sentence, and an enrolment
		t.Fatalf("%d failures are kept", len(l.Failures))
	}
	may := l.Matching(epoch.Standing{}, l.At)
	if may.Players != (may.Share > 0) || may.Players && l.State != Probation && l.State != Standby && l.State != Streaming {
		t.Fatalf("%v gets %+v", l.State, may)
	}
	for _, d := range l.Due() {
		if d.Every > 0 && d.Mean > 0 {
			t.Fatalf("%v is due each %d ms, and at random", d.Check, d.Every)
		}
	}
	for c, n := range map[Check]int{Capacity: 3, Experience: 5, Alive: 3, Steady: 12} {
		if l.State != Jailed && l.State != Retired && l.State != Banned && counted(l, c) >= n {
			t.Fatalf("%v with %d failed checks of %s", l.State, counted(l, c), c)
		}
	}
}

func counted(l Life, c Check) (n int) {
	for _, f := range l.Failures {
		if f.Check == c && !f.Jailed {
			n++
		}
	}
	return n
}

func TestEveryArrowOfTheDrawingIsTaken(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	w := &world{pick: random.IntN}
	took := make(map[[2]State]bool)
	for range 20_000 {
		var l Life
		for range 150 {
			next, err := l.After(w.event(l))
			if err != nil {
				continue
			}
			took[[2]State{l.State, next.State}] = true
			l = next
		}
	}
	for from, all := range arrows {
		for _, to := range all {
			if !took[[2]State{from, to}] {
				t.Errorf("from %v to %v: nothing leads there", from, to)
			}
		}
	}
}

func TestTimesThatGoBackAreRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		check(t, func(t *rapid.T, w *world) {
			l := someLife(t, w)
			e := w.event(l)
			if e.check() != nil {
				t.Skip("no event")
			}
			back := e
			back.At = l.At - 1 - epoch.Millis(w.pick(int(day)))
			back.Set, back.For = 0, 0
			if back.At < 0 {
				t.Skip("nothing is before the beginning")
			}
			if after, err := l.After(back); !errors.Is(err, ErrBack) || !reflect.DeepEqual(after, l) {
				t.Fatalf("%+v after %d: %v", back, l.At, err)
			}
		})
	})
}

// someLife is one of those that events lead to.
func someLife(t *rapid.T, w *world) Life {
	var l Life
	var taken []Event
	for range rapid.IntRange(0, 80).Draw(t, "before") {
		l = live(t, l, w.event(l), &taken)
	}
	return l
}

func TestUndecidedChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		check(t, func(t *rapid.T, w *world) {
			l := someLife(t, w)
			e := w.decided(l, l.At+w.step(), epoch.Undecided)
			after, err := l.After(e)
			if err != nil {
				t.Fatal(err)
			}
			if after.At != e.At {
				t.Fatalf("at %d, want %d", after.At, e.At)
			}
			after.At = l.At
			if !reflect.DeepEqual(after, l) {
				t.Fatalf("%+v to %+v", l, after)
			}
		})
	})
}

func TestWhoPassesEverythingIsNeverJailed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		check(t, func(t *rapid.T, w *world) {
			var l Life
			var taken []Event
			for range rapid.IntRange(1, 200).Draw(t, "events") {
				e := w.event(l)
				switch {
				case e.What == Decided && e.Result == epoch.Failed:
					e.Result = epoch.Passed
				case e.What == Missed:
					e.For = min(e.For, briefAfter-1)
				}
				l = live(t, l, e, &taken)
				if l.State == Jailed || l.State.away() || len(l.Failures) > 0 {
					t.Fatalf("%+v: %v with %v", e, l.State, l.Failures)
				}
			}
		})
	})
}

func TestWhoFailsEverythingGetsNoPlayersAfterSeven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		check(t, func(t *rapid.T, w *world) {
			l := someLife(t, w)
			var taken []Event
			failed := 0
			for range rapid.IntRange(1, 200).Draw(t, "events") {
				e := w.event(l)
				switch {
				case e.What == Granted:
					e.What = Upheld
				case e.What == Decided:
					e.Result, e.Set = epoch.Failed, e.At // of the time that it is here
				}
				next := live(t, l, e, &taken)
				if e.What == Decided && (l.State == Probation || l.State == Standby || l.State == Streaming) && e.Check != Enrolment {
					failed++
				}
				l = next
				rich := epoch.Standing{Passed: 100_000_000, At: l.At}
				if failed >= MostFailures && l.Matching(rich, l.At).Players {
					t.Fatalf("%d failed in a row, and it is %v with %v", failed, l.State, l.Failures)
				}
			}
		})
	})
}

func TestSevenIsOneLessOfEachKindAndOneMore(t *testing.T) {
	capacity, _ := jailAfter(Capacity)
	experience, _ := jailAfter(Experience)
	if got := capacity - 1 + experience - 1 + 1; got != MostFailures {
		t.Errorf("%d, want %d", MostFailures, got)
	}
	// And as many are really needed, of an edge in Standby.
	l := standby(t)
	for i, c := range []Check{Capacity, Capacity, Experience, Experience, Experience, Experience, Experience} {
		if !l.Matching(epoch.Standing{}, l.At).Players {
			t.Fatalf("no players after %d", i)
		}
		l = after(t, l, Event{At: l.At + minute, What: Decided, Check: c, Result: epoch.Failed, Task: task(1000 + i), Set: l.At + minute})
	}
	if l.State != Jailed || l.Matching(epoch.Standing{}, l.At).Players {
		t.Errorf("%v after seven", l.State)
	}
}

func TestAnnouncedLeaveCostsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		check(t, func(t *rapid.T, w *world) {
			l := someLife(t, w)
			if l.State != Probation && l.State != Standby && l.State != BrieflyAway {
				t.Skip("it cannot go on leave")
			}
			if l.State == BrieflyAway {
				l = after(t, l, Event{At: l.At + 1, What: Seen})
			}
			var taken []Event
			for l.Sessions > 0 {
				l = after(t, l, Event{At: l.At, What: Ended})
			}
			if l.State != Probation && l.State != Standby {
				t.Skip("it cannot go on leave")
			}
			before := l
			l = after(t, l, Event{At: l.At + w.step(), What: Drain})
			left := l.At
			for range rapid.IntRange(1, 60).Draw(t, "events") {
				e := w.event(l)
				e.At = min(e.At, left+longestLeave)
				switch {
				case e.What == Decided: // of what was set meanwhile
					e.Set = max(left, min(e.Set, e.At))
				case e.What == Missed:
				default:
					e = Event{At: e.At, What: Missed, For: e.At - l.At}
				}
				l = live(t, l, e, &taken)
			}
			l = after(t, l, Event{At: l.At, What: Return})
			// What was missed at the leave's end is of the leave.
			l = after(t, l, Event{At: l.At, What: Missed, For: l.At - left})
			if l.State != before.State || l.Owed != before.Owed || l.Unproven != before.Unproven ||
				!reflect.DeepEqual(l.Failures, before.Failures) || !reflect.DeepEqual(l.Jail, before.Jail) {
				t.Fatalf("%+v before, %+v after a leave of %d minutes", before, l, (l.At-left)/minute)
			}
		})
	})
}
