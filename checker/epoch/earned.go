package epoch

import (
	"fmt"
	"math/bits"

	"nearlight/checker/committee"
	"nearlight/internal/identity"
)

// Terms are what a network promises for an epoch, in its head. Amounts are whole units of what Currency names. A log says what was earned by them, and
// of no payment.
type Terms struct {
	Currency string `json:"currency"`      // letters, digits, dots and hyphens, such as EUR-cent
	Fee      uint64 `json:"fee,omitempty"` // of a checker's report that counted; 0: checkers earn nothing
	Pot      uint64 `json:"pot,omitempty"` // that edges share in the epoch; 0: they earn nothing
}

// Bounds of amounts: numbers that JSON's readers take exactly, and that are multiplied without overflowing.
const (
	mostFee      = 1_000_000_000
	mostPot      = 1_000_000_000_000_000
	mostEarned   = 1<<53 - 1
	mostCurrency = 16
	whole        = 1000 // a checker's score is counted in thousandths
)

// Check fails for terms that no log may have.
func (t Terms) Check() error {
	known := t.Currency != "" && len(t.Currency) <= mostCurrency
	for _, c := range t.Currency {
		known = known && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '-')
	}
	switch {
	case !known:
		return fmt.Errorf("%w: a currency has 1 to %d letters, digits, dots and hyphens", ErrEntry, mostCurrency)
	case t.Fee > mostFee:
		return fmt.Errorf("%w: a fee is %d at the most", ErrEntry, mostFee)
	case t.Pot > mostPot:
		return fmt.Errorf("%w: a pot is %d at the most", ErrEntry, mostPot)
	}
	return nil
}

// work is what counts for earnings in an epoch.
type work struct {
	reports map[identity.Address]uint32 // of checkers that earn the fee
	liars   map[identity.Address]bool
	passed  map[identity.Address]bool // edges that have passed a check
}

func newWork() work {
	return work{make(map[identity.Address]uint32), make(map[identity.Address]bool), make(map[identity.Address]bool)}
}

// add counts a task. A report earns the fee where it counted, in a task that was decided, and is in line with that; whoever's conduct shows that it has lied
// earns nothing in this epoch, whatever else it has reported.
func (w work) add(said Verdict, decided committee.Verdict) {
	for checker, conduct := range decided.Conduct {
		switch conduct {
		case committee.Copied, committee.Fabricated, committee.Contradicted:
			w.liars[identity.Address(checker)] = true
		}
	}
	if said.Result == Undecided {
		return
	}
	for _, checker := range decided.Counted {
		if decided.Conduct[checker] == committee.Agreed {
			w.reports[identity.Address(checker)]++
		}
	}
	if said.Result == Passed {
		w.passed[said.Edge] = true
	}
}

// earn fills in what everybody has earned by the terms; without terms nobody has anything.
func (r *Replay) earn(o *Outcome, w work) {
	terms := r.head.Terms
	if o.Terms = terms; terms == nil {
		return
	}
	for i := range o.Scores {
		s := &o.Scores[i]
		if !w.liars[s.Address] {
			s.Reports = w.reports[s.Address]
			s.Amount = feeOf(terms.Fee, s.Reports, s.Score)
		}
		s.Earned = min(r.earned[s.Address]+s.Amount, mostEarned)
	}
	weights := make(map[identity.Address]uint64)
	total := uint64(0)
	for _, e := range o.Edges {
		if w.passed[e.Address] {
			weights[e.Address] = weightOf(e.Standing)
			total += weights[e.Address]
		}
	}
	for i := range o.Edges {
		e := &o.Edges[i]
		e.Share = shareOf(terms.Pot, weights[e.Address], total)
		e.Earned = min(r.shared[e.Address]+e.Share, mostEarned)
	}
}

// feeOf is the fee for so many reports, times the score that the checker ends the epoch with, in whole thousandths, rounded down.
func feeOf(fee uint64, reports uint32, score float64) uint64 {
	high, low := bits.Mul64(fee*uint64(reports), uint64(score*whole)) // the first product is below 2^62
	amount, _ := bits.Div64(high, low, whole)
	return amount
}

// weightOf is an edge's part in a pot: its score times how much is known, in millionths, so that a sum of any log's has room.
func weightOf(s Standing) uint64 { return uint64(s.Score()) * uint64(s.Confidence()) / one }

// shareOf is the part that a weight has of all in a pot, rounded down, so that shares are never more than the pot together. What is left over nobody has.
func shareOf(pot, weight, total uint64) uint64 {
	if weight == 0 {
		return 0
	}
	high, low := bits.Mul64(pot, weight)
	share, _ := bits.Div64(high, low, total) // total is weight at the least, so that the quotient is pot at the most
	return share
}

// earnedBefore takes what an entry of the opening says was earned before this epoch, which only an epoch with terms may say.
func (r *Replay) earnedBefore(to map[identity.Address]uint64, of identity.Address, amount uint64) error {
	if amount > 0 && r.head.Terms == nil {
		return flaw("%v has earned %d of a currency that the epoch's terms do not name", of, amount)
	}
	to[of] = amount
	return nil
}
