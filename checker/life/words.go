package life

import (
	"fmt"
	"strings"

	"nearlight/checker/epoch"
)

// Notice says to an edge's owner what a verdict has come to, when the life has taken it: of each question that was not passed what was measured and
// what is required, and how the edge is tested again.
func (l Life) Notice(v epoch.Verdict) string {
	var b strings.Builder
	fmt.Fprintf(&b, "The check %q of %v: %s.", v.Check, v.Edge, v.Result)
	switch v.Result {
	case epoch.Passed:
		return b.String()
	case epoch.Undecided:
		return b.String() + " It changes nothing."
	}
	for _, f := range v.Findings {
		if f.Decided && !f.Met {
			fmt.Fprintf(&b, "\n%q: measured: %s; required: %s.", f.Question, f.Measured(), f.Required)
		}
	}
	return b.String() + "\n" + l.Again(Check(v.Check))
}

// Again says how a check that failed is done again, as things are.
func (l Life) Again(c Check) string {
	const appeal = " If the verdict is wrong, appeal against it while it counts, within seven days: another committee checks once more, and then it stands."
	switch l.State {
	case Enrolling:
		return fmt.Sprintf("It can be enrolled from %s on.", when(max(l.Retest, l.since))) + appeal
	case Jailed:
		count, _ := jailAfter(l.Jail.Cause)
		return fmt.Sprintf("It is jailed until %s, after %d failed checks of %q. "+
			"Then it is on probation: checked within half an hour on average, and given players when it has passed.",
			when(l.Jail.Until), count, l.Jail.Cause) + appeal
	case Banned:
		return "Its key is revoked: enrol another one."
	case Retired, Gone:
		return "It is enrolled anew when it comes back." + appeal
	case OnLeave, Draining, BrieflyAway, LongAway:
		return "It is checked again when it is back." + appeal
	}
	if c == Experience && l.Sessions > 0 {
		return "It is checked again each minute while somebody plays; a check that is passed ends the doubt." + appeal
	}
	return "It is checked again by itself, half an hour later on average, when nobody knows before; a check that is passed ends the doubt." + appeal
}
