package store

import (
	"context"
	"database/sql"
	"time"
)

// OrderKind says what an order is about, and what it does.
type OrderKind string

// The kinds of orders.
const (
	DrainEdge OrderKind = "drain-edge" // an edge takes no further sessions
	BanEdge   OrderKind = "ban-edge"   // an edge may not register
	BanKey    OrderKind = "ban-key"    // tokens that this key has signed are not good
	BanToken  OrderKind = "ban-token"  // a player's token is not good; its target is the TokenID
)

// Order is what an operator has ordered until it is lifted or over. There is one for each kind and target: the newest.
type Order struct {
	Kind   OrderKind
	Target string // 1 to 128 octets
	Reason string // for people; at most 512 octets
	Actor  string // who ordered it; at most 128 octets
	At     time.Time
	Until  time.Time // zero: until it is lifted. One that is lifted has a time that has passed.
}

// Over reports whether an order holds no more.
func (o Order) Over(now time.Time) bool { return !o.Until.IsZero() && !o.Until.After(now) }

// Impose keeps an order in place of an older one, and the act of whoever ordered it: both or neither. An order that is older than the one that
// is kept changes nothing.
type Impose struct {
	Order Order
	Act   Act
}

const maxTarget = 128

func (e Impose) check() error {
	o := e.Order
	if !o.Until.IsZero() {
		if err := checkTime(o.Until); err != nil {
			return err
		}
	}
	return firstError(checkText("order", string(o.Kind), 1, maxID), checkText("target", o.Target, 1, maxTarget),
		checkText("reason", o.Reason, 0, maxReason), checkText("actor", o.Actor, 0, maxPerson), checkTime(o.At), e.Act.check())
}

func writeOrder(ctx context.Context, tx *sql.Tx, o Order) error {
	until := int64(0)
	if !o.Until.IsZero() {
		until = o.Until.UnixMilli()
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO orders (kind, target, reason, actor, at_ms, until_ms) VALUES ($1, $2, $3, $4, $5, $6) "+
		"ON CONFLICT (kind, target) DO UPDATE SET reason = excluded.reason, actor = excluded.actor, at_ms = excluded.at_ms, until_ms = excluded.until_ms "+
		"WHERE orders.at_ms < excluded.at_ms",
		string(o.Kind), o.Target, o.Reason, o.Actor, o.At.UnixMilli(), until)
	return err
}

// Orders returns all that are kept, those that are over and not purged yet among them, by kind and target.
func (s *Store) Orders(ctx context.Context) ([]Order, error) {
	var found []Order
	err := each(ctx, s.engine.read, func(rows *sql.Rows) error {
		var o Order
		var at, until int64
		err := rows.Scan(&o.Kind, &o.Target, &o.Reason, &o.Actor, &at, &until)
		o.At = time.UnixMilli(at)
		if until > 0 {
			o.Until = time.UnixMilli(until)
		}
		found = append(found, o)
		return err
	}, "SELECT kind, target, reason, actor, at_ms, until_ms FROM orders ORDER BY kind, target")
	return found, s.engine.explain("read orders", err)
}
