package committee

import (
	"cmp"
	"math"
	"slices"
)

// Kind is how a question is decided.
type Kind uint8

// The kinds of questions.
const (
	// YesOrNo is decided by strict majority.
	YesOrNo Kind = iota + 1
	// Measured is decided by the median of the figures, each less its vantage.
	Measured
	// Claimed is decided by strict majority too: of those whose figure, less its vantage, is within Tolerance of Claim.
	Claimed
)

// Question is one thing that a task asks.
type Question struct {
	Name string
	Kind Kind
	// Claim and Tolerance are what the edge has said of itself, and how far off it may be (Claimed), or how far a checker may be off the median
	// before it counts as disagreeing (Measured: Tolerance alone). In the figure's unit.
	Claim, Tolerance float64
}

// Answer is one checker's to one question.
type Answer struct {
	Yes bool // YesOrNo
	// Figure is what was measured, and Vantage the part of it that comes from where the checker is: what the same figure is for an empty
	// exchange with the edge.
	Figure, Vantage float64
}

func (a Answer) adjusted() float64 { return a.Figure - a.Vantage }

// valid reports whether an answer can be counted at all.
func (a Answer) valid(q Question) bool {
	return q.Kind == YesOrNo || !math.IsNaN(a.adjusted()) && !math.IsInf(a.adjusted(), 0)
}

// Finding is what a committee has found about one question.
type Finding struct {
	Decided bool
	Yes     bool    // YesOrNo, Claimed
	Figure  float64 // Measured, and the median for Claimed
	// For and Against are votes; Counted is how many answers there were.
	For, Against, Counted int
}

// decide finds the answer of those who count. Fewer than the minimum decide nothing, and nor does a tie.
func decide(q Question, answers []Answer, minimum int) Finding {
	f := Finding{Counted: len(answers)}
	if q.Kind != YesOrNo {
		f.Figure = median(answers)
	}
	if len(answers) < max(minimum, 1) {
		return f
	}
	if q.Kind == Measured {
		f.Decided = true
		return f
	}
	for _, a := range answers {
		if q.votes(a) {
			f.For++
		} else {
			f.Against++
		}
	}
	f.Decided, f.Yes = f.For != f.Against, f.For > f.Against
	return f
}

// votes reports whether an answer is a yes.
func (q Question) votes(a Answer) bool {
	if q.Kind == Claimed {
		return math.Abs(a.adjusted()-q.Claim) <= q.Tolerance
	}
	return a.Yes
}

// agrees reports whether an answer is in line with what was found.
func (q Question) agrees(a Answer, f Finding) bool {
	switch {
	case !f.Decided:
		return true // nobody is blamed for what nobody knows
	case q.Kind == Measured:
		return math.Abs(a.adjusted()-f.Figure) <= q.Tolerance
	}
	return q.votes(a) == f.Yes
}

// median is the middle figure, the lower one of two: one that somebody has measured. It is 0 of none.
func median(answers []Answer) float64 {
	if len(answers) == 0 {
		return 0
	}
	figures := make([]float64, len(answers))
	for i, a := range answers {
		figures[i] = a.adjusted()
	}
	slices.SortFunc(figures, cmp.Compare[float64])
	return figures[(len(figures)-1)/2]
}
