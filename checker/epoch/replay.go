package epoch

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"nearlight/checker/committee"
	"nearlight/checker/vrf"
	"nearlight/internal/identity"
)

// ErrFlaw reports an entry that has no place in a log.
var ErrFlaw = errors.New("epoch: a flaw of the log")

func flaw(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrFlaw, fmt.Errorf(format, args...))
}

// Replay comes to an epoch's end by its entries.
type Replay struct {
	head     *Head
	tree     Tree
	now      Millis
	licenses []committee.License
	roster   *committee.Roster // nil until the first task
	scores   map[identity.Address]committee.Score
	owners   map[identity.Address]committee.OwnerID
	places   map[identity.Address]*Place // nil where a checker does not say
	edges    map[identity.Address]Edge   // as they were
	earned   map[identity.Address]uint64 // by checkers, before this epoch
	shared   map[identity.Address]uint64 // by edges
	tasks    map[committee.TaskID]*task
	order    []committee.TaskID // as they were set
	drawn    map[uint64]Hash    // the beacon's rounds that have come
	waiting  map[uint64][]*task // for those that have not
	ahead    *ahead             // nil where entries are looked at one by one

	busy, together map[identity.Address]Millis // until when tasks have an edge, and those that ask it together with others
}

type task struct {
	Task
	id    committee.TaskID
	round *committee.Round
	// committed are the first commitments. Their signatures are looked at when no report comes: the report's, of the same content, says more.
	committed map[identity.Address]Commitment
	reported  map[identity.Address]bool // to what they have committed to
	found     map[identity.Address]trip // by those reports
}

// trip is a report's round trip, and from where it was measured.
type trip struct {
	trip Micros
	from netip.Addr
}

// NewReplay begins.
func NewReplay() *Replay {
	return &Replay{
		scores: make(map[identity.Address]committee.Score), owners: make(map[identity.Address]committee.OwnerID), places: make(map[identity.Address]*Place),
		edges: make(map[identity.Address]Edge), tasks: make(map[committee.TaskID]*task), drawn: make(map[uint64]Hash), waiting: make(map[uint64][]*task),
		busy: make(map[identity.Address]Millis), together: make(map[identity.Address]Millis),
		earned: make(map[identity.Address]uint64), shared: make(map[identity.Address]uint64),
	}
}

// Add takes the next entry of those before the outcome, and its line. The error wraps ErrFlaw; the entry is left out then.
func (r *Replay) Add(e Entry, line []byte) error {
	if r.head == nil != (e.Head != nil) {
		return flaw("a log has one head, before everything else")
	}
	at, timed := e.at()
	if timed && at < r.now {
		return flaw("its time is %d, before another's of %d", at, r.now)
	}
	var err error
	switch {
	case e.Head != nil:
		r.head = e.Head
	case e.Checker != nil:
		err = r.license(*e.Checker)
	case e.Edge != nil:
		err = r.enrol(*e.Edge)
	case e.Task != nil:
		err = r.set(*e.Task)
	case e.Drawn != nil:
		err = r.draw(*e.Drawn)
	case e.Commitment != nil:
		err = r.commit(*e.Commitment)
	case e.Report != nil:
		err = r.report(e.Report)
	default:
		err = flaw("it is replayed to come to the outcome, and has none yet")
	}
	if err != nil {
		return err
	}
	if timed {
		r.now = at
	}
	r.tree.Add(line)
	return nil
}

// at is when the entry was taken, if it is of a time.
func (e Entry) at() (at Millis, timed bool) {
	switch {
	case e.Task != nil:
		return e.Task.At, true
	case e.Commitment != nil:
		return e.Commitment.At, true
	case e.Report != nil:
		return e.Report.At, true
	}
	return 0, false
}

func (r *Replay) license(c Checker) error {
	if r.roster != nil {
		return flaw("checker %v is licensed after the first task", c.Address)
	}
	if _, twice := r.scores[c.Address]; twice {
		return flaw("checker %v is licensed twice", c.Address)
	}
	if err := r.earnedBefore(r.earned, c.Address, c.Earned); err != nil {
		return err
	}
	r.scores[c.Address] = committee.Score{Value: c.Score, Tasks: c.Tasks}
	r.owners[c.Address], r.places[c.Address] = committee.OwnerID(c.Owner), c.Place
	r.licenses = append(r.licenses, committee.License{
		ID: committee.CheckerID(c.Address), Owner: committee.OwnerID(c.Owner), Key: vrf.PublicKey(c.Key), Stake: c.Stake,
	})
	return nil
}

func (r *Replay) enrol(e Edge) error {
	if r.roster != nil {
		return flaw("edge %v is there after the first task", e.Address)
	}
	if _, twice := r.edges[e.Address]; twice {
		return flaw("edge %v is there twice", e.Address)
	}
	if err := r.earnedBefore(r.shared, e.Address, e.Earned); err != nil {
		return err
	}
	r.edges[e.Address] = e
	return nil
}

// begin makes the roster, when all who are in it are known.
func (r *Replay) begin() error {
	if r.roster != nil {
		return nil
	}
	roster, err := committee.NewRoster(r.licenses, r.head.Cap)
	if err != nil {
		return flaw("%w", err)
	}
	r.roster = roster
	return nil
}

func (r *Replay) set(t Task) error {
	if err := r.begin(); err != nil {
		return err
	}
	if _, known := r.edges[t.Edge]; !known {
		return flaw("a task for edge %v, which is not enrolled", t.Edge)
	}
	if _, known := r.drawn[t.Round]; known {
		return flaw("a task for edge %v by round %d, of which is known already who it draws", t.Edge, t.Round)
	}
	draw, err := t.Draw(r.head.Seats, Hash{})
	if err != nil {
		return err
	}
	id := draw.Task
	if _, twice := r.tasks[id]; twice {
		return flaw("task %v is set twice", id)
	}
	if err := r.again(t); err != nil {
		return err
	}
	if err := r.crowd(t); err != nil {
		return err
	}
	questions := make([]committee.Question, len(t.Questions))
	for i, q := range t.Questions {
		questions[i] = q.question()
	}
	round, err := committee.NewRound(
		draw, r.roster, questions,
		committee.Rules{
			Size:     committee.Size{Seats: r.head.Seats, Minimum: r.head.Minimum},
			CommitBy: t.CommitBy.Time(), RevealBy: t.RevealBy.Time(), Uncapped: r.head.Uncapped, Prove: r.ahead.proven,
		})
	if err != nil {
		return flaw("task %v: %w", id, err)
	}
	r.tasks[id] = &task{
		Task: t, id: id, round: round, committed: make(map[identity.Address]Commitment), reported: make(map[identity.Address]bool), found: make(map[identity.Address]trip),
	}
	r.waiting[t.Round] = append(r.waiting[t.Round], r.tasks[id])
	r.order = append(r.order, id)
	r.occupy(t)
	return nil
}

// draw takes a round of the beacon.
func (r *Replay) draw(d Drawn) error {
	if _, twice := r.drawn[d.Round]; twice {
		return flaw("round %d has come already", d.Round)
	}
	waiting := r.waiting[d.Round]
	if len(waiting) == 0 {
		return flaw("no task waits for round %d", d.Round)
	}
	for _, t := range waiting {
		t.round.Know(d.Value)
	}
	r.drawn[d.Round] = d.Value
	delete(r.waiting, d.Round)
	return nil
}

// undrawn is a flaw where a task's round has not come: an epoch is not over before.
func (r *Replay) undrawn() error {
	for _, id := range r.order {
		if _, known := r.drawn[r.tasks[id].Round]; !known {
			return flaw("round %d, which draws who measures task %v, is not told", r.tasks[id].Round, id)
		}
	}
	return nil
}

// again fails for a task that may not be done again: of this epoch's tasks, which are all that it knows, what the same edge has failed is, once.
func (r *Replay) again(t Task) error {
	if t.Appeal == nil {
		return nil
	}
	if first := r.tasks[committee.TaskID(*t.Appeal)]; first != nil {
		switch {
		case first.Edge != t.Edge || first.Check != t.Check:
			return flaw("an appeal against task %v, which is another edge's or another check", *t.Appeal)
		case first.Appeal != nil:
			return flaw("an appeal against task %v, which is an appeal itself", *t.Appeal)
		case !sameOthers(t.Together, first.Together):
			return flaw("an appeal against task %v has to ask the edge together with the same others, or alone as that did", *t.Appeal)
		case t.At < first.RevealBy:
			return flaw("an appeal against task %v, which is not decided yet", *t.Appeal)
		}
		if verdict, _, err := first.decide(); err != nil {
			return err
		} else if verdict.Result != Failed {
			return flaw("an appeal against task %v, which is %s", *t.Appeal, verdict.Result)
		}
	}
	for _, id := range r.order {
		before := r.tasks[id]
		if before.Appeal == nil || *before.Appeal != *t.Appeal {
			continue
		}
		if t.At < before.RevealBy {
			return flaw("task %v is done again already", *t.Appeal)
		}
		if verdict, _, err := before.decide(); err != nil {
			return err
		} else if verdict.Result != Undecided {
			return flaw("task %v has been done again, and %s then", *t.Appeal, verdict.Result)
		}
	}
	return nil
}

func (r *Replay) task(id Hash) (*task, error) {
	t := r.tasks[committee.TaskID(id)]
	if t == nil {
		return nil, flaw("task %v is not known", id)
	}
	return t, nil
}

func (r *Replay) commit(c Commitment) error {
	t, err := r.task(c.Task)
	if err != nil {
		return err
	}
	before, again := t.committed[c.Checker]
	if again && before.Commitment != c.Commitment {
		// Both signatures are the proof against the checker.
		if err := errors.Join(before.Prove(), c.Prove()); err != nil {
			return err
		}
	}
	switch err := t.round.Commit(c.At.Time(), committee.CheckerID(c.Checker), committee.Commitment(c.Commitment)); {
	case err == nil && !again:
		t.committed[c.Checker] = c
	case err == nil:
	case !errors.Is(err, committee.ErrContradiction): // which is the checker's
		return flaw("the commitment of %v: %w", c.Checker, err)
	}
	return nil
}

// Prove fails unless the commitment is signed by who it is said to be of.
func (c Commitment) Prove() error {
	if err := identity.Verify(identity.Commitment{Task: c.Task, Commitment: c.Commitment}.Digest(), identity.Signature(c.Signature), c.Checker); err != nil {
		return flaw("the commitment of %v to task %v: %w", c.Checker, c.Task, err)
	}
	return nil
}

func (r *Replay) report(report *Report) error {
	t, err := r.task(report.Task)
	if err != nil {
		return err
	}
	if _, known := r.drawn[t.Round]; !known {
		return flaw("the report of %v on task %v, for which nobody is drawn yet", report.Checker, t.id)
	}
	if !r.ahead.holds(report) {
		if err := report.Prove(); err != nil {
			return err
		}
	}
	switch err := t.round.Reveal(report.At.Time(), report.Found()); {
	case err == nil:
		if !t.reported[report.Checker] { // of several the first counts
			t.found[report.Checker] = trip{report.RoundTrip, report.Address}
		}
		t.reported[report.Checker] = true
	case errors.Is(err, committee.ErrEarly), errors.Is(err, committee.ErrLate), errors.Is(err, committee.ErrNoCommitment):
		return flaw("the report of %v: %w", report.Checker, err)
	}
	return nil
}

// Prove fails unless the report is signed by who it is said to be of.
func (r Report) Prove() error {
	signed := r.signed()
	if err := identity.Verify(signed.Digest, signed.Signature, signed.By); err != nil {
		return flaw("the report of %v on task %v: %w", r.Checker, r.Task, err)
	}
	return nil
}

// signed is what the report's signature claims.
func (r Report) signed() identity.Claim {
	digest := identity.Report{Task: r.Task, Commitment: r.Found().Commitment(committee.TaskID(r.Task))}.Digest()
	return identity.Claim{Digest: digest, Signature: identity.Signature(r.Signature), By: r.Checker}
}

// Decide is what a task comes to if nothing more is taken of it: its verdict, once the time for reports is over.
func (r *Replay) Decide(id Hash) (Verdict, error) {
	t, err := r.task(id)
	if err != nil {
		return Verdict{}, err
	}
	said, _, err := t.decide()
	return said, err
}

func (t *task) decide() (Verdict, committee.Verdict, error) {
	for checker, c := range t.committed {
		if !t.reported[checker] {
			if err := c.Prove(); err != nil {
				return Verdict{}, committee.Verdict{}, err
			}
		}
	}
	decided, err := t.round.Decide(t.RevealBy.Time())
	if err != nil {
		return Verdict{}, committee.Verdict{}, err
	}
	return t.say(decided), decided, nil
}

// Outcome is what the epoch has come to, by what was added.
func (r *Replay) Outcome() (Outcome, error) {
	if r.head == nil {
		return Outcome{}, flaw("a log has a head")
	}
	var o Outcome
	tasks := slices.Clone(r.order)
	slices.SortStableFunc(tasks, func(a, b committee.TaskID) int { return cmp.Compare(r.tasks[a].RevealBy, r.tasks[b].RevealBy) })
	scores, edges, heard, done := maps.Clone(r.scores), maps.Clone(r.edges), make(map[identity.Address]*voices), newWork()
	for _, id := range tasks {
		t := r.tasks[id]
		said, decided, err := t.decide()
		if err != nil {
			return Outcome{}, err
		}
		o.Verdicts = append(o.Verdicts, said)
		done.add(said, decided)
		for checker, conduct := range decided.Conduct {
			address := identity.Address(checker)
			scores[address] = scores[address].After(conduct)
		}
		if said.Result != Undecided {
			e := edges[t.Edge]
			e.Standing = e.Standing.After(said.Result == Passed, t.RevealBy)
			edges[t.Edge] = e
		}
		r.hear(heard, t, decided.Counted)
	}
	for _, address := range slices.SortedFunc(maps.Keys(scores), compare) {
		o.Scores = append(o.Scores, Score{Address: address, Score: scores[address].Value, Tasks: scores[address].Tasks})
	}
	for _, address := range slices.SortedFunc(maps.Keys(edges), compare) {
		o.Edges = append(o.Edges, edges[address])
	}
	r.earn(&o, done)
	return o, r.locate(o.Edges, heard)
}

func compare(a, b identity.Address) int { return bytes.Compare(a[:], b[:]) }
