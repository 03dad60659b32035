package notary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nearlight/checker/committee"
	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/checker/life"
	"nearlight/checker/vrf"
	"nearlight/internal/identity"
)

type beacon struct{}

func (beacon) RoundAt(at time.Time) uint64 { return uint64(at.Unix()) }

func (beacon) TimeOf(round uint64) time.Time { return time.Unix(int64(round), 0) }

func (beacon) Value(_ context.Context, round uint64) ([32]byte, error) {
	return [32]byte{byte(round)}, nil
}

// office is a notary whose clock a test moves.
type office struct {
	t       testing.TB
	notary  *Notary
	config  Config
	mu      sync.Mutex
	at      time.Time
	edge    identity.Address
	owner   *identity.Key // of the edge
	checker *identity.Key
	draw    *vrf.PrivateKey
	there   bool
	closed  string // why nobody can visit the edge as players do
	out     error  // why there is no pass
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{t: t, at: time.Unix(1_800_000_000, 0), there: true}
	var err error
	if o.owner, err = identity.NewKey(); err != nil {
		t.Fatal(err)
	}
	o.edge = o.owner.Address()
	if o.checker, err = identity.NewKey(); err != nil {
		t.Fatal(err)
	}
	o.draw, _ = vrf.Generate()
	o.config = Config{
		Folder: t.TempDir(), Requirements: exam.OnProcessor, Committee: committee.Size{Seats: 1, Minimum: 1}, Uncapped: true, Beacon: beacon{},
		Checkers: func() []epoch.Checker {
			return []epoch.Checker{{Address: o.checker.Address(), Key: epoch.Hash(o.draw.Public()), Stake: 1}}
		},
		Pass: func(task epoch.Task) (Pass, error) {
			if o.out != nil {
				return Pass{}, o.out
			}
			text := fmt.Sprintf("%v %s %d", task.Edge, task.Check, task.CommitBy.Time().Unix())
			return Pass{Token: text}, nil
		},
		Present: func() []Presence {
			if !o.there {
				return nil
			}
			return []Presence{{Edge: o.edge, Free: 1, Closed: o.closed}}
		},
		Now: func() time.Time {
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.at
		},
	}
	o.open()
	t.Cleanup(func() {
		if err := o.notary.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func (o *office) open() {
	o.t.Helper()
	var err error
	if o.notary, err = Open(o.config); err != nil {
		o.t.Fatal(err)
	}
}

// reopen is what a process does that was killed.
func (o *office) reopen() {
	o.t.Helper()
	if err := o.notary.Close(); err != nil {
		o.t.Fatal(err)
	}
	o.open()
}

func (o *office) tick(later time.Duration) {
	o.t.Helper()
	o.mu.Lock()
	o.at = o.at.Add(later)
	o.mu.Unlock()
	if err := o.notary.Tick(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
}

// task is the one that runs.
func (o *office) task() TaskSummary {
	o.t.Helper()
	open := o.notary.Summary().Open
	if len(open) != 1 {
		o.t.Fatalf("%d tasks run", len(open))
	}
	return open[0]
}

// asked is the task itself.
func (o *office) asked(id epoch.Hash) epoch.Task { return o.notary.tasks[id].Task }

// report is one of the checker's; passes says whether the edge does.
func (o *office) report(id epoch.Hash, passes bool) (epoch.Commitment, epoch.Report) {
	o.t.Helper()
	task := o.asked(id)
	value, err := beacon{}.Value(o.t.Context(), task.Round)
	if err != nil {
		o.t.Fatal(err)
	}
	draw, err := task.Draw(1, value)
	if err != nil {
		o.t.Fatal(err)
	}
	proof, _ := o.draw.Prove(draw.Input())
	r := epoch.Report{Task: id, Checker: o.checker.Address(), Proof: epoch.Proof(proof), Address: netip.MustParseAddr("192.0.2.7"), Salt: epoch.Hash{1}}
	for _, q := range task.Questions {
		a := epoch.Answer{Yes: passes}
		if q.AtLeast != nil {
			a.Figure = *q.AtLeast + 1
		}
		r.Answers = append(r.Answers, a)
	}
	commitment := r.Found().Commitment(committee.TaskID(id))
	return epoch.Commitment{Task: id, Checker: r.Checker, Commitment: epoch.Hash(commitment), Signature: o.sign(identity.Commitment{Task: id, Commitment: commitment}.Digest())},
		o.signed(r)
}

func (o *office) signed(r epoch.Report) epoch.Report {
	r.Signature = o.sign(identity.Report{Task: r.Task, Commitment: r.Found().Commitment(committee.TaskID(r.Task))}.Digest())
	return r
}

func (o *office) sign(d identity.Digest) epoch.Signature {
	o.t.Helper()
	signature, err := o.checker.Sign(d)
	if err != nil {
		o.t.Fatal(err)
	}
	return epoch.Signature(signature)
}

// check carries one check through.
func (o *office) check(passes bool) {
	o.t.Helper()
	o.tick(time.Second)
	task := o.task()
	c, r := o.report(task.Task, passes)
	if err := o.notary.Commit(c); err != nil {
		o.t.Fatal(err)
	}
	o.tick(task.CommitBy.Time().Sub(o.config.Now()))
	if err := o.notary.Report(r); err != nil {
		o.t.Fatal(err)
	}
	o.tick(task.RevealBy.Time().Sub(o.config.Now()))
}

func code(err error) string {
	var refused *Refused
	if errors.As(err, &refused) {
		return refused.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestWhatIsNotInOrderIsRefusedAndSaysWhy(t *testing.T) {
	o := newOffice(t)
	o.tick(0)
	task := o.task()
	c, r := o.report(task.Task, true)
	stranger, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	strange := c
	strange.Checker = stranger.Address()
	signature, err := stranger.Sign(identity.Commitment{Task: c.Task, Commitment: c.Commitment}.Digest())
	if err != nil {
		t.Fatal(err)
	}
	strange.Signature = epoch.Signature(signature)
	unknown := c
	unknown.Task = epoch.Hash{9}
	unknown.Signature = o.sign(identity.Commitment{Task: unknown.Task, Commitment: c.Commitment}.Digest())
	changed := c
	changed.Commitment[0]++
	other := changed
	other.Signature = o.sign(identity.Commitment{Task: c.Task, Commitment: other.Commitment}.Digest())
	third := other
	third.Commitment[1]++
	third.Signature = o.sign(identity.Commitment{Task: c.Task, Commitment: third.Commitment}.Digest())
	forged := r
	forged.Salt[0]++

	steps := []struct {
		what string
		do   func() error
		want string
	}{
		{"a stranger's commitment", func() error { return o.notary.Commit(strange) }, codeNotLicensed},
		{"one to an unknown task", func() error { return o.notary.Commit(unknown) }, codeUnknownTask},
		{"one that is not signed", func() error { return o.notary.Commit(changed) }, codeBadSignature},
		{"a report before anything", func() error { return o.notary.Report(r) }, codeTooEarly},
		{"a good one", func() error { return o.notary.Commit(c) }, ""},
		{"the same again", func() error { return o.notary.Commit(c) }, ""},
		{"another one", func() error { return o.notary.Commit(other) }, codeContradiction},
		{"a third", func() error { return o.notary.Commit(third) }, codeContradiction},
		{"a report too early", func() error { return o.notary.Report(r) }, codeTooEarly},
	}
	late := []struct {
		what string
		do   func() error
		want string
	}{
		{"a commitment too late", func() error { return o.notary.Commit(c) }, ""}, // it is there already
		{"a report that is not signed", func() error { return o.notary.Report(forged) }, codeBadSignature},
		{"the report", func() error { return o.notary.Report(r) }, ""},
		{"the same again", func() error { return o.notary.Report(r) }, ""},
	}
	for _, s := range steps {
		if got := code(s.do()); got != s.want {
			t.Errorf("%s: %q, want %q", s.what, got, s.want)
		}
	}
	entries := func() int {
		text, err := os.ReadFile(o.notary.path(1))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(text, []byte("\n"))
	}
	if got := entries(); got != 6 { // head, checker, edge, task, and two commitments: a third one shows nothing more
		t.Errorf("the log has %d entries", got)
	}
	o.tick(task.CommitBy.Time().Sub(o.config.Now()))
	for _, s := range late {
		if got := code(s.do()); got != s.want {
			t.Errorf("%s: %q, want %q", s.what, got, s.want)
		}
	}
	o.tick(task.RevealBy.Time().Sub(o.config.Now()))
	if v := o.notary.Summary().Verdicts; len(v) != 1 || v[0].Conduct[o.checker.Address()] != "contradicted" {
		t.Errorf("verdicts %+v", v)
	}
}

func TestANotaryThatWasKilledGoesOn(t *testing.T) {
	o := newOffice(t)
	o.check(true)
	state, _ := o.notary.Standing(o.edge)
	before := o.notary.Summary()
	if state != life.Probation || len(before.Verdicts) != 1 {
		t.Fatalf("%v, %+v", state, before.Verdicts)
	}
	// As it was in the middle of a line, in both files.
	for _, name := range []string{"epoch-1.log", "lives.log"} {
		file, err := os.OpenFile(filepath.Join(o.config.Folder, name), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString(`{"edge":"0x`); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	o.reopen()
	o.tick(time.Second)
	after := o.notary.Summary()
	if got, want := fmt.Sprintf("%+v %+v", after.Edges, after.Checkers), fmt.Sprintf("%+v %+v", before.Edges, before.Checkers); got != want {
		t.Errorf("it says\n%s\nand said\n%s", got, want)
	}
	if len(after.Verdicts) != 1 || after.Verdicts[0].Result != epoch.Passed {
		t.Errorf("verdicts %+v", after.Verdicts)
	}
	lives, err := os.ReadFile(filepath.Join(o.config.Folder, "lives.log"))
	if err != nil || strings.Count(string(lives), `"decided"`) != 1 {
		t.Errorf("%v, what happened: %s", err, lives)
	}
	// Over the end of the epoch, and once more.
	o.tick(DefaultEpoch)
	o.tick(time.Second)
	o.reopen()
	s := o.notary.Summary()
	if s.Epoch != 2 || len(s.Checkers) != 1 || s.Checkers[0].Tasks != 1 || s.Checkers[0].Score <= committee.Newcomer {
		t.Errorf("the next epoch is %+v", s)
	}
	file, err := os.Open(o.notary.path(1))
	if err != nil {
		t.Fatal(err)
	}
	checked, err := epoch.Verify(file)
	if err := errors.Join(err, file.Close()); err != nil || !checked.Sealed || len(checked.Differences) > 0 {
		t.Errorf("the first epoch: %v, %+v", err, checked)
	}
}

func TestAnEdgesLifeFollowsItsPresenceAndItsSessions(t *testing.T) {
	o := newOffice(t)
	o.check(true)
	is := func(want life.State) {
		t.Helper()
		if state, _ := o.notary.Standing(o.edge); state != want {
			t.Errorf("it is %v, want %v", state, want)
		}
	}
	is(life.Probation)
	for _, what := range []life.What{life.Began, life.Ended, life.Drain} {
		if err := o.notary.Happened(o.edge, what); err != nil {
			t.Fatal(err)
		}
	}
	is(life.OnLeave)
	if err := o.notary.Happened(o.edge, life.Return); err != nil {
		t.Fatal(err)
	}
	is(life.Probation)
	o.there = false
	o.tick(time.Second)
	o.tick(time.Minute)
	is(life.Probation)
	o.tick(time.Minute + time.Second)
	is(life.BrieflyAway)
	if open := o.notary.Summary().Open; len(open) > 0 {
		t.Errorf("it is checked while it is away: %+v", open)
	}
	o.there = true
	o.tick(time.Second)
	o.tick(time.Minute + time.Second)
	is(life.Probation)
}

func TestAnEdgeThatFailsItsEnrolmentIsTestedAgainLater(t *testing.T) {
	o := newOffice(t)
	o.check(false)
	v := o.notary.Summary().Verdicts[0]
	if v.Result != epoch.Failed || !strings.Contains(v.Notice, "served") {
		t.Errorf("its owner is told %q of %+v", v.Notice, v)
	}
	o.tick(time.Minute)
	if open := o.notary.Summary().Open; len(open) > 0 {
		t.Errorf("it is tested again at once: %+v", open)
	}
	o.tick(DefaultEpoch)
	o.tick(time.Second)
	if task := o.task(); task.Check != string(life.Enrolment) {
		t.Errorf("it is tested for %s", task.Check)
	}
}

func TestAPassIsForWhoIsLicensedAndOpensOneEdgeForATime(t *testing.T) {
	o := newOffice(t)
	o.tick(0)
	task := o.task()
	request := func(at time.Time, by *identity.Key) Request {
		signature, err := by.Sign(identity.Pass{Task: task.Task, At: at}.Digest())
		if err != nil {
			t.Fatal(err)
		}
		return Request{Task: task.Task, Checker: by.Address(), At: epoch.Millis(at.UnixMilli()), Signature: epoch.Signature(signature)}
	}
	now := o.config.Now()
	pass, err := o.notary.Pass(request(now, o.checker))
	if want := fmt.Sprintf("%v enrolment %d", o.edge, task.CommitBy.Time().Unix()); err != nil || pass.Token != want {
		t.Errorf("%q, %v; want %q", pass.Token, err, want)
	}
	stranger, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	forged := request(now, stranger)
	forged.Checker = o.checker.Address()
	for what, row := range map[string]struct {
		request Request
		want    string
	}{
		"a stranger's":      {request(now, stranger), codeNotLicensed},
		"a forged one":      {forged, codeBadSignature},
		"an old one":        {request(now.Add(-2*time.Minute), o.checker), codeBadSignature},
		"one of the future": {request(now.Add(time.Minute), o.checker), codeBadSignature},
	} {
		if _, err := o.notary.Pass(row.request); code(err) != row.want {
			t.Errorf("%s: %v", what, err)
		}
	}
	for range mostPasses {
		_, err = o.notary.Pass(request(now, o.checker))
	}
	if code(err) != codeTooMany {
		t.Errorf("there is no end of passes: %v", err)
	}
}

func TestAClockThatIsPutBackLeadsToNoRoundThatIsTold(t *testing.T) {
	o := newOffice(t)
	o.check(true)
	o.tick(0)
	told := o.notary.newest
	if told == 0 {
		t.Fatal("no round is told")
	}
	o.reopen()
	o.tick(-time.Hour)
	for _, back := range []time.Duration{0, time.Minute, time.Hour} {
		next := o.notary.next(epoch.Millis(o.notary.now().Time().Add(-back).UnixMilli()))
		if next.Number <= told || next.At.Time() != (beacon{}).TimeOf(next.Number) {
			t.Errorf("%v back: a task would be set for %+v, and round %d is told", back, next, told)
		}
	}
	if now := o.notary.now(); now.Time().Before((beacon{}).TimeOf(told)) {
		t.Errorf("entries would be of %v, before the round that is told", now.Time())
	}
}
