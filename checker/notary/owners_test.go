package notary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/internal/identity"
	"nearlight/internal/openapitest"
)

const host = "play.example"

// seconds is the office's time as it is signed.
func (o *office) seconds() time.Time { return o.config.Now().Truncate(time.Second) }

func (o *office) owns(d identity.Digest) epoch.Signature {
	o.t.Helper()
	signature, err := o.owner.Sign(d)
	if err != nil {
		o.t.Fatal(err)
	}
	return epoch.Signature(signature)
}

// appeal is one that the edge has signed just now.
func (o *office) appeal(task epoch.Hash) Appeal {
	o.t.Helper()
	at := o.seconds()
	return Appeal{Edge: o.edge, Task: task, At: epoch.Millis(at.UnixMilli()), Signature: o.owns(identity.Appeal{Task: task, At: at}.Digest())}
}

func (o *office) wish(what string) Wish {
	o.t.Helper()
	at := o.seconds()
	return Wish{Edge: o.edge, What: what, At: epoch.Millis(at.UnixMilli()), Signature: o.owns(identity.Wish{Host: host, What: what, At: at}.Digest())}
}

// owned is what the edge's owner reads.
func (o *office) owned() Owned {
	o.t.Helper()
	known, is := o.notary.Edge(o.edge)
	if !is {
		o.t.Fatal("the edge is not known")
	}
	return known
}

// jailed has the edge fail three checks of capacity, and returns them, the latest first.
func (o *office) jailed() []Told {
	o.t.Helper()
	o.check(true)
	for range 10000 {
		if o.owned().State == life.Jailed.String() {
			break
		}
		o.next(false)
	}
	all := o.owned().Verdicts
	if o.owned().State != life.Jailed.String() || len(all) < 4 {
		o.t.Fatalf("it is %s, by %+v", o.owned().State, all)
	}
	return all[:3]
}

// next carries through the check that runs, or lets some time pass.
func (o *office) next(passes bool) {
	o.t.Helper()
	if len(o.notary.Summary().Open) > 0 {
		o.finish(passes)
		return
	}
	o.tick(10 * time.Second)
}

// finish carries through the check that runs.
func (o *office) finish(passes bool) {
	o.t.Helper()
	task := o.task()
	c, r := o.report(task.Task, passes)
	if err := o.notary.Commit(c); err != nil {
		o.t.Fatal(err)
	}
	o.tick(task.CommitBy.Time().Sub(o.config.Now()))
	if err := o.notary.Report(r); err != nil {
		o.t.Fatal(err)
	}
	if o.asked(task.Task).Appeal != nil {
		o.reopen() // a restart changes nothing of it
	}
	o.tick(task.RevealBy.Time().Sub(o.config.Now()))
}

// again carries through the check that is done again on appeal, as soon as it is set.
func (o *office) again(first epoch.Hash, passes bool) {
	o.t.Helper()
	o.tick(time.Second) // after a restart tasks are decided anew first
	for range 200 {     // an epoch may have to end first
		if len(o.notary.Summary().Open) > 0 {
			break
		}
		o.tick(10 * time.Second)
	}
	if task := o.asked(o.task().Task); task.Appeal == nil || *task.Appeal != first || task.Edge != o.edge {
		o.t.Fatalf("what is set is %+v", task)
	}
	o.finish(passes)
}

func TestAnAppealThatIsGrantedTakesBackTheFailureAndTheJail(t *testing.T) {
	o := newOffice(t)
	failed := o.jailed()
	last := failed[0]
	if last.Appealed != "never" || last.AppealBy == 0 || !strings.Contains(last.Remedy, "appeal") || !strings.Contains(last.Notice, "measured") || len(last.Findings) == 0 {
		t.Errorf("before it appeals its owner reads %+v", last)
	}
	standing := o.notary.edges[o.edge].standing
	if answer, err := o.notary.Appeal(o.appeal(last.Task)); err != nil || answer.State != "jailed" {
		t.Fatalf("%+v, %v", answer, err)
	}
	if due := o.owned().Due; len(due) != 1 || due[0].Appeal == nil || *due[0].Appeal != last.Task {
		t.Errorf("due is %+v", due)
	}
	o.reopen() // an appeal that was taken is not lost
	if v := o.owned().Verdicts[0]; v.Appealed != "asked" || len(v.Findings) == 0 {
		t.Errorf("after a restart its owner reads %+v", v)
	}
	o.again(last.Task, true)
	known := o.owned()
	if known.State != "probation" || known.JailedUntil != 0 {
		t.Errorf("it is %s", known.State)
	}
	newest := known.Verdicts[0]
	if newest.Appeal == nil || *newest.Appeal != last.Task || newest.Result != epoch.Passed || !strings.Contains(newest.Notice, "taken back") {
		t.Errorf("its owner reads %+v", newest)
	}
	if after := o.notary.edges[o.edge].standing; after.Passed <= standing.Passed || after.Failed == 0 {
		t.Errorf("both count in the standing, which is %+v, and was %+v", after, standing)
	}
	if v := o.notary.Summary().Verdicts[0]; v.Appeal == nil || v.Notice != newest.Notice {
		t.Errorf("an operator sees %+v", v)
	}
	o.reopen()
	o.tick(time.Second)
	if known := o.owned(); known.State != "probation" || known.Verdicts[0].Task != newest.Task {
		t.Errorf("after a restart it is %s, by %+v", known.State, known.Verdicts[0])
	}
	if got := o.happenings(life.Granted); got != 1 {
		t.Errorf("it is granted %d times", got)
	}
	o.verifies()
}

// happenings is how often something is in lives.log.
func (o *office) happenings(what life.What) int {
	o.t.Helper()
	text, err := os.ReadFile(filepath.Join(o.config.Folder, "lives.log"))
	if err != nil {
		o.t.Fatal(err)
	}
	return strings.Count(string(text), fmt.Sprintf(`"what":%q`, what))
}

// verifies holds all logs against what they say.
func (o *office) verifies() {
	o.t.Helper()
	logs, err := filepath.Glob(filepath.Join(o.config.Folder, "epoch-*.log"))
	if err != nil || len(logs) == 0 {
		o.t.Fatal(logs, err)
	}
	for _, name := range logs {
		file, err := os.Open(name)
		if err != nil {
			o.t.Fatal(err)
		}
		checked, err := epoch.Verify(file)
		if err := errors.Join(err, file.Close()); err != nil || len(checked.Differences) > 0 {
			o.t.Errorf("%s: %v, %q", name, err, checked.Differences)
		}
	}
}

func TestAnAppealIsHadOnceAndMayBeUpheld(t *testing.T) {
	o := newOffice(t)
	failed := o.jailed()
	appeal := o.appeal(failed[0].Task)
	if _, err := o.notary.Appeal(appeal); err != nil {
		t.Fatal(err)
	}
	if _, err := o.notary.Appeal(appeal); code(err) != codeCannotHave || !strings.Contains(err.Error(), "once") {
		t.Errorf("sent again: %v", err)
	}
	o.again(failed[0].Task, false)
	if known := o.owned(); known.State != "jailed" || known.Verdicts[0].Remedy != "" || !strings.Contains(known.Verdicts[0].Notice, "stands") {
		t.Errorf("it is %s, by %+v", known.State, known.Verdicts[0])
	}
	if _, err := o.notary.Appeal(o.appeal(failed[0].Task)); code(err) != codeCannotHave {
		t.Errorf("a second time: %v", err)
	}
	if _, err := o.notary.Appeal(o.appeal(failed[1].Task)); err != nil {
		t.Errorf("against another check: %v", err)
	}
	o.verifies()
}

func TestAnAppealThatNobodyDecidesIsTriedAgainAndNotWhileTheEdgeIsOnLeave(t *testing.T) {
	o := newOffice(t)
	o.check(false)
	first := o.owned().Verdicts[0].Task
	if _, err := o.notary.Appeal(o.appeal(first)); err != nil {
		t.Fatal(err)
	}
	o.tick(time.Second)
	task := o.task()
	o.tick(task.CommitBy.Time().Sub(o.config.Now()))
	o.tick(task.RevealBy.Time().Sub(o.config.Now())) // and nobody has said a word
	if v := o.owned().Verdicts[0]; v.Result != epoch.Undecided || v.Appeal == nil {
		t.Errorf("it is decided: %+v", v)
	}
	o.tick(time.Second)
	if open := o.notary.Summary().Open; len(open) > 0 {
		t.Errorf("it is set again at once: %+v", open)
	}
	o.tick(again + time.Second)
	o.finish(true)
	if known := o.owned(); known.State != "probation" { // an enrolment that was passed on appeal
		t.Errorf("it is %s", known.State)
	}

	for range 10000 {
		if o.owned().Verdicts[0].Result == epoch.Failed {
			break
		}
		o.next(false)
	}
	failed := o.owned().Verdicts[0]
	if failed.Result != epoch.Failed {
		t.Fatalf("%+v", failed)
	}
	if _, err := o.notary.Wish(o.wish("drain"), host); err != nil {
		t.Fatal(err)
	}
	if _, err := o.notary.Appeal(o.appeal(failed.Task)); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		o.tick(10 * time.Second)
	}
	if open := o.notary.Summary().Open; len(open) > 0 {
		t.Errorf("it is checked on leave: %+v", open)
	}
	if _, err := o.notary.Wish(o.wish("return"), host); err != nil {
		t.Fatal(err)
	}
	o.again(failed.Task, true)
	o.verifies()
}

func TestWhatIsNotItsOwnersOrNotOfNowIsRefused(t *testing.T) {
	o := newOffice(t)
	o.check(false)
	failed := o.owned().Verdicts[0].Task
	good := o.appeal(failed)
	other, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	stranger := &office{t: t, config: o.config, owner: other, edge: other.Address()}
	forged := stranger.appeal(failed)
	forged.Edge = o.edge
	millisecond, moved := good, o.wish("drain")
	millisecond.At++
	moved.What = "revoke"
	for what, row := range map[string]struct {
		do   func() error
		want string
	}{
		"forged":                   {func() error { _, err := o.notary.Appeal(forged); return err }, codeBadSignature},
		"of part of a second":      {func() error { _, err := o.notary.Appeal(millisecond); return err }, codeBadSignature},
		"another edge's check":     {func() error { _, err := o.notary.Appeal(stranger.appeal(failed)); return err }, codeUnknownEdge},
		"a check that never was":   {func() error { _, err := o.notary.Appeal(o.appeal(epoch.Hash{9})); return err }, codeCannotHave},
		"of no check":              {func() error { _, err := o.notary.Appeal(o.appeal(epoch.Hash{})); return err }, codeCannotHave},
		"a wish for another host":  {func() error { _, err := o.notary.Wish(o.wish("drain"), "evil.example"); return err }, codeBadSignature},
		"a wish that was changed":  {func() error { _, err := o.notary.Wish(moved, host); return err }, codeBadSignature},
		"a wish for what is not":   {func() error { _, err := o.notary.Wish(o.wish("players"), host); return err }, codeUnknownWish},
		"a stranger's wish":        {func() error { _, err := stranger.notaryOf(o).Wish(stranger.wish("drain"), host); return err }, codeUnknownEdge},
		"a leave of nobody's":      {func() error { _, err := o.notary.Wish(o.wish("drain"), host); return err }, codeCannotHave}, // it is not enrolled
		"nothing to come back for": {func() error { _, err := o.notary.Wish(o.wish("return"), host); return err }, codeCannotHave},
	} {
		if err := row.do(); code(err) != row.want {
			t.Errorf("%s: %v, want %s", what, err, row.want)
		}
	}
	o.mu.Lock()
	o.at = o.at.Add(2 * time.Minute)
	o.mu.Unlock()
	if _, err := o.notary.Appeal(good); code(err) != codeBadSignature || !strings.Contains(err.Error(), "clock") {
		t.Errorf("an old one: %v", err)
	}
	if o.happenings(life.Appeal)+o.happenings(life.Drain) > 0 || len(o.notary.edges) != 1 {
		t.Error("what was refused is kept")
	}
	o.config.Host = func(name string) bool { return name == host }
	o.reopen()
	if _, err := o.notary.Wish(o.wish("leave"), "evil.example"); code(err) != codeWrongHost {
		t.Errorf("for a name that is not the network's: %v", err)
	}
	if answer, err := o.notary.Wish(o.wish("leave"), strings.ToUpper(host)); err != nil || answer.State != "retired" {
		t.Errorf("%+v, %v", answer, err)
	}
}

// notaryOf lets a stranger ask another's notary.
func (o *office) notaryOf(other *office) *Notary { return other.notary }

func TestALifeThatIsOlderThanTheLogStopsNothing(t *testing.T) {
	o := newOffice(t)
	o.check(false)
	first := o.owned().Verdicts[0].Task
	appeal := func() {
		t.Helper()
		if _, err := o.notary.Appeal(o.appeal(first)); err != nil {
			t.Fatal(err)
		}
	}
	appeal()
	o.again(first, false)
	if err := os.Remove(filepath.Join(o.config.Folder, "lives.log")); err != nil {
		t.Fatal(err)
	}
	o.reopen()
	o.tick(time.Second)
	appeal() // it knows of none
	o.tick(time.Second)
	if open := o.notary.Summary().Open; len(open) > 0 {
		t.Errorf("it is done again twice: %+v", open)
	}
	o.verifies()
}

func TestOfTwoWishesTheLaterHoldsWhoeverSendsThemAgain(t *testing.T) {
	o := newOffice(t)
	o.check(true)
	drain := o.wish("drain")
	if answer, err := o.notary.Wish(drain, host); err != nil || answer.State != "on-leave" {
		t.Fatalf("%+v, %v", answer, err)
	}
	if err := o.notary.Happened(o.edge, life.Return); err != nil { // an operator's drain is over
		t.Fatal(err)
	}
	o.reopen()
	if err := o.notary.Happened(o.edge, life.Return); err != nil {
		t.Fatal(err)
	}
	if state := o.owned().State; state != "on-leave" {
		t.Errorf("an operator ends an owner's leave: %s", state)
	}
	o.tick(2 * time.Second)
	if answer, err := o.notary.Wish(o.wish("return"), host); err != nil || answer.State != "probation" {
		t.Fatalf("%+v, %v", answer, err)
	}
	o.reopen()
	if _, err := o.notary.Wish(drain, host); code(err) != codeStale {
		t.Errorf("somebody sends the first again: %v", err)
	}
	if state := o.owned().State; state != "probation" {
		t.Errorf("it is %s", state)
	}
	// What an operator drains an operator brings back.
	for _, what := range []life.What{life.Drain, life.Return} {
		if err := o.notary.Happened(o.edge, what); err != nil {
			t.Fatal(err)
		}
	}
	if state := o.owned().State; state != "probation" {
		t.Errorf("it is %s", state)
	}
	var err error
	for i := range 2 * mostWishes {
		o.mu.Lock()
		o.at = o.at.Add(time.Second)
		o.mu.Unlock()
		if _, err = o.notary.Wish(o.wish([]string{"drain", "return"}[i%2]), host); err != nil {
			break
		}
	}
	if code(err) != codeTooMany {
		t.Errorf("there is no end of wishes: %v", err)
	}
}

func TestWhatIsKeptOfAnEdgeIsBounded(t *testing.T) {
	o := newOffice(t)
	e := o.notary.edge(o.edge)
	failed := epoch.Hash{0xfa}
	var err error
	if e.life, err = (life.Life{}).After(life.Event{At: 1, What: life.Decided, Task: failed, Check: life.Enrolment, Result: epoch.Failed, Set: 1}); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		e.tell(Told{Task: epoch.Hash{0xfa, byte(i)}, Result: epoch.Passed})
		e.tell(Told{Task: epoch.Hash{0xfa, byte(i)}, Result: epoch.Passed}) // after a restart
	}
	if len(e.verdicts) != mostTold || e.verdicts[mostTold-1].Task != (epoch.Hash{0xfa, 99}) || e.verdicts[0].Task != failed {
		t.Errorf("%d are kept, from %v", len(e.verdicts), e.verdicts[0].Task)
	}
}

func TestAnOwnerAsksOverHTTP(t *testing.T) {
	o := newOffice(t)
	o.check(false)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		o.notary.Handler().ServeHTTP(answer, r)
		openapitest.Conforms(t, r.Method, r.URL.Path, answer.Result(), answer.Body.String())
		w.WriteHeader(answer.Code)
		if _, err := w.Write(answer.Body.Bytes()); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	if _, err := NewClient("play.example", nil); err == nil {
		t.Error("a name is taken for a URL")
	}
	asks, err := NewClient(server.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	known, err := asks.Edge(ctx, o.edge)
	if err != nil || known.State != "enrolling" || len(known.Verdicts) != 1 {
		t.Fatalf("%+v, %v", known, err)
	}
	first := known.Verdicts[0].Task
	if answer, err := asks.Appeal(ctx, first, o.owner, o.config.Now()); err != nil || answer.State != "enrolling" {
		t.Errorf("%+v, %v", answer, err)
	}
	o.again(first, true)
	if answer, err := asks.Wish(ctx, "drain", o.owner, o.config.Now()); err != nil || answer.State != "on-leave" {
		t.Errorf("%+v, %v", answer, err)
	}
	_, err = asks.Wish(ctx, "drain", o.owner, o.config.Now())
	var denied *Denied
	if !errors.As(err, &denied) || denied.Code != codeStale || denied.Status != 409 {
		t.Errorf("%v", err)
	}
	known, err = asks.Edge(ctx, o.edge)
	if err != nil || known.State != "on-leave" || known.Verdicts[0].Appeal == nil {
		t.Errorf("%+v, %v", known, err)
	}
	if text, err := json.Marshal(known); err != nil || strings.Contains(string(text), "null") {
		t.Errorf("%v: %s", err, text)
	}
}
