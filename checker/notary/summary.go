package notary

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/checker/life"
	"nearlight/internal/identity"
)

// Summary is what a network's checks have come to, for its operator. Lists are never null.
type Summary struct {
	Epoch    uint64           `json:"epoch"`
	Seats    uint32           `json:"seats"`
	Minimum  int              `json:"minimum"`
	Uncapped bool             `json:"uncapped"`
	Entries  uint64           `json:"entries"`  // of the log, so far
	Previous epoch.Hash       `json:"previous"` // the root of the epoch before
	Edges    []EdgeSummary    `json:"edges"`
	Checkers []CheckerSummary `json:"checkers"`
	Open     []TaskSummary    `json:"open"`
	Verdicts []VerdictSummary `json:"verdicts"` // newest first
}

// EdgeSummary is one edge. Shares and scores are of a thousand.
type EdgeSummary struct {
	Address    identity.Address `json:"address"`
	Name       string           `json:"name"`
	Present    bool             `json:"present"`
	State      string           `json:"state"`
	Score      int              `json:"score"`
	Confidence int              `json:"confidence"`
	Share      int              `json:"share"`
	Owed       int              `json:"owed"` // capacity checks until probation is over
	Due        []DueSummary     `json:"due"`
	// Claim is where it says that it is, and Located what is known of the last such claim that was looked at.
	Claim   *epoch.Claim   `json:"claim,omitempty"`
	Located *epoch.Located `json:"located,omitempty"`
}

// DueSummary is what is checked next. Times are milliseconds.
type DueSummary struct {
	Check life.Check   `json:"check"`
	From  epoch.Millis `json:"from,omitempty"`
	Every epoch.Millis `json:"every,omitempty"`
	Mean  epoch.Millis `json:"mean,omitempty"`
	// Appeal is the task that is done again.
	Appeal *epoch.Hash `json:"appeal,omitempty"`
	// Unset says why it is not set although it is due. It is for operators alone: an edge is not to know when nobody looks.
	Unset string `json:"unset,omitempty"`
}

// CheckerSummary is one checker, with its score as it stands.
type CheckerSummary struct {
	Address identity.Address `json:"address"`
	Owner   identity.Address `json:"owner"`
	Score   float64          `json:"score"`
	Tasks   uint32           `json:"tasks"`
}

// TaskSummary is a task that runs.
type TaskSummary struct {
	Task        epoch.Hash       `json:"task"`
	Edge        identity.Address `json:"edge"`
	Check       string           `json:"check"`
	At          epoch.Millis     `json:"at"`
	CommitBy    epoch.Millis     `json:"commitBy"`
	RevealBy    epoch.Millis     `json:"revealBy"`
	Commitments int              `json:"commitments"`
	Reports     int              `json:"reports"`
}

// VerdictSummary is a verdict, with what its edge's owner is told.
type VerdictSummary struct {
	Task     epoch.Hash                  `json:"task"`
	Edge     identity.Address            `json:"edge"`
	Check    string                      `json:"check"`
	Appeal   *epoch.Hash                 `json:"appeal,omitempty"` // the task that was done again
	At       epoch.Millis                `json:"at"`
	Decided  epoch.Millis                `json:"decided"`
	Result   epoch.Result                `json:"result"`
	Notice   string                      `json:"notice"`
	Findings []FindingSummary            `json:"findings"`
	Conduct  map[identity.Address]string `json:"conduct"`
}

// FindingSummary is a finding, with its figure's unit.
type FindingSummary struct {
	epoch.Finding
	Unit string `json:"unit,omitempty"`
}

// Summary sums up what is known now.
func (n *Notary) Summary() Summary {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := Summary{
		Epoch: n.number, Seats: n.config.Committee.Seats, Minimum: n.config.Committee.Minimum, Uncapped: n.config.Uncapped, Entries: n.entries, Previous: n.previous,
		Edges: []EdgeSummary{}, Checkers: []CheckerSummary{}, Open: []TaskSummary{}, Verdicts: []VerdictSummary{},
	}
	now := n.now()
	for _, address := range slices.SortedFunc(maps.Keys(n.edges), byAddress) {
		e := n.edges[address]
		m := n.matching(e, now)
		one := EdgeSummary{
			Address: address, Name: e.name, Present: e.present, State: e.life.State.String(), Score: m.Score, Confidence: m.Confidence, Share: m.Share, Owed: e.life.Owed,
			Claim: e.claim, Located: e.located,
		}
		one.Due = dueOf(e.life)
		for i := range one.Due {
			if one.Due[i].Check == life.Experience {
				one.Due[i].Unset = e.closed
			}
		}
		s.Edges = append(s.Edges, one)
	}
	for _, address := range slices.SortedFunc(maps.Keys(n.roster), byAddress) {
		c := n.roster[address]
		s.Checkers = append(s.Checkers, CheckerSummary{c.Address, c.Owner, c.Score, c.Tasks})
	}
	for id, t := range n.tasks {
		if !t.over {
			s.Open = append(s.Open, sumUp(id, t))
		}
	}
	slices.SortFunc(s.Open, func(a, b TaskSummary) int {
		return cmp.Or(cmp.Compare(b.At, a.At), bytes.Compare(a.Task[:], b.Task[:]))
	})
	for _, d := range slices.Backward(n.decided) {
		v := VerdictSummary{
			Task: d.Task, Edge: d.Edge, Check: d.Check, Appeal: d.Appeal, At: d.At, Decided: d.Decided, Result: d.Result, Notice: d.Notice, Conduct: d.Conduct,
		}
		v.Findings = summed(d.Findings)
		s.Verdicts = append(s.Verdicts, v)
	}
	return s
}

func sumUp(id epoch.Hash, t *task) TaskSummary {
	return TaskSummary{id, t.Edge, t.Check, t.At, t.CommitBy, t.RevealBy, len(t.committed), len(t.reported)}
}

func dueOf(l life.Life) []DueSummary {
	all := []DueSummary{}
	for _, due := range l.Due() {
		one := DueSummary{Check: due.Check, From: due.From, Every: due.Every, Mean: due.Mean}
		if due.Appeal != (epoch.Hash{}) {
			one.Appeal = &due.Appeal
		}
		all = append(all, one)
	}
	return all
}

func summed(findings []epoch.Finding) []FindingSummary {
	all := []FindingSummary{}
	for _, f := range findings {
		all = append(all, FindingSummary{f, exam.Unit(f.Question)})
	}
	return all
}

func byAddress(a, b identity.Address) int { return bytes.Compare(a[:], b[:]) }

// Standing is what is known of an edge, for who matches players with it.
func (n *Notary) Standing(address identity.Address) (life.State, life.Matching) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.edges[address]
	if e == nil {
		e = &edge{}
	}
	return e.life.State, n.matching(e, n.now())
}

// matching is what an edge's life means to matching.
func (n *Notary) matching(e *edge, at epoch.Millis) life.Matching {
	m := e.life.Matching(e.standing, at)
	if n.config.Lenient && e.life.State == life.Enrolling {
		m.Players, m.Share = true, life.NewcomerShare
	}
	return m
}
