package duty

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"nearlight/checker/epoch"
)

// Step is how far a task has come.
type Step string

// The steps that are in the journal.
const (
	Measured  Step = "measured"
	Committed Step = "committed"
	Revealed  Step = "revealed"
	Missed    Step = "missed" // drawn, and not reported on: Why says it
	Judged    Step = "judged"
)

// Entry is a task in the journal: a line of it. A later line about the same task takes its place.
type Entry struct {
	Epoch  uint64        `json:"epoch"`
	Task   epoch.Hash    `json:"task"`
	Check  string        `json:"check"`
	Edge   string        `json:"edge"`
	At     epoch.Millis  `json:"at"` // when the task was set
	Step   Step          `json:"step"`
	Report *epoch.Report `json:"report,omitempty"` // while it is still to be sent
	// Conduct is what the log makes of the report, and Result of the task; Why is in words what came of it.
	Conduct string       `json:"conduct,omitempty"`
	Result  epoch.Result `json:"result,omitempty"`
	Why     string       `json:"why,omitempty"`
}

// kept is how many tasks a journal keeps.
const kept = 2000

// journal is a file of Entries.
type journal struct {
	file  *os.File
	tasks map[epoch.Hash]Entry
}

// openJournal opens the journal of a folder, which one process may do at a time. A last line without an end is dropped: nobody was told of what it says.
func openJournal(folder string) (_ *journal, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	entries, err := Read(folder)
	if err != nil {
		return nil, err
	}
	entries = entries[max(len(entries)-kept, 0):]
	j := &journal{tasks: make(map[epoch.Hash]Entry, len(entries))}
	var lines bytes.Buffer
	for _, e := range entries {
		j.tasks[e.Task] = e
		line, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		lines.Write(append(line, '\n'))
	}
	path := filepath.Join(folder, journalName)
	if j.file, err = os.OpenFile(path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return nil, err
	}
	_, err = j.file.Write(lines.Bytes())
	if err == nil {
		err = j.file.Sync()
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return nil, errors.Join(err, j.file.Close())
	}
	return j, nil
}

const journalName = "duty.log"

// Read is what a folder's journal says, each task once, in the order in which they were taken up.
func Read(folder string) ([]Entry, error) {
	file, err := os.Open(filepath.Join(folder, journalName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	at := make(map[epoch.Hash]int)
	var entries []Entry
	lines := bufio.NewReaderSize(file, 2*epoch.MaxLine)
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		var e Entry
		if err == nil {
			err = json.Unmarshal(line, &e)
		}
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", file.Name(), number, err)
		}
		if i, known := at[e.Task]; known {
			entries[i] = e
			continue
		}
		at[e.Task] = len(entries)
		entries = append(entries, e)
	}
}

// write keeps an entry; it is on the disk when write returns.
func (j *journal) write(e Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.tasks[e.Task] = e
	return nil
}

func (j *journal) close() error { return j.file.Close() }
