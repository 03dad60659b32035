package duty

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"net/http"
	"net/netip"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/committee"
	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/checker/notary"
	"nearlight/checker/vrf"
	"nearlight/internal/identity"
)

// Visit is one that a task asks for.
type Visit struct {
	Task      epoch.Task
	Challenge *challenge.Plan // nil: it is only watched
	Token     string
	// Ready is called when the edge draws, and it is challenged once that has returned; nil is at once. Its error is what the visit comes to.
	Ready func(context.Context) error
	App   string // that is played where it is only watched
}

// ErrBusy is of a Look that found all slots taken: nothing was found.
var ErrBusy = errors.New("duty: all of the edge's slots are taken")

// Config is a checker.
type Config struct {
	Notary string // the URL of the network's signaling
	Client *http.Client
	Key    identity.Signer
	Draw   *vrf.PrivateKey
	Folder string // of the journal
	// Beacon draws checkers, whatever the log says of it.
	Beacon Beacon
	// Look visits the edge, and says from which address. An error is of the checker's own, or ErrBusy: then nothing was found. That the edge did not serve is
	// no error, but Found.
	Look func(context.Context, Visit) (exam.Found, netip.Addr, error)
	// Conduct changes a report before it is signed, and says whether it is shown: how tests lie and keep silent. nil is honest.
	Conduct func(*epoch.Report) (shown bool)
	Now     func() time.Time // nil is time.Now
	Log     *slog.Logger     // nil is none
}

// Timing.
const (
	look    = time.Second      // how often it is looked what is due
	soon    = 3 * time.Second  // after which what did not go is tried again
	patient = 15 * time.Second // the same where the notary does not answer
	settled = 5 * time.Second  // after the end of a task until its verdict is looked at: reports still travel
	telling = 5 * time.Second  // that the beacon may take to tell a round
)

// mostEntries is how long a log may be until it is not followed any more: what is kept of each entry has room in a small machine, five times over what
// 100,000 reports take.
const mostEntries = 1 << 20

// Duty is a checker at work.
type Duty struct {
	config  Config
	office  office
	journal *journal
	id      committee.CheckerID

	// Of the epoch that is followed; Run's alone.
	epoch   uint64
	entries int
	replay  *epoch.Replay
	head    *epoch.Head
	listed  []committee.License
	roster  *committee.Roster
	tasks   map[epoch.Hash]*assignment
	since   time.Time               // from when on the log is followed as it grows
	waiting map[uint64][]epoch.Task // for whom a round draws
	told    map[uint64]epoch.Hash   // rounds' values by the log
	own     map[uint64]epoch.Hash   // and by the beacon
	asked   time.Time               // when the beacon failed to tell a round
	visited chan []visited          // what the visit that is made has come to, or those of an occasion
	away    bool                    // a visit is made
}

// assignment is a task that this checker was drawn for.
type assignment struct {
	epoch.Task
	occasion committee.TaskID // zero: it is by itself
	entry    Entry            // Step is "" until it is measured
	proof    vrf.Proof
	moment   time.Time // not before
	under    bool      // a visit is made
	silent   bool      // the report is kept back
	// pass is one that a visit had which has found all slots taken: it was not used.
	pass *notary.Pass
}

type visited struct {
	task  epoch.Hash
	pass  *notary.Pass // nil: it had none
	found exam.Found
	from  netip.Addr
	err   error
}

// New opens the journal.
func New(config Config) (*Duty, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	office, err := newOffice(config.Notary, config.Client)
	if err != nil {
		return nil, err
	}
	journal, err := openJournal(config.Folder)
	if err != nil {
		return nil, fmt.Errorf("the checker's journal: %w", err)
	}
	return &Duty{config: config, office: office, journal: journal, id: committee.CheckerID(config.Key.Address()), visited: make(chan []visited, 1)}, nil
}

// Close closes the journal, after Run.
func (d *Duty) Close() error { return d.journal.close() }

type line struct {
	entry epoch.Entry
	text  []byte
}

// Run works until ctx is done. An error is of the journal's disk.
func (d *Duty) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		now, err := d.office.now(ctx)
		if err == nil {
			err = d.work(ctx, now.Epoch)
		}
		var disk *diskError
		if errors.As(err, &disk) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			d.config.Log.Warn("the log of checks cannot be followed; it is tried again", "error", err)
			wait(ctx, patient)
		}
	}
	return nil
}

// diskError is of the journal.
type diskError struct{ error }

func (e *diskError) Unwrap() error { return e.error }

func (d *Duty) keep(a *assignment) error {
	if err := d.journal.write(a.entry); err != nil {
		return &diskError{fmt.Errorf("the checker's journal: %w", err)}
	}
	return nil
}

// work does what one epoch asks, until its log is closed.
func (d *Duty) work(ctx context.Context, number uint64) error {
	ctx, stop := context.WithCancel(ctx)
	d.epoch, d.replay, d.head, d.roster, d.listed = number, epoch.NewReplay(), nil, nil, nil
	d.tasks, d.entries = make(map[epoch.Hash]*assignment), 0
	d.since, d.waiting = d.config.Now(), make(map[uint64][]epoch.Task)
	d.told, d.own = make(map[uint64]epoch.Hash), make(map[uint64]epoch.Hash)
	lines, followed := make(chan line), make(chan error, 1)
	go func() {
		followed <- d.office.follow(ctx, number, func(e epoch.Entry, text []byte) error {
			select {
			case lines <- line{e, text}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		close(lines)
	}()
	defer func() {
		stop()
		for range lines { // until it is gone
		}
		if d.away {
			<-d.visited
			d.away = false
		}
	}()
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		select {
		case l, more := <-lines:
			if !more {
				if err := <-followed; err != nil {
					return err
				}
				return d.finish()
			}
			if err := d.take(ctx, l); err != nil {
				return err
			}
			continue // all that is there first
		case all := <-d.visited:
			d.away = false
			random := mathrand.Uint64() // the tasks of an occasion are tried again together
			for _, v := range all {
				if err := d.note(v, random); err != nil {
					return err
				}
			}
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
		if err := d.act(ctx); err != nil {
			return err
		}
	}
}

// take takes the log's next entry.
func (d *Duty) take(ctx context.Context, l line) error {
	e := l.entry
	if e.Verdict != nil || e.Score != nil || e.Standing != nil || e.End != nil {
		return nil // what it comes to is found by ourselves
	}
	if d.entries++; d.entries > mostEntries {
		return fmt.Errorf("the log of epoch %d has more than %d entries", d.epoch, mostEntries)
	}
	if err := d.replay.Add(e, l.text); err != nil {
		return err
	}
	switch {
	case e.Head != nil:
		d.head = e.Head
	case e.Checker != nil:
		d.listed = append(d.listed, committee.License{
			ID: committee.CheckerID(e.Checker.Address), Owner: committee.OwnerID(e.Checker.Owner), Key: vrf.PublicKey(e.Checker.Key), Stake: e.Checker.Stake,
		})
	case e.Task != nil:
		d.hear(*e.Task)
	case e.Drawn != nil:
		d.told[e.Drawn.Round] = e.Drawn.Value
		if own, known := d.own[e.Drawn.Round]; known && own != e.Drawn.Value {
			d.forge(e.Drawn.Round)
			maps.DeleteFunc(d.tasks, func(_ epoch.Hash, a *assignment) bool {
				return a.Round == e.Drawn.Round && a.entry.Step == "" && !a.under
			})
		}
	}
	return nil
}

// act does for each task what its time has come for.
func (d *Duty) act(ctx context.Context) error {
	if err := d.draw(ctx); err != nil {
		return err
	}
	for _, a := range d.tasks {
		if err := d.step(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (d *Duty) step(ctx context.Context, a *assignment) error {
	now := d.config.Now()
	switch a.entry.Step {
	case "":
		switch late := !now.Before(exam.Latest(a.Task).Time()); {
		case a.under:
			return nil
		case late && a.entry.Why != "":
			return d.miss(a, a.entry.Why)
		case late:
			return d.miss(a, "there was no time for it")
		case d.away || now.Before(a.moment):
			return nil
		}
		if a.Together != nil {
			return d.gather(ctx, a)
		}
		d.away, a.under = true, true
		task, id, pass := a.Task, a.entry.Task, a.pass
		go func() { d.visited <- []visited{d.visit(ctx, task, id, pass)} }()
	case Measured:
		if !now.Before(a.CommitBy.Time()) {
			return d.miss(a, "its commitment did not reach the notary in time")
		}
		if now.Before(a.moment) {
			return nil
		}
		return d.send(a, Committed, d.office.commit(ctx, d.commitment(a)))
	case Committed:
		if now.Before(a.CommitBy.Time()) || now.Before(a.moment) {
			return nil
		}
		if !now.Before(a.RevealBy.Time()) {
			return d.judge(a)
		}
		if a.silent {
			return nil
		}
		return d.send(a, Revealed, d.office.report(ctx, *a.entry.Report))
	case Revealed:
		if now.Before(a.RevealBy.Time().Add(settled)) {
			return nil
		}
		return d.judge(a)
	}
	return nil
}

func (d *Duty) miss(a *assignment, why string) error {
	a.entry.Step, a.entry.Why, a.entry.Report = Missed, why, nil
	d.config.Log.Warn("a task is not reported on", "edge", a.Edge, "check", a.Check, "reason", why)
	return d.keep(a)
}

// send notes what the notary took, and has what it did not take tried again.
func (d *Duty) send(a *assignment, step Step, err error) error {
	var refused *notary.Denied
	switch {
	case err == nil:
		a.entry.Step = step
		return d.keep(a)
	case errors.As(err, &refused) && refused.Status < http.StatusInternalServerError && refused.Code != "too-early":
		return d.miss(a, err.Error())
	}
	d.config.Log.Warn("what was found does not reach the notary; it is tried again", "edge", a.Edge, "check", a.Check, "error", err)
	a.moment = d.config.Now().Add(soon)
	return nil
}

func (d *Duty) commitment(a *assignment) epoch.Commitment {
	id := committee.TaskID(a.entry.Task)
	c := epoch.Commitment{Task: a.entry.Task, Checker: d.config.Key.Address(), Commitment: epoch.Hash(a.entry.Report.Found().Commitment(id))}
	signature, err := d.config.Key.Sign(identity.Commitment{Task: c.Task, Commitment: c.Commitment}.Digest())
	if err != nil {
		d.config.Log.Error("a commitment cannot be signed", "error", err) // the notary says the rest
	}
	c.Signature = epoch.Signature(signature)
	return c
}

// visit looks at the edge, by the pass that it has, or else by a new one.
func (d *Duty) visit(ctx context.Context, task epoch.Task, id epoch.Hash, pass *notary.Pass) visited {
	plan, err := exam.Challenge(task)
	if err != nil {
		return visited{task: id, err: err}
	}
	return d.see(ctx, Visit{Task: task, Challenge: plan}, id, pass)
}

// see makes a visit, for which it gets a token where it has none.
func (d *Duty) see(ctx context.Context, what Visit, id epoch.Hash, pass *notary.Pass) visited {
	v := visited{task: id, pass: pass}
	if v.pass == nil {
		fresh, err := d.office.pass(ctx, id, d.config.Key, d.config.Now())
		if err != nil {
			v.err = err
			return v
		}
		v.pass = &fresh
	}
	what.Token, what.App = v.pass.Token, v.pass.App
	v.found, v.from, v.err = d.config.Look(ctx, what)
	return v
}

// note makes a report of what a visit has come to. By the random number it is decided when it is made again that came to nothing.
func (d *Duty) note(v visited, random uint64) error {
	a := d.tasks[v.task]
	a.under, a.pass = false, nil
	if errors.Is(v.err, errAlone) {
		return d.miss(a, v.err.Error())
	}
	if v.err != nil {
		if errors.Is(v.err, ErrBusy) {
			a.pass = v.pass
		}
		// Some time by chance: two checkers that were in each other's way are not so again.
		if a.moment = d.config.Now().Add(soon + time.Duration(random%uint64(soon))); a.Together != nil {
			a.moment = d.later(a.Task, random)
		}
		a.entry.Why = v.err.Error()
		d.config.Log.Info("a visit has come to nothing; it is made again while there is time", "edge", a.Edge, "check", a.Check, "reason", v.err)
		return nil
	}
	answers, err := exam.Answers(a.Task, v.found)
	if err != nil {
		return d.miss(a, err.Error())
	}
	report := epoch.Report{Task: v.task, Checker: d.config.Key.Address(), Proof: epoch.Proof(a.proof), Address: v.from, RoundTrip: epoch.MicrosOf(v.found.Asked), Answers: answers}
	if _, err := rand.Read(report.Salt[:]); err != nil {
		return err
	}
	shown := d.config.Conduct == nil || d.config.Conduct(&report)
	signed := identity.Report{Task: v.task, Commitment: report.Found().Commitment(committee.TaskID(v.task))}
	signature, err := d.config.Key.Sign(signed.Digest())
	if err != nil {
		return d.miss(a, err.Error())
	}
	report.Signature = epoch.Signature(signature)
	a.entry.Step, a.entry.Why, a.entry.Report = Measured, "", &report
	if err := d.keep(a); err != nil {
		return err
	}
	a.silent = !shown
	return nil
}

// judge looks what the log makes of a report.
func (d *Duty) judge(a *assignment) error {
	verdict, err := d.replay.Decide(a.entry.Task)
	if err != nil {
		return err
	}
	a.entry.Step, a.entry.Report = Judged, nil
	a.entry.Result, a.entry.Conduct = verdict.Result, verdict.Conduct[d.config.Key.Address()]
	a.entry.Why = why(a.entry.Conduct)
	d.config.Log.Info("a task is judged", "edge", a.Edge, "check", a.Check, "result", a.entry.Result, "conduct", a.entry.Conduct)
	return d.keep(a)
}

// why says in words what a conduct comes of.
func why(conduct string) string {
	switch conduct {
	case committee.Agreed.String():
		return "the report is in line with what the committee found"
	case committee.Silent.String():
		return "a report was committed to, and not shown in time"
	case committee.Disagreed.String():
		return "the report is beyond tolerance of what the committee found"
	case committee.Copied.String():
		return "the report is not told apart from another's"
	case committee.Fabricated.String():
		return "the report is not the one that was committed to, or is none"
	case committee.Contradicted.String():
		return "two commitments to one task were signed"
	}
	return "the notary's log does not have the report"
}

// finish judges what is left when the epoch is over.
func (d *Duty) finish() error {
	for _, a := range d.tasks {
		switch a.entry.Step {
		case Committed, Revealed:
			if err := d.judge(a); err != nil {
				return err
			}
		case "", Measured:
			if err := d.miss(a, "the epoch is over"); err != nil {
				return err
			}
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
