package life

import (
	"time"

	"nearlight/checker/epoch"
)

const (
	minute = epoch.Millis(time.Minute / time.Millisecond)
	hour   = 60 * minute
	day    = 24 * hour
)

// How often is checked.
const (
	// EachMinute is how often an edge is looked for, and how often its experience is checked while somebody plays.
	EachMinute = minute
	// goneEvery is how often somebody who was gone for a day is still looked for.
	goneEvery = 10 * minute
	// Stretch is what one value of the beacon decides about. A committee has 57 seats: if each takes a slot for ten seconds, they take ten minutes of one slot.
	Stretch = 10 * minute
	// Mean times between checks at random times. Every four hours 57 checkers take ten seconds each: 4 % of one slot's time.
	standbyMean   = 4 * hour
	probationMean = hour        // a newcomer should be through in a working day
	doubtMean     = 30 * minute // an honest edge should not be in doubt for long
)

// How an edge is enrolled.
const (
	// ProbationChecks is how many capacity checks a newcomer passes on end: with as many a standing is known by half (epoch.Standing.Confidence).
	// Experience does not count here: who plays on his own edge would have it through in minutes.
	ProbationChecks = 8
	// An enrolment that failed can be tried again after firstRetest, twice as long after each further one, and each day at least: a challenge is work
	// for a whole committee.
	firstRetest = 10 * minute
	lastRetest  = day
)

// How outages are graded, by how long an edge was not seen.
const (
	briefAfter = 2 * minute  // one heartbeat missed is a packet lost
	longAfter  = 15 * minute // a machine is started again in less
	goneAfter  = day
	// steadyAfter is how long an edge is seen before a long outage is over, so that one that comes and goes is not taken for being back.
	steadyAfter = 5 * minute
	// longestLeave is how long an owner's leave may be: later the machine may be another one, and is enrolled anew.
	longestLeave = 14 * day
)

// Jail.
const (
	firstTerm   = hour
	longestTerm = 7 * day
	// forgottenAfter is after how long without jail one time is forgotten.
	forgottenAfter = 30 * day
	// mostTimes is where terms do not get longer: 1, 2, 4, ... 128 hours, 7 days.
	mostTimes = 9
	// appealWithin is how long after a verdict it can be appealed against.
	appealWithin = 7 * day
)

// jailAfter is how many failed checks of a kind, within how long, bring an edge to jail. Those that no passed check has followed count however old they
// are. 0: none do.
//
// A committee is wrong once in ten thousand tasks at the most (committee.Stated). Where its mistakes have nothing to do with each other, three of a
// day's six capacity checks fail of a good edge once in 5 * 10^10 days, and five of an hour's sixty minutes once in 2 * 10^13 hours.
func jailAfter(c Check) (count int, within epoch.Millis) {
	switch c {
	case Capacity:
		return 3, day
	case Experience:
		return 5, hour
	case Alive:
		return 3, 7 * day
	case Steady:
		return 12, day
	}
	return 0, 0
}

// MostFailures is after how many failed checks of capacity and experience, with none passed among them, an edge gets no players before it passes one
// again: two and four, and the next is the last of its kind.
const MostFailures = 7

// What a state means for matching.
const (
	// Whole is a share and a score of everything, as in signaling/match.
	Whole = 1000
	// NewcomerShare is in how many of a thousand matches a newcomer takes part: enough to be seen by players, and few enough that a bad one costs
	// one player in twenty a second try.
	NewcomerShare = 50
)

// Bounds of events.
const (
	latest       = epoch.Millis(253_402_300_799_999) // the last instant of the year 9999
	mostSessions = 1 << 15                           // as signaling/match counts slots
)
