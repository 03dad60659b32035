package committee

// Conduct is how a checker has behaved in one task, from good to bad.
type Conduct uint8

// The conducts.
const (
	Agreed       Conduct = iota + 1 // in line with what was found
	Silent                          // committed, and revealed nothing
	Disagreed                       // beyond tolerance of what was found
	Copied                          // a report that was not measured apart from another's
	Fabricated                      // revealed another report than committed to, one that answers nothing, or a seat that it does not have
	Contradicted                    // signed two commitments to one task: stake is lost for that, besides
)

func (c Conduct) String() string {
	switch c {
	case Agreed:
		return "agreed"
	case Silent:
		return "silent"
	case Disagreed:
		return "disagreed"
	case Copied:
		return "copied"
	case Fabricated:
		return "fabricated"
	case Contradicted:
		return "contradicted"
	}
	return "none"
}

// Score is how far a checker can be relied upon, from 0 to 1, and from how many tasks that is known.
type Score struct {
	Value float64
	Tasks uint32
}

// Newcomer is the score that a licence begins with: it has to earn the rest.
const Newcomer = 0.5

// How far one task moves a score towards 1 or 0. An honest checker disagrees now and then, since figures scatter and links fail: one
// disagreement takes about four agreements to make up for, one copy halves the score, and who fabricates is back at nothing.
const (
	agreedStep    = 1.0 / 64
	silentStep    = 1.0 / 16
	disagreedStep = 1.0 / 16
	copiedStep    = 1.0 / 2
)

// After is the score after one more task.
func (s Score) After(c Conduct) Score {
	if !(s.Value > 0) { // nor a number, perhaps
		s.Value = 0
	}
	s.Value = min(s.Value, 1)
	switch c {
	case Agreed:
		s.Value += (1 - s.Value) * agreedStep
	case Silent:
		s.Value -= s.Value * silentStep
	case Disagreed:
		s.Value -= s.Value * disagreedStep
	case Copied:
		s.Value -= s.Value * copiedStep
	case Fabricated, Contradicted:
		s.Value = 0
	default:
		return s
	}
	s.Tasks++
	return s
}
