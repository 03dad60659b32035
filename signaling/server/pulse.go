package server

import "time"

// When an edge's answers to pings count as late, and as in time again. A ping takes as long as the way there and back, and as the edge's
// program waits for a processor.
const (
	lateAnswer   = 2 * time.Second
	lateInARow   = 2
	promptInARow = 3
)

// pulse judges how a peer answers pings. It is pure: times are handed to it.
type pulse struct {
	pinged       time.Time // the ping that is not answered yet; zero: all are
	late, prompt int       // answers in a row
	isLate       bool
}

// ping notes that one is sent, and reports whether the verdict changes: the one before may still be unanswered.
func (p *pulse) ping(now time.Time) (changed bool) {
	unanswered := !p.pinged.IsZero()
	p.pinged = now
	return unanswered && p.judge(true)
}

// pong notes an answer, and reports whether the verdict changes.
func (p *pulse) pong(now time.Time) (changed bool) {
	if p.pinged.IsZero() {
		return false // nobody asked, or it is the answer to an earlier one
	}
	took := now.Sub(p.pinged)
	p.pinged = time.Time{}
	return p.judge(took > lateAnswer)
}

func (p *pulse) judge(late bool) (changed bool) {
	if late {
		p.late, p.prompt = p.late+1, 0
	} else {
		p.late, p.prompt = 0, p.prompt+1
	}
	before := p.isLate
	switch {
	case p.late >= lateInARow:
		p.isLate = true
	case p.prompt >= promptInARow:
		p.isLate = false
	}
	return p.isLate != before
}
