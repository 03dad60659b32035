package app

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

const (
	keptLines = 200  // of an app's output
	lineBytes = 1000 // of one line; the rest of it is dropped
)

// Output keeps the last lines that a program wrote, as text that is safe to show: valid UTF-8 without control
// characters or terminal escapes. It is an io.Writer that never fails and never waits for anyone.
type Output struct {
	mu      sync.Mutex
	lines   []string // at most keptLines, a ring: the oldest is at next once it is full
	next    int
	partial []byte // the line that has no end yet, at most lineBytes
}

// Write takes what the program wrote.
func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	rest := b
	for {
		line, after, ended := bytes.Cut(rest, []byte{'\n'})
		o.partial = append(o.partial, line[:min(len(line), lineBytes-len(o.partial))]...)
		if !ended {
			return len(b), nil
		}
		o.keep(clean(o.partial))
		o.partial = o.partial[:0]
		rest = after
	}
}

func (o *Output) keep(line string) {
	switch {
	case line == "":
	case len(o.lines) < keptLines:
		o.lines = append(o.lines, line)
	default:
		o.lines[o.next] = line
		o.next = (o.next + 1) % keptLines
	}
}

// Last returns the last n lines that say something, the oldest first.
func (o *Output) Last(n int) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := append(append([]string(nil), o.lines[o.next:]...), o.lines[:o.next]...)
	if line := clean(o.partial); line != "" {
		lines = append(lines, line)
	}
	return lines[max(0, len(lines)-max(0, n)):]
}

// escapes are a terminal's control sequences (ECMA-48 5.4) and operating system commands (8.3.89).
var escapes = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]?|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[ -/]*[0-~]?)")

// clean makes a line safe to show. Of a line that a program overwrote by carriage returns, the last version stays.
func clean(line []byte) string {
	text := strings.TrimRight(strings.ToValidUTF8(string(line), "\uFFFD"), "\r ")
	text = text[strings.LastIndexByte(text, '\r')+1:]
	text = escapes.ReplaceAllString(text, "")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, text)
	return strings.TrimRight(text, " ")
}
