package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestOutputKeepsTheLastLinesSafeToShow(t *testing.T) {
	for _, step := range []struct {
		reason, written string
		want            []string
	}{
		{"lines come one by one", "one\ntwo\n", []string{"one", "two"}},
		{"the line that has no end counts", "one\ntwo", []string{"one", "two"}},
		{"empty lines say nothing", "one\n\n  \n\ntwo\n", []string{"one", "two"}},
		{"Windows' line ends", "one\r\ntwo\r\n", []string{"one", "two"}},
		{"a progress bar ends with its last state", "10%\r50%\r100%\n", []string{"100%"}},
		{"colours and titles are left out", "\x1b[31;1mred\x1b[0m \x1b]0;title\x07text\n", []string{"red text"}},
		{"control characters are left out", "a\x00b\x07c\x7fd\u0085e\n", []string{"abcde"}},
		{"text cannot turn around", "a\u202eb\n", []string{"ab"}},
		{"tabs become blanks", "a\tb\n", []string{"a b"}},
		{"what is no UTF-8 is marked", "a\xffb\n", []string{"a\uFFFDb"}},
	} {
		o := &Output{}
		fmt.Fprint(o, step.written)
		if got := o.Last(100); !slices.Equal(got, step.want) {
			t.Errorf("%s: %q, want %q", step.reason, got, step.want)
		}
	}
}

func TestOutputIsBounded(t *testing.T) {
	o := &Output{}
	for n := range 10 * keptLines {
		fmt.Fprintf(o, "line %d\n", n)
	}
	if got := o.Last(2); !slices.Equal(got, []string{"line 1998", "line 1999"}) {
		t.Errorf("the last lines are %q", got)
	}
	if got := o.Last(1 << 30); len(got) != keptLines || got[0] != "line 1800" {
		t.Errorf("it keeps %d lines from %q", len(got), got[0])
	}
	fmt.Fprint(o, strings.Repeat("x", 100*lineBytes), "\nend")
	if got := o.Last(2); len(got[0]) != lineBytes || got[1] != "end" {
		t.Errorf("a long line has %d octets and is followed by %q", len(got[0]), got[1])
	}
	if got := o.Last(-1); len(got) != 0 {
		t.Errorf("fewer than no lines: %q", got)
	}
}

func FuzzOutput(f *testing.F) {
	f.Add([]byte("\x1b[2J\x1b]8;;http://x\x1b\\link\n"), 3)
	f.Add([]byte("a\rb\xff\n\n\u202e"), 0)
	f.Fuzz(func(t *testing.T, written []byte, split int) {
		o := &Output{}
		split = min(max(split, 0), len(written))
		for _, part := range [][]byte{written[:split], written[split:]} {
			if n, err := o.Write(part); n != len(part) || err != nil {
				t.Fatalf("wrote %d of %d, %v", n, len(part), err)
			}
		}
		for _, line := range o.Last(keptLines) {
			if line == "" || !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) {
				t.Errorf("%q is not fit to be shown", line)
			}
		}
	})
}
