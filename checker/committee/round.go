package committee

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"nearlight/checker/vrf"
)

// Rules are how a task is carried out.
type Rules struct {
	Size Size
	// CommitBy and RevealBy are when the two phases end; each takes what comes before its instant.
	CommitBy, RevealBy time.Time
	// Uncapped counts several reports of one owner or network: for a whole network on one machine.
	Uncapped bool
	// Prove is vrf.Verify, or whoever knows what it returns; nil is vrf.Verify.
	Prove func(key vrf.PublicKey, input []byte, proof vrf.Proof) (vrf.Output, error)
}

// Errors of Commit and Reveal.
var (
	ErrEarly         = errors.New("reports are not revealed before the last commitment")
	ErrLate          = errors.New("the time for it is over")
	ErrContradiction = errors.New("the checker has committed to another report")
	ErrNoCommitment  = errors.New("the checker has committed to nothing")
	ErrFabricated    = errors.New("the report is not the one that the checker has committed to")
	ErrMalformed     = errors.New("the report does not answer the questions")
)

// Round is one task on its way to a verdict:
//
//	committing ──CommitBy──> revealing ──RevealBy──> over
type Round struct {
	draw      Draw
	roster    *Roster
	questions []Question
	rules     Rules

	commitments map[CheckerID]Commitment
	revealed    map[CheckerID]revealed
	faults      map[CheckerID]Conduct
}

type revealed struct {
	Report
	output vrf.Output
}

// NewRound begins a task.
func NewRound(draw Draw, roster *Roster, questions []Question, rules Rules) (*Round, error) {
	if len(questions) == 0 {
		return nil, errors.New("a task asks at least one question")
	}
	for _, q := range questions {
		if q.Kind < YesOrNo || q.Kind > Claimed || !(q.Tolerance >= 0) || q.Claim != q.Claim {
			return nil, fmt.Errorf("question %q: want one of the kinds, a claim that is a number, and a tolerance of 0 or more", q.Name)
		}
	}
	if !rules.CommitBy.Before(rules.RevealBy) {
		return nil, errors.New("a task takes commitments before it takes reports")
	}
	if rules.Prove == nil {
		rules.Prove = vrf.Verify
	}
	return &Round{
		draw: draw, roster: roster, questions: slices.Clone(questions), rules: rules,
		commitments: make(map[CheckerID]Commitment), revealed: make(map[CheckerID]revealed), faults: make(map[CheckerID]Conduct),
	}, nil
}

// Know tells the value of the beacon's round, which is not known yet where a task is set for one that is to come. Before the first report it has to be.
func (r *Round) Know(value [32]byte) { r.draw.Beacon.Value = value }

// Commit takes a commitment. The same one may come again; another one is a contradiction, for which stake is lost: two signed messages show it.
func (r *Round) Commit(now time.Time, checker CheckerID, commitment Commitment) error {
	if _, licensed := r.roster.licenses[checker]; !licensed {
		return ErrNoLicense
	}
	if before, is := r.commitments[checker]; is {
		if before != commitment {
			r.faults[checker] = Contradicted
			return ErrContradiction
		}
		return nil
	}
	if !now.Before(r.rules.CommitBy) {
		return ErrLate
	}
	r.commitments[checker] = commitment
	return nil
}

// Reveal takes a report. What is wrong with it counts against its checker only where it shows that the checker is at fault: a report is signed
// by who sends it.
func (r *Round) Reveal(now time.Time, report Report) error {
	switch {
	case now.Before(r.rules.CommitBy):
		return ErrEarly
	case !now.Before(r.rules.RevealBy):
		return ErrLate
	}
	committed, is := r.commitments[report.Checker]
	if !is {
		return ErrNoCommitment
	}
	if _, again := r.revealed[report.Checker]; again {
		return nil // to what it has committed there is one report
	}
	if report.Commitment(r.draw.Task) != committed {
		r.faults[report.Checker] = max(r.faults[report.Checker], Fabricated)
		return ErrFabricated
	}
	if !report.Address.IsValid() || len(report.Answers) != len(r.questions) {
		r.faults[report.Checker] = max(r.faults[report.Checker], Fabricated)
		return ErrMalformed
	}
	for i, a := range report.Answers {
		if !a.valid(r.questions[i]) {
			r.faults[report.Checker] = max(r.faults[report.Checker], Fabricated)
			return ErrMalformed
		}
	}
	output, err := r.draw.check(r.roster, report.Checker, report.Proof, r.rules.Prove)
	if err != nil {
		r.faults[report.Checker] = max(r.faults[report.Checker], Fabricated)
		return err
	}
	report.Answers = slices.Clone(report.Answers)
	r.revealed[report.Checker] = revealed{report, output}
	return nil
}

// Verdict is what a task has come to.
type Verdict struct {
	Findings []Finding // of the questions, in their order
	// Conduct is how each checker that committed has behaved.
	Conduct map[CheckerID]Conduct
	// Counted are the checkers whose reports count, in the order of their outputs.
	Counted []CheckerID
}

// Decided reports whether every question is.
func (v Verdict) Decided() bool {
	return !slices.ContainsFunc(v.Findings, func(f Finding) bool { return !f.Decided })
}

// Decide comes to the verdict. Before RevealBy it is ErrEarly. The verdict depends on what was taken only, and not on its order.
func (r *Round) Decide(now time.Time) (Verdict, error) {
	if now.Before(r.rules.RevealBy) {
		return Verdict{}, ErrEarly
	}
	counted, left := r.count()
	v := Verdict{Findings: make([]Finding, len(r.questions)), Conduct: make(map[CheckerID]Conduct, len(r.commitments))}
	answers := make([]Answer, len(counted))
	for i, q := range r.questions {
		for j, report := range counted {
			answers[j] = report.Answers[i]
		}
		v.Findings[i] = decide(q, answers, r.rules.Size.Minimum)
	}
	for checker := range r.commitments {
		v.Conduct[checker] = Silent
	}
	for _, report := range append(counted, left...) {
		v.Conduct[report.Checker] = r.agreement(report, v.Findings)
	}
	for _, checker := range r.copied() {
		v.Conduct[checker] = Copied
	}
	maps.Copy(v.Conduct, r.faults)
	for _, report := range counted {
		v.Counted = append(v.Counted, report.Checker)
	}
	return v, nil
}

// count divides the reports, in the order of their outputs, into those that count and those that a cap leaves out.
func (r *Round) count() (counted, left []revealed) {
	all := slices.Collect(maps.Values(r.revealed))
	slices.SortFunc(all, func(a, b revealed) int { return bytes.Compare(a.output[:], b.output[:]) }) // no two keys have one output
	owners, networks := make(map[OwnerID]bool), make(map[string]bool)
	for _, report := range all {
		if r.faults[report.Checker] != 0 {
			continue
		}
		owner, from := r.roster.licenses[report.Checker].Owner, Network(report.Address).String()
		copied := slices.ContainsFunc(counted, func(other revealed) bool { return report.copies(other.Report) })
		if copied || !r.rules.Uncapped && (owners[owner] || networks[from]) {
			left = append(left, report)
			continue
		}
		owners[owner], networks[from] = true, true
		counted = append(counted, report)
	}
	return counted, left
}

// agreement is the conduct of who has revealed a report.
func (r *Round) agreement(report revealed, findings []Finding) Conduct {
	for i, q := range r.questions {
		if !q.agrees(report.Answers[i], findings[i]) {
			return Disagreed
		}
	}
	return Agreed
}

// copied lists those whose reports cannot have been measured apart: since nobody sees another's report before it commits, all of them knew.
func (r *Round) copied() []CheckerID {
	var who []CheckerID
	for id, report := range r.revealed {
		for other, against := range r.revealed {
			if id != other && report.copies(against.Report) {
				who = append(who, id)
				break
			}
		}
	}
	return who
}
