// Package latency answers one question: how does a stream feel in time, as a player has it? From the frames that were presented and the inputs
// that the checker sent it makes figures: how long an input takes until it is seen, how steadily frames come, what is missing.
//
// # Vocabulary
//
// A frame is presented when it is decoded: a checker has no screen. A frame time is what passes between two presented frames. A marker is
// the block in a frame that says which input it answers, and which picture it is (internal/marker). A fresh frame shows another picture than the one
// before. A deadline is when the next fresh frame is due, by the frame rate that was promised.
//
// # Whose clock
//
// Everything that supports a verdict is on the checker's own clock: an input's instant, and that of the frame that answers it. The
// marker's instant is the edge's word. What rests on it, Report.GlassToGlass, is advice, and has its error beside it.
//
// # What is bounded
//
// A Meter is below 64 KiB, however long it watches and whatever it is told: distributions are counted in buckets, inputs wait for their answers in a
// ring, and everything else is a sum.
//
// # Concurrency
//
// Everything is pure: instants are the caller's, and there is no goroutine. A Meter has one user at a time.
package latency
