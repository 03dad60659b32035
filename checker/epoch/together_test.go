package epoch

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"nearlight/internal/identity"
)

// together makes an occasion of a task for some edges: the tasks of all of them.
func together(task Task, edges ...identity.Address) (tasks []Task) {
	for _, edge := range edges {
		one := task
		one.Edge, one.Check, one.Seed = edge, "capacity", Hash{edge[19]}
		one.Plan = &Plan{Width: 640, Height: 360, FrameRate: 30, Objects: 1, Length: 6000, Every: 500}
		one.Together = &Together{Edges: edges, Alone: 4000, Window: 10_000}
		tasks = append(tasks, one)
	}
	return tasks
}

func TestAnOccasionIsMeasuredByOneCommittee(t *testing.T) {
	w := newTown(t, 12, 2, 6)
	tasks := together(w.task(identity.Address{}), w.edges...)
	first, second := w.carry(t, tasks[0], nil), w.carry(t, tasks[1], nil)
	who := func(entries []Entry) (checkers []identity.Address) {
		for _, e := range entries {
			if e.Report != nil {
				checkers = append(checkers, e.Report.Checker)
			}
		}
		return checkers
	}
	if len(who(first)) < 3 || !slices.Equal(who(first), who(second)) {
		t.Errorf("drawn for one %v, for the other %v", who(first), who(second))
	}
	entries, drawn := w.opening(), false // in the order of their times
	for _, is := range []func(Entry) bool{func(e Entry) bool { return e.Task != nil }, func(e Entry) bool { return e.Drawn != nil }, func(e Entry) bool { return e.Commitment != nil }, func(e Entry) bool { return e.Report != nil }} {
		for _, e := range slices.Concat(first, second) {
			if is(e) && (e.Drawn == nil || !drawn) { // one round draws for both
				entries, drawn = append(entries, e), drawn || e.Drawn != nil
			}
		}
	}
	checked, err := Verify(strings.NewReader(string(write(t, entries))))
	if err != nil || len(checked.Differences) > 0 || len(checked.Outcome.Verdicts) != 2 {
		t.Fatalf("%v, %+v", err, checked)
	}
	for _, v := range checked.Outcome.Verdicts {
		if v.Result != Passed || !slices.Equal(v.Together, w.edges) || len(v.Conduct) != len(who(first)) {
			t.Errorf("%+v", v)
		}
	}
}

func TestAnOccasionThatHasNoPlaceInALogIsAFlaw(t *testing.T) {
	w := newTown(t, 3, 3, 3)
	a, b := w.edges[0], w.edges[1]
	opening := w.opening()
	log := func(tasks ...Task) []Entry {
		entries := slices.Clone(opening)
		for _, task := range tasks {
			entries = append(entries, Entry{Task: &task})
		}
		return entries
	}
	after := func(task Task, later Millis) Task {
		task.At, task.DrawnAt, task.CommitBy, task.RevealBy = task.At+later, task.DrawnAt+later, task.CommitBy+later, task.RevealBy+later
		return task
	}
	changed := func(change func(*Task)) Task {
		task := together(w.task(a), a, b)[0]
		company := *task.Together
		company.Edges = slices.Clone(company.Edges)
		task.Together = &company
		change(&task)
		return task
	}
	own, both := w.task(a), together(w.task(a), a, b)
	for _, row := range []struct {
		reason  string
		entries []Entry
		want    string // "" is taken
	}{
		{"two at once", log(both...), ""},
		{"one of them alone: the other's is yet to come", log(both[1]), ""},
		{"a task by itself when it is over", log(both[0], after(own, both[0].RevealBy-own.At)), ""},
		{"while a task by itself runs", log(own, changed(func(t *Task) { t.At = own.At + 1 })), "asked already"},
		{"a task by itself meanwhile", log(both[0], after(own, both[0].At-own.At+1)), "while it is asked together"},
		{"a second occasion meanwhile", log(both[0], after(both[0], 1)), "asked already"},
		{"with an edge that nobody knows", log(changed(func(t *Task) { t.Together.Edges[1] = identity.Address{0xff} })), "not enrolled"},
		{"one edge", log(changed(func(t *Task) { t.Together.Edges = t.Together.Edges[:1] })), "2 to 4"},
		{"one edge twice", log(changed(func(t *Task) { t.Together.Edges[1] = a })), "each once"},
		{"out of order", log(changed(func(t *Task) { slices.Reverse(t.Together.Edges) })), "in order"},
		{"others only", log(changed(func(t *Task) { t.Edge = w.edges[2] })), "one of those"},
		{"without a challenge", log(changed(func(t *Task) { t.Plan = nil })), "by a challenge"},
		{"without time to be alone", log(changed(func(t *Task) { t.Together.Alone = 0 })), "by a challenge"},
		{"of one window that is longer than all of it", log(changed(func(t *Task) { t.Together.Window = 20_001 })), "within the time"},
	} {
		err := replayed(row.entries)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want) || !errors.Is(err, ErrFlaw) && !errors.Is(err, ErrEntry)) {
			t.Errorf("%s: %v, want %q", row.reason, err, row.want)
		}
	}
}

func TestAnAppealAsksTheSameTogether(t *testing.T) {
	w := newTown(t, 5, 3, 5)
	fails := make(map[int]fate)
	for i := range 5 {
		fails[i] = fate{answers: func(a []Answer) { a[1].Figure = 90 }}
	}
	failed := together(w.task(w.edges[0]), w.edges[:2]...)[0]
	id, err := failed.ID()
	if err != nil {
		t.Fatal(err)
	}
	before := append(w.opening(), w.carry(t, failed, fails)...)
	next := w.task(w.edges[0])
	for _, row := range []struct {
		reason string
		task   Task
		want   string
	}{
		{"the same", together(next, w.edges[:2]...)[0], ""},
		{"by itself", together(next, w.edges[:2]...)[0], "same others"},
		{"with more", together(next, w.edges...)[0], "same others"},
	} {
		if row.reason == "by itself" {
			row.task.Together = nil
		}
		row.task.Appeal = (*Hash)(&id)
		err := replayed(append(slices.Clone(before), Entry{Task: &row.task}))
		if row.want == "" && err != nil || row.want != "" && (!errors.Is(err, ErrFlaw) || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v, want %q", row.reason, err, row.want)
		}
	}
}

func TestATaskByItselfHasTheFormThatItHad(t *testing.T) {
	task := newTown(t, 1, 1, 1).task([20]byte{1})
	line, err := Entry{Task: &task}.Encode()
	if err != nil || strings.Contains(string(line), "together") {
		t.Errorf("%v: %s", err, line)
	}
}
