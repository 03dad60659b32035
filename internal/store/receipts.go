package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// place is a seat of a session.
type place struct{ session, seat string }

func (p place) compare(q place) int {
	if c := strings.Compare(p.session, q.session); c != 0 {
		return c
	}
	return strings.Compare(p.seat, q.seat)
}

// writeReceipts adds spans to what is kept of their seats, a statement for many seats at a time. Those of unknown seats are refused.
func (e *engine) writeReceipts(ctx context.Context, tx *sql.Tx, receipts []*request) error {
	added := make(map[place][]Span)
	for _, r := range receipts {
		receipt := r.entry.(Receipt)
		at := place{string(receipt.Session), receipt.Seat}
		added[at] = append(added[at], receipt.Span)
	}
	places := make([]place, 0, len(added))
	for at := range added {
		places = append(places, at)
	}
	slices.SortFunc(places, place.compare) // nodes take locks in the same order
	known := make(map[place]bool, len(places))
	for chunk := range slices.Chunk(places, e.rows) {
		if err := e.lockSeats(ctx, tx, chunk, known); err != nil {
			return err
		}
		if err := e.merge(ctx, tx, chunk, known, added); err != nil {
			return err
		}
	}
	for _, r := range receipts {
		receipt := r.entry.(Receipt)
		if !known[place{string(receipt.Session), receipt.Seat}] {
			r.err = fmt.Errorf("store: seat %s of session %s: %w", receipt.Seat, receipt.Session, ErrUnknown)
		}
	}
	return nil
}

// values writes the rows of a VALUES list: texts first, then integers, with their types, which Postgres cannot see.
func values(rows, texts, integers int) string {
	var b strings.Builder
	n := 0
	column := func(separator, kind string) {
		n++
		b.WriteString(separator + "CAST($" + strconv.Itoa(n) + " AS " + kind + ")")
	}
	for row := range rows {
		separator := "("
		if row > 0 {
			separator = ", ("
		}
		for range texts {
			column(separator, "TEXT")
			separator = ", "
		}
		for range integers {
			column(separator, "BIGINT")
		}
		b.WriteByte(')')
	}
	return b.String()
}

// lockSeats finds which seats there are, and keeps other nodes from changing their spans until the transaction ends.
func (e *engine) lockSeats(ctx context.Context, tx *sql.Tx, places []place, known map[place]bool) error {
	args := make([]any, 0, 2*len(places))
	for _, at := range places {
		args = append(args, at.session, at.seat)
	}
	return each(ctx, tx, func(rows *sql.Rows) error {
		var at place
		if err := rows.Scan(&at.session, &at.seat); err != nil {
			return err
		}
		known[at] = true
		return nil
	}, "WITH r (session, seat) AS (VALUES "+values(len(places), 2, 0)+") SELECT s.session, s.seat FROM r CROSS JOIN seats s "+
		"WHERE s.session = r.session AND s.seat = r.seat ORDER BY s.session, s.seat"+e.lockSeatRows, args...)
}

// merge adds spans to the seats that are known.
func (e *engine) merge(ctx context.Context, tx *sql.Tx, places []place, known map[place]bool, added map[place][]Span) error {
	var asked []any
	for _, at := range places {
		if known[at] {
			added[at] = union(added[at])
			for _, span := range added[at] {
				asked = append(asked, at.session, at.seat, int64(span.First), int64(span.Past))
			}
		}
	}
	if len(asked) == 0 {
		return nil
	}
	// Spans are disjoint, so that the first that can touch is the last one that begins no later. CROSS JOIN, here and above, makes
	// SQLite go through what is asked for, and not through all that is kept (https://www.sqlite.org/optoverview.html section 8.1).
	const touching = `WITH r (session, seat, first, past) AS (VALUES %s)
SELECT DISTINCT u.session, u.seat, u.first, u.past FROM r CROSS JOIN usage u WHERE u.session = r.session AND u.seat = r.seat
AND u.first <= r.past AND u.past >= r.first
AND u.first >= COALESCE((SELECT MAX(x.first) FROM usage x WHERE x.session = r.session AND x.seat = r.seat AND x.first <= r.first), r.first)`
	kept := make(map[place][]Span)
	for part := range slices.Chunk(asked, 4*e.rows) {
		err := each(ctx, tx, func(rows *sql.Rows) error {
			var at place
			var span Span
			if err := rows.Scan(&at.session, &at.seat, &span.First, &span.Past); err != nil {
				return err
			}
			kept[at] = append(kept[at], span)
			return nil
		}, fmt.Sprintf(touching, values(len(part)/4, 2, 2)), part...)
		if err != nil {
			return err
		}
	}
	var changed []any
	for _, at := range places {
		if !known[at] {
			continue
		}
		before := kept[at]
		after := union(slices.Concat(before, added[at]))
		for _, span := range before {
			if !slices.ContainsFunc(after, func(s Span) bool { return s.First == span.First }) { // it became part of another
				const gone = "DELETE FROM usage WHERE session = $1 AND seat = $2 AND first = $3"
				if _, err := tx.ExecContext(ctx, gone, at.session, at.seat, int64(span.First)); err != nil {
					return err
				}
			}
		}
		for _, span := range after {
			if !slices.Contains(before, span) {
				changed = append(changed, at.session, at.seat, int64(span.First), int64(span.Past))
			}
		}
	}
	for part := range slices.Chunk(changed, 4*e.rows) {
		query := "INSERT INTO usage (session, seat, first, past) VALUES " + values(len(part)/4, 2, 2) +
			" ON CONFLICT (session, seat, first) DO UPDATE SET past = excluded.past"
		if _, err := tx.ExecContext(ctx, query, part...); err != nil {
			return err
		}
	}
	return nil
}

// querier is a transaction or a pool.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each calls row for every row of a query.
func each(ctx context.Context, from querier, row func(*sql.Rows) error, query string, args ...any) error {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close() // its error is rows.Err's
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
