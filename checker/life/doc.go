// Package life answers: in which state is an edge, by the checks that were decided about it, and what is to be checked next?
//
// # Vocabulary
//
//   - A check is what a committee decides about an edge (checker/committee), or what its heartbeats show: Enrolment, Alive, Steady, Capacity, Experience.
//   - A Life is an edge's state and what of its past matters to it. An Event is what happened to it; Life.After is the only way from one to the next.
//   - Here are the states in which an edge is expected to be there: Probation, Standby, Streaming and Draining.
//   - In doubt is an edge whose latest check of some kind failed; unproven is one that comes back from jail or a long outage.
//   - A failure is a check that failed and may still matter: it counts towards jail, or can be appealed against.
//   - A stretch is ten minutes of a day's 144, for which one value of a public beacon says whether a check at random times is due.
//
// # What everybody comes to
//
// All of it is in whole numbers and in milliseconds that are handed in, and none of it is read from a clock: whoever has the events comes to the
// same state. Times never go back. What an event says that does not matter in a state changes nothing but the time of the latest event; what an
// owner asks for and cannot have is refused, and says why.
//
// # What it costs to be bad
//
// Players, and so pay, and score (epoch.Standing). Never stake: that is lost for signed contradictions alone, which are none of this package's business.
//
// # What it does not look at
//
// Whether an event is true, whether a check was drawn as it should have been, and whether a task was decided twice: whoever keeps the log shows that
// (checker/epoch). Whether stake is there.
//
// # Concurrency
//
// Everything is a value: After copies what it changes.
package life
