package store

import (
	"errors"
	"fmt"
)

// What callers branch on. Errors of Write, TryWrite, Erase, Purge, Open and the queries wrap one of them where it is known.
var (
	// ErrBusy: the queue is full; write the entry again in a moment.
	ErrBusy = errors.New("too many entries wait to be written")
	// ErrClosed: the store is being stopped, or has been.
	ErrClosed = errors.New("the store is closed")
	// ErrBadEntry: the entry is malformed; it will never be taken.
	ErrBadEntry = errors.New("malformed entry")
	// ErrUnknown: there is no such session, or no such seat in it.
	ErrUnknown = errors.New("not in the store")
	// ErrFull: no space is left. What was acknowledged is safe; entries are taken again once there is space.
	ErrFull = errors.New("no space is left for the store; make room on its disk, entries are taken again then")
	// ErrReadOnly: the database cannot be written to.
	ErrReadOnly = errors.New("the store can only be read; check the owner and mode of its file, and that its file system or server is writable")
	// ErrLocked: another program holds the database's lock for longer than Config.LockWait.
	ErrLocked = errors.New("the store is locked by another program; end that one, or wait for it")
	// ErrCorrupt: the database is damaged. Nothing is written to it any more; restore it from a backup.
	ErrCorrupt = errors.New("the store is damaged; stop, keep its file, and restore it from a backup (docs/runbook.md)")
	// ErrUnreachable: the database server does not answer, or closed the connection. Whether the entry was kept is unknown.
	ErrUnreachable = errors.New("the database server cannot be reached; check --database, and that the server runs")
	// ErrNewer: a newer version of this program has changed the database.
	ErrNewer = errors.New("the store belongs to a newer version of this program; run that one, or restore the backup made before it")
	// ErrUnsafe: the server does not write to disk before it acknowledges.
	ErrUnsafe = errors.New("the database server acknowledges before it writes to disk; set fsync and full_page_writes to on")
)

// classified ties an error of the database to one of the above.
type classified struct{ class, cause error }

func (c *classified) Error() string   { return fmt.Sprintf("%v (%v)", c.class, c.cause) }
func (c *classified) Unwrap() []error { return []error{c.class, c.cause} }

// className is a label for metrics.
func className(err error) string {
	for _, c := range []struct {
		class error
		name  string
	}{
		{ErrUnknown, "unknown"}, {ErrFull, "full"}, {ErrReadOnly, "read-only"}, {ErrLocked, "locked"}, {ErrCorrupt, "corrupt"},
		{ErrUnreachable, "unreachable"},
	} {
		if errors.Is(err, c.class) {
			return c.name
		}
	}
	return "other"
}
