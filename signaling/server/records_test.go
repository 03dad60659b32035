package server

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// scribe is a Recorder that keeps entries, or says why not.
type scribe struct {
	mu   sync.Mutex
	kept []store.Entry
	fail func(n int, entry store.Entry) (now, later error) // of the n-th attempt; nil takes all
	n    int
	last chan struct{} // closed when the one before was answered: they are answered in order
}

func (s *scribe) TryWrite(entry store.Entry, done func(error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	var now, later error
	if s.fail != nil {
		now, later = s.fail(s.n, entry)
	}
	if now != nil {
		return now
	}
	if later == nil {
		s.kept = append(s.kept, entry)
	}
	before, answered := s.last, make(chan struct{})
	s.last = answered
	go func() {
		if before != nil {
			<-before
		}
		done(later)
		close(answered)
	}()
	return nil
}

func (s *scribe) entries() []store.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.kept)
}

func numbered(n int) []store.Entry {
	entries := make([]store.Entry, n)
	for i := range entries {
		entries[i] = store.Begin{Session: signaling.SessionID(string(rune('a' + i)))}
	}
	return entries
}

func TestAStoreThatIsAwayForAMomentLosesNothing(t *testing.T) {
	for name, fail := range map[string]func(n int, entry store.Entry) (now, later error){
		"it is always there":         nil,
		"its queue is full at first": func(n int, _ store.Entry) (error, error) { return map[bool]error{true: store.ErrBusy}[n < 4], nil },
		"the server hangs up on the second": func(n int, _ store.Entry) (error, error) {
			return nil, map[bool]error{true: store.ErrUnreachable}[n == 2]
		},
		"what builds on the first is unknown, since that failed": func(n int, _ store.Entry) (error, error) {
			switch {
			case n == 1:
				return nil, store.ErrUnreachable
			case n < 6:
				return nil, store.ErrUnknown
			}
			return nil, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scribe{fail: fail}
				r := newRecords(s, slog.New(slog.DiscardHandler), newMetrics())
				ctx, stop := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { r.run(ctx) })
				want := numbered(5)
				for _, entry := range want {
					r.add(entry)
				}
				time.Sleep(10 * writeAgain)
				stop()
				running.Wait()
				got := s.entries() // what was handed over with one that failed may be there twice
				for _, entry := range want {
					if !slices.Contains(got, entry) {
						t.Errorf("%v is lost, of %v", entry, got)
					}
				}
			})
		})
	}
}

func TestAnEntryThatTheStoreRefusesHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scribe{fail: func(n int, _ store.Entry) (error, error) { return map[bool]error{true: store.ErrBadEntry}[n == 1], nil }}
		r := newRecords(s, slog.New(slog.DiscardHandler), newMetrics())
		r.add(numbered(3)...)
		r.flush()
		synctest.Wait()
		if got := s.entries(); !slices.Equal(got, numbered(3)[1:]) {
			t.Errorf("kept %v", got)
		}
	})
}

// A whole session, and one who looks on, as the store has them afterwards.
func TestSessionsAndSeatsAreKept(t *testing.T) {
	kept, err := store.Open(t.Context(), store.Config{Database: filepath.Join(t.TempDir(), "kept.db")})
	if err != nil {
		t.Fatal(err)
	}
	writing, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := kept.Run(writing); err != nil {
			t.Error(err)
		}
	})
	r := newRegistry(slog.New(slog.DiscardHandler), newMetrics(), func(int) int { return 0 }, func(signaling.SessionID) []signaling.ICEServer { return nil }, nil)
	r.records = newRecords(kept, r.log, r.metrics)
	e := r.rents(t, newSlots(t, 0), nil)
	e.mute = true
	player, guest := r.join(silent{}, r.log), r.join(silent{}, r.log)
	play := signaling.Play{App: "tux", Codecs: []string{"h264"}}
	if err := r.play(player, play, token.Claims{ID: "jti-1", Role: token.Player, Rights: []token.Right{token.Play}}); err != nil {
		t.Fatal(err)
	}
	for _, told := range e.take() {
		e.handle(told)
	}
	session := player.session.id
	play.Watch = session
	if err := r.watch(guest, play, token.Claims{ID: "jti-2", Role: token.Player, Rights: []token.Right{token.Watch}}); err != nil {
		t.Fatal(err)
	}
	r.leave(guest)
	r.leave(player)
	r.records.flush()
	stop()
	running.Wait()

	got, seats, err := kept.Session(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	if got.App != "tux" || got.Edge != e.ID() || got.Ended.IsZero() || got.Code != signaling.CodeLeft {
		t.Errorf("%+v", got)
	}
	if len(seats) != 2 {
		t.Fatalf("%+v", seats)
	}
	for _, seat := range seats {
		if want := map[store.Part]string{store.Playing: "jti-1", store.Watching: "jti-2"}[seat.Part]; seat.Token != want || seat.Rose.IsZero() {
			t.Errorf("%+v", seat)
		}
	}
	if err := kept.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := kept.Session(t.Context(), session); err == nil || errors.Is(err, store.ErrUnknown) {
		t.Error("a store that is closed answers:", err)
	}
}

// silent is a peer that nobody listens to.
type silent struct{}

func (silent) send(signaling.Message) {}
func (silent) end(*signaling.Error)   {}
