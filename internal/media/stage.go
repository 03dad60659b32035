package media

import "time"

// Instant is a reading of CLOCK_MONOTONIC, in nanoseconds. It is comparable between all processes of one machine, and
// with nothing else. The zero Instant means "not known".
type Instant int64

// Sub returns the time from earlier to i, which may be negative.
func (i Instant) Sub(earlier Instant) time.Duration { return time.Duration(i - earlier) }

// Add returns the instant d later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// StageTimes says when each stage of one frame's way was over. A stage that has not happened is zero.
type StageTimes struct {
	Damaged   Instant // the first damage that led to this frame was reported: the frame's capture time, never stamped again
	GrabBegun Instant // the damage had ended (or been waited for long enough) and the grab began
	Grabbed   Instant // pixels are in our memory
	Converted Instant // I420 is ready
	Encoded   Instant // the last slice left the encoder
	Sent      Instant // the last packet was handed to the socket
}
