package notary

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/internal/identity"
)

// lived is an office some epochs on, with an edge that has passed, failed, been appealed for and had its owner's wishes.
func lived(t *testing.T) *office {
	t.Helper()
	o := newOffice(t)
	o.settled()
	failed := o.jailed()
	if _, err := o.notary.Appeal(o.appeal(failed[0].Task)); err != nil {
		t.Fatal(err)
	}
	o.again(failed[0].Task, false)
	for range 3 {
		o.tick(DefaultEpoch)
	}
	o.happens(life.Began)
	o.happens(life.Ended)
	// A verdict on an occasion is heard as any other, with who else was asked.
	task := epoch.Hash{7}
	h := happened{What: life.Decided.String(), Task: &task, Check: life.Capacity, Result: epoch.Failed, Set: 5, Epoch: 1, Together: []identity.Address{{1}, {2}}}
	if err := o.notary.happen(o.edge, h); err != nil {
		t.Fatal(err)
	}
	if o.notary.edges[o.edge].company.at != 5 {
		t.Fatal("the occasion was not heard of")
	}
	return o
}

func (o *office) happens(what life.What) {
	o.t.Helper()
	if err := o.notary.Happened(o.edge, what); err != nil {
		o.t.Fatal(err)
	}
}

// memory is what a notary knows of its edges that lives.log has to say again, and what owners are told.
func (o *office) memory() string {
	o.t.Helper()
	var all strings.Builder
	e := o.notary.edges[o.edge]
	fmt.Fprintf(&all, "%+v %d %t %+v\n", e.life, e.wished, e.own, e.company)
	for _, v := range e.verdicts {
		appeal := v.Appeal
		if v.Appeal = nil; v.Result != epoch.Failed {
			v.findings = nil
		}
		fmt.Fprintf(&all, "%+v %v\n", v, appeal)
	}
	return all.String()
}

func (o *office) lives() []byte {
	o.t.Helper()
	octets, err := os.ReadFile(o.notary.livesPath())
	if err != nil {
		o.t.Fatal(err)
	}
	return octets
}

func TestACompactedLogSaysTheSame(t *testing.T) {
	o := lived(t)
	before := len(o.lives())
	want := o.memory()
	o.notary.happenings = 1000
	if err := o.notary.compact(); err != nil {
		t.Fatal(err)
	}
	if got := o.memory(); got != want {
		t.Errorf("compacting has changed what is known to\n%s\nfrom\n%s", got, want)
	}
	after := o.lives()
	if len(after) >= before || bytes.Contains(after, []byte(`"what":"seen"`)) {
		t.Errorf("%d octets were %d: %s", len(after), before, after)
	}
	o.reopen()
	if got := o.memory(); got != want {
		t.Errorf("after a start it knows\n%s\nand knew\n%s", got, want)
	}
	o.happens(life.Began)
	want = o.memory()
	if !strings.Contains(want, "Sessions:1") {
		t.Errorf("a session that began is not in %s", want)
	}
	o.happens(life.Ended)
	o.reopen()
	if text := o.lives(); bytes.Count(text, []byte(`"kept"`)) != 1 || !bytes.Contains(text, []byte(`"began"`)) {
		t.Errorf("what happened after is not behind it: %s", text)
	}
}

func TestItIsCompactedAsAnEpochEndsAndDoesNotGrow(t *testing.T) {
	o := newOffice(t)
	o.settled()
	o.check(true)
	for range 40 {
		for range 5 {
			o.happens(life.Began)
			o.happens(life.Ended)
		}
		if open := o.notary.Summary().Open; len(open) == 1 {
			o.tick(open[0].RevealBy.Time().Sub(o.config.Now()))
		}
		number := o.notary.Summary().Epoch
		o.tick(DefaultEpoch)
		if o.notary.Summary().Epoch == number { // none begins before the one that runs has a task
			continue
		}
		if lines := bytes.Count(o.lives(), []byte("\n")); lines > 30 { // one edge's life and verdicts, and what this tick found
			t.Errorf("as epoch %d begins lives.log has %d lines", number+1, lines)
		}
	}
	if n := o.notary.Summary().Epoch; n < 10 {
		t.Fatalf("only %d epochs", n)
	}
}

// broken is a disk of which one step fails, by itself or with all that follow, as a crash has it. Files write half of what they are given then.
type broken struct {
	step, at int
	crash    bool
	reached  []string
}

var errBroken = errors.New("the disk is broken")

func (b *broken) fails(what string) bool {
	b.reached = append(b.reached, what)
	b.step++
	return b.step == b.at || b.crash && b.step > b.at
}

type brokenFile struct {
	file
	by *broken
}

func (f brokenFile) Write(octets []byte) (int, error) {
	if f.by.fails("write") {
		n, _ := f.file.Write(octets[:len(octets)/2])
		return n, errBroken
	}
	return f.file.Write(octets)
}

func (f brokenFile) Sync() error {
	if f.by.fails("sync") {
		return errBroken
	}
	return f.file.Sync()
}

func (b *broken) disk() disk {
	step := func(what string, do func() error) error {
		if b.fails(what) {
			return errBroken
		}
		return do()
	}
	return disk{
		create: func(name string) (f file, err error) {
			err = step("create", func() error { f, err = systemDisk.create(name); return err })
			return brokenFile{f, b}, err
		},
		rename: func(from, to string) error {
			return step("rename", func() error { return systemDisk.rename(from, to) })
		},
		remove: func(name string) error { return step("remove", func() error { return systemDisk.remove(name) }) },
		syncFolder: func(name string) error {
			return step("sync the folder", func() error { return systemDisk.syncFolder(name) })
		},
	}
}

func TestACrashWhileItIsCompactedLosesNothing(t *testing.T) {
	whole := &broken{}
	o := lived(t)
	o.notary.disk, o.notary.happenings = whole.disk(), 1000
	if err := o.notary.compact(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"create", "write", "write", "sync", "rename", "sync the folder"}; !reflect.DeepEqual(whole.reached, want) {
		t.Fatalf("compacting takes the steps %v, want %v", whole.reached, want)
	}
	for at := range whole.reached {
		for _, crash := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, crash %t", whole.reached[at], crash), func(t *testing.T) {
				o := lived(t)
				want := o.memory()
				b := &broken{at: at + 1, crash: crash}
				o.notary.disk, o.notary.happenings = b.disk(), 1000
				err := o.notary.compact()
				if stops := whole.reached[at] == "sync the folder" || crash && whole.reached[at] == "rename"; (err != nil) != stops {
					t.Errorf("error %v", err)
				}
				if err == nil && !crash { // it goes on, and what happens then is kept
					o.happens(life.Began)
					o.happens(life.Ended)
					want = o.memory()
				}
				o.reopen()
				if got := o.memory(); got != want {
					t.Errorf("after a start it knows\n%s\nand knew\n%s", got, want)
				}
				// The next time it is compacted.
				o.happens(life.Began)
				o.happens(life.Ended)
				want = o.memory()
				o.notary.happenings = 1000
				if err := o.notary.compact(); err != nil {
					t.Fatal(err)
				}
				o.reopen()
				if got := o.memory(); got != want || !bytes.HasPrefix(o.lives(), []byte(`{"kept"`)) {
					t.Errorf("then it knows\n%s\nand knew\n%s", got, want)
				}
				left, err := os.ReadDir(o.config.Folder)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range left {
					if strings.HasSuffix(f.Name(), ".new") {
						t.Errorf("%s is left", f.Name())
					}
				}
			})
		}
	}
}

// A crash between a sealed epoch and the compacted log, or between that and the next epoch, tells no verdict twice.
func TestACompactedLogTellsNoVerdictTwice(t *testing.T) {
	o := newOffice(t)
	o.settled()
	o.check(true)
	for o.notary.Summary().Epoch == 1 {
		if open := o.notary.Summary().Open; len(open) == 1 {
			o.tick(open[0].RevealBy.Time().Sub(o.config.Now()))
		}
		o.tick(time.Minute)
	}
	want := o.memory()
	if err := os.Remove(o.notary.path(2)); err != nil { // as if it had not begun yet
		t.Fatal(err)
	}
	o.notary.happenings = 1000
	if err := o.notary.compact(); err != nil {
		t.Fatal(err)
	}
	o.reopen()
	if got := o.memory(); got != want {
		t.Errorf("it knows\n%s\nand knew\n%s", got, want)
	}
	if n := o.notary.Summary().Epoch; n != 2 {
		t.Errorf("epoch %d", n)
	}
}
