package life

import (
	"fmt"

	"nearlight/checker/epoch"
)

// Life is an edge's. The zero value is of one that nobody knows yet. Any other comes from After alone.
type Life struct {
	State State
	At    epoch.Millis // of the latest event
	// Sessions are those of players that run, whatever the state.
	Sessions int
	// Owed is how many capacity checks are to be passed until probation is over.
	Owed int
	// Unproven is set after jail and long outages: no players before a capacity check is passed.
	Unproven bool
	// Drained is set from when the owner drains to when it comes back.
	Drained bool
	// Tries are enrolments that failed, Retest is when the next can be.
	Tries  int
	Retest epoch.Millis
	// Failures are failed checks that may still matter, as they came.
	Failures []Failure
	Jail     Sentence // the latest

	since  epoch.Millis // checks that were set before are of a time that is done with
	seen   epoch.Millis // when it was last known to be there, or was to be there again
	missed epoch.Millis // when it was last known not to be
	shut   span         // the latest in which it had to take nobody new
	away   span         // the latest in which it had not to be there at all, or was not
}

// span is a time. Whether it is over the state says.
type span struct{ from, until epoch.Millis }

// After is the life after an event. An error wraps ErrEvent, ErrBack or ErrRefused, and the life is as it was.
func (l Life) After(e Event) (Life, error) {
	if err := e.check(); err != nil {
		return l, err
	}
	if e.At < l.At {
		return l, fmt.Errorf("%w: %v at %d, after %d", ErrBack, e.What, e.At, l.At)
	}
	next, err := l.take(e)
	if err != nil {
		return l, err
	}
	next.At = e.At
	return next, nil
}

// Replay is the life after all events, one after the other. The error names the first that cannot be taken.
func Replay(events []Event) (Life, error) {
	var l Life
	for i, e := range events {
		var err error
		if l, err = l.After(e); err != nil {
			return l, fmt.Errorf("event %d: %w", i, err)
		}
	}
	return l, nil
}

func (l Life) take(e Event) (Life, error) {
	switch e.What {
	case Began, Ended:
		return l.count(e)
	case Revoke:
		if l.State == Banned {
			return l, refuse("its key is revoked already")
		}
		l.State = Banned
		return l, nil
	}
	if l.State == Banned {
		switch e.What {
		case Drain, Leave, Return, Appeal:
			return l, refuse("its key is revoked: enrol another one")
		}
		return l, nil
	}
	switch e.What {
	case Decided:
		return l.decided(e), nil
	case Seen:
		return l.see(e), nil
	case Missed:
		return l.miss(e), nil
	case Drain:
		return l.drain(e.At)
	case Leave:
		return l.leave()
	case Return:
		return l.comeBack(e.At)
	case TimeOver:
		return l.serve(e.At)
	case Appeal:
		return l.appeal(e)
	case Granted:
		return l.granted(e), nil
	case Upheld:
		return l.upheld(e), nil
	}
	return l, fmt.Errorf("%w: of kind %d", ErrEvent, e.What)
}

func refuse(why string) error { return fmt.Errorf("%w: %s", ErrRefused, why) }

// count begins and ends sessions. They are counted in every state: what just began when an edge was jailed ends as well.
func (l Life) count(e Event) (Life, error) {
	switch {
	case e.What == Began && l.Sessions == mostSessions:
		return l, fmt.Errorf("%w: more than %d sessions", ErrEvent, mostSessions)
	case e.What == Began:
		l.Sessions++
	case l.Sessions == 0:
		return l, fmt.Errorf("%w: a session ended, and none had begun", ErrEvent)
	default:
		l.Sessions--
	}
	switch {
	case l.State == Standby || l.State == Streaming:
		l.State = l.place()
	case l.State == Draining && l.Sessions == 0:
		l.State, l.away.from = OnLeave, e.At
	case l.State.away() && l.Drained && l.Sessions == 0:
		return l.back(e.At), nil // on leave, as announced: the outage was that it had players
	}
	return l, nil
}

// place is the state of an edge that is here, or on leave.
func (l Life) place() State {
	switch {
	case l.Drained && l.Sessions == 0:
		return OnLeave
	case l.Drained:
		return Draining
	case l.Owed > 0:
		return Probation
	case l.Sessions > 0:
		return Streaming
	}
	return Standby
}

// decided takes a verdict.
func (l Life) decided(e Event) Life {
	if e.Result == epoch.Undecided {
		return l
	}
	if e.Check == Enrolment {
		return l.enrolled(e)
	}
	if !l.State.here() && !l.State.away() && l.State != OnLeave || !l.blamed(e.Check, e.Set) {
		return l
	}
	if e.Result == epoch.Failed {
		if l.Owed > 0 {
			l.Owed = ProbationChecks
		}
		return l.fail(Failure{Check: e.Check, Task: e.Task, Set: e.Set, At: e.At})
	}
	l.Failures = passed(l.Failures, e.Check, e.Set, e.At)
	// What was set before an outage shows nothing of the time after it.
	if e.Check == Capacity && !l.State.away() && e.Set >= l.away.until {
		l.Owed, l.Unproven = max(l.Owed-1, 0), false
	}
	if l.State == Probation {
		l.State = l.place()
	}
	return l
}

// blamed reports whether an edge had to be ready for a check that was set then. What was set before somebody went on leave, or away, counts: else who
// sees a check coming would go.
func (l Life) blamed(c Check, set epoch.Millis) bool {
	if set < l.since {
		return false
	}
	excused, still := l.away, l.State == OnLeave || l.State.away()
	if c == Capacity {
		excused, still = l.shut, still || l.State == Draining
	}
	return set < excused.from || set >= excused.until && !still
}

// enrolled takes the verdict on an enrolment.
func (l Life) enrolled(e Event) Life {
	if l.State != Enrolling || e.Set < max(l.since, l.Retest) {
		return l // nobody was to check it then
	}
	l.Failures = without(l.Failures, func(f Failure) bool { return f.Check == Enrolment })
	if e.Result == epoch.Passed {
		return l.newcomer(e.At)
	}
	l.Failures = append(l.Failures, Failure{Check: Enrolment, Task: e.Task, Set: e.Set, At: e.At})
	l.Retest = e.At + min(firstRetest<<min(l.Tries, 16), lastRetest)
	l.Tries = min(l.Tries+1, 16)
	return l
}

// newcomer begins probation.
func (l Life) newcomer(at epoch.Millis) Life {
	l.State, l.Owed, l.Unproven, l.Tries, l.Retest, l.seen, l.since = Probation, ProbationChecks, false, 0, 0, at, at
	l.shut, l.away = span{at, at}, span{at, at}
	return l
}

// enrol begins anew. What has failed is not forgotten by that.
func (l Life) enrol(at epoch.Millis) Life {
	l.State, l.Owed, l.Unproven, l.Drained, l.since = Enrolling, 0, false, false, at
	l.Failures = passed(without(l.Failures, func(f Failure) bool { return f.Check == Enrolment }), Alive, at, at)
	return l
}
