package notary

import (
	"errors"
	"fmt"
	"time"

	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/internal/identity"
)

// Refused is why something that a checker or an owner sent is not taken.
type Refused struct {
	Code   string // for programs: one of those below
	Reason string
}

func (r *Refused) Error() string { return r.Reason }

func refuse(code, format string, args ...any) error {
	return &Refused{code, fmt.Sprintf(format, args...)}
}

// The codes of Refused.
const (
	codeUnknownTask   = "unknown-task"
	codeNotLicensed   = "not-licensed"
	codeBadSignature  = "bad-signature"
	codeTooEarly      = "too-early"
	codeTooLate       = "too-late"
	codeContradiction = "contradiction"
	codeNoCommitment  = "no-commitment"
	codeTooMany       = "too-many"
	codeNoPlace       = "no-place-in-the-log"
	codeUnknownEdge   = "unknown-edge"
	codeUnknownWish   = "unknown-wish"
	codeWrongHost     = "wrong-host"
	codeStale         = "stale"       // a wish that was signed later was taken
	codeCannotHave    = "cannot-have" // an edge's life refuses it
	codeNoPass        = "no-pass"
)

// flawed is the error of an entry that was not taken: the log refuses it, or the disk.
func flawed(err error) error {
	if errors.Is(err, epoch.ErrFlaw) || errors.Is(err, epoch.ErrEntry) {
		return refuse(codeNoPlace, "%v", err)
	}
	return err
}

const (
	// mostPasses is how many passes a checker gets for a task: one, and some for when it was stopped in between.
	mostPasses = 8
	// mostShopping is the same for checks of experience, whose passes are studios' tokens, of which there are only so many.
	mostShopping = 3
)

// mayAsk is how many passes for the task a checker gets.
func (t *task) mayAsk() int {
	switch {
	case life.Check(t.Check) == life.Experience:
		return mostShopping
	case t.Together != nil: // an edge of an occasion is visited twice each time
		return 2 * mostPasses
	}
	return mostPasses
}

// open is a task that a checker sends something for.
func (n *Notary) open(id epoch.Hash, checker identity.Address) (*task, error) {
	t := n.tasks[id]
	switch {
	case t == nil:
		return nil, refuse(codeUnknownTask, "task %v is not one of this epoch, %d", id, n.number)
	case n.roster[checker] == nil:
		return nil, refuse(codeNotLicensed, "%v has no licence in this epoch, %d", checker, n.number)
	}
	return t, nil
}

// expected refuses who sends what nobody would have to look at, before a signature is, which is dear.
func (n *Notary) expected(id epoch.Hash, checker identity.Address) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, err := n.open(id, checker)
	return err
}

// Commit takes a commitment, whose time it sets. What was taken is on the disk. An error is a *Refused, or of the disk.
func (n *Notary) Commit(c epoch.Commitment) error {
	if err := n.expected(c.Task, c.Checker); err != nil {
		return err
	}
	if err := c.Prove(); err != nil {
		return refuse(codeBadSignature, "%v", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	t, err := n.open(c.Task, c.Checker)
	if err != nil {
		return err
	}
	before, again := t.committed[c.Checker]
	c.At = n.now()
	switch {
	case again && before == c.Commitment:
		return nil
	case again && t.disputed[c.Checker]:
		return refuse(codeContradiction, "you have committed to another report before, which the log shows")
	case !again && c.At >= t.CommitBy:
		return refuse(codeTooLate, "commitments to this task were taken until %s", t.CommitBy.Time().UTC().Format(time.RFC3339))
	}
	if err := n.append(epoch.Entry{Commitment: &c}); err != nil {
		return flawed(err)
	}
	n.at = c.At
	if again {
		t.disputed[c.Checker] = true
		return refuse(codeContradiction, "you have committed to another report before: both are in the log now")
	}
	t.committed[c.Checker] = c.Commitment
	return nil
}

// Report takes a report, whose time it sets. What was taken is on the disk. An error is a *Refused, or of the disk.
func (n *Notary) Report(r epoch.Report) error {
	if err := n.expected(r.Task, r.Checker); err != nil {
		return err
	}
	if err := r.Prove(); err != nil {
		return refuse(codeBadSignature, "%v", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	t, err := n.open(r.Task, r.Checker)
	if err != nil {
		return err
	}
	r.At = n.now()
	_, committed := t.committed[r.Checker]
	switch {
	case t.reported[r.Checker]:
		return nil
	case r.At < t.CommitBy:
		return refuse(codeTooEarly, "reports on this task are taken from %s", t.CommitBy.Time().UTC().Format(time.RFC3339))
	case r.At >= t.RevealBy:
		return refuse(codeTooLate, "reports on this task were taken until %s", t.RevealBy.Time().UTC().Format(time.RFC3339))
	case !committed:
		return refuse(codeNoCommitment, "you have committed to nothing in this task")
	}
	if err := n.append(epoch.Entry{Report: &r}); err != nil {
		return flawed(err)
	}
	n.at, t.reported[r.Checker] = r.At, true
	return nil
}

// Request asks for a pass, signed by a checker (identity.Pass).
type Request struct {
	Task      epoch.Hash       `json:"task"`
	Checker   identity.Address `json:"checker"`
	At        epoch.Millis     `json:"at"` // by the checker's clock, whole seconds
	Signature epoch.Signature  `json:"signature"`
}

// Pass is a token with which a task's edge can be visited until commitments are due.
type Pass struct {
	Token string `json:"token"`
	App   string `json:"app,omitempty"` // that is played, where there is nothing to challenge
}

// ErrNoPass is wrapped by an error of Config.Pass that says why there is none just now, to checkers and operators.
var ErrNoPass = errors.New("there is no pass")

// Pass makes a pass for a licensed checker, whether or not it is drawn: that only it can say. An error is a *Refused, or of Config.Pass.
func (n *Notary) Pass(r Request) (Pass, error) {
	if err := n.expected(r.Task, r.Checker); err != nil {
		return Pass{}, err
	}
	signed := identity.Pass{Task: r.Task, At: r.At.Time()}
	if err := identity.Verify(signed.Digest(), identity.Signature(r.Signature), r.Checker); err != nil {
		return Pass{}, refuse(codeBadSignature, "the request for a pass: %v", err)
	}
	if err := signed.Current(n.config.Now()); err != nil {
		return Pass{}, refuse(codeBadSignature, "the request for a pass: %v; is your clock right?", err)
	}
	set, err := n.admit(r)
	if err != nil {
		return Pass{}, err
	}
	pass, err := n.config.Pass(set) // which may wait for the disk
	if errors.Is(err, ErrNoPass) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if t := n.tasks[r.Task]; t != nil {
			t.without = err.Error()
		}
		return Pass{}, refuse(codeNoPass, "%v", err)
	}
	return pass, err
}

// admit counts a pass, if the checker may have one.
func (n *Notary) admit(r Request) (epoch.Task, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	t, err := n.open(r.Task, r.Checker)
	switch {
	case err != nil:
		return epoch.Task{}, err
	case n.now() >= t.CommitBy:
		return epoch.Task{}, refuse(codeTooLate, "commitments to this task were taken until %s", t.CommitBy.Time().UTC().Format(time.RFC3339))
	case t.passes[r.Checker] == t.mayAsk():
		return epoch.Task{}, refuse(codeTooMany, "you have had %d passes for this task", t.mayAsk())
	}
	t.passes[r.Checker]++
	return t.Task, nil
}
