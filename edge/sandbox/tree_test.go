package sandbox

import "testing"

func FuzzParseStat(f *testing.F) {
	f.Add("17 (a) b (c) S 5 17 17 0")
	f.Add("17 (x")
	f.Fuzz(func(t *testing.T, stat string) {
		if _, parent, ok := parseStat(stat); !ok && parent != 0 {
			t.Errorf("%q has the parent %d all the same", stat, parent)
		}
	})
}

func TestParseStatReadsNamesWithParentheses(t *testing.T) {
	if state, parent, ok := parseStat("17 (a) b (c) S 5 17 17 0"); !ok || state != 'S' || parent != 5 {
		t.Errorf("state %c, parent %d, %v", state, parent, ok)
	}
}
