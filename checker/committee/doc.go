// Package committee answers what many checkers, whom nobody has to trust one by one, have found together: who was drawn for a task, which
// of their reports count, what these decide, and how each of them has conducted itself.
//
// # How a task is decided
//
//	drawn ──commit──> committed ──reveal──> revealed ──> counted, or left out by a cap
//	   a beacon's round      until CommitBy       until RevealBy
//
// A checker learns from a verifiable random function of the beacon and the task (checker/vrf) whether it is drawn: nobody else does
// before it reveals. It measures, and commits to its report. When no more commitments are taken, reports, salts and proofs are revealed, so that nobody
// can copy what another found. Of one owner and of one network one report counts, the one whose output is the least. What counts
// decides by strict majority, or by the median.
//
// # Vocabulary
//
// A seat is one counted report. A roster holds the licensed checkers and the weights by which they are drawn. A question is one
// thing that a task asks; an answer is a checker's to it. A vantage is the part of a figure that comes from where the checker is.
//
// # What is bounded
//
// SizeFor computes how many seats a task has, from a bound on the probability of a false verdict when a part of all weight
// colludes. Below the minimum a task is undecided, and is drawn again; a task that stays undecided changes nothing for anybody.
//
// # Concurrency
//
// Everything is pure: times are the caller's. A Round has one owner, who calls one method at a time.
package committee
