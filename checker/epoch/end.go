package epoch

import (
	"fmt"
	"math"

	"nearlight/checker/committee"
	"nearlight/internal/identity"
)

// Outcome is what an epoch has come to. A log has all of it as entries of its own, in this order.
type Outcome struct {
	Verdicts []Verdict `json:"verdicts"`        // of the tasks, by when they ended
	Scores   []Score   `json:"scores"`          // of all checkers, by their addresses
	Edges    []Edge    `json:"edges"`           // with their standings, by their addresses
	Terms    *Terms    `json:"terms,omitempty"` // by which they have earned; nil: they have earned nothing
}

// entries are the outcome's lines in a log.
func (o Outcome) entries() (all []Entry) {
	for i := range o.Verdicts {
		all = append(all, Entry{Verdict: &o.Verdicts[i]})
	}
	for i := range o.Scores {
		all = append(all, Entry{Score: &o.Scores[i]})
	}
	for i := range o.Edges {
		all = append(all, Entry{Standing: &o.Edges[i]})
	}
	return all
}

// claims reports whether an entry is part of an outcome, or the end.
func (e Entry) claims() bool {
	return e.Verdict != nil || e.Score != nil || e.Standing != nil || e.End != nil
}

// End is a log's last line.
type End struct {
	Epoch   uint64 `json:"epoch"`
	Root    Hash   `json:"root"`    // of the Merkle tree of all lines before
	Entries uint64 `json:"entries"` // that many
}

// Score is a checker's at the end.
type Score struct {
	Address identity.Address `json:"address"`
	Score   float64          `json:"score"`
	Tasks   uint32           `json:"tasks"`
	// Reports are those of the epoch for which there is the fee, Amount is what it has earned by them, and Earned that with all before, in the currency of the terms.
	Reports uint32 `json:"reports,omitempty"`
	Amount  uint64 `json:"amount,omitempty"`
	Earned  uint64 `json:"earned,omitempty"`
}

// Result is what a task has come to.
type Result string

// The results.
const (
	Passed    Result = "passed"
	Failed    Result = "failed"
	Undecided Result = "undecided" // it changes nothing
)

// Verdict is what a committee has found in a task.
type Verdict struct {
	Task     Hash             `json:"task"`
	Edge     identity.Address `json:"edge"`
	Check    string           `json:"check"`
	Result   Result           `json:"result"`
	Findings []Finding        `json:"findings"`
	// Conduct is of those who committed: agreed, silent, disagreed, copied, fabricated, contradicted.
	Conduct map[identity.Address]string `json:"conduct"`
	// Together are the edges that were asked at once, where the task is of an occasion.
	Together []identity.Address `json:"together,omitempty"`
}

// Finding is what was found about one question, and whether it is what is required.
type Finding struct {
	Question string  `json:"question"`
	Decided  bool    `json:"decided"`
	Met      bool    `json:"met"`
	Figure   float64 `json:"figure,omitempty"`
	For      int     `json:"for,omitempty"`
	Against  int     `json:"against,omitempty"`
	Counted  int     `json:"counted"`
	Required string  `json:"required"` // in words
}

// Measured is what was found, in words.
func (f Finding) Measured() string {
	if f.For+f.Against == 0 {
		return fmt.Sprintf("%g by %d", f.Figure, f.Counted)
	}
	return fmt.Sprintf("%d say yes, %d no", f.For, f.Against)
}

// say words a verdict.
func (t *task) say(v committee.Verdict) Verdict {
	said := Verdict{Task: Hash(t.id), Edge: t.Edge, Check: t.Check, Result: Passed, Conduct: make(map[identity.Address]string, len(v.Conduct))}
	if t.Together != nil {
		said.Together = t.Together.Edges
	}
	for i, f := range v.Findings {
		q := t.Questions[i]
		found := Finding{Question: q.Name, Decided: f.Decided, Met: f.Decided && q.met(f), Figure: f.Figure, For: f.For, Against: f.Against, Counted: f.Counted, Required: q.Required()}
		switch {
		case !f.Decided:
			said.Result = Undecided
		case !found.Met && said.Result == Passed:
			said.Result = Failed
		}
		said.Findings = append(said.Findings, found)
	}
	for checker, conduct := range v.Conduct {
		said.Conduct[identity.Address(checker)] = conduct.String()
	}
	return said
}

// met reports whether an edge passes with what was found.
func (q Question) met(f committee.Finding) bool {
	if kinds[q.Kind] != committee.Measured {
		return f.Yes
	}
	least, most := q.bounds()
	return f.Figure >= least && f.Figure <= most
}

// Passes reports whether one answer by itself is what is required; of what is claimed, whether it is within tolerance.
func (q Question) Passes(a Answer) bool {
	least, most := q.bounds()
	switch kinds[q.Kind] {
	case committee.YesOrNo:
		return a.Yes
	case committee.Claimed:
		return math.Abs(a.Figure-a.Vantage-q.Claim) <= q.Tolerance
	}
	return a.Figure-a.Vantage >= least && a.Figure-a.Vantage <= most
}

func (q Question) bounds() (least, most float64) {
	least, most = math.Inf(-1), math.Inf(1)
	if q.AtLeast != nil {
		least = *q.AtLeast
	}
	if q.AtMost != nil {
		most = *q.AtMost
	}
	return least, most
}

// Required is what is required, in words.
func (q Question) Required() string {
	least, most := q.bounds()
	switch {
	case q.Kind == "yes-or-no":
		return "yes"
	case q.Kind == "claimed":
		return fmt.Sprintf("%g within %g", q.Claim, q.Tolerance)
	case q.AtLeast != nil && q.AtMost != nil:
		return fmt.Sprintf("%g to %g", least, most)
	case q.AtLeast != nil:
		return fmt.Sprintf("at least %g", least)
	case q.AtMost != nil:
		return fmt.Sprintf("at most %g", most)
	}
	return "anything"
}
