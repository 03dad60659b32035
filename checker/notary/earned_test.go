package notary

import (
	"testing"
	"time"

	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/internal/identity"
)

// settled gives the edge a key that is the same each time, so that when it is checked is too: that is drawn by its address.
func (o *office) settled() {
	o.t.Helper()
	var err error
	if o.owner, err = identity.KeyFromSecret(append(make([]byte, identity.SecretLength-1), 7)); err != nil {
		o.t.Fatal(err)
	}
	o.edge = o.owner.Address()
}

// ends lets time pass until the epoch that runs is over, and nothing be found in it any more.
func (o *office) ends() {
	o.t.Helper()
	for number := o.notary.Summary().Epoch; o.notary.Summary().Epoch == number; {
		if open := o.notary.Summary().Open; len(open) == 1 {
			o.tick(open[0].RevealBy.Time().Sub(o.config.Now()))
			continue
		}
		o.tick(time.Minute)
	}
}

// sealed is what an epoch's log comes to.
func (o *office) sealed(number uint64) epoch.Outcome {
	o.t.Helper()
	log, _, err := epoch.Open(o.notary.path(number))
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() {
		if err := log.Close(); err != nil {
			o.t.Error(err)
		}
	}()
	outcome, err := log.Outcome()
	if err != nil {
		o.t.Fatal(err)
	}
	return outcome
}

func TestWhatIsEarnedGoesOnFromEpochToEpoch(t *testing.T) {
	o := newOffice(t)
	o.settled()
	o.config.Terms = &epoch.Terms{Currency: "EUR-cent", Fee: 100, Pot: 1000}
	o.reopen() // no task was set, so that the epoch begins anew, with the terms
	o.check(true)
	o.ends()
	first := o.sealed(1)
	if s := first.Scores[0]; s.Reports != 1 || s.Amount != 50 || s.Earned != 50 { // a newcomer's score, 0.5, and what one report adds
		t.Errorf("the checker has %+v", s)
	}
	want := Earned{Currency: "EUR-cent", Pot: 1000, Share: 1000, Total: 1000} // nobody else has passed anything
	if got := o.owned().Earned; got == nil || *got != want {
		t.Errorf("the edge has %+v, want %+v", got, want)
	}
	o.reopen()
	if got := o.owned().Earned; got == nil || *got != want {
		t.Errorf("after a start the edge has %+v, want %+v", got, want)
	}
	number := uint64(0) // the epoch in which it has passed another check
	for range 10000 {
		if o.owned().Owed < life.ProbationChecks {
			break
		}
		number = o.notary.Summary().Epoch
		o.next(true)
	}
	for o.notary.Summary().Epoch == number {
		o.ends()
	}
	if s := o.sealed(number).Scores[0]; s.Reports == 0 || s.Earned != 50+s.Amount {
		t.Errorf("in epoch %d the checker has %+v", number, s)
	}
	total := o.owned().Earned.Total
	if total <= 1000 {
		t.Errorf("the edge has %d", total)
	}

	// Another currency is counted anew, and without terms nothing is.
	o.config.Terms = &epoch.Terms{Currency: "token", Fee: 1, Pot: 1}
	o.reopen()
	if got := o.owned().Earned; got == nil || got.Currency == "token" && got.Total != 0 {
		t.Errorf("in another currency the edge has %+v", got)
	}
	o.ends()
	o.ends()
	if got := o.owned().Earned; got == nil || got.Currency != "token" || got.Total > 2 {
		t.Errorf("in another currency the edge has %+v", got)
	}
	o.config.Terms = nil
	o.reopen()
	o.ends()
	o.ends()
	if got := o.owned().Earned; got != nil {
		t.Errorf("without terms the edge has %+v", got)
	}
	o.verifies()
}

func TestTermsThatNoLogMayHaveAreRefused(t *testing.T) {
	o := newOffice(t)
	config := o.config
	config.Folder = t.TempDir()
	config.Terms = &epoch.Terms{Currency: "much too long a currency"}
	if n, err := Open(config); err == nil {
		t.Errorf("taken: %v", n.Close())
	}
}
