package life

import "nearlight/checker/epoch"

// Matching is what a life means to who matches players with edges.
type Matching struct {
	Players bool // may be given any
	// Share is in how many of a thousand matches it may be a candidate: a newcomer in few, who has shown itself in all (Whole).
	Share int
	// Score is from 0 to Whole, as signaling/match has it: the standing's, drawn to the middle by as much as is not known of the edge.
	Score int
	// Confidence is how much is known, from 0 to Whole.
	Confidence int
}

// Matching is what matching makes of the edge at an instant.
//
//	state                                          players   share
//	Standby, Streaming                             yes       1000
//	the same in doubt, or with a newcomer's standing   yes   50
//	Probation                                      yes       50
//	Probation in doubt, or unproven                no        0
//	any other                                      no        0
func (l Life) Matching(s epoch.Standing, at epoch.Millis) Matching {
	s = s.Until(at)
	const million = 1_000_000
	known := s.Confidence()
	score := million/2 + (s.Score()-million/2)*known/million
	m := Matching{Share: l.share(s), Score: int(score / (million / Whole)), Confidence: int(known / (million / Whole))}
	m.Players = m.Share > 0
	return m
}

func (l Life) share(s epoch.Standing) int {
	doubt := l.Doubt(Capacity) || l.Doubt(Experience)
	switch {
	case l.Unproven:
		return 0
	case l.State == Probation && !doubt:
		return NewcomerShare
	case l.State != Standby && l.State != Streaming:
		return 0
	case doubt || s.Newcomer():
		return NewcomerShare
	}
	return Whole
}
