package life

import (
	"errors"
	"strings"
	"testing"

	"nearlight/checker/epoch"
)

// failer is a test, whoever runs it.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// after takes an event that has to be taken.
func after(t failer, l Life, e Event) Life {
	t.Helper()
	next, err := l.After(e)
	if err != nil {
		t.Fatalf("%v at %d in %v: %v", e.What, e.At, l.State, err)
	}
	return next
}

// newcomer is an edge that is just enrolled, at a day after the beginning of time.
func newcomer(t testing.TB) Life {
	return after(t, Life{}, Event{At: day, Set: day, What: Decided, Check: Enrolment, Result: epoch.Passed, Task: task(900)})
}

// standby is an edge that has been through probation.
func standby(t testing.TB) Life {
	l := newcomer(t)
	for i := range ProbationChecks {
		at := l.At + hour
		l = after(t, l, Event{At: at, Set: at, What: Decided, Check: Capacity, Result: epoch.Passed, Task: task(910 + i)})
	}
	return l
}

// A play is a row's events, each so long after the one before.
type play struct {
	wait  epoch.Millis
	event Event
}

func (p play) at(l Life, n int) Event {
	e := p.event
	e.At = l.At + p.wait
	if e.What == Decided {
		e.Set += e.At // Set of a row is relative to the verdict
		if e.Task == (epoch.Hash{}) {
			e.Task = task(n)
		}
	}
	return e
}

func failed(c Check) Event    { return Event{What: Decided, Check: c, Result: epoch.Failed} }
func succeeded(c Check) Event { return Event{What: Decided, Check: c, Result: epoch.Passed} }
func just(w What) Event       { return Event{What: w} }

func missedFor(d epoch.Millis) Event { return Event{What: Missed, For: d} }
func seenFor(d epoch.Millis) Event   { return Event{What: Seen, For: d} }

func repeat(n int, p ...play) (all []play) {
	for range n {
		all = append(all, p...)
	}
	return all
}

func join(lists ...[]play) (all []play) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// set is a verdict on a task that was set so long before.
func set(e Event, before epoch.Millis) Event {
	e.Set = before
	return e
}

// one is a failed check with a name, to be appealed against.
func one(c Check, n int) Event {
	return Event{What: Decided, Check: c, Result: epoch.Failed, Task: task(n)}
}
func of(w What, n int) Event { return Event{What: w, Task: task(n)} }

var (
	jailed    = []play{{hour, one(Capacity, 51)}, {hour, one(Capacity, 52)}, {hour, one(Capacity, 53)}}
	longAgain = []play{{day, seenFor(0)}, {20 * minute, missedFor(20 * minute)}, {6 * minute, seenFor(5 * minute)}}
)

func TestLives(t *testing.T) {
	rows := []struct {
		reason string
		from   func(testing.TB) Life
		plays  []play
		state  State
		share  int
	}{
		{"who is not known proves itself first", unknown, nil, Enrolling, 0},
		{"an enrolment that failed is no enrolment", unknown, []play{{1, failed(Enrolment)}}, Enrolling, 0},
		{"the next is not before its time: what nobody asked for counts nothing", unknown, []play{{1, failed(Enrolment)}, {9 * minute, succeeded(Enrolment)}}, Enrolling, 0},
		{"and is from then on", unknown, []play{{1, failed(Enrolment)}, {10 * minute, succeeded(Enrolment)}}, Probation, NewcomerShare},
		{"each further one takes twice as long", unknown, []play{{1, failed(Enrolment)}, {10 * minute, failed(Enrolment)}, {19 * minute, succeeded(Enrolment)}}, Enrolling, 0},
		{"what heartbeats say of somebody unknown does not matter", unknown, []play{{day, missedFor(day)}}, Enrolling, 0},

		{"a newcomer gets a few players", newcomer, nil, Probation, NewcomerShare},
		{"seven checks are not eight", newcomer, repeat(7, play{hour, succeeded(Capacity)}), Probation, NewcomerShare},
		{"eight end probation", newcomer, repeat(8, play{hour, succeeded(Capacity)}), Standby, Whole},
		{"experience does not: an owner could play on it", newcomer, repeat(50, play{minute, succeeded(Experience)}), Probation, NewcomerShare},
		{"one that failed begins it anew", newcomer,
			join(repeat(7, play{hour, succeeded(Capacity)}), []play{{hour, failed(Capacity)}}, repeat(7, play{hour, succeeded(Capacity)})), Probation, NewcomerShare},
		{"a newcomer in doubt gets nobody", newcomer, []play{{hour, failed(Capacity)}}, Probation, 0},
		{"who has players when probation ends streams", newcomer, join([]play{{1, just(Began)}}, repeat(8, play{hour, succeeded(Capacity)})), Streaming, Whole},

		{"a player makes it stream", standby, []play{{1, just(Began)}}, Streaming, Whole},
		{"until the last one leaves", standby, []play{{1, just(Began)}, {1, just(Began)}, {1, just(Ended)}}, Streaming, Whole},
		{"and then no more", standby, []play{{1, just(Began)}, {1, just(Began)}, {1, just(Ended)}, {1, just(Ended)}}, Standby, Whole},
		{"in doubt it gets a newcomer's share", standby, []play{{1, failed(Capacity)}}, Standby, NewcomerShare},
		{"by one that was set later, whenever its verdict came", standby, []play{{hour, failed(Capacity)}, {1, set(succeeded(Capacity), -minute)}}, Standby, NewcomerShare},
		{"until such a check is passed", standby, []play{{1, failed(Capacity)}, {hour, succeeded(Capacity)}}, Standby, Whole},
		{"one of another kind says nothing about it", standby, []play{{1, failed(Experience)}, {hour, succeeded(Capacity)}}, Standby, NewcomerShare},

		{"a heartbeat missed is a packet lost", standby, []play{{minute, missedFor(minute)}}, Standby, Whole},
		{"two minutes are an outage", standby, []play{{2 * minute, missedFor(2 * minute)}}, BrieflyAway, 0},
		{"over when it is seen", standby, []play{{2 * minute, missedFor(2 * minute)}, {1, seenFor(0)}}, Standby, Whole},
		{"whatever was told late: it counts from when it was seen", standby, []play{{hour, seenFor(0)}, {minute, missedFor(hour)}}, Standby, Whole},
		{"15 minutes are a long one", standby, []play{{15 * minute, missedFor(15 * minute)}}, LongAway, 0},
		{"not over with one sign of life", standby, []play{{15 * minute, missedFor(15 * minute)}, {4 * minute, seenFor(4 * minute)}}, LongAway, 0},
		{"nor by a word from before it was missed", standby, []play{{15 * minute, missedFor(15 * minute)}, {1, seenFor(10 * minute)}}, LongAway, 0},
		{"then a check is passed before players come", standby, []play{{15 * minute, missedFor(15 * minute)}, {5 * minute, seenFor(5 * minute)}}, Probation, 0},
		{"one is enough", standby, []play{{15 * minute, missedFor(15 * minute)}, {5 * minute, seenFor(5 * minute)}, {hour, succeeded(Capacity)}}, Standby, Whole},
		{"one from before it shows nothing", standby,
			[]play{{15 * minute, missedFor(15 * minute)}, {5 * minute, seenFor(5 * minute)}, {1, Event{What: Decided, Check: Capacity, Result: epoch.Passed, Set: -30 * minute}}}, Probation, 0},
		{"after a day it is gone", standby, []play{{day, missedFor(day)}}, Gone, 0},
		{"and enrolled anew", standby, []play{{day, missedFor(day)}, {hour, seenFor(hour)}}, Enrolling, 0},
		{"not by one sign of life", standby, []play{{day, missedFor(day)}, {hour, seenFor(minute)}}, Gone, 0},
		{"or by its owner", standby, []play{{day, missedFor(day)}, {hour, just(Return)}}, Enrolling, 0},
		{"a check that is set while it is away counts no second time", standby, join([]play{{2 * minute, missedFor(2 * minute)}}, repeat(3, play{minute, failed(Capacity)})), BrieflyAway, 0},
		{"one that was set before does: who sees it coming does not get away", standby,
			[]play{{1, failed(Capacity)}, {1, failed(Capacity)}, {2 * minute, missedFor(2 * minute)}, {1, Event{What: Decided, Check: Capacity, Result: epoch.Failed, Set: -2*minute - 2}}}, Jailed, 0},

		{"three long outages in a week", standby, repeat(3, longAgain...), Jailed, 0},
		{"two are not three", standby, repeat(2, longAgain...), Probation, 0},
		{"nor are three in a longer time", standby, join(repeat(2, longAgain...), []play{{6 * day, seenFor(0)}}, longAgain), Probation, 0},
		{"twelve brief ones in a day", standby, repeat(12, play{3 * minute, missedFor(3 * minute)}, play{1, seenFor(0)}), Jailed, 0},
		{"eleven are not twelve", standby, repeat(11, play{3 * minute, missedFor(3 * minute)}, play{1, seenFor(0)}), Standby, Whole},
		{"nor are twelve in a longer time", standby, repeat(12, play{150 * minute, seenFor(0)}, play{3 * minute, missedFor(3 * minute)}, play{1, seenFor(0)}), Standby, Whole},

		{"three failed checks of capacity in a day", standby, jailed, Jailed, 0},
		{"those that were passed between do not take it away", standby, []play{
			{hour, failed(Capacity)}, {1, succeeded(Capacity)}, {hour, failed(Capacity)}, {1, succeeded(Capacity)}, {hour, failed(Capacity)}}, Jailed, 0},
		{"in more than a day they do", standby, []play{
			{hour, failed(Capacity)}, {1, succeeded(Capacity)}, {13 * hour, failed(Capacity)}, {1, succeeded(Capacity)}, {13 * hour, failed(Capacity)}}, Standby, NewcomerShare},
		{"with none passed between time does not matter", standby, repeat(3, play{7 * day, failed(Capacity)}), Jailed, 0},
		{"five of experience in an hour", standby, join([]play{{1, just(Began)}}, repeat(5, play{minute, failed(Experience)})), Jailed, 0},
		{"four are not five", standby, join([]play{{1, just(Began)}}, repeat(4, play{minute, failed(Experience)})), Streaming, NewcomerShare},
		{"one a quarter of an hour", standby, join([]play{{1, just(Began)}}, repeat(20, play{15 * minute, failed(Experience)}, play{1, succeeded(Experience)})), Streaming, Whole},
		{"jail ends on probation, unproven", standby, join(jailed, []play{{hour, just(TimeOver)}}), Probation, 0},
		{"a check that is passed makes it a newcomer", standby, join(jailed, []play{{hour, just(TimeOver)}, {hour, succeeded(Capacity)}}), Probation, NewcomerShare},
		{"in jail nothing counts", standby, join(jailed, repeat(5, play{1, failed(Capacity)}), []play{{1, succeeded(Capacity)}, {hour, missedFor(hour)}, {hour, just(TimeOver)}}), Probation, 0},
		{"what was set in jail does not after it either", standby,
			join(jailed, []play{{hour, just(TimeOver)}}, repeat(3, play{1, Event{What: Decided, Check: Capacity, Result: epoch.Failed, Set: -minute}})), Probation, 0},
		{"who retires in jail comes back to it", standby, join(jailed, []play{{1, just(Leave)}, {1, just(Return)}}), Jailed, 0},
		{"and is enrolled when it is over", standby, join(jailed, []play{{1, just(Leave)}, {hour, just(Return)}}), Enrolling, 0},

		{"an appeal that is granted frees", standby, join(jailed, []play{{1, of(Appeal, 52)}, {1, of(Granted, 52)}}), Standby, NewcomerShare},
		{"the other two count: the third is soon there", standby, join(jailed, []play{{1, of(Appeal, 52)}, {1, of(Granted, 52)}, {1, failed(Capacity)}}), Jailed, 0},
		{"one that failed again stands", standby, join(jailed, []play{{1, of(Appeal, 52)}, {1, of(Upheld, 52)}, {1, of(Granted, 52)}}), Jailed, 0},
		{"nobody is freed who did not ask", standby, join(jailed, []play{{1, of(Granted, 52)}}), Jailed, 0},
		{"doubt ends with the failure", standby, []play{{1, one(Capacity, 51)}, {1, of(Appeal, 51)}, {1, of(Granted, 51)}}, Standby, Whole},
		{"an enrolment can be appealed against", unknown, []play{{1, one(Enrolment, 51)}, {1, of(Appeal, 51)}, {1, of(Granted, 51)}}, Probation, NewcomerShare},
		{"what failed in jail, by checks set in it, is not brought by freedom", standby,
			join(jailed, []play{{minute, of(Appeal, 52)}, {minute, of(Granted, 52)}, {1, Event{What: Decided, Check: Capacity, Result: epoch.Failed, Set: -minute}}}), Standby, NewcomerShare},

		{"drained without players it is on leave", standby, []play{{1, just(Drain)}}, OnLeave, 0},
		{"with players when they have gone", standby, []play{{1, just(Began)}, {1, just(Drain)}}, Draining, 0},
		{"and then", standby, []play{{1, just(Began)}, {1, just(Drain)}, {1, just(Ended)}}, OnLeave, 0},
		{"a leave is no outage", standby, []play{{1, just(Drain)}, {3 * day, missedFor(3 * day)}, {1, just(Return)}, {minute, missedFor(3 * day)}}, Standby, Whole},
		{"capacity that is closed is not missed", standby, join([]play{{1, just(Began)}, {1, just(Drain)}}, repeat(3, play{minute, failed(Capacity)})), Draining, 0},
		{"players are owed all the same until they have gone", standby, join([]play{{1, just(Began)}, {1, just(Drain)}}, repeat(5, play{minute, failed(Experience)})), Jailed, 0},
		{"nor is a check avoided by leave", standby, []play{{1, failed(Capacity)}, {1, failed(Capacity)}, {1, just(Drain)}, {minute, Event{What: Decided, Check: Capacity, Result: epoch.Failed, Set: -minute - 1}}}, Jailed, 0},
		{"a leave of two weeks is one", standby, []play{{1, just(Drain)}, {14 * day, just(Return)}}, Standby, Whole},
		{"after a longer one it may be another machine", standby, []play{{1, just(Drain)}, {14*day + 1, just(Return)}}, Enrolling, 0},
		{"who drains, vanishes with players and has none any more is on leave", standby,
			[]play{{1, just(Began)}, {1, just(Drain)}, {3 * minute, missedFor(3 * minute)}, {1, just(Ended)}}, OnLeave, 0},
		{"a leave that is announced in jail goes on after it", standby, join(jailed, []play{{1, just(Drain)}, {hour, just(TimeOver)}}), OnLeave, 0},
		{"retired and back it is enrolled", standby, []play{{1, just(Leave)}, {1, just(Return)}}, Enrolling, 0},
		{"what has failed is not forgotten by that", standby,
			[]play{{1, failed(Capacity)}, {1, failed(Capacity)}, {1, just(Leave)}, {1, just(Return)}, {1, succeeded(Enrolment)}, {1, failed(Capacity)}}, Jailed, 0},
		{"a revoked key is of no use to anybody", standby, []play{{1, just(Revoke)}, {1, succeeded(Enrolment)}}, Banned, 0},
		{"gone three times in a year, and enrolled each time, it was not away three times in a week", standby,
			repeat(3, play{90 * day, seenFor(0)}, play{day, missedFor(day)}, play{hour, just(Return)}, play{1, succeeded(Enrolment)}), Probation, NewcomerShare},
		{"what failed while it was on leave counts as little afterwards", standby, join([]play{{1, just(Drain)}, {day, just(Return)}},
			repeat(5, play{1, set(failed(Experience), -hour)}), repeat(3, play{1, set(failed(Capacity), -hour)})), Standby, Whole},
		{"an owner who is back before jail is over is on probation when it is", standby, join(jailed, []play{{1, just(Drain)}, {1, just(Return)}, {hour, just(TimeOver)}}), Probation, 0},
		{"what was closed before it vanished was not to be checked", standby, join([]play{{1, just(Began)}, {1, just(Drain)}, {minute, seenFor(0)}, {3 * minute, missedFor(3 * minute)}},
			repeat(3, play{1, set(failed(Capacity), -3*minute-30_000)})), BrieflyAway, 0},
		{"an appeal about something else frees nobody", standby, join([]play{{1, one(Experience, 54)}}, jailed, []play{{1, of(Appeal, 54)}, {1, of(Granted, 54)}}), Jailed, 0},
		{"who is freed answers for what was set before jail", standby, join(jailed, []play{{hour / 2, of(Appeal, 52)}, {1, of(Granted, 52)}, {1, set(failed(Capacity), -hour)}}), Jailed, 0},
		{"and for what players saw", standby, join(jailed, []play{{hour / 2, of(Appeal, 52)}, {1, of(Granted, 52)}}, repeat(5, play{1, set(failed(Experience), -hour)})), Jailed, 0},
		{"a time that is served is served for everything", standby,
			join(repeat(4, play{1, failed(Experience)}), jailed, []play{{hour, just(TimeOver)}, {1, succeeded(Capacity)}, {1, failed(Experience)}}), Probation, 0},
		{"an enrolment that is granted to somebody retired enrols nobody", unknown, []play{{1, one(Enrolment, 51)}, {1, of(Appeal, 51)}, {1, just(Leave)}, {1, of(Granted, 51)}}, Retired, 0},
		{"undecided is nothing", standby, repeat(9, play{1, Event{What: Decided, Check: Capacity, Result: epoch.Undecided}}), Standby, Whole},
	}
	known := epoch.Standing{Passed: 50_000_000}
	for _, row := range rows {
		l := row.from(t)
		for i, p := range row.plays {
			l = after(t, l, p.at(l, i))
		}
		if got := l.Matching(epoch.Standing{Passed: known.Passed, At: l.At}, l.At); l.State != row.state || got.Share != row.share || got.Players != (row.share > 0) {
			t.Errorf("%s: %v with a share of %d, want %v and %d", row.reason, l.State, got.Share, row.state, row.share)
		}
	}
}

func unknown(testing.TB) Life { return Life{} }

func TestWhatIsRefused(t *testing.T) {
	rows := []struct {
		reason string
		plays  []play
		event  Event
		err    error
		says   string
	}{
		{"leave is announced before it begins", []play{{3 * minute, missedFor(3 * minute)}}, just(Drain), ErrRefused, "before it begins"},
		{"who is gone has nothing to drain", []play{{2 * day, missedFor(2 * day)}}, just(Drain), ErrRefused, "gone"},
		{"players are not thrown out", []play{{1, just(Began)}}, just(Leave), ErrRefused, "drain it first"},
		{"twice is once too often", []play{{1, just(Leave)}}, just(Leave), ErrRefused, "already"},
		{"there is nothing to come back from", nil, just(Return), ErrRefused, "standby"},
		{"nobody is jailed", nil, just(TimeOver), ErrRefused, "not jailed"},
		{"jail takes its time", append(jailed[:3:3], play{hour - 1, just(Seen)}), just(TimeOver), ErrRefused, "1970-01-02 12:00:00 UTC"},
		{"nothing of that name failed", nil, of(Appeal, 99), ErrRefused, "no failed check"},
		{"an appeal is made once", []play{{1, one(Capacity, 51)}, {1, of(Appeal, 51)}}, of(Appeal, 51), ErrRefused, "once"},
		{"also when it was refused", []play{{1, one(Capacity, 51)}, {1, of(Appeal, 51)}, {1, of(Upheld, 51)}}, of(Appeal, 51), ErrRefused, "once"},
		{"an appeal has its time", []play{{1, one(Capacity, 51)}, {7*day + 1, just(Seen)}}, of(Appeal, 51), ErrRefused, "seven days"},
		{"a revoked key asks for nothing", []play{{1, just(Revoke)}}, just(Return), ErrRefused, "enrol another"},
		{"nor is it revoked twice", []play{{1, just(Revoke)}}, just(Revoke), ErrRefused, "already"},
		{"what ends has begun", nil, just(Ended), ErrEvent, "none had begun"},
		{"no such kind", nil, just(99), ErrEvent, "kind 99"},
		{"no kind at all", nil, Event{}, ErrEvent, "kind 0"},
		{"a verdict names its task", nil, Event{What: Decided, Check: Capacity, Result: epoch.Passed, Task: epoch.Hash{}, Set: 1}, ErrEvent, ""},
		{"heartbeats are not decided", nil, Event{What: Decided, Check: Alive, Result: epoch.Passed}, ErrEvent, "no committee"},
		{"a result is one of three", nil, Event{What: Decided, Check: Capacity, Result: "good"}, ErrEvent, "good"},
		{"a task is set before it is decided", nil, Event{What: Decided, Check: Capacity, Result: epoch.Passed, Set: 1}, ErrEvent, "set at"},
		{"nobody is away for less than nothing", nil, missedFor(-1), ErrEvent, "-1 ms"},
		{"nor since before 1970", nil, missedFor(99999 * day), ErrEvent, ""},
		{"an appeal names a check", nil, just(Appeal), ErrEvent, "names no task"},
	}
	for _, row := range rows {
		l := standby(t)
		for i, p := range row.plays {
			l = after(t, l, p.at(l, i))
		}
		_, err := l.After(play{0, row.event}.at(l, 70))
		if !errors.Is(err, row.err) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, want %v that says %q", row.reason, err, row.err, row.says)
		}
	}
	if _, err := (Life{}).After(Event{At: latest + 1, What: Seen}); !errors.Is(err, ErrEvent) {
		t.Errorf("a time after all times: %v", err)
	}
	if _, err := Replay([]Event{{At: 2, What: Began}, {At: 1, What: Began}}); !errors.Is(err, ErrBack) || !strings.Contains(err.Error(), "event 1") {
		t.Errorf("a log that goes back: %v", err)
	}
}

// jail plays three failed checks, and returns how long it is for.
func jail(t *testing.T, l Life) (Life, epoch.Millis) {
	t.Helper()
	for i, p := range jailed {
		l = after(t, l, p.at(l, i))
	}
	if l.State != Jailed {
		t.Fatalf("%v after three failed checks", l.State)
	}
	return l, l.Jail.Until - l.Jail.Since
}

func TestEachTimeInJailIsTwiceAsLongUpToAWeek(t *testing.T) {
	l := standby(t)
	for i, want := range []epoch.Millis{1, 2, 4, 8, 16, 32, 64, 128, 168, 168, 168} {
		var lasts epoch.Millis
		if l, lasts = jail(t, l); lasts != want*hour {
			t.Errorf("time %d is of %d hours, want %d", i+1, lasts/hour, want)
		}
		l = after(t, l, Event{At: l.Jail.Until, What: TimeOver})
	}
	// 30 days without forget one time, 90 three. The times are nine at the most.
	l = after(t, l, Event{At: l.At + 90*day, What: Seen})
	if _, lasts := jail(t, l); lasts != 64*hour {
		t.Errorf("after 90 days: %d hours, want 64", lasts/hour)
	}
	l = after(t, l, Event{At: l.At + 400*day, What: Seen})
	if _, lasts := jail(t, l); lasts != hour {
		t.Errorf("after 400 days more: %d hours, want 1", lasts/hour)
	}
}

func TestAnAppealThatIsGrantedAfterJailMakesTheNextTimeNoLonger(t *testing.T) {
	l, _ := jail(t, standby(t))
	l = after(t, l, now(l, of(Appeal, 52)))
	l = after(t, l, Event{At: l.Jail.Until, What: TimeOver})
	// It does not matter what else happens, and for how long, until the appeal is decided.
	l = after(t, l, Event{At: l.At + 2*day, Set: l.At + 2*day, What: Decided, Check: Capacity, Result: epoch.Passed, Task: task(60)})
	l = after(t, l, now(l, of(Granted, 52)))
	if l.Jail.Times != 0 || len(l.Failures) != 0 {
		t.Errorf("%d times, %v", l.Jail.Times, l.Failures)
	}
	if _, lasts := jail(t, l); lasts != hour {
		t.Errorf("%d hours, want 1", lasts/hour)
	}
}

func now(l Life, e Event) Event {
	e.At = l.At
	return e
}

func TestAnAppealUndoesTheLatestTimeInJailAlone(t *testing.T) {
	l, _ := jail(t, standby(t))
	l = after(t, l, Event{At: l.Jail.Until, What: TimeOver})
	for i := range 3 {
		l = after(t, l, now(l, Event{What: Decided, Check: Capacity, Result: epoch.Failed, Task: task(61 + i), Set: l.At}))
	}
	if l.State != Jailed || l.Jail.Times != 2 {
		t.Fatalf("%v, the %d. time", l.State, l.Jail.Times)
	}
	if _, err := l.After(now(l, of(Appeal, 52))); !errors.Is(err, ErrRefused) {
		t.Errorf("an appeal against what led to the time before: %v", err)
	}
	l = after(t, l, now(l, of(Appeal, 62)))
	l = after(t, l, now(l, of(Granted, 62)))
	if l.State != Probation || l.Jail.Times != 1 || l.Owed != ProbationChecks {
		t.Errorf("freed: %v, %d times, %d checks owed", l.State, l.Jail.Times, l.Owed)
	}
}
