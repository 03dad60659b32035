package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// engine is what differs between the databases.
type engine struct {
	name  string
	write *sql.DB // one connection
	read  *sql.DB
	// classify returns the class of an error, of those in errors.go; nil where it has none.
	classify func(error) error
	// conflict reports whether a transaction gave way to another one, and may be tried again.
	conflict func(error) bool
	// exclusive keeps others from migrating until the transaction ends.
	exclusive string
	// lockSeatRows ends a SELECT from seats s whose spans are to be changed: on Postgres other nodes write at the same time.
	lockSeatRows string
	// rows is how many seats or spans one statement takes.
	rows int
	// dialect turns a migration's text into the database's own.
	dialect func(string) string
	// scrub takes what was deleted out of the files for good.
	scrub func(context.Context) error
}

// open chooses the engine by the address.
func openEngine(ctx context.Context, address string, lockWait time.Duration) (*engine, error) {
	scheme, path, found := strings.Cut(address, ":")
	switch {
	case found && (scheme == "postgres" || scheme == "postgresql"):
		return openPostgres(ctx, address, lockWait)
	case found && scheme == "sqlite":
		return openSQLite(path, lockWait)
	case address == "":
		return nil, errors.New("store: no database is named")
	case found && strings.HasPrefix(path, "//"):
		return nil, fmt.Errorf("store: databases of the kind %q are not known; want a file's name or postgres://USER:PASSWORD@HOST/NAME", scheme)
	default:
		return openSQLite(address, lockWait)
	}
}

func (e *engine) close() error { return errors.Join(e.read.Close(), e.write.Close()) }

// explain wraps an error of the database with what was done and its class.
func (e *engine) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	if class := e.classify(err); class != nil && !errors.Is(err, class) {
		err = &classified{class: class, cause: err}
	}
	return fmt.Errorf("store: %s: %w", doing, err)
}

// transaction runs work in a transaction of the writing connection and commits it.
func (e *engine) transaction(ctx context.Context, work func(*sql.Tx) error) error {
	tx, err := e.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := work(tx); err != nil {
		// A rollback that fails as well says nothing that err does not; the connection is then given up by database/sql.
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}
