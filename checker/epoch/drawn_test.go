package epoch

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Whoever keeps a log is not to know whom a task draws when it sets it, nor to choose by that whether anything comes of it.
func TestATaskIsSetBeforeItsRoundIsKnown(t *testing.T) {
	w := newTown(t, 5, 2, 5)
	task, later := w.task(w.edges[0]), w.task(w.edges[1])
	same := later
	same.Round = task.Round
	carried := w.carry(t, task, nil)
	told := carried[1]
	if told.Drawn == nil {
		t.Fatal("the second entry is not the round")
	}
	untold := slices.Delete(slices.Clone(carried), 1, 2)
	for _, row := range []struct {
		reason  string
		entries []Entry
		want    string // "" is taken
	}{
		{"as it should be", carried, ""},
		{"one more for a round that draws already", append(slices.Clone(carried), Entry{Task: &same}), "is known already"},
		{"the round twice", append(slices.Clone(carried), told), "has come already"},
		{"a round that nobody waits for", append(slices.Clone(carried), Entry{Drawn: &Drawn{Round: task.Round + 9}}), "no task waits"},
		{"before there is a task", []Entry{told}, "no task waits"},
		{"reports before it is told", untold, "nobody is drawn yet"},
		{"another value than the checkers know", slices.Concat(carried[:1], []Entry{{Drawn: &Drawn{Round: task.Round, Value: Hash{9}}}}, carried[2:]), ""},
	} {
		err := replayed(append(w.opening(), row.entries...))
		if row.want == "" && err != nil || row.want != "" && (!errors.Is(err, ErrFlaw) || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v, want %q", row.reason, err, row.want)
		}
	}

	// Without the round there is no end.
	log, _, err := Open(filepath.Join(t.TempDir(), "epoch.log"))
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Append(append(w.opening(), Entry{Task: &task})...); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Seal(); !errors.Is(err, ErrFlaw) {
		t.Errorf("an epoch ends before its task is drawn: %v", err)
	}
	if err := log.Append(told); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Seal(); err != nil {
		t.Error(err)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}

	// Nor does a reader take one for an end.
	var without strings.Builder
	for l := range strings.Lines(string(write(t, append(w.opening(), carried...)))) {
		if !strings.HasPrefix(l, `{"drawn"`) && !strings.HasPrefix(l, `{"commitment"`) && !strings.HasPrefix(l, `{"report"`) {
			without.WriteString(l)
		}
	}
	if _, err := Verify(strings.NewReader(without.String())); !errors.Is(err, ErrFlaw) || !strings.Contains(err.Error(), "is not told") {
		t.Errorf("a sealed log without the round: %v", err)
	}
}
