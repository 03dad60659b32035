package store

import (
	"context"
	"database/sql"
)

// Used reports whether somebody has had a seat by a token, in any session that is kept; of a token that was erased nobody knows. It does not
// wait for what is still to be written.
func (s *Store) Used(ctx context.Context, token string) (used bool, err error) {
	if err := checkText("token", token, 1, maxPerson); err != nil {
		return false, err
	}
	err = each(ctx, s.engine.read, func(*sql.Rows) error {
		used = true
		return nil
	}, "SELECT 1 FROM seats WHERE token = $1 LIMIT 1", token)
	return used, s.engine.explain("look for a token", err)
}
