package life

import (
	"encoding/json"
	"fmt"

	"nearlight/checker/epoch"
)

// written is a Life in JSON: all of it, so that it goes on in place of the events that it comes of. Times are milliseconds, and what is 0 is left out.
type written struct {
	State    State        `json:"state"`
	At       epoch.Millis `json:"at,omitempty"`
	Sessions int          `json:"sessions,omitempty"`
	Owed     int          `json:"owed,omitempty"`
	Unproven bool         `json:"unproven,omitempty"`
	Drained  bool         `json:"drained,omitempty"`
	Tries    int          `json:"tries,omitempty"`
	Retest   epoch.Millis `json:"retest,omitempty"`
	Failures []Failure    `json:"failures,omitempty"`
	Jail     Sentence     `json:"jail"`
	Before   writtenState `json:"before"` // the jail
	Since    epoch.Millis `json:"since,omitempty"`
	Seen     epoch.Millis `json:"seen,omitempty"`
	Missed   epoch.Millis `json:"missed,omitempty"`
	Shut     writtenSpan  `json:"shut"`
	Away     writtenSpan  `json:"away"`
}

type writtenState struct {
	State State        `json:"state"`
	Times int          `json:"times,omitempty"`
	Until epoch.Millis `json:"until,omitempty"`
}

type writtenSpan struct {
	From  epoch.Millis `json:"from,omitempty"`
	Until epoch.Millis `json:"until,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (l Life) MarshalJSON() ([]byte, error) {
	return json.Marshal(written{
		l.State, l.At, l.Sessions, l.Owed, l.Unproven, l.Drained, l.Tries, l.Retest, l.Failures, l.Jail,
		writtenState{l.Jail.before.state, l.Jail.before.times, l.Jail.before.until},
		l.since, l.seen, l.missed, writtenSpan{l.shut.from, l.shut.until}, writtenSpan{l.away.from, l.away.until},
	})
}

// mostFailures is more than come to matter at once: each kind jails before.
const mostFailures = 256

// UnmarshalJSON implements json.Unmarshaler. The error wraps ErrEvent where no events come to such a life.
func (l *Life) UnmarshalJSON(text []byte) error {
	var w written
	if err := json.Unmarshal(text, &w); err != nil {
		return err
	}
	if int(max(w.State, w.Before.State)) >= states || w.Sessions < 0 || w.Sessions > mostSessions || len(w.Failures) > mostFailures {
		return fmt.Errorf("%w: a life in state %d, with %d sessions and %d failures", ErrEvent, max(w.State, w.Before.State), w.Sessions, len(w.Failures))
	}
	for _, f := range w.Failures {
		if f.Appeal > Done {
			return fmt.Errorf("%w: an appeal in step %d", ErrEvent, f.Appeal)
		}
	}
	w.Jail.before = before{w.Before.State, w.Before.Times, w.Before.Until}
	*l = Life{
		w.State, w.At, w.Sessions, w.Owed, w.Unproven, w.Drained, w.Tries, w.Retest, w.Failures, w.Jail,
		w.Since, w.Seen, w.Missed, span{w.Shut.From, w.Shut.Until}, span{w.Away.From, w.Away.Until},
	}
	return nil
}
