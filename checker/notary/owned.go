package notary

import (
	"bytes"
	"cmp"
	"slices"

	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/internal/identity"
)

// Told is a verdict as an edge's owner reads it.
type Told struct {
	Task epoch.Hash `json:"task"`
	// Appeal is the task that was done again, of a verdict on appeal.
	Appeal  *epoch.Hash  `json:"appeal,omitempty"`
	Epoch   uint64       `json:"epoch"` // whose log has it
	Check   life.Check   `json:"check"`
	At      epoch.Millis `json:"at"` // when the task was set
	Decided epoch.Millis `json:"decided"`
	Result  epoch.Result `json:"result"`
	// Findings are not kept over a restart, but for checks that failed.
	Findings []FindingSummary `json:"findings"`
	// Notice says in words what has come of it, and Remedy how a check is done again that has failed.
	Notice string `json:"notice"`
	Remedy string `json:"remedy,omitempty"`
	// Appealed is how far an appeal against a failure that counts has come: never, asked, done. AppealBy is until when there can be one.
	Appealed string       `json:"appealed,omitempty"`
	AppealBy epoch.Millis `json:"appealBy,omitempty"`

	findings []epoch.Finding
	together []identity.Address // the edges of the occasion
}

// mostTold is how many verdicts are kept of an edge, besides failures that still count, of which there are a dozen at the most.
const mostTold = 10

// tell keeps a verdict.
func (e *edge) tell(told Told) {
	if i := slices.IndexFunc(e.verdicts, func(t Told) bool { return t.Task == told.Task }); i >= 0 {
		e.verdicts[i] = told
		return
	}
	e.verdicts = append(e.verdicts, told)
	spare := len(e.verdicts) - mostTold
	e.verdicts = slices.DeleteFunc(e.verdicts, func(t Told) bool {
		if _, counts := e.life.Failure(t.Task); counts || spare <= 0 {
			return false
		}
		spare--
		return true
	})
}

// told is the verdict of a line of lives.log.
func (h happened) told() (t Told, is bool) {
	if h.Task == nil || h.Epoch == 0 {
		return t, false
	}
	t = Told{Task: *h.Task, Epoch: h.Epoch, Check: h.Check, At: h.Set, Decided: h.At, Result: h.Result, findings: h.Findings, together: h.Together}
	if h.Again != nil {
		t.Task, t.Appeal = *h.Again, h.Task
	}
	return t, true
}

// Owned is what anybody may know of an edge, as its checks have it, and its owner needs to. Lists are never null; times are milliseconds since 1970, shares and
// scores of a thousand.
type Owned struct {
	Address    identity.Address `json:"address"`
	Epoch      uint64           `json:"epoch"`
	At         epoch.Millis     `json:"at"`
	Present    bool             `json:"present"`
	State      string           `json:"state"`
	Score      int              `json:"score"`
	Confidence int              `json:"confidence"`
	Share      int              `json:"share"`
	Owed       int              `json:"owed"` // capacity checks until probation is over
	// JailedUntil is there while it is jailed.
	JailedUntil epoch.Millis `json:"jailedUntil,omitempty"`
	// Claim and Located are as in EdgeSummary.
	Claim    *epoch.Claim   `json:"claim,omitempty"`
	Located  *epoch.Located `json:"located,omitempty"`
	Due      []DueSummary   `json:"due"`
	Open     []TaskSummary  `json:"open"`
	Verdicts []Told         `json:"verdicts"`         // newest first
	Earned   *Earned        `json:"earned,omitempty"` // where edges share a pot, or have
}

// Earned is what an edge has earned, which the logs of the epochs show. It says nothing of a payment.
type Earned struct {
	Currency string `json:"currency"`
	Pot      uint64 `json:"pot"`   // of the epoch that runs
	Share    uint64 `json:"share"` // of the pot of the epoch before
	Total    uint64 `json:"total"` // with that and all before
}

// Edge is what is known of an edge; false where nothing is.
func (n *Notary) Edge(address identity.Address) (Owned, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.edges[address]
	if e == nil {
		return Owned{}, false
	}
	now := n.now()
	m := n.matching(e, now)
	o := Owned{
		Address: address, Epoch: n.number, At: now, Present: e.present, State: e.life.State.String(), Score: m.Score, Confidence: m.Confidence, Share: m.Share, Owed: e.life.Owed,
		Claim: e.claim, Located: e.located, Due: dueOf(e.life), Open: []TaskSummary{}, Verdicts: []Told{},
	}
	if n.terms != nil && (n.terms.Pot > 0 || e.earned > 0) {
		o.Earned = &Earned{n.terms.Currency, n.terms.Pot, e.share, e.earned}
	}
	if e.life.State == life.Jailed {
		o.JailedUntil = e.life.Jail.Until
	}
	for id, t := range n.tasks {
		if t.Edge == address && !t.over {
			o.Open = append(o.Open, sumUp(id, t))
		}
	}
	slices.SortFunc(o.Open, func(a, b TaskSummary) int {
		return cmp.Or(cmp.Compare(b.At, a.At), bytes.Compare(a.Task[:], b.Task[:]))
	})
	for _, t := range slices.Backward(e.verdicts) {
		o.Verdicts = append(o.Verdicts, t.worded(address, e.life, now))
	}
	return o, true
}

// worded is the verdict with its words, as things are.
func (t Told) worded(address identity.Address, l life.Life, now epoch.Millis) Told {
	verdict := epoch.Verdict{Task: t.Task, Edge: address, Check: string(t.Check), Result: t.Result, Findings: t.findings, Together: t.together}
	t.Findings = summed(t.findings)
	if t.Appeal != nil {
		t.Notice = l.Answer(verdict)
		return t
	}
	if t.Notice = life.Told(verdict); t.Result != epoch.Failed {
		return t
	}
	t.Remedy = l.Remedy(t.Task, t.Check, now)
	if f, counts := l.Failure(t.Task); counts {
		t.Appealed = f.Appeal.String()
		if by := f.AppealBy(); by >= now {
			t.AppealBy = by
		}
	}
	return t
}
