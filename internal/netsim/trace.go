package netsim

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"nearlight/internal/media"
)

// TraceOctets is what one delivery opportunity of a trace carries: mahimahi's MTU of 1500 octets and the 4 of its tunnel's
// header (Netravali et al., "Mahimahi: Accurate Record-and-Replay for HTTP", USENIX ATC 2015, and mm-link(1)).
const TraceOctets = 1504

// Bounds of a trace, which keep a hostile one from taking memory: an hour, and 16 MiB.
const (
	MaxTraceLength        = time.Hour
	MaxTraceOpportunities = 4 << 20
)

// Trace is a rate as a list of instants at each of which TraceOctets may pass: the format of mahimahi's mm-link. What is not
// used at its instant is gone; a packet may use up several opportunities, and several packets may share one. The trace
// begins anew at its last instant.
type Trace struct {
	at []uint32 // milliseconds, ascending; the last is the length
}

// ErrTrace reports a trace that cannot be used.
var ErrTrace = errors.New("malformed trace")

// NewTrace makes a trace of opportunities, in milliseconds from its beginning, in order.
func NewTrace(milliseconds []uint32) (*Trace, error) {
	t := &Trace{at: milliseconds}
	return t, t.check()
}

// ParseTrace reads mahimahi's format: on each line the milliseconds of one opportunity, in decimal, in order, and nothing
// else. Errors wrap ErrTrace unless they are the reader's.
func ParseTrace(r io.Reader) (*Trace, error) {
	var at []uint32
	lines := bufio.NewReaderSize(r, 16) // the least there is, and longer than any line that passes
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return NewTrace(at)
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("%w: line %d is too long for a number of milliseconds", ErrTrace, number)
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("read trace: %w", err)
		}
		value, ok := parseMilliseconds(line)
		if !ok {
			return nil, fmt.Errorf("%w: line %d is %q: want milliseconds in decimal, %d at the most", ErrTrace, number, line, MaxTraceLength.Milliseconds())
		}
		if len(at) == MaxTraceOpportunities {
			return nil, fmt.Errorf("%w: more than %d opportunities", ErrTrace, MaxTraceOpportunities)
		}
		at = append(at, value)
	}
}

func parseMilliseconds(line []byte) (uint32, bool) {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if len(line) == 0 || len(line) > 7 || (line[0] == '0' && len(line) > 1) {
		return 0, false
	}
	var value uint32
	for _, c := range line {
		if c < '0' || c > '9' {
			return 0, false
		}
		value = value*10 + uint32(c-'0')
	}
	return value, time.Duration(value)*time.Millisecond <= MaxTraceLength
}

func (r *Trace) check() error {
	switch n := len(r.at); {
	case n == 0:
		return fmt.Errorf("%w: it has no opportunity", ErrTrace)
	case n > MaxTraceOpportunities:
		return fmt.Errorf("%w: more than %d opportunities", ErrTrace, MaxTraceOpportunities)
	case r.at[n-1] == 0:
		return fmt.Errorf("%w: it must last longer than 0 ms", ErrTrace)
	case time.Duration(r.at[n-1])*time.Millisecond > MaxTraceLength:
		return fmt.Errorf("%w: it is longer than %v", ErrTrace, MaxTraceLength)
	case !slices.IsSorted(r.at):
		return fmt.Errorf("%w: an opportunity comes before the one above it", ErrTrace)
	}
	return nil
}

// WriteTo writes the trace in mahimahi's format.
func (r *Trace) WriteTo(w io.Writer) (int64, error) {
	var written int64
	buffered := bufio.NewWriter(w)
	var line []byte
	for _, at := range r.at {
		line = append(strconv.AppendUint(line[:0], uint64(at), 10), '\n')
		n, err := buffered.Write(line)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, buffered.Flush()
}

// Length is after what time the trace begins anew.
func (r *Trace) Length() time.Duration { return time.Duration(r.length()) * time.Millisecond }

func (r *Trace) length() int64 { return int64(r.at[len(r.at)-1]) }

func (r *Trace) instant(op int64) time.Duration {
	n := int64(len(r.at))
	return time.Duration(op/n*r.length()+int64(r.at[op%n])) * time.Millisecond
}

// from returns the first opportunity at t or later.
func (r *Trace) from(t time.Duration) int64 {
	ms := int64((t + time.Millisecond - 1) / time.Millisecond)
	lap, rest := ms/r.length(), ms%r.length()
	if rest == 0 && lap > 0 { // the last opportunities of a lap come at the instant at which the next one begins
		lap, rest = lap-1, r.length()
	}
	i, _ := slices.BinarySearch(r.at, uint32(rest))
	return lap*int64(len(r.at)) + int64(i)
}

// reach moves the cursor to t, past what has gone unused.
func (r *Trace) reach(c cursor, t time.Duration) cursor {
	if r.instant(c.op) >= t {
		return c
	}
	return cursor{op: r.from(t)}
}

func (r *Trace) begin(c cursor, t time.Duration) time.Duration { return r.instant(r.reach(c, t).op) }

func (r *Trace) finish(c cursor, t time.Duration, octets int) (cursor, time.Duration) {
	for c = r.reach(c, t); ; c = (cursor{op: c.op + 1}) {
		left := TraceOctets - c.used
		if octets < left {
			return cursor{c.op, c.used + octets}, r.instant(c.op)
		}
		if octets == left {
			return cursor{op: c.op + 1}, r.instant(c.op)
		}
		octets -= left
	}
}

func (r *Trace) octets(t time.Duration) int64 {
	return r.from(t-t%time.Millisecond+time.Millisecond) * TraceOctets
}

// TraceStatistics describes a trace by the rate in windows of 100 ms, which is about how fast a sender can react.
type TraceStatistics struct {
	Mean, P5, P95 media.Bitrate
	// LongestOutage is the longest time between two opportunities.
	LongestOutage time.Duration
}

const statisticsWindow = 100 // milliseconds

// Statistics looks at one lap of the trace. A rest that fills no window counts for Mean and LongestOutage only.
func (r *Trace) Statistics() TraceStatistics {
	length := r.length()
	rate := func(opportunities, ms int64) media.Bitrate {
		return media.Bitrate(opportunities * TraceOctets * 8 * 1000 / ms)
	}
	windows := make([]media.Bitrate, max(length/statisticsWindow, 1))
	counts := make([]int64, len(windows))
	longest := int64(r.at[0]) // the gap over the seam: the last opportunity lies at the next lap's 0
	for i, at := range r.at {
		if i > 0 {
			longest = max(longest, int64(at-r.at[i-1]))
		}
		if w := max(int64(at)-1, 0) / statisticsWindow; w < int64(len(counts)) {
			counts[w]++
		}
	}
	for i, n := range counts {
		windows[i] = rate(n, min(statisticsWindow, length))
	}
	slices.Sort(windows)
	return TraceStatistics{
		Mean: rate(int64(len(r.at)), length),
		P5:   windows[len(windows)*5/100], P95: windows[min(len(windows)*95/100, len(windows)-1)],
		LongestOutage: time.Duration(longest) * time.Millisecond,
	}
}
