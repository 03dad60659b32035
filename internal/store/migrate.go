package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// migrations are forward only: NNNN_NAME.sql brings a database from version NNNN-1 to NNNN. One that was released is never changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrationTexts returns them in order; the first is version 1.
func migrationTexts() ([]string, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(names))
	for i, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 {
			return nil, fmt.Errorf("%s: want number %04d", name, i+1)
		}
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		texts[i] = string(text)
	}
	return texts, nil
}

// migrate brings the database to a version, at most the newest, in one transaction. Others that do the same at the same time wait.
func (e *engine) migrate(ctx context.Context, to int, now time.Time) (from int, err error) {
	texts, err := migrationTexts()
	if err != nil {
		return 0, fmt.Errorf("store: migrations: %w", err)
	}
	err = e.transaction(ctx, func(tx *sql.Tx) error {
		if e.exclusive != "" {
			if _, err := tx.ExecContext(ctx, e.exclusive); err != nil {
				return err
			}
		}
		const table = "CREATE TABLE IF NOT EXISTS migrations (version BIGINT NOT NULL PRIMARY KEY, applied_ms BIGINT NOT NULL)"
		if _, err := tx.ExecContext(ctx, table); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(version), 0) FROM migrations").Scan(&from); err != nil {
			return err
		}
		if from > len(texts) {
			return fmt.Errorf("%w: it is of version %d, this program knows %d", ErrNewer, from, len(texts))
		}
		for version := from + 1; version <= min(to, len(texts)); version++ {
			if _, err := tx.ExecContext(ctx, e.dialect(texts[version-1])); err != nil {
				return fmt.Errorf("to version %d: %w", version, err)
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO migrations (version, applied_ms) VALUES ($1, $2)", version, now.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
	return from, e.explain("migrate", err)
}

// isEOF reports that the other side closed the connection.
func isEOF(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
