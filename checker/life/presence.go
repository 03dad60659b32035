package life

import "nearlight/checker/epoch"

// miss takes that an edge was not seen. It counts from when it was last known to be there, or had to be: nobody is away from a leave.
func (l Life) miss(e Event) Life {
	l.missed = e.At
	if !l.State.here() && !l.State.away() {
		return l
	}
	lasted := min(e.For, e.At-l.seen)
	grade := BrieflyAway
	switch {
	case lasted < briefAfter:
		return l
	case lasted >= goneAfter:
		grade = Gone
	case lasted >= longAfter:
		grade = LongAway
	}
	if l.State.away() && grade <= l.State {
		return l
	}
	long := l.State == LongAway
	if l.State.here() {
		l.away.from = e.At - lasted
		if !l.Drained {
			l.shut.from = l.away.from
		}
	}
	l.State = grade
	if grade > BrieflyAway && !long {
		l.Owed, l.Unproven = max(l.Owed, 1), true
		return l.fail(Failure{Check: Alive, Set: e.At, At: e.At})
	}
	return l
}

// see takes that an edge was seen.
func (l Life) see(e Event) Life {
	switch lasted := min(e.For, e.At-l.missed); {
	case l.State.here():
		l.seen = e.At
	case l.State == BrieflyAway, l.State == LongAway && lasted >= steadyAfter:
		return l.back(e.At)
	case l.State == Gone && lasted >= steadyAfter:
		return l.enrol(e.At)
	}
	return l
}

// back ends an outage. A brief one counts now, when it is known to have been no longer.
func (l Life) back(at epoch.Millis) Life {
	brief := l.State == BrieflyAway
	l.State, l.seen, l.shut.until, l.away.until = l.place(), at, at, at
	// That it was seen is what it passes: how many there were in a day is what counts.
	l.Failures = passed(l.Failures, Alive, at, at)
	if brief {
		l = l.fail(Failure{Check: Steady, Set: at, At: at})
		l.Failures = passed(l.Failures, Steady, at, at)
	}
	return l
}

// drain announces a leave.
func (l Life) drain(at epoch.Millis) (Life, error) {
	switch {
	case l.State == Draining, l.State == OnLeave:
	case l.State == Jailed:
		l.Drained = true // it is away already, and need not be back when the time is over
	case l.State.here():
		l.Drained = true
		l.State, l.shut.from = l.place(), at
		if l.State == OnLeave {
			l.away.from = at
		}
	case l.State.away():
		return l, refuse("it is away: leave is announced before it begins")
	default:
		return l, refuse("it is " + l.State.String() + ", and gets no players")
	}
	return l, nil
}

// leave retires the edge.
func (l Life) leave() (Life, error) {
	switch {
	case l.State == Retired:
		return l, refuse("it is retired already")
	case l.State.here() && l.Sessions > 0:
		return l, refuse("somebody plays: drain it first")
	}
	l.State, l.Drained = Retired, false
	return l, nil
}

// comeBack is an owner's return.
func (l Life) comeBack(at epoch.Millis) (Life, error) {
	switch {
	case l.State == OnLeave && at-l.away.from > longestLeave, l.State == Gone:
		return l.enrol(at), nil
	case l.State == OnLeave:
		l.seen, l.away.until = at, at
	case l.State == Draining: // it was here all the time
	case l.State == Jailed && l.Drained:
		l.Drained = false
		return l, nil
	case l.State == Retired && at < l.Jail.Until:
		l.State = Jailed
		return l, nil
	case l.State == Retired:
		return l.enrol(at), nil
	default:
		return l, refuse("it is " + l.State.String() + ": there is nothing to come back from")
	}
	l.Drained = false
	l.State, l.shut.until = l.place(), at
	return l, nil
}
