package life

import (
	"fmt"
	"slices"
	"strings"

	"nearlight/checker/epoch"
	"nearlight/internal/identity"
)

// Notice says to an edge's owner what a verdict has come to, when the life has taken it: of each question that was not passed what was measured and
// what is required, and how the edge is tested again.
func (l Life) Notice(v epoch.Verdict) string {
	told := Told(v)
	switch v.Result {
	case epoch.Passed:
		return told
	case epoch.Undecided:
		return told + " It changes nothing."
	}
	return told + "\n" + l.Again(Check(v.Check))
}

// Answer says to an edge's owner what an appeal has come to, as Notice does of the check that was done first.
func (l Life) Answer(v epoch.Verdict) string {
	told := Told(v)
	switch v.Result {
	case epoch.Passed:
		return told + " It was done again on appeal: the failure is taken back."
	case epoch.Undecided:
		return told + " It was to be done again on appeal, and is set once more."
	}
	return told + "\nIt was done again on appeal: the failure stands. " + l.again(Check(v.Check))
}

// Told says what a verdict has come to, and of each question that was not passed what was measured and what is required.
func Told(v epoch.Verdict) string {
	var b strings.Builder
	fmt.Fprintf(&b, "The check %q of %v: %s.", v.Check, v.Edge, v.Result)
	if v.Result != epoch.Failed {
		return b.String()
	}
	for _, f := range v.Findings {
		if f.Decided && !f.Met {
			fmt.Fprintf(&b, "\n%q: measured: %s; required: %s.", f.Question, f.Measured(), f.Required)
		}
	}
	if others := slices.DeleteFunc(slices.Clone(v.Together), func(a identity.Address) bool { return a == v.Edge }); len(others) > 0 {
		fmt.Fprintf(&b, "\nIt was asked alone, then at the same time as %v: edges are to be machines of their own. They are asked together again by themselves, half an hour later on average; "+
			"an appeal asks the same ones together as well.", others)
	}
	return b.String()
}

// appealing is how an owner has a failed check done again.
const appealing = " If the verdict is wrong, appeal against it while it counts, within seven days: another committee checks once more, and then it stands."

// Again says how a check that failed is done again, as things are.
func (l Life) Again(c Check) string {
	if l.State == Banned {
		return l.again(c)
	}
	return l.again(c) + appealing
}

// again is Again without the way of appeal.
func (l Life) again(c Check) string {
	switch l.State {
	case Enrolling:
		return fmt.Sprintf("It can be enrolled from %s on.", when(max(l.Retest, l.since)))
	case Jailed:
		count, _ := jailAfter(l.Jail.Cause)
		return fmt.Sprintf("It is jailed until %s, after %d failed checks of %q. "+
			"Then it is on probation: checked within half an hour on average, and given players when it has passed.",
			when(l.Jail.Until), count, l.Jail.Cause)
	case Banned:
		return "Its key is revoked: enrol another one."
	case Retired, Gone:
		return "It is enrolled anew when it comes back."
	case OnLeave, Draining, BrieflyAway, LongAway:
		return "It is checked again when it is back."
	}
	if c == Experience && l.Sessions > 0 {
		return "It is checked again each minute while somebody plays; a check that is passed ends the doubt."
	}
	return "It is checked again by itself, half an hour later on average, when nobody knows before; a check that is passed ends the doubt."
}

// Remedy says how a check is done again that was not passed, as things are, and how far an appeal against it has come.
func (l Life) Remedy(task epoch.Hash, c Check, at epoch.Millis) string {
	f, counts := l.Failure(task)
	switch {
	case !counts:
		return "It counts no more."
	case f.Appeal == Asked:
		return "You have appealed against it: another committee checks once more, as soon as the edge can be reached. " + l.again(c)
	case f.Appeal == Done:
		return "Another committee has found the same: it stands. " + l.again(c)
	case at-f.At > appealWithin:
		return l.again(c)
	}
	return l.Again(c)
}

// Failure is the failed check of a task, while it may still matter.
func (l Life) Failure(task epoch.Hash) (Failure, bool) {
	i := slices.IndexFunc(l.Failures, func(f Failure) bool { return f.Task == task && task != epoch.Hash{} })
	if i < 0 {
		return Failure{}, false
	}
	return l.Failures[i], true
}

// AppealBy is until when a failure can be appealed against; 0 where that was done.
func (f Failure) AppealBy() epoch.Millis {
	if f.Appeal != Never {
		return 0
	}
	return f.At + appealWithin
}

func (p Pleaded) String() string {
	switch p {
	case Never:
		return "never"
	case Asked:
		return "asked"
	}
	return "done"
}
