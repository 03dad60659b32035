package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nearlight/signaling"
)

// game is a session with a player and a spectator, as signaling tells it.
func game(session signaling.SessionID, player string) []Entry {
	return []Entry{
		Begin{Session: session, App: "tux", Edge: "e-1", Account: "studio", At: epoch},
		Sit{Session: session, Seat: "player", Part: Playing, Player: player, Token: "jti-" + player, Address: netip.MustParseAddr("203.0.113.7"), At: epoch},
		Sit{Session: session, Seat: "s-watcher", Part: Watching, At: epoch.Add(time.Second)},
	}
}

func receipt(session signaling.SessionID, from, to int) Receipt {
	first := SecondOf(epoch)
	return Receipt{Session: session, Seat: "player", Span: Span{first + Second(from), first + Second(to)}}
}

func TestWhatWasWrittenIsReadBack(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s := opened(t, Config{Database: database})
		wrote(t, s, game("s-1", "ada")...)
		quality := &Quality{FramesPerSecond: 59.7, LossRatio: 0.01, ClickP50MS: 31.5}
		wrote(t, s,
			Sit{Session: "s-1", Seat: "player", Part: Playing, Player: "eve", Address: netip.MustParseAddr("::ffff:203.0.113.8"), At: epoch.Add(2 * time.Second)},
			receipt("s-1", 0, 5), receipt("s-1", 5, 10),
			Rise{Session: "s-1", Seat: "s-watcher", At: epoch.Add(8 * time.Second)},
			End{Session: "s-1", Code: signaling.CodeLeft, Reason: "The player left.", Quality: quality, At: epoch.Add(10 * time.Second)})

		got, seats, err := s.Session(t.Context(), "s-1")
		if err != nil {
			t.Fatal(err)
		}
		want := Session{ID: "s-1", App: "tux", Edge: "e-1", Account: "studio", Begun: epoch.Local(), Ended: epoch.Add(10 * time.Second).Local(),
			Code: signaling.CodeLeft, Reason: "The player left.", Quality: quality}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("session: %+v, want %+v", got, want)
		}
		first := SecondOf(epoch)
		wantSeats := []Seat{
			{Session: "s-1", Seat: "player", Part: Playing, Player: "ada", Token: "jti-ada", Sat: epoch.Local(), Rose: epoch.Add(10 * time.Second).Local(),
				Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("203.0.113.8")}, Used: []Span{{first, first + 10}}},
			{Session: "s-1", Seat: "s-watcher", Part: Watching, Sat: epoch.Add(time.Second).Local(), Rose: epoch.Add(8 * time.Second).Local()},
		}
		if !reflect.DeepEqual(seats, wantSeats) {
			t.Errorf("seats: %+v\nwant %+v", seats, wantSeats)
		}
	})
}

func TestATokenThatWasUsedIsKnownUntilItIsErased(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s := opened(t, Config{Database: database})
		wrote(t, s, game("s-1", "ada")...)
		for token, want := range map[string]bool{"jti-ada": true, "jti-eve": false} {
			if used, err := s.Used(t.Context(), token); err != nil || used != want {
				t.Errorf("%s: %v, %v", token, used, err)
			}
		}
		if _, err := s.Used(t.Context(), ""); !errors.Is(err, ErrBadEntry) {
			t.Error("no token:", err)
		}
		if _, err := s.Erase(t.Context(), Person{Token: "jti-ada"}, ""); err != nil {
			t.Fatal(err)
		}
		if used, err := s.Used(t.Context(), "jti-ada"); err != nil || used {
			t.Errorf("after it was erased: %v, %v", used, err)
		}
	})
}

func TestAnEntryThatIsWrittenAgainChangesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s := opened(t, Config{Database: database})
		entries := append(game("s-1", "ada"), receipt("s-1", 0, 5), receipt("s-1", 3, 9),
			Act{ID: "a-1", Kind: LeaseGranted, Actor: "node-1", Session: "s-1", Edge: "e-1", Detail: "slot 0, epoch 7", At: epoch},
			Rise{Session: "s-1", Seat: "player", At: epoch.Add(9 * time.Second)},
			End{Session: "s-1", Code: signaling.CodeLeft, At: epoch.Add(9 * time.Second)})
		wrote(t, s, entries...)
		session, seats, err := s.Session(t.Context(), "s-1")
		acts, failed := s.Acts(t.Context(), ActQuery{})
		if err := errors.Join(err, failed); err != nil {
			t.Fatal(err)
		}
		wrote(t, s, entries...)
		wrote(t, s, End{Session: "s-1", Code: signaling.CodeEdgeGone, At: epoch.Add(time.Hour)}, Begin{Session: "s-1", App: "other", At: epoch.Add(time.Hour)})
		again, seatsAgain, err := s.Session(t.Context(), "s-1")
		actsAgain, failed := s.Acts(t.Context(), ActQuery{})
		if err := errors.Join(err, failed); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(session, again) || !reflect.DeepEqual(seats, seatsAgain) || !reflect.DeepEqual(acts, actsAgain) {
			t.Errorf("%+v %+v %+v\nbecame %+v %+v %+v", session, seats, acts, again, seatsAgain, actsAgain)
		}
	})
}

func TestAnEntryThatIsRefusedHoldsUpNoOther(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s := opened(t, Config{Database: database})
		wrote(t, s, game("s-1", "ada")...)
		entries := []struct {
			entry Entry
			want  error
		}{
			{receipt("s-1", 0, 5), nil},
			{receipt("s-none", 0, 5), ErrUnknown},
			{Receipt{Session: "s-1", Seat: "none", Span: receipt("", 0, 1).Span}, ErrUnknown},
			{Sit{Session: "s-none", Seat: "player", Part: Playing, At: epoch}, ErrUnknown},
			{Rise{Session: "s-1", Seat: "none", At: epoch}, ErrUnknown},
			{End{Session: "s-none", Code: signaling.CodeLeft, At: epoch}, ErrUnknown},
			{receipt("s-1", 5, 6), nil},
		}
		results := make([]chan error, len(entries))
		for i, e := range entries { // all in a few batches
			results[i] = make(chan error, 1)
			if err := s.TryWrite(e.entry, func(err error) { results[i] <- err }); err != nil {
				t.Fatal(err)
			}
		}
		for i, e := range entries {
			if err := <-results[i]; !errors.Is(err, e.want) {
				t.Errorf("%+v: %v, want %v", e.entry, err, e.want)
			}
		}
		if _, seats, err := s.Session(t.Context(), "s-1"); err != nil || seats[0].Seconds() != 6 {
			t.Errorf("%+v %v", seats, err)
		}
	})
}

func TestWhatIsMalformedIsRefusedBeforeItWaits(t *testing.T) {
	s, err := Open(t.Context(), Config{Database: engines[0].database(t)}) // and nobody runs it
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	long := strings.Repeat("x", 3000)
	for _, entry := range []Entry{
		Begin{Session: "", At: epoch}, Begin{Session: "s", App: long, At: epoch}, Begin{Session: "s\x00", At: epoch}, Begin{Session: "s"},
		Begin{Session: "\xff", At: epoch}, Begin{Session: "s", At: time.UnixMilli(math.MaxInt64)},
		Sit{Session: "s", Seat: "p", Part: "own", At: epoch}, Sit{Session: "s", Seat: "", Part: Playing, At: epoch},
		Sit{Session: "s", Seat: "p", Part: Playing, Player: long, At: epoch}, Rise{Session: "s", At: epoch},
		receipt("s", 5, 5), receipt("s", 5, 4), receipt("s", 0, MaxSpan+1), Receipt{Session: "s", Seat: "p", Span: Span{-1, 5}},
		Receipt{Session: "s", Seat: "p", Span: Span{math.MinInt64, math.MaxInt64}},
		End{Session: "s", At: epoch}, End{Session: "s", Code: "left", Reason: long, At: epoch},
		End{Session: "s", Code: "left", Quality: &Quality{LossRatio: math.NaN()}, At: epoch},
		Assess{Session: "s", Quality: Quality{LossRatio: math.Inf(1)}},
		Assess{},
		Impose{Order: Order{Kind: BanKey, At: epoch}, Act: Act{ID: "a", Kind: Banned, At: epoch}},
		Impose{Order: Order{Kind: BanKey, Target: "k", At: epoch}},
		Impose{Order: Order{Kind: BanKey, Target: "k", At: epoch, Until: time.UnixMilli(-1)}, Act: Act{ID: "a", Kind: Banned, At: epoch}},
		Act{Kind: "k", At: epoch}, Act{ID: "a", At: epoch}, Act{ID: "a", Kind: "k", Detail: long, At: epoch},
	} {
		if err := s.Write(t.Context(), entry); !errors.Is(err, ErrBadEntry) {
			t.Errorf("%.100v: %v", entry, err)
		}
	}
}

func TestManySessionsShareACommit(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s, err := Open(t.Context(), Config{Database: database})
		if err != nil {
			t.Fatal(err)
		}
		const sessions = 700 // more than one statement's rows
		var done sync.WaitGroup
		for i := range sessions {
			id := signaling.SessionID(fmt.Sprintf("s-%d", i))
			for _, e := range append(game(id, "p"), receipt(id, 0, 3)) {
				done.Add(1)
				if err := s.TryWrite(e, func(err error) {
					defer done.Done()
					if err != nil {
						t.Errorf("%+v: %v", e, err)
					}
				}); err != nil {
					t.Fatal(err)
				}
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- s.Run(ctx) }()
		done.Wait()
		if batches := observations(t, s.metrics.batch); batches > 4*sessions/maxBatch+1 {
			t.Errorf("%d entries took %d commits", 4*sessions, batches)
		}
		totals, err := s.Totals(t.Context(), Span{0, maxSecond})
		if err != nil || !reflect.DeepEqual(totals, []Total{{Account: "studio", Edge: "e-1", Sessions: sessions, Played: 3 * sessions}}) {
			t.Errorf("%+v %v", totals, err)
		}
		stop()
		if err := errors.Join(<-ran, s.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestAFullQueueHoldsBackOrSaysSo(t *testing.T) {
	s, err := Open(t.Context(), Config{Database: engines[0].database(t), Queue: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	taken := 0
	for {
		if err := s.TryWrite(Begin{Session: "s", At: epoch}, func(error) {}); err != nil {
			if !errors.Is(err, ErrBusy) {
				t.Fatal(err)
			}
			break
		}
		taken++
	}
	if taken != 2 {
		t.Errorf("%d were taken", taken)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Write(ctx, Begin{Session: "s", At: epoch}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- s.Write(t.Context(), Begin{Session: "t", At: epoch}) }()
	running, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(running) }()
	if err := <-waiting; err != nil {
		t.Errorf("who waited for room: %v", err)
	}
	stop()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

func TestWhatWaitsIsWrittenBeforeRunReturns(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s, err := Open(t.Context(), Config{Database: database})
		if err != nil {
			t.Fatal(err)
		}
		acknowledged := 0
		for i := range 100 {
			err := s.TryWrite(Begin{Session: signaling.SessionID(fmt.Sprint("s-", i)), At: epoch}, func(err error) {
				if err == nil {
					acknowledged++ // from Run's goroutine, which has returned before it is read
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		over, stop := context.WithCancel(t.Context())
		stop()
		if err := s.Run(over); err != nil {
			t.Fatal(err)
		}
		open, err := s.Unended(t.Context(), epoch)
		if err != nil || len(open) != 100 || acknowledged != 100 {
			t.Errorf("%d are kept, %d were acknowledged, %v", len(open), acknowledged, err)
		}
		if err := s.Write(t.Context(), Begin{Session: "late", At: epoch}); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
		if err := s.TryWrite(Begin{Session: "late", At: epoch}, func(error) {}); !errors.Is(err, ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestListsComeInPages(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s := opened(t, Config{Database: database})
		var want []string
		var done sync.WaitGroup
		for i := range MaxPage + 3 {
			id := fmt.Sprintf("%04d", i)
			want = append(want, id)
			at := epoch.Add(time.Duration(i/2) * time.Second) // pairs at the same instant
			for _, e := range []Entry{Begin{Session: signaling.SessionID(id), At: at}, Act{ID: id, Kind: LeaseGranted, At: at}} {
				done.Add(1)
				if err := s.TryWrite(e, func(error) { done.Done() }); err != nil {
					t.Fatal(err)
				}
			}
		}
		done.Wait()
		var sessions, acts []string
		for after := (Page{}); ; {
			page, err := s.Sessions(t.Context(), after)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range page {
				sessions = append(sessions, string(one.ID))
				after = Page{one.Begun, string(one.ID)}
			}
			if len(page) < MaxPage {
				break
			}
		}
		for after := (Page{}); ; {
			page, err := s.Acts(t.Context(), ActQuery{After: after})
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range page {
				acts = append(acts, one.ID)
				after = Page{one.At, one.ID}
			}
			if len(page) < MaxPage {
				break
			}
		}
		if !slices.Equal(sessions, want) || !slices.Equal(acts, want) {
			t.Errorf("%d sessions, %d acts, want %d in order", len(sessions), len(acts), len(want))
		}
	})
}

func TestTotalsCountOnlyWhatLiesWithin(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s := opened(t, Config{Database: database})
		wrote(t, s, append(game("s-1", "ada"), game("s-2", "bob")...)...)
		watch := receipt("s-1", 0, 100)
		watch.Seat = "s-watcher"
		wrote(t, s, receipt("s-1", 0, 100), receipt("s-1", 200, 300), receipt("s-2", 90, 110), watch)
		first := SecondOf(epoch)
		got, err := s.Totals(t.Context(), Span{first + 50, first + 250})
		if want := []Total{{"studio", "e-1", 2, 50 + 50 + 20, 50}}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v %v, want %+v", got, err, want)
		}
	})
}
