// Package match answers one question: which edge should this player play on, and why?
//
// It takes three steps. An Index of all edges gives a shortlist for a Request: a few edges that meet every Demand, some near the
// player, some deliberately elsewhere, some remembered (Memory) as good from the player's network. The player's browser measures
// round trips to them, which become a Link each. Rank orders the shortlist by a Policy, and leaves an edge that the player has for
// one that is clearly better only. Explain says the same for people: which demand an edge does not meet, or what its terms come to.
//
// # Vocabulary
//
// A demand is what an edge must meet; the first one that it does not meet is the reason it is given. A candidate is an edge on the
// shortlist, its vantage the reason it is there. A link is what measurement came to. A term is one part of a candidate's cost; costs
// are in milliseconds of round trip, so that terms can be compared.
//
// # What is trusted
//
// Round trips are measured by players. They are a preference, never proof: they are bounded where they come in, order the
// shortlist of the player who sent them, and are forgotten by half-life. Whoever lies about them is given a worse edge.
//
// # Concurrency
//
// Everything is pure: no clock, no sockets, no goroutines; times and random numbers are the caller's. An Index, a Memory and a History
// have one owner each, who calls one method at a time; even Shortlist uses scratch space of the index.
package match
