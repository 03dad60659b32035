package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"time"

	"nearlight/signaling"
)

// ActQuery says which acts are wanted. The zero value wants the audit log from its beginning.
type ActQuery struct {
	Session signaling.SessionID // "": of any, and of none
	Edge    signaling.EdgeID    // "": of any, and of none
	Newest  bool                // the newest come first, else the oldest
	After   Page                // the last one that is known already; the zero Page: none is
	Limit   int                 // from 1 to MaxPage; anything else means MaxPage
}

// Acts returns a page of the audit log.
func (s *Store) Acts(ctx context.Context, q ActQuery) ([]Act, error) {
	text, values := q.statement()
	var acts []Act
	err := each(ctx, s.engine.read, func(rows *sql.Rows) error {
		var a Act
		var at int64
		err := rows.Scan(&a.ID, &a.Kind, &a.Actor, &a.Session, &a.Edge, &a.Detail, &at)
		a.At = time.UnixMilli(at)
		acts = append(acts, a)
		return err
	}, text, values...)
	return acts, s.engine.explain("read the audit log", err)
}

func (q ActQuery) statement() (text string, values []any) {
	value := func(v any) string {
		values = append(values, v)
		return fmt.Sprint("$", len(values))
	}
	beyond, direction, from := ">", "", q.After.ms()
	if q.Newest {
		beyond, direction = "<", " DESC"
		if q.After == (Page{}) {
			from = math.MaxInt64
		}
	}
	conditions := []string{"(at_ms, id) " + beyond + " (" + value(from) + ", " + value(q.After.ID) + ")"}
	// The indices leave out acts of no session and no edge, and serve only who says that none of these is wanted.
	if q.Session != "" {
		conditions = append(conditions, "session = "+value(string(q.Session))+" AND session <> ''")
	}
	if q.Edge != "" {
		conditions = append(conditions, "edge = "+value(string(q.Edge))+" AND edge <> ''")
	}
	limit := q.Limit
	if limit < 1 || limit > MaxPage {
		limit = MaxPage
	}
	return "SELECT id, kind, actor, session, edge, detail, at_ms FROM acts WHERE " + strings.Join(conditions, " AND ") +
		" ORDER BY at_ms" + direction + ", id" + direction + " LIMIT " + value(limit), values
}
