package epoch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrTorn reports a log whose last line has no end: whoever wrote it was stopped there.
var ErrTorn = errors.New("epoch: the log is cut off in the middle of an entry")

// Scan calls take for each entry and its line, which is valid until take returns. The error says which line it is about; one that wraps ErrTorn comes after all whole lines.
func Scan(log io.Reader, take func(e Entry, line []byte) error) error {
	lines := bufio.NewReaderSize(log, MaxLine+1)
	known := make(addresses)
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("line %d: %w", number, ErrTorn)
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("line %d: %w: more than %d octets", number, ErrEntry, MaxLine)
		case err != nil:
			return fmt.Errorf("line %d: %w", number, err)
		}
		line = line[:len(line)-1]
		e, err := decode(line, known)
		if err == nil {
			err = take(e, line)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
}

// Checked is what Verify has found.
type Checked struct {
	Epoch   uint64 `json:"epoch"`
	Entries uint64 `json:"entries"`
	Root    Hash   `json:"root"` // of all lines but the end
	// Sealed says that the log has an end; without one it has come to Outcome so far.
	Sealed  bool    `json:"sealed"`
	Outcome Outcome `json:"outcome"`
	// Differences are where the log says otherwise than its entries come to, the first of them in words, and More how many there are besides.
	Differences []string `json:"differences,omitempty"`
	More        int      `json:"more,omitempty"`
}

const mostDifferences = 100

func (c *Checked) differs(format string, args ...any) {
	if len(c.Differences) == mostDifferences {
		c.More++
		return
	}
	c.Differences = append(c.Differences, fmt.Sprintf(format, args...))
}

// Verify comes to an epoch's outcome by its log and compares it with the log's own. The error is of a log that cannot be replayed: it wraps
// ErrEntry, ErrFlaw, ErrTorn or the reader's.
func Verify(log io.Reader) (Checked, error) {
	return verify(log, func(r *Replay, log io.Reader, take func(Entry, []byte) error) error {
		return r.scanAhead(log, mostAhead, take)
	})
}

func verify(log io.Reader, scan func(*Replay, io.Reader, func(Entry, []byte) error) error) (Checked, error) {
	replay := NewReplay()
	var checked Checked
	var expected [][]byte // the outcome's lines, once the log tells its own
	told := 0
	telling := false
	err := scan(replay, log, func(e Entry, line []byte) error {
		if checked.Sealed {
			return flaw("there is more behind the end")
		}
		if !e.claims() {
			if telling {
				return flaw("the outcome is told already")
			}
			return replay.Add(e, line)
		}
		if !telling {
			telling = true
			err := replay.undrawn()
			if err != nil {
				return err
			}
			if checked.Outcome, err = replay.Outcome(); err != nil {
				return err
			}
			for _, entry := range checked.Outcome.entries() {
				own, err := entry.Encode()
				if err != nil {
					return err
				}
				expected = append(expected, own)
			}
		}
		if e.End != nil {
			for ; told < len(expected); told++ {
				checked.differs("it lacks %.300s", expected[told])
			}
			checked.Sealed = true
			if want := (End{Epoch: replay.head.Epoch, Root: replay.tree.Root(), Entries: replay.tree.Size()}); *e.End != want {
				checked.differs("it ends with epoch %d, %d entries and root %v, and has epoch %d, %d entries and root %v",
					e.End.Epoch, e.End.Entries, e.End.Root, want.Epoch, want.Entries, want.Root)
			}
			return nil
		}
		switch {
		case told >= len(expected):
			checked.differs("it has, in excess, %.300s", line)
		case !bytes.Equal(line, expected[told]):
			checked.differs("%.60s... says %s, where its entries come to %s", line, apart(line, expected[told]), apart(expected[told], line))
		}
		told++
		replay.tree.Add(line)
		return nil
	})
	if err != nil {
		return Checked{}, err
	}
	if !telling {
		if checked.Outcome, err = replay.Outcome(); err != nil {
			return Checked{}, err
		}
	}
	checked.Epoch, checked.Entries, checked.Root = replay.head.Epoch, replay.tree.Size(), replay.tree.Root()
	return checked, nil
}

// apart is where a line begins to differ from another.
func apart(line, other []byte) string {
	const before, shown = 40, 120
	at := 0
	for at < min(len(line), len(other)) && line[at] == other[at] {
		at++
	}
	from := max(at-before, 0)
	return "..." + string(line[from:min(from+shown, len(line))])
}

// Log is an epoch's log that is being written.
type Log struct {
	file   *os.File
	replay *Replay
	sealed bool
	end    End // where it is sealed
}

// Open opens the log at path, or makes it. What a writer that was stopped has left of an entry is cut off, which torn reports: nobody was told
// that it was taken.
func Open(path string) (_ *Log, torn bool, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, false, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	l := &Log{file: file, replay: NewReplay()}
	own := int64(0) // the length of all entries but the outcome's, which only counts with its end
	told := false
	err = l.replay.scanAhead(file, mostAhead, func(e Entry, line []byte) error {
		told = told || e.claims()
		if l.sealed = e.End != nil; l.sealed {
			l.end = *e.End
		}
		if told {
			return nil
		}
		own += int64(len(line)) + 1
		return l.replay.Add(e, line)
	})
	if err != nil && !errors.Is(err, ErrTorn) {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	if torn = err != nil || told && !l.sealed; torn {
		l.sealed = false
		if err := errors.Join(file.Truncate(own), file.Sync()); err != nil {
			return nil, false, err
		}
	}
	_, err = file.Seek(0, io.SeekEnd)
	return l, torn, err
}

// ErrSealed reports a log that has its outcome, to which nothing is added.
var ErrSealed = errors.New("epoch: the log is sealed")

// Append checks entries and writes them; they are on the disk when it returns. After an error nothing of the entry that it is about was
// taken. Where the disk is to blame, the log is not to be used any more, and is whole when it is opened again.
func (l *Log) Append(entries ...Entry) error {
	if l.sealed {
		return ErrSealed
	}
	var taken bytes.Buffer
	var refused error
	for _, e := range entries {
		line, err := e.Encode()
		if err == nil {
			err = l.replay.Add(e, line)
		}
		if err != nil {
			refused = err
			break
		}
		taken.Write(append(line, '\n'))
	}
	return errors.Join(refused, l.write(taken.Bytes()))
}

func (l *Log) write(octets []byte) error {
	if len(octets) == 0 {
		return nil
	}
	if _, err := l.file.Write(octets); err != nil {
		return err
	}
	return l.file.Sync()
}

// Seal writes what the epoch has come to, and its end.
func (l *Log) Seal() (End, error) {
	if l.sealed {
		return End{}, ErrSealed
	}
	if err := l.replay.undrawn(); err != nil {
		return End{}, err
	}
	outcome, err := l.replay.Outcome()
	if err != nil {
		return End{}, err
	}
	var octets bytes.Buffer
	for _, e := range outcome.entries() {
		line, err := e.Encode()
		if err != nil {
			return End{}, err
		}
		l.replay.tree.Add(line)
		octets.Write(append(line, '\n'))
	}
	end := End{Epoch: l.replay.head.Epoch, Root: l.replay.tree.Root(), Entries: l.replay.tree.Size()}
	line, err := Entry{End: &end}.Encode()
	if err != nil {
		return End{}, err
	}
	octets.Write(append(line, '\n'))
	l.sealed, l.end = true, end
	return end, l.write(octets.Bytes())
}

// Outcome is what the epoch has come to, by what was taken.
func (l *Log) Outcome() (Outcome, error) { return l.replay.Outcome() }

// End is the log's end, if it has one.
func (l *Log) End() (_ End, sealed bool) { return l.end, l.sealed }

// Decide is what a task comes to if nothing more is taken of it: its verdict, once the time for reports is over.
func (l *Log) Decide(id Hash) (Verdict, error) { return l.replay.Decide(id) }

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }
