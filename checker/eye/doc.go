// Package eye answers one question: what does one session at one edge come to, as a player has it? It asks signaling for a session, plays it like
// anybody else, and returns the figures of checker/latency and checker/quality, and the verdict of checker/challenge where it was to challenge.
//
// # Vocabulary
//
// A Visit is what to look at, a Sight what was seen. A picture is looked into when its sharpness and its blocks are measured, which is done now and
// then; the rest, which takes little, is done with each.
//
// # Whose fault
//
// What goes wrong is one of three things, which errors.Is tells: ErrUnserved is a finding about the edge; ErrTaken is none, since there was no room; ErrTrouble is
// the checker's own, or signaling's, and says nothing of anybody. Once there is a session, whatever ends it early counts against the edge, in whichever words it
// was told, since the words are the edge's. What was seen until then is returned beside the error.
//
// # What is bounded
//
// A Look keeps no pictures but those that a challenge samples, which its plan bounds. All figures are sums and buckets, however long it
// looks and whatever the edge sends.
//
// # Concurrency
//
// Looks know nothing of each other: several may go on at once. Each returns after its last goroutine has.
package eye
