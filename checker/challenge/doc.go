// Package challenge answers: did this edge draw, in time, what nobody could know before it was asked? It is the checker's half of
// docs/adr/0040; what is drawn is package internal/scene/arena.
//
// # Vocabulary
//
//   - Plan: one challenge: task, size, frame rate, how long, how often a nonce.
//   - Watch: what a checker notes while the stream runs: nonces sent, pictures that came, round trips.
//   - Sample: a picture that is kept, to be redrawn by a Painter when the stream is over.
//   - Finding: one figure with its limit. A Verdict is all of them, passed where each is within its limit.
//
// # What is believed
//
// The checker's own clock, and pictures. What a picture says of itself (arena.Said) says which picture it should be, no more: samples are
// compared with the checker's own drawing of it, and of the instants one frame before and after.
//
// # Limits
//
// Limits.Alarm is the share of challenges in which each finding may be wrong of an honest edge that is as good as Limits suppose. Counts are
// compared with the binomial distribution's quantile, the delay with its own scatter, and the latest answers, which may have waited for a lost
// packet, left out (delay.go).
//
// # Concurrency
//
// Everything is pure and on the instants that it is handed. A Watch has one owner.
package challenge
