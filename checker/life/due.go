package life

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"nearlight/checker/epoch"
	"nearlight/internal/identity"
)

// Due is a check that is to be done while a life is as it is. One of Every and Mean is set, or neither: then it is to be done once.
type Due struct {
	Check Check
	From  epoch.Millis // not before
	Every epoch.Millis // so often
	Mean  epoch.Millis // at random times, so far apart on average: in the stretches of which Drawn says so
	// Appeal is the check that is done again, by another committee.
	Appeal epoch.Hash
}

// Due lists what is to be checked next.
func (l Life) Due() []Due {
	var due []Due
	for _, f := range l.Failures {
		if f.Appeal == Asked && l.State != Banned {
			due = append(due, Due{Check: f.Check, From: l.At, Appeal: f.Task})
		}
	}
	switch l.State {
	case Enrolling:
		return append(due, Due{Check: Enrolment, From: max(l.Retest, l.since)})
	case Probation, Standby, Streaming:
		due = append(due, Due{Check: Alive, Every: EachMinute}, Due{Check: Capacity, Mean: l.mean()})
		if l.Sessions == 0 && l.Doubt(Experience) {
			// Nobody plays by whom it could show better: a checker does.
			return append(due, Due{Check: Experience, Mean: doubtMean})
		}
	case Draining, BrieflyAway, LongAway:
		due = append(due, Due{Check: Alive, Every: EachMinute})
	case Gone:
		due = append(due, Due{Check: Alive, Every: goneEvery})
	}
	if l.State.here() && l.Sessions > 0 {
		due = append(due, Due{Check: Experience, Every: EachMinute})
	}
	return due
}

// mean is how far apart capacity checks are. One that failed is done again soon.
func (l Life) mean() epoch.Millis {
	switch {
	case l.Unproven || l.Doubt(Capacity):
		return doubtMean
	case l.State == Probation:
		return probationMean
	}
	return standbyMean
}

// domain keeps these drawings apart from others by the same beacon.
const domain = "nearlight checker life 1\x00"

// Drawn reports whether a check at random times is due in a stretch. Beacon is the value that was published as the stretch began: nobody can say before
// what it draws, the edge's owner as little as anybody, and everybody can later. It is false of a check at fixed times.
//
// That a stretch was drawn everybody sees when it begins, the edge as well; who measures in it, and when (exam.Moment), those alone who are drawn.
func (d Due) Drawn(edge identity.Address, beacon epoch.Hash) bool {
	if d.Mean <= 0 {
		return false
	}
	hash := sha256.New()
	hash.Write([]byte(domain))
	hash.Write(beacon[:])
	hash.Write(edge[:])
	hash.Write([]byte(d.Check))
	// In one of so many stretches: where the number, as a part of 2^64, is in the first of so many equal parts.
	part, _ := bits.Mul64(binary.BigEndian.Uint64(hash.Sum(nil)), uint64(max(d.Mean/Stretch, 1)))
	return part == 0
}
