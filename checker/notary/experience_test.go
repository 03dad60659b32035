package notary

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/internal/identity"
)

// experience lets time pass until a check of experience is set, for so long at the most. Whatever else is set meanwhile is passed.
func (o *office) experience(within time.Duration) (task TaskSummary, is bool) {
	o.t.Helper()
	for end := o.config.Now().Add(within); o.config.Now().Before(end); {
		o.tick(time.Second)
		open := o.notary.Summary().Open
		if len(open) == 0 {
			continue
		}
		if open[0].Check == string(life.Experience) {
			return open[0], true
		}
		o.carryOne(open[0], true)
	}
	return task, false
}

// carryOne carries a check through that is set.
func (o *office) carryOne(task TaskSummary, passes bool) {
	o.t.Helper()
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

// asksFor asks for a pass, as the checker does.
func (o *office) asksFor(task TaskSummary) error {
	o.t.Helper()
	at := o.config.Now()
	signature := o.sign(identity.Pass{Task: task.Task, At: at}.Digest())
	_, err := o.notary.Pass(Request{Task: task.Task, Checker: o.checker.Address(), At: epoch.Millis(at.UnixMilli()), Signature: signature})
	return err
}

// unset is why a check of experience is not set, as operators see it.
func (o *office) unset() (why string, due bool) {
	for _, d := range o.notary.Summary().Edges[0].Due {
		if d.Check == life.Experience {
			return d.Unset, true
		}
	}
	return "", false
}

func TestExperienceIsCheckedWhileSomebodyPlaysAndATenthOfASlotsTimeAtTheMost(t *testing.T) {
	o := newOffice(t)
	o.check(true)
	if task, is := o.experience(20 * time.Minute); is {
		t.Fatalf("nobody plays, and %+v is set", task)
	}
	if err := o.notary.Happened(o.edge, life.Began); err != nil {
		t.Fatal(err)
	}
	task, is := o.experience(5 * time.Minute)
	if !is {
		t.Fatal("somebody plays, and no check of experience is set")
	}
	began := task.At
	o.carryOne(task, true)
	if told := o.notary.Summary().Verdicts[0]; told.Check != string(life.Experience) || told.Result != epoch.Passed {
		t.Errorf("%+v", told)
	}
	task, is = o.experience(30 * time.Minute)
	if every := epoch.Millis(restful * o.notary.taking().Milliseconds()); !is || task.At < began+every {
		t.Errorf("the next comes after %v, want %v at the soonest", (task.At - began).Time().Sub(time.UnixMilli(0)), every)
	}
	o.carryOne(task, true)
	if err := o.notary.Happened(o.edge, life.Ended); err != nil {
		t.Fatal(err)
	}
	if task, is := o.experience(30 * time.Minute); is {
		t.Errorf("nobody plays any more, and %+v is set", task)
	}
}

func TestWhereNobodyCanComeAsPlayersDoOperatorsReadWhyOnce(t *testing.T) {
	o := newOffice(t)
	var log bytes.Buffer
	o.config.Log = slog.New(slog.NewTextHandler(&log, nil))
	o.reopen()
	o.check(true)
	if err := o.notary.Happened(o.edge, life.Began); err != nil {
		t.Fatal(err)
	}
	o.closed = "the purse is empty"
	if task, is := o.experience(20 * time.Minute); is {
		t.Fatalf("%+v is set", task)
	}
	if why, due := o.unset(); !due || why != o.closed {
		t.Errorf("an operator reads %q, of one that is due: %t", why, due)
	}
	known, _ := o.notary.Edge(o.edge)
	if said := fmt.Sprint(known); strings.Contains(said, o.closed) {
		t.Errorf("everybody reads when nobody looks: %s", said)
	}
	if n := strings.Count(log.String(), o.closed); n != 1 {
		t.Errorf("the log says so %d times", n)
	}
	o.closed = ""
	task, is := o.experience(5 * time.Minute)
	if !is {
		t.Fatal("no check of experience is set when somebody can come")
	}
	o.carryOne(task, true)
	o.closed = "the purse is empty"
	o.tick(time.Second)
	o.tick(time.Second)
	if n := strings.Count(log.String(), o.closed); n != 2 {
		t.Errorf("the log says so %d times, though it was otherwise between", n)
	}
}

// shopping is an office, and a check of experience that it has set.
func shopping(t *testing.T) (*office, TaskSummary) {
	t.Helper()
	o := newOffice(t)
	o.check(true)
	if err := o.notary.Happened(o.edge, life.Began); err != nil {
		t.Fatal(err)
	}
	task, is := o.experience(5 * time.Minute)
	if !is {
		t.Fatal("none is set")
	}
	return o, task
}

func TestACheckForWhichThereWereNoPassesSaysSoToOperators(t *testing.T) {
	o, task := shopping(t)
	o.out = fmt.Errorf("%w: the purse is empty", ErrNoPass)
	if err := o.asksFor(task); code(err) != codeNoPass || !strings.Contains(err.Error(), "the purse is empty") {
		t.Errorf("the checker is told %v", err)
	}
	o.tick(task.RevealBy.Time().Sub(o.config.Now()))
	told := o.notary.Summary().Verdicts[0]
	if told.Result != epoch.Undecided || !strings.Contains(told.Notice, "the purse is empty") {
		t.Errorf("%+v", told)
	}
}

func TestAStudiosTokensAreNotDrainedByOneChecker(t *testing.T) {
	o, task := shopping(t)
	for i := range mostShopping {
		if err := o.asksFor(task); err != nil {
			t.Fatalf("the pass %d: %v", i, err)
		}
	}
	if err := o.asksFor(task); code(err) != codeTooMany {
		t.Errorf("one more: %v", err)
	}
}
