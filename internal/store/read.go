package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"nearlight/signaling"
)

// Session is what is kept of a session.
type Session struct {
	ID      signaling.SessionID
	App     string
	Edge    signaling.EdgeID
	Account string
	Begun   time.Time
	Ended   time.Time // zero while it runs
	Code    signaling.Code
	Reason  string
	Quality *Quality // nil: not known
}

// Seat is what is kept of a seat.
type Seat struct {
	Session   signaling.SessionID
	Seat      string
	Part      Part
	Player    string // "": not known, or taken off
	Token     string
	Sat       time.Time
	Rose      time.Time // zero while it is taken
	Addresses []netip.Addr
	Used      []Span // disjoint, in order
}

// Seconds is for how many seconds the seat was served.
func (s Seat) Seconds() int64 {
	var sum int64
	for _, span := range s.Used {
		sum += span.Seconds()
	}
	return sum
}

const sessionColumns = "id, app, edge, account, begun_ms, ended_ms, code, reason, quality"

func scanSession(scan func(...any) error) (Session, error) {
	var s Session
	var begun int64
	var ended sql.NullInt64
	var quality string
	if err := scan(&s.ID, &s.App, &s.Edge, &s.Account, &begun, &ended, &s.Code, &s.Reason, &quality); err != nil {
		return Session{}, err
	}
	s.Begun = time.UnixMilli(begun)
	if ended.Valid {
		s.Ended = time.UnixMilli(ended.Int64)
	}
	if quality != "" {
		s.Quality = new(Quality)
		if err := json.Unmarshal([]byte(quality), s.Quality); err != nil {
			return Session{}, fmt.Errorf("quality of session %s: %w", s.ID, err)
		}
	}
	return s, nil
}

// Session returns a session and its seats, or ErrUnknown.
func (s *Store) Session(ctx context.Context, id signaling.SessionID) (Session, []Seat, error) {
	found, err := s.sessions(ctx, "WHERE id = $1", string(id))
	if err != nil {
		return Session{}, nil, err
	}
	if len(found) == 0 {
		return Session{}, nil, fmt.Errorf("store: session %s: %w", id, ErrUnknown)
	}
	seats, err := s.seats(ctx, "session", string(id))
	return found[0], seats, err
}

// Unended is a session that has not ended.
type Unended struct {
	Session
	Used time.Time // the end of the last second in which its player or a spectator was served; when it began, where none was
}

// Unended returns the sessions that have not ended, and in which nobody was served after a time: after a crash, those whose end nobody has
// written are among them.
func (s *Store) Unended(ctx context.Context, since time.Time) ([]Unended, error) {
	var found []Unended
	err := each(ctx, s.engine.read, func(rows *sql.Rows) error {
		var used int64
		one, err := scanSession(func(columns ...any) error { return rows.Scan(append(columns, &used)...) })
		at := time.Unix(used, 0)
		if at.Before(one.Begun) {
			at = one.Begun
		}
		if !at.After(since) {
			found = append(found, Unended{one, at})
		}
		return err
	}, "SELECT "+sessionColumns+", COALESCE((SELECT MAX(u.past) FROM usage u WHERE u.session = sessions.id), 0) FROM sessions "+
		"WHERE ended_ms IS NULL AND begun_ms <= $1 ORDER BY id", since.UnixMilli())
	return found, s.engine.explain("read sessions that have not ended", err)
}

// Page is a place in a list: what lies after Time and ID. The zero value is its beginning.
type Page struct {
	Time time.Time
	ID   string
}

func (p Page) ms() int64 {
	if p.Time.IsZero() {
		return 0
	}
	return p.Time.UnixMilli()
}

// MaxPage is how many rows a list returns at a time.
const MaxPage = 500

// Sessions returns those that begin after a place, oldest first, MaxPage at most.
func (s *Store) Sessions(ctx context.Context, after Page) ([]Session, error) {
	return s.sessions(ctx, "WHERE (begun_ms, id) > ($1, $2) ORDER BY begun_ms, id LIMIT $3", after.ms(), after.ID, MaxPage)
}

func (s *Store) sessions(ctx context.Context, where string, args ...any) ([]Session, error) {
	var found []Session
	err := each(ctx, s.engine.read, func(rows *sql.Rows) error {
		one, err := scanSession(rows.Scan)
		found = append(found, one)
		return err
	}, "SELECT "+sessionColumns+" FROM sessions "+where, args...)
	return found, s.engine.explain("read sessions", err)
}

// Kept returns all seats that are known to be a person's: what Erase would take the name off.
func (s *Store) Kept(ctx context.Context, person Person) ([]Seat, error) {
	if err := person.check(); err != nil {
		return nil, err
	}
	column, name := person.column()
	return s.seats(ctx, column, name)
}

// seats reads those with a value in a column, with their addresses and spans.
func (s *Store) seats(ctx context.Context, column, value string) ([]Seat, error) {
	var seats []Seat
	index := make(map[place]int)
	of := "FROM seats WHERE " + column + " = $1"
	err := each(ctx, s.engine.read, func(rows *sql.Rows) error {
		var seat Seat
		var sat int64
		var rose sql.NullInt64
		if err := rows.Scan(&seat.Session, &seat.Seat, &seat.Part, &seat.Player, &seat.Token, &sat, &rose); err != nil {
			return err
		}
		seat.Sat = time.UnixMilli(sat)
		if rose.Valid {
			seat.Rose = time.UnixMilli(rose.Int64)
		}
		index[place{string(seat.Session), seat.Seat}] = len(seats)
		seats = append(seats, seat)
		return nil
	}, "SELECT session, seat, part, player, token, sat_ms, rose_ms "+of+" ORDER BY sat_ms, session, seat", value)
	if err != nil {
		return nil, s.engine.explain("read seats", err)
	}
	err = each(ctx, s.engine.read, func(rows *sql.Rows) error {
		var at place
		var text string
		if err := rows.Scan(&at.session, &at.seat, &text); err != nil {
			return err
		}
		address, err := netip.ParseAddr(text)
		if i, ok := index[at]; ok {
			seats[i].Addresses = append(seats[i].Addresses, address)
		}
		return err
	}, "SELECT session, seat, address FROM addresses WHERE (session, seat) IN (SELECT session, seat "+of+") ORDER BY seen_ms, address", value)
	if err != nil {
		return nil, s.engine.explain("read addresses", err)
	}
	err = each(ctx, s.engine.read, func(rows *sql.Rows) error {
		var at place
		var span Span
		if err := rows.Scan(&at.session, &at.seat, &span.First, &span.Past); err != nil {
			return err
		}
		if i, ok := index[at]; ok {
			seats[i].Used = append(seats[i].Used, span)
		}
		return nil
	}, "SELECT session, seat, first, past FROM usage WHERE (session, seat) IN (SELECT session, seat "+of+") ORDER BY session, seat, first", value)
	return seats, s.engine.explain("read spans", err)
}

// Total is the seconds that were served for an account on an edge.
type Total struct {
	Account  string
	Edge     signaling.EdgeID
	Sessions int64 // that have any of them
	Played   int64 // seconds of players
	Watched  int64 // seconds of spectators
}

// Totals adds up the seconds within a span, by account and edge. The span may be of any length.
func (s *Store) Totals(ctx context.Context, within Span) ([]Total, error) {
	const seconds = "(CASE WHEN u.past < $2 THEN u.past ELSE CAST($2 AS BIGINT) END - CASE WHEN u.first > $1 THEN u.first ELSE CAST($1 AS BIGINT) END)"
	var totals []Total
	err := each(ctx, s.engine.read, func(rows *sql.Rows) error {
		var t Total
		err := rows.Scan(&t.Account, &t.Edge, &t.Sessions, &t.Played, &t.Watched)
		totals = append(totals, t)
		return err
	}, "SELECT s.account, s.edge, COUNT(DISTINCT s.id), "+
		"CAST(SUM(CASE WHEN t.part = 'play' THEN "+seconds+" ELSE 0 END) AS BIGINT), "+
		"CAST(SUM(CASE WHEN t.part = 'play' THEN 0 ELSE "+seconds+" END) AS BIGINT) "+
		"FROM usage u JOIN seats t ON t.session = u.session AND t.seat = u.seat JOIN sessions s ON s.id = u.session "+
		"WHERE u.first < $2 AND u.past > $1 GROUP BY s.account, s.edge ORDER BY s.account, s.edge",
		int64(within.First), int64(within.Past))
	return totals, s.engine.explain("add up seconds", err)
}
