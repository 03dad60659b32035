package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"time"
)

// Retention says for how long what is kept. A zero field means its default; docs/privacy.md tells players.
type Retention struct {
	Addresses time.Duration // from when an address was last seen; DefaultAddresses, which is also the most
	Persons   time.Duration // players' and tokens' ids, from when their seat ended; DefaultPersons
	Sessions  time.Duration // sessions that have ended and their seconds, from when they ended; DefaultSessions
	Acts      time.Duration // the audit log; DefaultActs
}

// The defaults.
const (
	DefaultAddresses = 24 * time.Hour              // long enough to find who floods us now
	DefaultPersons   = 90 * 24 * time.Hour         // a bill that is disputed
	DefaultSessions  = (365 + 31) * 24 * time.Hour // a year's accounts, and a month to close them
	DefaultActs      = DefaultSessions
)

// keptOrders is for how long orders that are over are kept: a node that has not heard of it yet must not bring one back.
const keptOrders = 24 * time.Hour

func (r Retention) withDefaults() Retention {
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{{&r.Addresses, DefaultAddresses}, {&r.Persons, DefaultPersons}, {&r.Sessions, DefaultSessions}, {&r.Acts, DefaultActs}} {
		if *d.value <= 0 {
			*d.value = d.fallback
		}
	}
	r.Addresses = min(r.Addresses, DefaultAddresses)
	return r
}

// Purged counts what Purge has taken off.
type Purged struct{ Addresses, Persons, Sessions, Acts, Orders int64 }

// purgeRows is how many rows one transaction of a purge changes: what waits meanwhile waits for that long.
const purgeRows = 500

// Purge takes off what Retention does not keep any more. Run does so by itself every Config.Purge; who has no Run going waits for ever.
func (s *Store) Purge(ctx context.Context) (Purged, error) {
	var purged Purged
	err := s.await(ctx, &request{work: func(ctx context.Context) (err error) {
		purged, err = s.purge(ctx, s.config.Now())
		return err
	}})
	return purged, err
}

func (s *Store) purgeDue(ctx context.Context) {
	if _, err := s.purge(ctx, s.config.Now()); err != nil {
		s.log.Error("what retention does not keep could not be taken off; it is tried again", "in", s.config.Purge, "error", err)
	}
}

// purge runs on the writer's goroutine.
func (s *Store) purge(ctx context.Context, now time.Time) (Purged, error) {
	var purged Purged
	keep := s.config.Retention
	for _, step := range []struct {
		rows  string
		count *int64
		keep  time.Duration
		query string
	}{
		{"addresses", &purged.Addresses, keep.Addresses, "DELETE FROM addresses WHERE (session, seat, address) IN " +
			"(SELECT session, seat, address FROM addresses WHERE seen_ms < $1 ORDER BY seen_ms LIMIT $2)"},
		{"persons", &purged.Persons, keep.Persons, "UPDATE seats SET player = '', token = '' WHERE (session, seat) IN " +
			"(SELECT session, seat FROM seats WHERE (player <> '' OR token <> '') AND COALESCE(rose_ms, sat_ms) < $1 LIMIT $2)"},
		{"sessions", &purged.Sessions, keep.Sessions, "DELETE FROM sessions WHERE id IN " +
			"(SELECT id FROM sessions WHERE begun_ms < $1 AND COALESCE(ended_ms, begun_ms) < $1 ORDER BY begun_ms LIMIT $2)"},
		{"acts", &purged.Acts, keep.Acts, "DELETE FROM acts WHERE id IN (SELECT id FROM acts WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)"},
		{"orders", &purged.Orders, keptOrders, "DELETE FROM orders WHERE (kind, target) IN " +
			"(SELECT kind, target FROM orders WHERE until_ms > 0 AND until_ms < $1 ORDER BY until_ms LIMIT $2)"},
	} {
		for {
			n, err := s.change(ctx, step.query, now.Add(-step.keep).UnixMilli(), purgeRows)
			if err != nil {
				return purged, s.engine.explain("purge "+step.rows, err)
			}
			*step.count += n
			s.metrics.purged.WithLabelValues(step.rows).Add(float64(n))
			if n < purgeRows {
				break
			}
		}
	}
	if purged != (Purged{}) {
		s.log.Info("what retention does not keep is gone", "addresses", purged.Addresses, "persons", purged.Persons,
			"sessions", purged.Sessions, "acts", purged.Acts, "orders", purged.Orders)
		return purged, s.engine.explain("overwrite what was purged", s.engine.scrub(ctx))
	}
	return purged, nil
}

// change runs one statement in a transaction of its own.
func (s *Store) change(ctx context.Context, query string, args ...any) (n int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.CommitTime)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err = s.engine.transaction(ctx, func(tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, query, args...)
			if err != nil {
				return err
			}
			n, err = result.RowsAffected()
			return err
		})
		if err == nil || attempt == attempts || !s.engine.conflict(err) {
			return n, err
		}
	}
}

// Person is whom Erase and Kept are about: by the player's id, or by a token's. Exactly one is set.
type Person struct{ Player, Token string }

func (p Person) check() error {
	if (p.Player == "") == (p.Token == "") {
		return malformed("a person is named by a player's id or by a token's, not both")
	}
	return firstError(checkText("player", p.Player, 0, maxPerson), checkText("token", p.Token, 0, maxPerson))
}

// column is the column of seats that names the person, and the name.
func (p Person) column() (column, name string) {
	if p.Player != "" {
		return "player", p.Player
	}
	return "token", p.Token
}

// Erase takes off who a person is: ids and addresses of their seats, and their name in the audit log. The seconds of their sessions stay, as
// nobody's. It returns how many seats and acts it found, and leaves an act by which that an erasure was done can be told, not of
// whom. With ErrLocked the rows are gone, but their old pages may still be on disk until Erase or Purge is run again.
func (s *Store) Erase(ctx context.Context, person Person, by string) (rows int64, err error) {
	if err := firstError(person.check(), checkText("by", by, 0, maxPerson)); err != nil {
		return 0, err
	}
	err = s.await(ctx, &request{work: func(ctx context.Context) (err error) {
		rows, err = s.erase(ctx, person, by)
		return err
	}})
	return rows, err
}

func (s *Store) erase(ctx context.Context, person Person, by string) (rows int64, err error) {
	limited, cancel := context.WithTimeout(ctx, s.config.CommitTime)
	defer cancel()
	column, name := person.column()
	for attempt := 1; ; attempt++ {
		rows = 0
		err = s.engine.transaction(limited, func(tx *sql.Tx) error {
			for _, step := range []struct {
				query  string
				counts bool
			}{
				{"DELETE FROM addresses WHERE (session, seat) IN (SELECT session, seat FROM seats WHERE " + column + " = $1)", false},
				{"UPDATE seats SET player = '', token = '' WHERE " + column + " = $1", true},
				{"UPDATE acts SET actor = '' WHERE actor = $1", true},
			} {
				result, err := tx.ExecContext(limited, step.query, name)
				if err != nil {
					return err
				}
				n, err := result.RowsAffected()
				if err != nil {
					return err
				}
				if step.counts {
					rows += n
				}
			}
			if by == name {
				by = "" // a person's own wish
			}
			return write(limited, tx, Act{
				ID: "erase-" + rand.Text(), Kind: Erased, Actor: by, Detail: fmt.Sprintf("%d rows", rows), At: s.config.Now(),
			})
		})
		if err == nil || attempt == attempts || !s.engine.conflict(err) {
			break
		}
	}
	if err != nil {
		return 0, s.engine.explain("erase", err)
	}
	return rows, s.engine.explain("overwrite what was erased", s.engine.scrub(ctx))
}
