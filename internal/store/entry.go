package store

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"nearlight/signaling"
)

// Entry is one fact to keep: Begin, Sit, Rise, Receipt, Assess, End, Act or Impose, by value.
type Entry interface {
	check() error
}

// Begin opens a session. A second Begin of the same session changes nothing.
type Begin struct {
	Session signaling.SessionID
	App     string // "": whatever the edge runs by itself
	Edge    signaling.EdgeID
	Account string // whoever pays: the id of the key that signed the player's token; at most 64 octets
	At      time.Time
}

// Part says what somebody does in a session.
type Part string

// The parts.
const (
	Playing  Part = "play"
	Watching Part = "watch"
)

// Sit gives somebody a seat in a session. A second Sit of the same seat tells another address, and changes nothing else.
type Sit struct {
	Session signaling.SessionID
	Seat    string // names the seat within the session; 1 to 64 octets
	Part    Part
	Player  string     // who it is, as the token says; "" where it does not, at most 128 octets
	Token   string     // the token's jti; at most 128 octets
	Address netip.Addr // where from; the zero Addr: not to be kept
	At      time.Time
}

// Rise ends a seat. The first one counts.
type Rise struct {
	Session signaling.SessionID
	Seat    string
	At      time.Time
}

// Receipt says that a seat was served in each second of a span.
type Receipt struct {
	Session signaling.SessionID
	Seat    string
	Span    Span
}

// End closes a session. The first one counts; seats that are left end with it.
type End struct {
	Session signaling.SessionID
	Code    signaling.Code
	Reason  string   // for people; at most 512 octets
	Quality *Quality // nil: not known
	At      time.Time
}

// Assess says how good a session was: in place of what was said before, since it is told again while more is known, and after End too.
type Assess struct {
	Session signaling.SessionID
	Quality Quality
}

// Quality sums up what a player saw. The zero value of a field means that it was not measured.
type Quality struct {
	FramesPerSecond  float64 `json:"frames_per_second,omitempty"`
	BitsPerSecond    int64   `json:"bits_per_second,omitempty"`
	FreezesPerMinute float64 `json:"freezes_per_minute,omitempty"` // of 100 ms or more
	LossRatio        float64 `json:"loss_ratio,omitempty"`
	RoundTripP50MS   float64 `json:"round_trip_p50_ms,omitempty"`
	RoundTripP95MS   float64 `json:"round_trip_p95_ms,omitempty"`
	GlassP50MS       float64 `json:"glass_p50_ms,omitempty"` // drawn to shown
	GlassP95MS       float64 `json:"glass_p95_ms,omitempty"`
	ClickP50MS       float64 `json:"click_p50_ms,omitempty"` // input to its picture
	ClickP95MS       float64 `json:"click_p95_ms,omitempty"`
}

func (q *Quality) check() error {
	if q == nil {
		return nil
	}
	if _, err := json.Marshal(q); err != nil { // NaN and infinity
		return malformed("quality: %v", err)
	}
	return nil
}

// Act is an entry of the audit log. No entry of it is ever changed, but for names of persons that are erased.
type Act struct {
	ID      string // 1 to 64 octets, unique: an act that is written again is the same act
	Kind    string // 1 to 64 octets: lease-granted, edge-drained, ...
	Actor   string // who did it: a token's id, a node, an administrator; at most 128 octets
	Session signaling.SessionID
	Edge    signaling.EdgeID
	Detail  string // for people, and of no person; at most 2048 octets
	At      time.Time
}

// Kinds of acts. Others may be added by whoever writes them.
const (
	LeaseGranted  = "lease-granted"
	LeaseRefused  = "lease-refused"
	LeaseRenewed  = "lease-renewed"
	LeaseReleased = "lease-released"
	EdgeAdmitted  = "edge-admitted"
	EdgeDrained   = "edge-drained"
	DrainUndone   = "drain-undone"
	NodeDrained   = "node-drained"
	SessionEnded  = "session-ended" // by an operator
	Banned        = "banned"
	BanLifted     = "ban-lifted"
	Erased        = "erased" // written by Erase
)

// Lengths in octets.
const (
	maxID     = 64
	maxPerson = 128
	maxReason = 512
	maxDetail = 2048
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("store: %w: %s", ErrBadEntry, fmt.Sprintf(format, args...))
}

// checkText refuses what one of the databases would refuse: it must not fail a whole batch.
func checkText(name, text string, least, most int) error {
	switch {
	case len(text) < least || len(text) > most:
		return malformed("%s of %d octets, want %d to %d", name, len(text), least, most)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return malformed("%s is not text", name)
	}
	return nil
}

// checkTime keeps times within what all databases and formats hold.
func checkTime(at time.Time) error {
	if ms := at.UnixMilli(); ms <= 0 || ms > maxSecond*1000 {
		return malformed("a time of %v", at)
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (e Begin) check() error {
	return firstError(checkText("session", string(e.Session), 1, maxID), checkText("app", e.App, 0, maxID),
		checkText("edge", string(e.Edge), 0, maxID), checkText("account", e.Account, 0, maxID), checkTime(e.At))
}

func (e Sit) check() error {
	if e.Part != Playing && e.Part != Watching {
		return malformed("part %q", e.Part)
	}
	return firstError(checkText("session", string(e.Session), 1, maxID), checkText("seat", e.Seat, 1, maxID),
		checkText("player", e.Player, 0, maxPerson), checkText("token", e.Token, 0, maxPerson), checkTime(e.At))
}

func (e Rise) check() error {
	return firstError(checkText("session", string(e.Session), 1, maxID), checkText("seat", e.Seat, 1, maxID), checkTime(e.At))
}

func (e Receipt) check() error {
	return firstError(checkText("session", string(e.Session), 1, maxID), checkText("seat", e.Seat, 1, maxID), e.Span.check())
}

func (e Assess) check() error {
	return firstError(checkText("session", string(e.Session), 1, maxID), e.Quality.check())
}

func (e End) check() error {
	return firstError(e.Quality.check(), checkText("session", string(e.Session), 1, maxID), checkText("code", string(e.Code), 1, maxID),
		checkText("reason", e.Reason, 0, maxReason), checkTime(e.At))
}

func (e Act) check() error {
	return firstError(checkText("id", e.ID, 1, maxID), checkText("kind", e.Kind, 1, maxID), checkText("actor", e.Actor, 0, maxPerson),
		checkText("session", string(e.Session), 0, maxID), checkText("edge", string(e.Edge), 0, maxID),
		checkText("detail", e.Detail, 0, maxDetail), checkTime(e.At))
}
