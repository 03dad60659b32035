package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// readers is how many queries may run at the same time.
const readers = 4

// openSQLite opens a file, which is made if it is not there.
func openSQLite(path string, lockWait time.Duration) (*engine, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := makeFile(path); err != nil {
		class := error(nil)
		switch {
		case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
			class = ErrReadOnly
		case errors.Is(err, unix.ENOSPC):
			class = ErrFull
		}
		if class != nil {
			err = &classified{class: class, cause: err}
		}
		return nil, fmt.Errorf("store: open the file: %w", err)
	}
	source := func(pragmas ...string) string {
		query := url.Values{"_txlock": {"immediate"}}
		for _, p := range append([]string{"busy_timeout(" + strconv.FormatInt(lockWait.Milliseconds(), 10) + ")"}, pragmas...) {
			query.Add("_pragma", p)
		}
		return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}).String()
	}
	// FULL syncs the log at each commit, which is the acknowledgement; secure_delete overwrites what is erased.
	write, err := sql.Open("sqlite", source("journal_mode(wal)", "synchronous(full)", "foreign_keys(1)", "secure_delete(1)"))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	write.SetMaxOpenConns(1)
	write.SetMaxIdleConns(1)
	write.SetConnMaxLifetime(0)
	awaitLog(write, lockWait)
	read, err := sql.Open("sqlite", source("query_only(1)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: %w", err), write.Close())
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return &engine{
		name: "sqlite", write: write, read: read, classify: classifySQLite,
		conflict: func(error) bool { return false }, // transactions take the lock as they begin
		rows:     16,                                // the driver looks for each parameter among all of a statement's
		dialect:  sqliteDialect,
		scrub: func(ctx context.Context) error {
			var busy, pages, moved int
			if err := write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved); err != nil {
				return err
			}
			if busy != 0 {
				return &classified{class: ErrLocked, cause: errors.New("a reader keeps the log from being emptied")}
			}
			return nil
		},
	}, nil
}

// makeFile makes an empty file that its owner alone may read, with its name on disk.
func makeFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

var sqliteOnly = regexp.MustCompile(`/\* sqlite: (.*?) \*/`)

// sqliteDialect takes in what stands in comments for SQLite alone.
func sqliteDialect(text string) string { return sqliteOnly.ReplaceAllString(text, "$1") }

// awaitLog has the file get its write-ahead log. SQLite waits for no lock there, whatever its busy_timeout: of two programs that open a new file at once
// one is turned away, and may try again. What else is wrong with the file whoever uses it first is told.
func awaitLog(write *sql.DB, wait time.Duration) {
	const again = 5 * time.Millisecond
	for deadline := time.Now().Add(wait); errors.Is(classifySQLite(write.Ping()), ErrLocked) && time.Now().Before(deadline); {
		time.Sleep(again)
	}
}

// classifySQLite goes by the primary result code (https://www.sqlite.org/rescode.html).
func classifySQLite(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return nil
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return ErrReadOnly
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrLocked
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return ErrCorrupt
	}
	return nil
}
