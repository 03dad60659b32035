// Package leaselog keeps an edge's leases on its disk: which epoch each slot has reached, and what happened to it.
//
// Two files lie in the edge's folder. The log has a line for each event, its checksum first; a lease is granted once its line is on
// the disk. The snapshot has the epochs of all that is no longer in the log: it is written beside and renamed, so that there is always a
// whole one. A log that is MaxLog long is put aside as the older one, of which the last is kept: by both it can be checked later that no slot was
// held by two, and that the edge has signed each lease (Check).
//
// A folder is one edge's: an edge that began its epochs anew elsewhere would sign some of them twice.
//
// A Log is safe for concurrent use. Grants wait for the disk; those that come together share one wait.
package leaselog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/lease"
)

// MaxLog is how long a log gets, in octets: some 2,000 leases.
const MaxLog = 1 << 20

// The files' names in the edge's folder.
const (
	LogName   = "leases.log"
	OlderName = "leases.log.1"
	epochName = "leases.epochs"
)

// maxLine bounds a line of the log.
const maxLine = 1024

// ErrDamaged reports a log that does not read as it was written, other than in its last line, which a crash may cut.
var ErrDamaged = errors.New("leaselog: the log is damaged")

// ErrOtherEdge reports a folder in which another edge's leases are.
var ErrOtherEdge = errors.New("leaselog: the folder is another edge's")

// Log is an open log.
type Log struct {
	folder string
	maxLog int64

	mu     sync.Mutex
	file   *os.File
	size   int64
	epochs []signaling.Epoch
	edge   string
	failed error // of the disk: nothing is granted from then on

	syncing sync.Mutex // one wait for the disk at a time; never taken while mu is held
	synced  int64      // how much of file is on the disk; guarded by mu
	file0   int        // counts files, so that a wait knows whose size it waits for
}

// snapshot is the form of the epochs' file.
type snapshot struct {
	Epochs []signaling.Epoch `json:"epochs"`
	Edge   string            `json:"edge,omitempty"`
	Sum    uint32            `json:"sum"`
}

// Open reads what an edge with so many slots left in folder, and notes that it has started: whatever ran before is gone. It fails with
// ErrOtherEdge where another edge was there before.
func Open(folder string, slots int, edge identity.Address) (*Log, error) {
	return open(folder, slots, edge, MaxLog)
}

func open(folder string, slots int, edge identity.Address, maxLog int64) (_ *Log, err error) {
	l := &Log{folder: folder, maxLog: maxLog, edge: edge.String()}
	snapshot, err := readSnapshot(filepath.Join(folder, epochName))
	if err != nil {
		return nil, err
	}
	before, owner := snapshot.Epochs, snapshot.Edge
	// Epochs of slots that the owner has taken away are kept: they may come back.
	l.epochs = make([]signaling.Epoch, max(slots, len(before)))
	copy(l.epochs, before)
	if l.file, err = os.OpenFile(filepath.Join(folder, LogName), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("leaselog: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.file.Close())
		}
	}()
	records, whole, err := read(l.file)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		for r.Slot >= len(l.epochs) {
			l.epochs = append(l.epochs, 0)
		}
		if r.Event == lease.Started {
			owner = r.Edge
		}
	}
	if owner != "" && owner != l.edge {
		return nil, fmt.Errorf("%w: %s has the leases of %s, and the key is %s's; use that edge's key, or another folder", ErrOtherEdge, folder, owner, l.edge)
	}
	l.epochs = lease.Epochs(l.epochs, records)
	if err := l.file.Truncate(whole); err != nil {
		return nil, fmt.Errorf("leaselog: cut an unfinished line off: %w", err)
	}
	if _, err := l.file.Seek(whole, io.SeekStart); err != nil {
		return nil, fmt.Errorf("leaselog: %w", err)
	}
	l.size = whole
	if err := syncFolder(folder); err != nil { // the log may be new
		return nil, err
	}
	return l, l.Append(lease.Record{Event: lease.Started, At: time.Now().UnixMilli(), Edge: l.edge})
}

// Epochs is what the edge's slots have reached.
func (l *Log) Epochs(slots int) []signaling.Epoch {
	l.mu.Lock()
	defer l.mu.Unlock()
	epochs := make([]signaling.Epoch, slots)
	copy(epochs, l.epochs)
	return epochs
}

// Append writes records, in order, and returns once they are on the disk. After an error nothing more is written: what is on the disk is unknown.
func (l *Log) Append(records ...lease.Record) error {
	end, file, err := l.write(records)
	if err != nil {
		return err
	}
	return l.wait(end, file)
}

// Note is Append without the wait: for what frees a slot, which a crash does as well.
func (l *Log) Note(records ...lease.Record) error {
	_, _, err := l.write(records)
	return err
}

func (l *Log) write(records []lease.Record) (end int64, file int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return 0, 0, l.failed
	}
	var lines []byte
	for _, r := range records {
		if lines, err = appendLine(lines, r); err != nil {
			return 0, 0, err
		}
	}
	if l.size > 0 && l.size+int64(len(lines)) > l.maxLog {
		if err := l.turn(); err != nil {
			l.failed = err
			return 0, 0, err
		}
	}
	if _, err := l.file.Write(lines); err != nil {
		l.failed = fmt.Errorf("leaselog: write: %w", err)
		return 0, 0, l.failed
	}
	l.size += int64(len(lines))
	for _, r := range records {
		for r.Slot >= len(l.epochs) {
			l.epochs = append(l.epochs, 0)
		}
	}
	l.epochs = lease.Epochs(l.epochs, records)
	return l.size, l.file0, nil
}

// wait returns once the file is on the disk up to end. Whoever comes while another waits is served by the next wait.
func (l *Log) wait(end int64, file int) error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.mu.Lock()
	if l.failed != nil || l.file0 != file || l.synced >= end { // a file that was put aside is on the disk
		defer l.mu.Unlock()
		return l.failed
	}
	size, open := l.size, l.file
	l.mu.Unlock()
	err := open.Sync()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.file0 != file:
		return l.failed // turned meanwhile, which syncs
	case err != nil:
		l.failed = fmt.Errorf("leaselog: sync: %w", err)
		return l.failed
	}
	l.synced = max(l.synced, size)
	return nil
}

// turn puts the log aside and begins another. The caller holds mu.
func (l *Log) turn() error {
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("leaselog: sync: %w", err)
	}
	if err := writeSnapshot(filepath.Join(l.folder, epochName), snapshot{Epochs: l.epochs, Edge: l.edge}); err != nil {
		return err
	}
	name := filepath.Join(l.folder, LogName)
	if err := os.Rename(name, filepath.Join(l.folder, OlderName)); err != nil {
		return fmt.Errorf("leaselog: put the log aside: %w", err)
	}
	next, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("leaselog: %w", err)
	}
	if err := errors.Join(syncFolder(l.folder), l.file.Close()); err != nil {
		return errors.Join(err, next.Close())
	}
	l.file, l.size, l.synced = next, 0, 0
	l.file0++
	return nil
}

// Close closes the files.
func (l *Log) Close() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = fs.ErrClosed
	}
	return l.file.Close()
}

// Read returns what the logs of an edge's folder have, oldest first.
func Read(folder string) ([]lease.Record, error) {
	var all []lease.Record
	for _, name := range []string{OlderName, LogName} {
		file, err := os.Open(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("leaselog: %w", err)
		}
		records, _, err := read(file)
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		all = append(all, records...)
	}
	return all, nil
}

// Check reads what the logs of an edge's folder have, and fails where a slot was given to two at once, or an epoch twice, or where the edge with this
// address has not signed a lease in them.
func Check(folder string, edge identity.Address) ([]lease.Record, error) {
	records, err := Read(folder)
	if err != nil {
		return nil, err
	}
	if err := lease.AuditSigned(records, edge); err != nil {
		return nil, fmt.Errorf("leaselog: %s: %w", folder, err)
	}
	return records, nil
}

var table = crc32.MakeTable(crc32.Castagnoli)

// appendLine adds a line: eight digits of checksum, a space, the record as JSON.
func appendLine(to []byte, r lease.Record) ([]byte, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("leaselog: %w", err)
	}
	if len(data) > maxLine-10 {
		return nil, fmt.Errorf("leaselog: a record of %d octets", len(data))
	}
	to = fmt.Appendf(to, "%08x ", crc32.Checksum(data, table))
	return append(append(to, data...), '\n'), nil
}

// read returns the records of a log and how much of it is whole.
func read(from io.Reader) (records []lease.Record, whole int64, err error) {
	lines := bufio.NewReaderSize(from, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return records, whole, nil // with an unfinished line, or none
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, 0, fmt.Errorf("leaselog: read: %w", err)
		}
		r, ok := parseLine(line)
		if !ok {
			// A crash may leave anything where the last line was to be, but nothing behind it.
			if _, err := lines.Peek(1); errors.Is(err, io.EOF) {
				return records, whole, nil
			}
			return nil, 0, fmt.Errorf("%w at octet %d; the edge needs another folder and another key: with this one it could sign a lease twice", ErrDamaged, whole)
		}
		records = append(records, r)
		whole += int64(len(line))
	}
}

func parseLine(line []byte) (r lease.Record, ok bool) {
	if len(line) < 11 || line[8] != ' ' || line[len(line)-1] != '\n' {
		return r, false
	}
	sum, err := strconv.ParseUint(string(line[:8]), 16, 32)
	data := line[9 : len(line)-1]
	if err != nil || uint32(sum) != crc32.Checksum(data, table) || json.Unmarshal(data, &r) != nil || r.Slot < 0 || r.Slot >= maxSlot {
		return r, false
	}
	return r, true
}

// maxSlot bounds the slots that a log may speak of.
const maxSlot = 1 << 10

func readSnapshot(name string) (s snapshot, err error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return snapshot{}, nil
	}
	if err != nil {
		return snapshot{}, fmt.Errorf("leaselog: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil || len(s.Epochs) > maxSlot || s.Sum != s.sum() {
		return snapshot{}, fmt.Errorf("leaselog: %s does not read as it was written; the edge needs another folder and another key: with this one it could sign a lease twice", name)
	}
	return s, nil
}

func (s snapshot) sum() uint32 {
	return crc32.Checksum(append(fmt.Append(nil, s.Epochs), s.Edge...), table)
}

// writeSnapshot replaces the epochs' file: after a crash there is the old one or the new one.
func writeSnapshot(name string, s snapshot) error {
	s.Sum = s.sum()
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("leaselog: %w", err)
	}
	return WriteFile(name, data)
}

// WriteFile replaces a file as a whole, on the disk when it returns.
func WriteFile(name string, data []byte) (err error) {
	next, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".new-")
	if err != nil {
		return fmt.Errorf("leaselog: %w", err)
	}
	_, err = io.Copy(next, bytes.NewReader(data))
	if err = errors.Join(err, next.Sync(), next.Close()); err == nil {
		err = os.Rename(next.Name(), name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("leaselog: write %s: %w", name, err), os.Remove(next.Name()))
	}
	return syncFolder(filepath.Dir(name))
}

// syncFolder has the names in a folder on the disk.
func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("leaselog: %w", err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return fmt.Errorf("leaselog: sync %s: %w", name, err)
	}
	return nil
}
