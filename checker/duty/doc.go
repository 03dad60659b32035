// Package duty is a checker at work: it follows an epoch's log, finds out whether it is drawn, visits the edge, commits to what it has found and shows it
// when the time for that has come.
//
// # The way of a task
//
//	set ──drawn──> planned ──visit──> measured ──> committed ──CommitBy──> revealed ──RevealBy──> judged
//	        at exam.Moment            in the journal        reports are taken         what the log makes of it
//
// A report is in the journal, on the disk, before anybody hears of it: a checker that was stopped goes on from there. It never measures a task twice that it
// has a report of, since two commitments to one task cost its stake.
//
// # What is not reported
//
// That all slots are taken says nothing of an edge, and trouble of the checker's own neither: it tries again while there is time, and is silent then, which
// costs it nothing, since nobody knows that it was drawn.
//
// Of edges that are asked at once (epoch.Together) nothing is reported unless they were, by the checker's own clock.
//
// # What is not believed
//
// The notary: each entry is replayed (checker/epoch), and tasks whose beacon is not the beacon's are left alone.
//
// # Concurrency
//
// Run owns everything. One visit is made at a time, or those of one occasion.
package duty
