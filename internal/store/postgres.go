package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// connectTimeout bounds one attempt to reach the server.
const connectTimeout = 5 * time.Second

// migrationLock is the key of the advisory lock that nodes which start at the same time take in turns: "nearlight" in ASCII, its
// first eight octets.
const migrationLock = 0x6e6561726c696768

// openPostgres connects to a database by its URL.
func openPostgres(ctx context.Context, address string, lockWait time.Duration) (*engine, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err) // pgx leaves the password out
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	config.RuntimeParams["application_name"] = "nearlight"
	config.RuntimeParams["synchronous_commit"] = "on"
	config.RuntimeParams["lock_timeout"] = strconv.FormatInt(lockWait.Milliseconds(), 10)
	write, read := stdlib.OpenDB(*config), stdlib.OpenDB(*config)
	write.SetMaxOpenConns(1)
	write.SetMaxIdleConns(1)
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	e := &engine{
		name: "postgres", write: write, read: read, classify: classifyPostgres,
		conflict: func(err error) bool {
			code := sqlState(err)
			return code == "40001" || code == "40P01" // serialization_failure, deadlock_detected
		},
		exclusive:    fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", migrationLock),
		lockSeatRows: " FOR NO KEY UPDATE OF s",
		rows:         256, // each statement is a round trip
		dialect:      func(text string) string { return text },
		scrub: func(ctx context.Context) error {
			for _, table := range []string{"seats", "addresses", "acts"} {
				if _, err := write.ExecContext(ctx, "VACUUM "+table); err != nil {
					return err
				}
			}
			return nil
		},
	}
	if err := durable(ctx, write); err != nil {
		return nil, errors.Join(e.explain("connect", err), e.close())
	}
	return e, nil
}

// durable refuses a server that acknowledges what it may lose.
func durable(ctx context.Context, db *sql.DB) error {
	var sync, pages string
	if err := db.QueryRowContext(ctx, "SELECT current_setting('fsync'), current_setting('full_page_writes')").Scan(&sync, &pages); err != nil {
		return err
	}
	if sync != "on" || pages != "on" {
		return fmt.Errorf("%w: fsync is %s, full_page_writes is %s", ErrUnsafe, sync, pages)
	}
	return nil
}

func sqlState(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// classifyPostgres goes by SQLSTATE (PostgreSQL's documentation, appendix A) and, where there is none, by the connection's fate.
func classifyPostgres(err error) error {
	switch code := sqlState(err); {
	case code == "53100": // disk_full
		return ErrFull
	case code == "25006": // read_only_sql_transaction
		return ErrReadOnly
	case code == "55P03": // lock_not_available
		return ErrLocked
	case code == "XX001", code == "XX002": // data_corrupted, index_corrupted
		return ErrCorrupt
	case len(code) == 5 && (code[:2] == "08" || code[:3] == "57P" || code == "53300"): // connection, operator's intervention, too many connections
		return ErrUnreachable
	case code != "":
		return nil
	}
	var network net.Error
	var connect *pgconn.ConnectError
	if errors.As(err, &network) || errors.As(err, &connect) || pgconn.Timeout(err) || errors.Is(err, sql.ErrConnDone) || pgconn.SafeToRetry(err) ||
		isEOF(err) {
		return ErrUnreachable
	}
	return nil
}
