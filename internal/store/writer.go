package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// request is an entry, or other work, that waits for the writer.
type request struct {
	entry Entry
	work  func(context.Context) error // in place of entry: done by itself, in transactions of its own
	done  func(error)
	err   error // why this entry alone is refused
}

const (
	// maxBatch is how many entries share a commit: enough that the fsync's share in each is small.
	maxBatch = 1024
	// attempts is how often a batch is tried that gives way to another node's.
	attempts = 5
)

// Run writes what comes until ctx ends, then what waits, and returns. It must be called once.
func (s *Store) Run(ctx context.Context) error {
	working := context.WithoutCancel(ctx)
	purge := time.NewTicker(s.config.Purge)
	defer purge.Stop()
	for {
		select {
		case r := <-s.queue:
			s.serve(working, r)
			continue
		case <-purge.C:
			s.purgeDue(working)
			continue
		case <-ctx.Done():
		}
		s.stop() // nothing is enqueued from here on
		for {
			select {
			case r := <-s.queue:
				s.serve(working, r)
			default:
				return nil
			}
		}
	}
}

// serve takes a request and those behind it that can share its commit.
func (s *Store) serve(ctx context.Context, r *request) {
	var batch []*request
	for r != nil && r.work == nil {
		batch = append(batch, r)
		r = nil
		if len(batch) == maxBatch {
			break
		}
		select {
		case r = <-s.queue:
		default:
		}
	}
	if len(batch) > 0 {
		s.commit(ctx, batch)
	}
	if r != nil {
		r.finish(s, r.work(ctx))
	}
}

func (r *request) finish(s *Store, err error) {
	<-s.room
	r.done(err)
}

// commit puts a batch on disk and tells everyone in it.
func (s *Store) commit(ctx context.Context, batch []*request) {
	begun := time.Now()
	err := s.apply(ctx, batch)
	if err != nil && len(batch) > 1 && s.engine.classify(err) == nil && !errors.Is(err, context.DeadlineExceeded) {
		// Something is wrong with one of them, and nothing with the database: it must not take the others along.
		s.log.Error("a batch failed, its entries are written one by one", "entries", len(batch), "error", err)
		for i := range batch {
			s.commit(ctx, batch[i:i+1])
		}
		return
	}
	s.metrics.commits.Observe(time.Since(begun).Seconds())
	s.metrics.batch.Observe(float64(len(batch)))
	if err != nil {
		err = s.engine.explain("write", err)
		if s.trouble.Swap(&err) == nil {
			s.log.Error("the store does not take entries", "error", err)
		}
	} else if s.trouble.Swap(nil) != nil {
		s.log.Info("the store takes entries again")
	}
	for _, r := range batch {
		failed := err
		if failed == nil {
			failed = r.err
		}
		if failed != nil {
			s.metrics.refused.WithLabelValues(className(failed)).Inc()
		} else {
			s.metrics.written.WithLabelValues(kind(r.entry)).Inc()
		}
		r.finish(s, failed)
	}
}

// apply writes a batch in one transaction.
func (s *Store) apply(ctx context.Context, batch []*request) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.CommitTime)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := s.engine.transaction(ctx, func(tx *sql.Tx) error {
			var receipts []*request
			for _, r := range batch {
				r.err = nil
				if _, ok := r.entry.(Receipt); ok {
					receipts = append(receipts, r)
					continue
				}
				if err := write(ctx, tx, r.entry); errors.Is(err, ErrUnknown) {
					r.err = err
				} else if err != nil {
					return err
				}
			}
			return s.engine.writeReceipts(ctx, tx, receipts)
		})
		if err == nil || attempt == attempts || !s.engine.conflict(err) {
			return err
		}
	}
}

func kind(e Entry) string {
	switch e.(type) {
	case Begin:
		return "begin"
	case Sit:
		return "sit"
	case Rise:
		return "rise"
	case Receipt:
		return "receipt"
	case Assess:
		return "assess"
	case End:
		return "end"
	case Impose:
		return "order"
	default:
		return "act"
	}
}

// write puts one entry into a transaction, which stays usable when it is refused with ErrUnknown.
func write(ctx context.Context, tx *sql.Tx, entry Entry) error {
	exec := func(query string, args ...any) (int64, error) {
		result, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	}
	switch e := entry.(type) {
	case Begin:
		_, err := exec("INSERT INTO sessions (id, app, edge, account, begun_ms) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING",
			string(e.Session), e.App, string(e.Edge), e.Account, e.At.UnixMilli())
		return err
	case Sit:
		return writeSeat(ctx, tx, e)
	case Rise:
		n, err := exec("UPDATE seats SET rose_ms = COALESCE(rose_ms, $3) WHERE session = $1 AND seat = $2", string(e.Session), e.Seat, e.At.UnixMilli())
		if err == nil && n == 0 {
			err = fmt.Errorf("store: seat %s of session %s: %w", e.Seat, e.Session, ErrUnknown)
		}
		return err
	case Assess:
		text, err := json.Marshal(e.Quality)
		if err != nil {
			return err
		}
		n, err := exec("UPDATE sessions SET quality = $2 WHERE id = $1", string(e.Session), string(text))
		if err == nil && n == 0 {
			err = fmt.Errorf("store: session %s: %w", e.Session, ErrUnknown)
		}
		return err
	case Impose:
		if err := writeOrder(ctx, tx, e.Order); err != nil {
			return err
		}
		return write(ctx, tx, e.Act)
	case End:
		quality := ""
		if e.Quality != nil {
			text, err := json.Marshal(e.Quality)
			if err != nil {
				return err
			}
			quality = string(text)
		}
		n, err := exec("UPDATE sessions SET code = CASE WHEN ended_ms IS NULL THEN $2 ELSE code END, "+
			"reason = CASE WHEN ended_ms IS NULL THEN $3 ELSE reason END, "+
			"quality = CASE WHEN quality = '' THEN $4 ELSE quality END, ended_ms = COALESCE(ended_ms, $5) WHERE id = $1",
			string(e.Session), string(e.Code), e.Reason, quality, e.At.UnixMilli())
		if err == nil && n == 0 {
			err = fmt.Errorf("store: session %s: %w", e.Session, ErrUnknown)
		}
		if err != nil {
			return err
		}
		_, err = exec("UPDATE seats SET rose_ms = $2 WHERE session = $1 AND rose_ms IS NULL", string(e.Session), e.At.UnixMilli())
		return err
	case Act:
		_, err := exec("INSERT INTO acts (id, kind, actor, session, edge, detail, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
			e.ID, e.Kind, e.Actor, string(e.Session), string(e.Edge), e.Detail, e.At.UnixMilli())
		return err
	default:
		return fmt.Errorf("store: %T is no entry", entry)
	}
}

func writeSeat(ctx context.Context, tx *sql.Tx, e Sit) error {
	// Not by the foreign key: an error of the database would end the transaction of all.
	result, err := tx.ExecContext(ctx, "INSERT INTO seats (session, seat, part, player, token, sat_ms) "+
		"SELECT id, CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS BIGINT) FROM sessions WHERE id = $1 "+
		"ON CONFLICT (session, seat) DO NOTHING",
		string(e.Session), e.Seat, string(e.Part), e.Player, e.Token, e.At.UnixMilli())
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 {
		var there bool
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sessions WHERE id = $1)", string(e.Session)).Scan(&there); err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("store: session %s: %w", e.Session, ErrUnknown)
		}
	}
	if !e.Address.IsValid() {
		return nil
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO addresses (session, seat, address, seen_ms) VALUES ($1, $2, $3, $4) "+
		"ON CONFLICT (session, seat, address) DO UPDATE SET seen_ms = CASE WHEN addresses.seen_ms > excluded.seen_ms THEN addresses.seen_ms ELSE excluded.seen_ms END",
		string(e.Session), e.Seat, e.Address.Unmap().WithZone("").String(), e.At.UnixMilli())
	return err
}
