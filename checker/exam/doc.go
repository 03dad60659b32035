// Package exam answers: what is an edge asked in a check, and what does a visit to it answer?
//
// # Vocabulary
//
//   - Requirements are what a network asks of its edges. They are in each task, so that a log says what was required.
//   - A task is what one committee is asked (checker/epoch). Found is what a checker has seen on one visit.
//
// # Who measures when
//
// All who are drawn for a task measure in the time until its commitments are due, each at a moment that nobody else knows before the proof is shown
// (Moment): one slot has room for one after the other.
//
// Of an occasion (epoch.Together) each takes one of its windows, in which it asks several edges by themselves, then at once.
//
// # Concurrency
//
// Everything is pure.
package exam
