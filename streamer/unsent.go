package streamer

import "nearlight/streamer/congestion"

const (
	// undrainedShare is the part of a frame's share of the rate that may wait for TCP when the next frame is made, undrainedLeast what always
	// may: what the kernel is let hold comes to half of it.
	undrainedShare = 2
	undrainedLeast = 8 << 10
)

// undrained reports whether so much waits for a TCP connection to take it that the next frame would be behind it. The caller holds mu.
func (o *outbound) undrained(f congestion.Figures) bool {
	const frames = 60 // a second: at fewer they are larger, and there is more time for them
	return o.flow.Unsent() > max(int(f.Target/8/frames/undrainedShare), undrainedLeast)
}
