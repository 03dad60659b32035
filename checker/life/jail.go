package life

import (
	"slices"

	"nearlight/checker/epoch"
)

// Failure is a check that failed.
type Failure struct {
	Check  Check
	Task   epoch.Hash   // none of Alive and Steady
	Set    epoch.Millis // when the check was set, and
	At     epoch.Millis // when it had failed
	Passed bool         // such a check was passed that was set later
	Appeal Pleaded
	// Jailed is set of those that led to the latest sentence: they count no more, but can be appealed against.
	Jailed bool
}

// Pleaded is how far an appeal against a failure has come.
type Pleaded uint8

// A failure is appealed against once.
const (
	Never Pleaded = iota
	Asked
	Done
)

// Sentence is a time in jail.
type Sentence struct {
	Cause        Check
	Since, Until epoch.Millis
	Times        int // that it was jailed and that are not forgotten, this one included

	before before
}

// before is what was before a sentence.
type before struct {
	state State
	times int
	until epoch.Millis
}

// term is how long the nth time is: an hour, twice as long each time, a week at the most.
func term(times int) epoch.Millis { return min(firstTerm<<min(times-1, mostTimes-1), longestTerm) }

// without is the list less some, and another list always.
func without(list []Failure, drop func(Failure) bool) []Failure {
	return slices.DeleteFunc(slices.Clone(list), drop)
}

// current are the failures less those that are forgotten: a check of the kind was passed since, and they are older than what counts.
func current(list []Failure, at epoch.Millis) []Failure {
	return without(list, func(f Failure) bool {
		_, within := jailAfter(f.Check)
		return f.Passed && !f.Jailed && at-f.At >= within
	})
}

// passed notes a passed check with the failures of its kind. Verdicts may come in another order than their checks were set.
func passed(list []Failure, c Check, set, at epoch.Millis) []Failure {
	list = slices.Clone(list)
	for i := range list {
		if list[i].Check == c && list[i].Set <= set {
			list[i].Passed = true
		}
	}
	return current(list, at)
}

// Doubt reports whether the latest check of a kind failed.
func (l Life) Doubt(c Check) bool {
	return slices.ContainsFunc(l.Failures, func(f Failure) bool { return f.Check == c && !f.Passed && !f.Jailed })
}

// fail notes a failed check, and jails the edge for the last that is too many.
func (l Life) fail(f Failure) Life {
	c, at := f.Check, f.At
	l.Failures = append(current(l.Failures, at), f)
	most, _ := jailAfter(c)
	count := 0
	for _, f := range l.Failures {
		if f.Check == c && !f.Jailed {
			count++
		}
	}
	if count < most {
		return l
	}
	// Of an earlier sentence nothing can be brought back any more.
	l.Failures = without(l.Failures, func(f Failure) bool { return f.Jailed })
	for i := range l.Failures {
		l.Failures[i].Jailed = l.Failures[i].Check == c
	}
	times := l.Jail.Times
	if times > 0 {
		times = max(times-int((at-l.Jail.Until)/forgottenAfter), 0)
	}
	times = min(times+1, mostTimes)
	l.Jail = Sentence{
		Cause: c, Since: at, Until: at + term(times), Times: times,
		before: before{l.State, l.Jail.Times, l.Jail.Until},
	}
	l.State = Jailed
	return l
}

// serve ends the time in jail: back on probation, with nothing else against the edge.
func (l Life) serve(at epoch.Millis) (Life, error) {
	switch {
	case l.State != Jailed:
		return l, refuse("it is " + l.State.String() + ", and not jailed")
	case at < l.Jail.Until:
		return l, refuse("its time in jail is not over before " + when(l.Jail.Until))
	}
	l.Failures = without(l.Failures, func(f Failure) bool { return !f.Jailed })
	l.Owed, l.Unproven, l.since = ProbationChecks, true, at
	l.shut, l.away = span{at, at}, span{at, at}
	return l.free(at), nil
}

// free lets an edge out of jail. It has to be there from now on, unless its owner has announced that it is not.
func (l Life) free(at epoch.Millis) Life {
	l.State, l.seen, l.shut.until, l.away.until = l.place(), at, at, at
	return l
}

// appeal asks for another committee.
func (l Life) appeal(e Event) (Life, error) {
	i := slices.IndexFunc(l.Failures, func(f Failure) bool { return f.Task == e.Task })
	switch {
	case i < 0:
		return l, refuse("no failed check of that name matters to it")
	case l.Failures[i].Appeal != Never:
		return l, refuse("this check was appealed against: it is done again once")
	case e.At-l.Failures[i].At > appealWithin:
		return l, refuse("a check is appealed against within seven days")
	}
	l.Failures = slices.Clone(l.Failures)
	l.Failures[i].Appeal = Asked
	return l, nil
}

// pending is the failure whose appeal is under way; -1 if it does not matter any more.
func (l Life) pending(task epoch.Hash) int {
	return slices.IndexFunc(l.Failures, func(f Failure) bool { return f.Task == task && f.Appeal == Asked })
}

// upheld leaves a failure as it is.
func (l Life) upheld(e Event) Life {
	if i := l.pending(e.Task); i >= 0 {
		l.Failures = slices.Clone(l.Failures)
		l.Failures[i].Appeal = Done
	}
	return l
}

// granted takes a failure back, and the jail that came of it. A probation that began anew by it is not made shorter.
func (l Life) granted(e Event) Life {
	i := l.pending(e.Task)
	if i < 0 {
		return l
	}
	f := l.Failures[i]
	l.Failures = slices.Delete(slices.Clone(l.Failures), i, i+1)
	switch {
	case f.Jailed:
		return l.acquit(e.At)
	case f.Check == Enrolment && l.State == Enrolling:
		return l.newcomer(e.At)
	}
	return l
}

// acquit undoes the latest sentence. What else has failed then counts as before, unless the time was served for it.
func (l Life) acquit(at epoch.Millis) Life {
	serving := at < l.Jail.Until || l.State == Jailed
	before, since := l.Jail.before, l.Jail.Since
	if serving {
		for i := range l.Failures {
			l.Failures[i].Jailed = false
		}
	} else {
		l.Failures = without(l.Failures, func(f Failure) bool { return f.Jailed })
	}
	l.Jail = Sentence{Times: before.times, Until: before.until}
	if l.State == Jailed {
		// Nobody had to be ready for a check in jail.
		if before.state.here() {
			l.away.from = since
		}
		if before.state.here() && before.state != Draining {
			l.shut.from = since
		}
		return l.free(at)
	}
	return l
}

// when is an instant in words.
func when(at epoch.Millis) string { return at.Time().UTC().Format("2006-01-02 15:04:05 UTC") }
