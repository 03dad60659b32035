package store

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nearlight/signaling"
)

// setClock is a clock that stands until it is set.
type setClock struct{ at atomic.Pointer[time.Time] }

func newSetClock() *setClock {
	c := &setClock{}
	c.set(epoch)
	return c
}

func (c *setClock) set(at time.Time) { c.at.Store(&at) }
func (c *setClock) now() time.Time   { return *c.at.Load() }

func TestEachThingIsKeptForItsTimeAndNoLonger(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		clock := newSetClock()
		s := opened(t, Config{Database: database, Now: clock.now})
		wrote(t, s, game("s-old", "ada")...)
		wrote(t, s, receipt("s-old", 0, 10), Act{ID: "a-1", Kind: LeaseGranted, Session: "s-old", At: epoch},
			End{Session: "s-old", Code: signaling.CodeLeft, At: epoch.Add(10 * time.Second)})
		ended := epoch.Add(10 * time.Second)
		for _, step := range []struct {
			at   time.Time
			want Purged
			why  string
		}{
			{epoch.Add(DefaultAddresses), Purged{}, "a day, and not a moment more"},
			{epoch.Add(DefaultAddresses + time.Millisecond), Purged{Addresses: 1}, "addresses go after a day"},
			{ended.Add(DefaultPersons), Purged{}, "ids are there for ninety days"},
			{ended.Add(DefaultPersons + time.Millisecond), Purged{Persons: 1}, "the player's go; the spectator had none"},
			{epoch.Add(DefaultActs + time.Millisecond), Purged{Acts: 1}, "the act was before the end"},
			{ended.Add(DefaultSessions), Purged{}, "the session is there for thirteen months"},
			{ended.Add(DefaultSessions + time.Millisecond), Purged{Sessions: 1}, "and goes with seats and seconds"},
		} {
			clock.set(step.at)
			if got, err := s.Purge(t.Context()); err != nil || got != step.want {
				t.Errorf("%s: %+v %v, want %+v", step.why, got, err, step.want)
			}
			if _, seats, err := s.Session(t.Context(), "s-old"); err == nil && seats[0].Seconds() != 10 {
				t.Errorf("%s: its seconds became %+v", step.why, seats)
			}
		}
		for _, table := range []string{"sessions", "seats", "usage", "addresses", "acts"} {
			var rows int
			if err := s.engine.read.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&rows); err != nil || rows != 0 {
				t.Errorf("%d rows are left in %s (%v)", rows, table, err)
			}
		}
	})
}

func TestASessionThatRunsIsKeptHoweverLong(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		clock := newSetClock()
		s := opened(t, Config{Database: database, Now: clock.now})
		wrote(t, s, game("s-1", "ada")...)
		late := epoch.Add(DefaultSessions)
		wrote(t, s, End{Session: "s-1", Code: signaling.CodeLeft, At: late})
		clock.set(late.Add(time.Hour))
		if got, err := s.Purge(t.Context()); err != nil || got != (Purged{Addresses: 1}) {
			t.Errorf("%+v %v", got, err)
		}
	})
}

func TestNoAddressIsKeptForMoreThanADayWhateverIsConfigured(t *testing.T) {
	if got := (Retention{Addresses: 100 * time.Hour}).withDefaults().Addresses; got != DefaultAddresses {
		t.Errorf("%v", got)
	}
	if got := (Retention{Addresses: time.Hour}).withDefaults().Addresses; got != time.Hour {
		t.Errorf("%v", got)
	}
}

func TestRunPurgesByItself(t *testing.T) {
	clock := newSetClock()
	s := opened(t, Config{Database: engines[0].database(t), Now: clock.now, Purge: time.Millisecond})
	wrote(t, s, game("s-1", "ada")...)
	clock.set(epoch.Add(25 * time.Hour))
	for {
		_, seats, err := s.Session(t.Context(), "s-1")
		if err != nil {
			t.Fatal(err)
		}
		if len(seats[0].Addresses) == 0 {
			return
		}
	}
}

func TestAPersonIsErasedAndTheSecondsStay(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s := opened(t, Config{Database: database, Now: newSetClock().now})
		wrote(t, s, append(append(game("s-1", "ada"), game("s-2", "ada")...), game("s-3", "bob")...)...)
		wrote(t, s, receipt("s-1", 0, 10), receipt("s-2", 0, 7), receipt("s-3", 0, 5),
			Act{ID: "a-1", Kind: LeaseGranted, Actor: "ada", Session: "s-1", At: epoch}, Act{ID: "a-2", Kind: LeaseGranted, Actor: "bob", At: epoch})
		ada := Person{Player: "ada"}
		if kept, err := s.Kept(t.Context(), ada); err != nil || len(kept) != 2 || kept[0].Addresses == nil {
			t.Fatalf("%+v %v", kept, err)
		}
		rows, err := s.Erase(t.Context(), ada, "operator")
		if err != nil || rows != 3 {
			t.Fatalf("%d %v", rows, err)
		}
		if kept, err := s.Kept(t.Context(), ada); err != nil || len(kept) != 0 {
			t.Errorf("%+v %v", kept, err)
		}
		_, seats, err := s.Session(t.Context(), "s-1")
		if err != nil || seats[0].Player != "" || seats[0].Token != "" || seats[0].Addresses != nil || seats[0].Seconds() != 10 {
			t.Errorf("%+v %v", seats, err)
		}
		if _, seats, err := s.Session(t.Context(), "s-3"); err != nil || seats[0].Player != "bob" || seats[0].Addresses == nil {
			t.Errorf("somebody else: %+v %v", seats, err)
		}
		acts, err := s.Acts(t.Context(), ActQuery{})
		if err != nil || len(acts) != 3 {
			t.Fatalf("%+v %v", acts, err)
		}
		var told []string
		for _, a := range acts {
			told = append(told, a.Kind+" "+a.Actor)
			if strings.Contains(a.Detail, "ada") {
				t.Errorf("%+v names whom it erased", a)
			}
		}
		if want := []string{"lease-granted ", "lease-granted bob", "erased operator"}; !reflect.DeepEqual(told, want) {
			t.Errorf("%q, want %q", told, want)
		}
		if rows, err := s.Erase(t.Context(), Person{Token: "jti-bob"}, "jti-bob"); err != nil || rows != 1 {
			t.Errorf("by token: %d %v", rows, err)
		}
		acts, err = s.Acts(t.Context(), ActQuery{})
		if err != nil || len(acts) != 4 {
			t.Fatalf("%+v %v", acts, err)
		}
		for _, a := range acts {
			if a.Actor == "jti-bob" {
				t.Errorf("an erasure at a person's own wish names the person: %+v", a)
			}
		}
		for _, person := range []Person{{}, {Player: "a", Token: "b"}} {
			if _, err := s.Erase(t.Context(), person, ""); !errors.Is(err, ErrBadEntry) {
				t.Errorf("%+v: %v", person, err)
			}
		}
	})
}

func TestNothingOfWhatWasErasedIsLeftInTheFiles(t *testing.T) {
	const name, address = "ada-lovelace-1815", "198.51.100.77"
	for _, step := range []struct {
		why  string
		take func(*Store, *setClock) error
	}{
		{"erased", func(s *Store, _ *setClock) error {
			_, err := s.Erase(context.Background(), Person{Player: name}, "operator")
			return err
		}},
		{"purged", func(s *Store, clock *setClock) error {
			clock.set(epoch.Add(DefaultPersons * 2))
			_, err := s.Purge(context.Background())
			return err
		}},
	} {
		database, clock := engines[0].database(t), newSetClock()
		s := opened(t, Config{Database: database, Now: clock.now})
		wrote(t, s, Begin{Session: "s-1", At: epoch},
			Sit{Session: "s-1", Seat: "player", Part: Playing, Player: name, Address: netip.MustParseAddr(address), At: epoch})
		if !inFiles(t, database, name) || !inFiles(t, database, address) {
			t.Fatal("what was written is not found: the test looks in the wrong place")
		}
		if err := step.take(s, clock); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{name, address} {
			if inFiles(t, database, text) {
				t.Errorf("%s was %s, and is still in the files", text, step.why)
			}
		}
	}
}

// inFiles reports whether a text is in the database's file or one beside it.
func inFiles(t *testing.T, database, text string) bool {
	t.Helper()
	names, err := filepath.Glob(database + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(text)) {
			return true
		}
	}
	return false
}
