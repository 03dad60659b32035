package life

import (
	"errors"
	"fmt"

	"nearlight/checker/epoch"
)

// Check is what is checked, as epoch.Task names it.
type Check string

// The checks. Alive and Steady are known from heartbeats, and decided by nobody else.
const (
	Enrolment  Check = "enrolment"  // GPU, encoder and frame rate together, by a challenge
	Alive      Check = "alive"      // not away for long
	Steady     Check = "steady"     // not away for short times again and again
	Capacity   Check = "capacity"   // a slot is there when it is asked for, and is as good as promised
	Experience Check = "experience" // what a player sees is good, while one plays
)

// What is a kind of event.
type What uint8

// The kinds of events, and who tells them.
const (
	Decided  What = iota + 1 // a committee: a check was passed, failed, or is undecided
	Seen                     // heartbeats: it was seen all the time for For
	Missed                   // heartbeats: it was not seen for For
	Began                    // signaling: a player's session
	Ended                    // signaling: a player's session
	Drain                    // the owner: takes nothing new, announced leave when what runs has ended
	Leave                    // the owner: takes it out
	Revoke                   // the owner: the key is not to be believed any more
	Return                   // the owner: from draining, leave, Gone or Retired
	TimeOver                 // the clock: the time in jail is over
	Appeal                   // the owner: a failed check shall be done again
	Granted                  // another committee: that check was passed
	Upheld                   // another committee: that check failed again
)

func (w What) String() string {
	names := [...]string{"", "decided", "seen", "missed", "began", "ended", "drain", "leave", "revoke", "return", "time over", "appeal", "granted", "upheld"}
	if w > 0 && int(w) < len(names) {
		return names[w]
	}
	return "unknown"
}

// Event is what happened to an edge.
type Event struct {
	At   epoch.Millis
	What What
	For  epoch.Millis // Seen, Missed
	Task epoch.Hash   // Decided, Appeal, Granted, Upheld: the check that was decided first
	// Decided:
	Check  Check // Enrolment, Capacity or Experience
	Result epoch.Result
	Set    epoch.Millis // when the task was set (epoch.Task.At): what an edge is to be blamed for, it was there for then
}

// Errors of After.
var (
	// ErrEvent reports what is no event.
	ErrEvent = errors.New("life: not an event")
	// ErrBack reports an event from before the latest one.
	ErrBack = errors.New("life: time goes back")
	// ErrRefused reports what somebody asks for and cannot have, and why.
	ErrRefused = errors.New("life: refused")
)

// check fails for what is an event in no state.
func (e Event) check() error {
	if e.At < 0 || e.At > latest {
		return fmt.Errorf("%w: its time is %d, want milliseconds from 0 to %d", ErrEvent, e.At, latest)
	}
	switch e.What {
	case Decided:
		return e.checkDecided()
	case Seen, Missed:
		if e.For < 0 || e.For > e.At {
			return fmt.Errorf("%w: %v for %d ms, at %d", ErrEvent, e.What, e.For, e.At)
		}
	case Appeal, Granted, Upheld:
		if e.Task == (epoch.Hash{}) {
			return fmt.Errorf("%w: %v names no task", ErrEvent, e.What)
		}
	case Began, Ended, Drain, Leave, Revoke, Return, TimeOver:
	default:
		return fmt.Errorf("%w: of kind %d", ErrEvent, e.What)
	}
	return nil
}

func (e Event) checkDecided() error {
	switch {
	case e.Task == (epoch.Hash{}):
		return fmt.Errorf("%w: a verdict on no task", ErrEvent)
	case e.Check != Enrolment && e.Check != Capacity && e.Check != Experience:
		return fmt.Errorf("%w: no committee decides %.64q", ErrEvent, e.Check)
	case e.Result != epoch.Passed && e.Result != epoch.Failed && e.Result != epoch.Undecided:
		return fmt.Errorf("%w: a result of %.64q", ErrEvent, e.Result)
	case e.Set < 0 || e.Set > e.At:
		return fmt.Errorf("%w: decided at %d, and set at %d", ErrEvent, e.At, e.Set)
	}
	return nil
}
