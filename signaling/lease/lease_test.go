package lease

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"nearlight/signaling"
)

func proposal(change func(*Proposal)) Proposal {
	p := Proposal{Session: "s-1", Token: "t-1", TTL: time.Minute}
	if change != nil {
		change(&p)
	}
	return p
}

func TestProposalsAreGrantedByTheSlotAndItsEpochAlone(t *testing.T) {
	for _, step := range []struct {
		why   string
		p     Proposal
		err   error
		fresh bool
	}{
		{"the first", proposal(nil), nil, true},
		{"the same once more", proposal(nil), nil, false},
		{"another session", proposal(func(p *Proposal) { p.Session = "s-2" }), ErrHeld, false},
		{"the next epoch of a held slot", proposal(func(p *Proposal) { p.Session, p.Expect = "s-2", 1 }), ErrHeld, false},
		{"no such slot", proposal(func(p *Proposal) { p.Slot = 2 }), ErrNoSlot, false},
		{"a slot below all", proposal(func(p *Proposal) { p.Slot = -1 }), ErrNoSlot, false},
		{"too short", proposal(func(p *Proposal) { p.Slot, p.TTL = 1, 0 }), ErrTTL, false},
		{"too long", proposal(func(p *Proposal) { p.Slot, p.TTL = 1, time.Hour }), ErrTTL, false},
		{"a wrong epoch", proposal(func(p *Proposal) { p.Slot, p.Session, p.Token = 1, "s-2", "t-2" }), ErrStale, false},
		{"the token of the first", proposal(func(p *Proposal) { p.Slot, p.Session, p.Expect = 1, "s-2", 7 }), ErrToken, false},
		{"the token of the first, which is for several", proposal(func(p *Proposal) { p.Slot, p.Session, p.Expect, p.Shared = 1, "s-2", 7, true }), nil, true},
	} {
		table := New([]signaling.Epoch{0, 7})
		if step.why != "the first" {
			if _, _, err := table.Propose(0, proposal(nil)); err != nil {
				t.Fatal(err)
			}
		}
		before := table.Holders(1)
		held, fresh, err := table.Propose(1, step.p)
		if !errors.Is(err, step.err) || fresh != step.fresh {
			t.Errorf("%s: fresh %v, %v", step.why, fresh, err)
		}
		if err == nil && (held.Epoch != step.p.Expect+1 || held.Slot != step.p.Slot) {
			t.Errorf("%s: %+v", step.why, held)
		}
		if !fresh && !reflect.DeepEqual(before, table.Holders(1)) {
			t.Errorf("%s: %+v became %+v", step.why, before, table.Holders(1))
		}
	}
}

func TestALeaseThatNobodyRenewsIsOverAndOneThatIsLasts(t *testing.T) {
	table := New([]signaling.Epoch{0})
	held, _, err := table.Propose(0, proposal(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Renew(50*time.Second, held.Ref, time.Minute); err != nil {
		t.Fatal(err)
	}
	if over := table.Expire(110*time.Second - 1); over != nil {
		t.Errorf("%+v is over", over)
	}
	if next, some := table.Next(); !some || next != 110*time.Second {
		t.Errorf("next is %v, %v", next, some)
	}
	// A proposal that comes before anybody has looked finds the slot free, and the end of the other is still told.
	if _, fresh, err := table.Propose(110*time.Second, proposal(func(p *Proposal) { p.Session, p.Expect = "s-2", 1 })); !fresh || err != nil {
		t.Error(err)
	}
	if over := table.Expire(110 * time.Second); len(over) != 1 || over[0].Session != "s-1" {
		t.Errorf("%+v is over", over)
	}
	if err := table.Renew(110*time.Second, held.Ref, time.Minute); !errors.Is(err, ErrOver) {
		t.Error(err)
	}
	if table.Release(110*time.Second, held.Ref) {
		t.Error("the late release of one lease ends the next")
	}
}

func TestAnAuditFindsWhatMustNotBe(t *testing.T) {
	good := []Record{
		{Event: Started}, {Event: Granted, Epoch: 1, Session: "a"}, {Event: Granted, Slot: 1, Epoch: 1, Session: "b"}, {Event: Released, Epoch: 1},
		{Event: Granted, Epoch: 2, Session: "c"}, {Event: Released, Epoch: 1}, {Event: Started}, {Event: Granted, Epoch: 3, Session: "d"}, {Event: Expired, Epoch: 3},
	}
	if err := Audit(good); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string][]Record{
		"two holders":                      {{Event: Granted, Epoch: 1}, {Event: Granted, Epoch: 2}},
		"an epoch twice":                   {{Event: Granted, Epoch: 1}, {Event: Released, Epoch: 1}, {Event: Granted, Epoch: 1}},
		"an epoch once more after a crash": {{Event: Granted, Epoch: 4}, {Event: Started}, {Event: Granted, Epoch: 4}},
		"ended by the release of the past": {{Event: Granted, Epoch: 1}, {Event: Released, Epoch: 1}, {Event: Granted, Epoch: 2}, {Event: Released, Epoch: 1}, {Event: Granted, Epoch: 3}},
	} {
		if Audit(bad) == nil {
			t.Errorf("%s passes", name)
		}
	}
}
