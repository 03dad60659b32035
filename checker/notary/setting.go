package notary

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"nearlight/checker/committee"
	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/checker/life"
	"nearlight/internal/identity"
)

// task is one of the epoch's.
type task struct {
	epoch.Task
	committed map[identity.Address]epoch.Hash
	reported  map[identity.Address]bool
	disputed  map[identity.Address]bool // a second, other commitment is in the log: one shows it
	passes    map[identity.Address]int
	drawn     bool   // its round is in the log
	over      bool   // its verdict has told on its edge
	without   string // why a pass could not be given
}

// Decided is a verdict with its times.
type Decided struct {
	epoch.Verdict
	At      epoch.Millis // when the task was set
	Decided epoch.Millis
	Notice  string      // what its owner is told
	Appeal  *epoch.Hash // the task that was done again
}

const (
	mostDecided = 100
	// visiting is what a visit takes besides its length: to be matched, to see a picture, to be gone again.
	visiting = 5 * time.Second
	// spread is how much more time there is than visits take one after the other, since their moments are random.
	spread = 1.5
	// longest is how long commitments are taken at the most: what a stretch leaves.
	longest = 9 * time.Minute
	// revealing is how long reports are taken, by machines whose clocks differ by identity.Skew at the most.
	revealing = 30 * time.Second
	// restful is how much of a slot's time checks of experience leave alone: nine parts of ten.
	restful = 10
	// before is how long before its round comes a task is set at the least: checkers are to hear of it while nobody knows whom it draws.
	before = 5 * time.Second
	// signing is what a beacon's makers take to sign a round and to hand it out.
	signing = 2 * time.Second
	// again is how soon a check that nobody decided is set again, twice as late each time.
	again     = 30 * time.Second
	latestTry = 10 * time.Minute
)

// conducts are the kinds of conduct by their names.
var conducts = func() map[string]committee.Conduct {
	named := make(map[string]committee.Conduct)
	for c := committee.Agreed; c <= committee.Contradicted; c++ {
		named[c.String()] = c
	}
	return named
}()

// taking is how long commitments to a task are taken.
func (n *Notary) taking() time.Duration {
	length := n.config.Requirements.Length
	visits := time.Duration(float64(n.config.Committee.Seats) * spread * float64(length+visiting))
	return min(4*length+visits, longest)
}

// drawing is the round that tasks are set for, once that is known, and what the beacon said as the stretch began.
type drawing struct {
	next    exam.Round
	stretch epoch.Millis // 0 where the beacon is younger
	began   epoch.Hash
}

// draw asks the beacon, without the lock. There is no drawing before the beacon's first round, nor where it does not give the latest.
func (n *Notary) draw(ctx context.Context) (*drawing, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	now := n.config.Now().Add(-signing)
	round := n.config.Beacon.RoundAt(now)
	if round == 0 {
		return nil, nil // it has just begun
	}
	if _, err := n.config.Beacon.Value(ctx, round); err != nil {
		return nil, err
	}
	drawn := &drawing{}
	stretch := epoch.Millis(now.UnixMilli()) / life.Stretch * life.Stretch
	if first := n.config.Beacon.RoundAt(stretch.Time()); first > 0 {
		drawn.stretch = stretch
		began, err := n.config.Beacon.Value(ctx, first)
		if err != nil {
			return nil, err
		}
		drawn.began = began
	}
	return drawn, nil
}

// next is the first round that tasks can be set for. A clock that is put back does not lead to one that is in the log.
func (n *Notary) next(now epoch.Millis) exam.Round {
	number := max(n.config.Beacon.RoundAt(now.Time().Add(before)), n.newest) + 1
	return exam.Round{Number: number, At: epoch.Millis(n.config.Beacon.TimeOf(number).UnixMilli())}
}

// come asks the beacon, without the lock, for rounds that tasks wait for and that have come. Those that it gives are good where it fails as well.
func (n *Notary) come(ctx context.Context) (come []epoch.Drawn, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, round := range n.awaited() {
		value, err := n.config.Beacon.Value(ctx, round)
		if err != nil {
			return come, err
		}
		come = append(come, epoch.Drawn{Round: round, Value: value})
	}
	return come, nil
}

// awaited are the rounds that have come and that tasks wait for.
func (n *Notary) awaited() (rounds []uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	newest := n.config.Beacon.RoundAt(n.config.Now())
	for _, t := range n.tasks {
		if !t.drawn && t.Round <= newest {
			rounds = append(rounds, t.Round)
		}
	}
	slices.Sort(rounds)
	return slices.Compact(rounds)
}

// draws writes to the log what has come.
func (n *Notary) draws(come []epoch.Drawn) error {
	for _, d := range come {
		if err := n.append(epoch.Entry{Drawn: &d}); err != nil {
			return err
		}
		n.noteDrawn(d.Round)
	}
	return nil
}

// noteDrawn notes that who measures the tasks of a round is drawn.
func (n *Notary) noteDrawn(round uint64) {
	n.newest = max(n.newest, round)
	for _, t := range n.tasks {
		t.drawn = t.drawn || t.Round == round
	}
}

// advance does what is due, and returns of which edges something else is known now. Without a drawing no task is set.
func (n *Notary) advance(drawn *drawing, come []epoch.Drawn, present []Presence) (changed map[identity.Address]bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	changed = make(map[identity.Address]bool)
	if err := n.draws(come); err != nil {
		return changed, err
	}
	n.see(present, changed)
	if err := n.decide(changed); err != nil {
		return changed, err
	}
	now := n.now()
	for _, address := range slices.SortedFunc(maps.Keys(n.edges), byAddress) {
		before := n.edges[address].life.State
		if err := n.pass(address, now); err != nil {
			return changed, err
		}
		changed[address] = changed[address] || n.edges[address].life.State != before
	}
	maps.DeleteFunc(changed, func(_ identity.Address, is bool) bool { return !is })
	running := slices.ContainsFunc(slices.Collect(maps.Values(n.tasks)), func(t *task) bool { return !t.over || !t.drawn })
	if n.begun != 0 && now >= n.begun+epoch.Millis(n.config.Epoch.Milliseconds()) {
		if !running {
			return changed, n.seal(changed)
		}
		return changed, nil
	}
	if drawn == nil || len(n.roster) == 0 {
		return changed, nil
	}
	drawn.next = n.next(now)
	return changed, n.set(*drawn, now)
}

// see notes which edges are there.
func (n *Notary) see(present []Presence, changed map[identity.Address]bool) {
	now := n.now()
	is := make(map[identity.Address]bool, len(present))
	for _, p := range present {
		is[p.Edge] = true
		e := n.edges[p.Edge]
		if e == nil {
			e = n.edge(p.Edge)
			changed[p.Edge] = true
		}
		e.name, e.free, e.block, e.backer, e.closed = p.Name, p.Free, p.Block, p.Endorsed, p.Closed
		before := e.whereabouts()
		e.claim, e.said = p.Claim, true
		changed[p.Edge] = changed[p.Edge] || e.whereabouts() != before
	}
	for address, e := range n.edges {
		if e.since == 0 || e.present != is[address] {
			e.present, e.since, e.graded = is[address], now, 0
		}
	}
}

// pass lets time pass for an edge.
func (n *Notary) pass(address identity.Address, now epoch.Millis) error {
	e := n.edges[address]
	if e.life.State == life.Jailed && now >= e.life.Jail.Until {
		if err := n.happen(address, happened{At: now, What: life.TimeOver.String()}); err != nil {
			return err
		}
	}
	lasted := now - e.since
	if e.present {
		if e.life.State == life.BrieflyAway || e.life.State == life.LongAway || e.life.State == life.Gone {
			if lasted/life.EachMinute > e.graded/life.EachMinute {
				e.graded = lasted
				return n.happen(address, happened{At: now, What: life.Seen.String(), For: lasted})
			}
		}
		return nil
	}
	if lasted/life.EachMinute <= e.graded/life.EachMinute {
		return nil
	}
	e.graded = lasted
	return n.happen(address, happened{At: now, What: life.Missed.String(), For: lasted})
}

// set sets what is due.
func (n *Notary) set(drawn drawing, now epoch.Millis) error {
	beginning := n.begun == 0
	if err := n.gather(drawn, now); err != nil {
		return err
	}
	n.noteUnset()
	for _, address := range slices.SortedFunc(maps.Keys(n.edges), byAddress) {
		e := n.edges[address]
		if !e.present || e.open > 0 { // what is set while it is away says nothing of it; one slot has room for one committee
			continue
		}
		for _, due := range e.life.Due() {
			if e.companions(due.Appeal) != nil || e.waits(due.Check, beginning) { // gather's
				continue
			}
			if due.Check == life.Experience && e.closed != "" {
				continue
			}
			is := n.isDue(address, due, drawn, now)
			if !is {
				continue
			}
			if err := n.ask(address, due, drawn.next, now); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// noteUnset writes to the log why checks of experience that are due are not set: once, and again when it has been otherwise.
func (n *Notary) noteUnset() {
	unset := make(map[string]bool)
	for _, address := range slices.SortedFunc(maps.Keys(n.edges), byAddress) {
		e := n.edges[address]
		if !e.present || e.closed == "" || unset[e.closed] || !slices.ContainsFunc(e.life.Due(), func(d life.Due) bool { return d.Check == life.Experience }) {
			continue
		}
		if unset[e.closed] = true; !n.unset[e.closed] {
			n.config.Log.Warn("checks of experience are due and are not set", "edge", address, "reason", e.closed)
		}
	}
	n.unset = unset
}

// isDue reports whether a check is to be set now.
func (n *Notary) isDue(address identity.Address, due life.Due, drawn drawing, now epoch.Millis) bool {
	e := n.edges[address]
	if due.Check == life.Alive || now < due.From {
		return false
	}
	last := e.attempt(due.Check, due.Appeal)
	if last.undecided > 0 {
		wait := min(again<<min(last.undecided-1, 10), latestTry)
		if now < last.at+epoch.Millis((n.taking()+revealing+wait).Milliseconds()) {
			return false
		}
	}
	switch {
	case due.Appeal != (epoch.Hash{}): // whom nobody is sent to waits with it
		return e.life.State != life.Draining && e.life.State != life.OnLeave
	case last.undecided > 0:
		return true
	case due.Mean > 0:
		if last.stretch == drawn.stretch {
			return false
		}
		last.stretch = drawn.stretch
		e.tried[due.Check] = last
		return due.Drawn(address, drawn.began)
	case due.Every > 0:
		every := max(due.Every, epoch.Millis(restful*n.taking().Milliseconds()))
		return e.free > 0 && now >= last.at+every
	}
	return true
}

// attempt is when a check was set last, or done again that has failed as a task; none is no task.
func (e *edge) attempt(check life.Check, appeal epoch.Hash) attempt {
	if appeal != (epoch.Hash{}) {
		return e.appeals[appeal]
	}
	return e.tried[check]
}

func (e *edge) attempted(check life.Check, appeal epoch.Hash, last attempt) {
	if appeal != (epoch.Hash{}) {
		e.appeals[appeal] = last
		return
	}
	e.tried[check] = last
}

// ask sets a task.
func (n *Notary) ask(address identity.Address, due life.Due, coming exam.Round, now epoch.Millis) error {
	e, check := n.edges[address], due.Check
	if !e.listed {
		if n.begun != 0 {
			return nil // it is in the next epoch
		}
		if err := n.append(n.list(address)); err != nil {
			return err
		}
	}
	commitBy := coming.At + epoch.Millis(n.taking().Milliseconds())
	set, err := n.config.Requirements.Task(check, address, coming, exam.Instants{At: now, CommitBy: commitBy, RevealBy: commitBy + epoch.Millis(revealing.Milliseconds())})
	if err != nil {
		return err
	}
	if due.Appeal != (epoch.Hash{}) {
		set.Appeal = &due.Appeal
	}
	return n.enter(set, due.Appeal)
}

// enter has the log take a task, and takes it up. One that is done again and that the log refuses is not set.
func (n *Notary) enter(set epoch.Task, appeal epoch.Hash) error {
	e, check := n.edges[set.Edge], life.Check(set.Check)
	last := e.attempt(check, appeal)
	last.at = set.At
	switch err := n.append(epoch.Entry{Task: &set}); {
	case err == nil:
	case set.Appeal != nil && errors.Is(err, epoch.ErrFlaw):
		// Its life has forgotten that it was done again: lives.log is older than the epoch's log.
		n.config.Log.Error("a check cannot be done again", "edge", set.Edge, "task", appeal, "error", err)
		last.undecided++
		e.attempted(check, appeal, last)
		return nil
	default:
		return err
	}
	e.attempted(check, appeal, last)
	n.config.Log.Info("a check is set", "edge", set.Edge, "check", check, "appeal", set.Appeal != nil, "commitments until", set.CommitBy.Time())
	return n.note(set)
}

// note takes up a task of the log.
func (n *Notary) note(set epoch.Task) error {
	id, err := set.ID()
	if err != nil {
		return err
	}
	n.tasks[epoch.Hash(id)] = &task{
		Task: set, committed: make(map[identity.Address]epoch.Hash), reported: make(map[identity.Address]bool), disputed: make(map[identity.Address]bool),
		passes: make(map[identity.Address]int),
	}
	n.edge(set.Edge).open++
	if n.begun == 0 {
		n.begun = set.At
	}
	n.at = max(n.at, set.At)
	return nil
}

// decide comes to the verdicts of tasks whose time is over.
func (n *Notary) decide(changed map[identity.Address]bool) error {
	now := n.now()
	var over []epoch.Hash
	for id, t := range n.tasks {
		if !t.over && now >= t.RevealBy {
			over = append(over, id)
		}
	}
	slices.SortFunc(over, func(a, b epoch.Hash) int {
		return int(n.tasks[a].RevealBy - n.tasks[b].RevealBy)
	})
	for _, id := range over {
		t := n.tasks[id]
		verdict, err := n.log.Decide(id)
		if err != nil {
			return err
		}
		t.over = true
		n.edge(t.Edge).open--
		if err := n.tells(t, verdict); err != nil {
			return err
		}
		changed[t.Edge] = true
	}
	return nil
}

// tells has a verdict tell on its edge.
func (n *Notary) tells(t *task, verdict epoch.Verdict) error {
	e := n.edge(t.Edge)
	if verdict.Result != epoch.Undecided {
		e.standing = e.standing.After(verdict.Result == epoch.Passed, t.RevealBy)
	}
	check, appeal := life.Check(t.Check), epoch.Hash{}
	if t.Appeal != nil {
		appeal = *t.Appeal
	}
	last := e.attempt(check, appeal)
	last.at = t.At
	last.undecided++
	if verdict.Result != epoch.Undecided {
		last.undecided = 0
	}
	e.attempted(check, appeal, last)
	e.gathered(t, verdict)
	h, tells := n.heard(e, t, verdict)
	if tells {
		if err := n.happen(t.Edge, h); err != nil {
			return err
		}
	}
	told := Told{Task: verdict.Task, Appeal: t.Appeal, Epoch: n.number, Check: check, At: t.At, Decided: t.RevealBy, Result: verdict.Result, findings: verdict.Findings, together: verdict.Together}
	e.tell(told)
	for checker, conduct := range verdict.Conduct {
		if c := n.roster[checker]; c != nil {
			score := committee.Score{Value: c.Score, Tasks: c.Tasks}.After(conducts[conduct])
			c.Score, c.Tasks = score.Value, score.Tasks
		}
	}
	n.config.Log.Info("a check is decided", "edge", t.Edge, "check", t.Check, "result", verdict.Result)
	notice := e.life.Notice(verdict)
	if t.Appeal != nil {
		notice = e.life.Answer(verdict)
	}
	if verdict.Result == epoch.Undecided && t.without != "" {
		notice = strings.TrimSpace(notice + " Not every checker could visit it: " + t.without + ".")
	}
	n.decided = append(n.decided, Decided{Verdict: verdict, At: t.At, Decided: t.RevealBy, Notice: notice, Appeal: t.Appeal})
	if len(n.decided) > mostDecided {
		n.decided = slices.Delete(n.decided, 0, len(n.decided)-mostDecided)
	}
	return nil
}

// heard is what a verdict is to its edge's life, if that has not heard of it: by a process before this one.
func (n *Notary) heard(e *edge, t *task, verdict epoch.Verdict) (h happened, tells bool) {
	h = happened{At: max(t.RevealBy, e.life.At), What: life.Decided.String(), Task: &verdict.Task, Check: life.Check(t.Check), Result: verdict.Result, Set: t.At, Epoch: n.number, Together: verdict.Together}
	if verdict.Result == epoch.Failed {
		h.Findings = verdict.Findings
	}
	if t.Appeal == nil {
		return h, !n.told[verdict.Task]
	}
	h.Task, h.Again = t.Appeal, &verdict.Task
	switch verdict.Result {
	case epoch.Passed:
		h.What = life.Granted.String()
	case epoch.Failed:
		h.What = life.Upheld.String()
	default:
		return h, false
	}
	failure, counts := e.life.Failure(*t.Appeal)
	return h, counts && failure.Appeal == life.Asked
}
