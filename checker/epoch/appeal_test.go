package epoch

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestACheckIsDoneAgainOnAppealOnceAndByWhomItConcerns(t *testing.T) {
	w := newTown(t, 5, 2, 5)
	slow := fate{answers: func(a []Answer) { a[1].Figure = 90 }}
	worse := map[int]fate{0: slow, 1: slow, 2: slow, 3: slow, 4: slow}
	absent := map[int]fate{0: {absent: true}, 1: {absent: true}, 2: {absent: true}, 3: {absent: true}, 4: {absent: true}}
	id := func(task Task) *Hash {
		id, err := task.ID()
		if err != nil {
			t.Fatal(err)
		}
		return (*Hash)(&id)
	}
	failed, passed := w.task(w.edges[0]), w.task(w.edges[0])
	on := func(task Task, first *Hash) Task {
		task.Appeal = first
		return task
	}
	first := id(failed)
	undecided, upheld := on(w.task(w.edges[0]), first), on(w.task(w.edges[0]), first)
	third := on(w.task(w.edges[0]), first)
	play := func(tasks ...Task) []Entry {
		entries := w.opening()
		for i, task := range tasks {
			var fates map[int]fate
			switch {
			case *id(task) == *first, *id(task) == *id(upheld):
				fates = worse
			case *id(task) == *id(undecided):
				fates = absent
			}
			if i == len(tasks)-1 {
				return append(entries, Entry{Task: &task})
			}
			entries = append(entries, w.carry(t, task, fates)...)
		}
		return entries
	}
	early := on(w.task(w.edges[0]), first)
	early.At, early.DrawnAt, early.CommitBy, early.RevealBy = failed.At+1, failed.DrawnAt+1, failed.CommitBy+1, failed.RevealBy+1
	otherCheck := on(w.task(w.edges[0]), first)
	otherCheck.Check = "capacity"
	for _, row := range []struct {
		reason  string
		entries []Entry
		want    string // "" is taken
	}{
		{"one that failed", play(failed, upheld), ""},
		{"one that failed, when the first appeal was not decided", play(failed, undecided, upheld), ""},
		{"one of an epoch before, of which this log knows nothing", play(failed, on(w.task(w.edges[1]), &Hash{7})), ""},
		{"one that was done again", play(failed, upheld, third), "has been done again, and failed then"},
		{"one that was passed", play(passed, on(w.task(w.edges[0]), id(passed))), "which is passed"},
		{"another edge's", play(failed, on(w.task(w.edges[1]), first)), "another edge's"},
		{"by another check", play(failed, otherCheck), "another check"},
		{"an appeal", play(failed, upheld, on(w.task(w.edges[0]), id(upheld))), "an appeal itself"},
		{"of no name", play(on(w.task(w.edges[0]), &Hash{})), "names a task"},
		{"before it is decided", append(append(w.opening(), Entry{Task: &failed}), Entry{Task: &early}), "not decided yet"},
	} {
		err := replayed(row.entries)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want) || !errors.Is(err, ErrFlaw) && !errors.Is(err, ErrEntry)) {
			t.Errorf("%s: %v, want %q", row.reason, err, row.want)
		}
	}
}

// replayed is what a replay says of entries.
func replayed(entries []Entry) error {
	r := NewReplay()
	for i, e := range entries {
		line, err := e.Encode()
		if err == nil {
			err = r.Add(e, line)
		}
		if err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return nil
}

func TestATaskThatIsNoAppealHasTheFormThatItHad(t *testing.T) {
	task := newTown(t, 1, 1, 1).task([20]byte{1})
	line, err := Entry{Task: &task}.Encode()
	if err != nil || strings.Contains(string(line), "appeal") {
		t.Errorf("%v: %s", err, line)
	}
	task.Appeal = &Hash{1}
	again, err := Entry{Task: &task}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if e, err := Decode(again); err != nil || *e.Task.Appeal != *task.Appeal {
		t.Errorf("%v: %+v", err, e)
	}
}
