package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"nearlight/internal/store"
	"nearlight/signaling"
)

// Records is where what must last is kept; *store.Store is one.
type Records interface {
	Recorder
	// Unended returns the sessions that have not ended, and in which nobody was served after a time.
	Unended(ctx context.Context, since time.Time) ([]store.Unended, error)
	// Write keeps an entry: it returns nil once it is on disk.
	Write(ctx context.Context, entry store.Entry) error
	Orders(ctx context.Context) ([]store.Order, error)
	Acts(ctx context.Context, q store.ActQuery) ([]store.Act, error)
	Session(ctx context.Context, id signaling.SessionID) (store.Session, []store.Seat, error)
}

// Recorder takes entries without holding anybody up. done is called once, from another goroutine, unless TryWrite fails.
type Recorder interface {
	TryWrite(entry store.Entry, done func(error)) error
}

const (
	// maxUnwritten bounds the entries that are not kept yet: an hour of what one node starts, and some tens of MiB. Beyond it the oldest are
	// lost, which is logged: a store that is away must not stop games.
	maxUnwritten = 1 << 16
	// writeAgain is how long after a failure the entries are tried again.
	writeAgain = time.Second
)

// records writes down what happens to sessions, without holding anybody up. Each entry may be written twice; those of one session are written in their
// order, since a seat is in a session.
type records struct {
	recorder Recorder
	log      *slog.Logger
	metrics  *metrics

	mu      sync.Mutex
	waiting []unwritten // not handed over yet, the oldest first
	failed  []unwritten // handed over, and to be handed over again
	under   int         // handed over, and not answered
	wake    chan struct{}
}

// unwritten is an entry, and what is called once it is kept, or refused for good; nil for nothing. It is not called for one that is lost.
type unwritten struct {
	store.Entry
	then func()
}

func newRecords(recorder Recorder, log *slog.Logger, m *metrics) *records {
	return &records{recorder: recorder, log: log, metrics: m, wake: make(chan struct{}, 1)}
}

// add takes entries. It never blocks.
func (r *records) add(entries ...store.Entry) { r.addThen(nil, entries...) }

// addThen is add for who wants to know when all of them are kept: then is called once, from another goroutine, holds up all others, and may not
// add any.
func (r *records) addThen(then func(), entries ...store.Entry) {
	if r == nil || len(entries) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if over := len(r.waiting) + len(r.failed) + r.under + len(entries) - maxUnwritten; over > 0 && len(r.waiting) > 0 {
		lost := min(over, len(r.waiting))
		r.waiting = slices.Delete(r.waiting, 0, lost)
		r.metrics.unrecorded.Add(float64(lost))
		r.log.Error("the store takes nothing, and what happened to sessions is lost", "entries", lost)
	}
	if then != nil {
		var left atomic.Int32
		left.Store(int32(len(entries)))
		all := then
		then = func() {
			if left.Add(-1) == 0 {
				all()
			}
		}
	}
	for _, entry := range entries {
		r.waiting = append(r.waiting, unwritten{entry, then})
	}
	r.stir()
}

func (r *records) stir() {
	select {
	case r.wake <- struct{}{}:
	default: // it is to look already
	}
}

// run hands entries over until ctx ends.
func (r *records) run(ctx context.Context) {
	if r == nil {
		return
	}
	timer := time.NewTimer(writeAgain)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
			if r.hand() {
				continue
			}
		case <-timer.C:
			r.mu.Lock()
			r.waiting, r.failed = append(r.failed, r.waiting...), nil
			r.mu.Unlock()
			r.hand()
		}
		timer.Reset(writeAgain)
	}
}

// flush hands over what is left, once.
func (r *records) flush() {
	if r == nil {
		return
	}
	r.mu.Lock()
	r.waiting, r.failed = append(r.failed, r.waiting...), nil
	r.mu.Unlock()
	r.hand()
}

// hand hands over what waits, and reports whether all of it was taken. After a failure nothing is, until it is tried again: an entry must
// not come before the one that it builds on.
func (r *records) hand() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.waiting) > 0 && len(r.failed) == 0 {
		entry := r.waiting[0]
		r.under++
		if err := r.recorder.TryWrite(entry.Entry, func(err error) { r.answered(entry, err) }); err != nil {
			r.under--
			if !errors.Is(err, store.ErrBadEntry) {
				return false
			}
			r.refused(entry, err)
		}
		r.waiting = r.waiting[1:]
	}
	return len(r.failed) == 0
}

// answered takes what has become of an entry.
func (r *records) answered(entry unwritten, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.under--
	switch {
	case err == nil:
		entry.done()
	case errors.Is(err, store.ErrBadEntry):
		r.refused(entry, err)
	case errors.Is(err, store.ErrUnknown) && len(r.failed) == 0:
		r.refused(entry, err) // and not because what it builds on has failed
	default:
		if len(r.failed) == 0 {
			r.log.Warn("the store takes no entries, they are tried again", "error", err)
		}
		r.failed = append(r.failed, entry)
	}
}

func (r *records) refused(entry unwritten, err error) {
	r.metrics.unrecorded.Inc()
	r.log.Error("an entry for the store is refused", "error", err, "entry", fmt.Sprintf("%T", entry.Entry))
	entry.done()
}

func (u unwritten) done() {
	if u.then != nil {
		u.then()
	}
}

// Seats in the store.
const playerSeat = "player"

// sat notes who has a session, or looks on at one, and by which lease. The registry's mutex is held, here and below.
func (r *registry) sat(p *player, s *session) {
	if r.records == nil {
		return
	}
	now := time.Now()
	seat := store.Sit{Session: s.id, Seat: playerSeat, Part: store.Playing, Token: p.claims.ID, Address: p.from, At: now}
	if s.watches != "" {
		seat.Session, seat.Seat, seat.Part = s.watches, string(s.id), store.Watching
		r.records.add(seat)
		return
	}
	entries := []store.Entry{store.Begin{Session: s.id, App: s.app, Edge: s.edge.id, Account: s.key, At: s.born}}
	if s.lease != nil { // else another node got it, and has noted that
		entries = append(entries, store.Act{
			ID: "lease-" + string(s.id)[max(0, len(s.id)-sessionRandom):], Kind: store.LeaseGranted, Actor: string(s.edge.id), Session: s.id, Edge: s.edge.id, At: now,
		})
	}
	s.noted = true
	r.records.add(append(entries, seat)...)
}

// ended notes how a session has ended, or that somebody no longer looks on.
func (r *registry) ended(s *session, over signaling.Ended) {
	if r.records == nil {
		return
	}
	now := time.Now()
	if s.watches != "" {
		r.records.add(store.Rise{Session: s.watches, Seat: string(s.id), At: now})
		return
	}
	if !s.noted {
		return // it never began
	}
	r.records.add(store.End{Session: s.id, Code: over.Reason.Code, Reason: over.Reason.Message, Quality: kept(s.quality), At: now})
}

// fromOf is the address that a player's connection comes from, the zero Addr where that is another node's to know.
func fromOf(to peer) netip.Addr {
	if c, ok := to.(*conn); ok {
		return c.from
	}
	return netip.Addr{}
}
