// Package epoch answers, from its log alone and for anybody: what has an epoch of checking come to?
//
// # The log
//
// A log is a file of lines, each of them one entry in JSON, in the order in which whoever keeps it took them:
//
//	head          number of the epoch, root of the one before, size of committees
//	checker ...   who may be drawn, with the score so far, and where it says that it is
//	edge ...      what is checked, with the standing so far, where it says that it is, and what was made of that so far
//	task, drawn, commitment, report ...    commitments and reports signed by checkers; times never go back
//	end           root of the Merkle tree of all lines before it, verdicts, scores, standings
//
// A task is set for a round of the beacon that is yet to come (drawn is its value): whoever keeps the log cannot know whom it draws when it sets it.
//
// A task may be one of several that are one occasion (Together): edges that may be one machine, measured at once by one committee.
//
// Replay comes to the end by itself, and Verify says where the log's own differs. An entry has one form: a line that says the same in other
// octets is refused, so that its hash (RFC 9162, section 2.1) names it.
//
// # What is a flaw of whom
//
// A report that is not the one committed to, that answers nothing, or that comes from a checker that was not drawn, is signed, and counts against
// the checker. An entry that is not signed, comes too late, belongs to no task or to nobody who is licensed has no place in a log: it is a Flaw
// of the log.
//
// # Where edges are
//
// Reports have round trips beside their answers. By these, and by where checkers say that they are, checker/location says of each edge's claim whether it is impossible (Located). It stands beside the edge's standing, and
// nothing else comes of it.
//
// # What a log cannot show
//
// What was left out of it, and whether its times are true. A checker knows of its own entries; the order of commitments and reports is that
// of the lines.
//
// # Concurrency
//
// Everything is pure. A Replay has one owner.
package epoch
