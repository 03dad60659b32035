package epoch

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"nearlight/checker/committee"
	"nearlight/checker/vrf"
	"nearlight/internal/identity"
)

// ErrEntry reports a line that is no entry.
var ErrEntry = errors.New("epoch: not an entry")

// Bounds of an entry.
const (
	MaxLine      = 64 << 10
	maxQuestions = 16
	maxText      = 64
	mostSide     = 16384
	mostLength   = Millis(10 * 60 * 1000)
)

// Entry is one line of a log: exactly one of its fields is set.
type Entry struct {
	Head       *Head       `json:"head,omitempty"`
	Checker    *Checker    `json:"checker,omitempty"`
	Edge       *Edge       `json:"edge,omitempty"`
	Task       *Task       `json:"task,omitempty"`
	Drawn      *Drawn      `json:"drawn,omitempty"`
	Commitment *Commitment `json:"commitment,omitempty"`
	Report     *Report     `json:"report,omitempty"`
	Verdict    *Verdict    `json:"verdict,omitempty"`
	Score      *Score      `json:"score,omitempty"`
	Standing   *Edge       `json:"standing,omitempty"`
	End        *End        `json:"end,omitempty"`
}

// Head is what an epoch begins with.
type Head struct {
	Epoch    uint64 `json:"epoch"`
	Previous Hash   `json:"previous"` // root of the epoch before; zero for the first
	// Seats and Minimum are the size of committees (committee.Size), Cap what stake counts up to, and Uncapped leaves out the caps of owner and network.
	Seats    uint32 `json:"seats"`
	Minimum  int    `json:"minimum"`
	Cap      uint64 `json:"cap"`
	Uncapped bool   `json:"uncapped,omitempty"`
	Terms    *Terms `json:"terms,omitempty"` // nil: nobody earns anything
}

// Checker is who may be drawn.
type Checker struct {
	Address identity.Address `json:"address"`
	Owner   identity.Address `json:"owner"`
	Key     Hash             `json:"key"` // of its verifiable random function (vrf.PublicKey)
	Stake   uint64           `json:"stake"`
	Score   float64          `json:"score"` // committee.Score
	Tasks   uint32           `json:"tasks"`
	// Place is where it says that it is; nil: it does not say.
	Place  *Place `json:"place,omitempty"`
	Earned uint64 `json:"earned,omitempty"` // before this epoch, in the currency of its terms
}

// Edge is what is checked.
type Edge struct {
	Address  identity.Address `json:"address"`
	Standing Standing         `json:"standing"`
	// Claim is where it says that it is as the epoch begins, and Located what checkers have last made of such a claim; nil: nothing.
	Claim   *Claim   `json:"claim,omitempty"`
	Located *Located `json:"located,omitempty"`
	// Share is what the edge has of an epoch's pot: of this one's where its outcome says so, of the one before where it begins. Earned is that, with all before.
	Share  uint64 `json:"share,omitempty"`
	Earned uint64 `json:"earned,omitempty"`
}

// Task is what is asked of an edge. Its id is the hash of its JSON.
type Task struct {
	Edge  identity.Address `json:"edge"`
	Check string           `json:"check"` // what is checked, such as enrolment
	// Appeal is the task that is done again by another committee, since the edge's owner has asked for it. It may be of an epoch before.
	Appeal    *Hash      `json:"appeal,omitempty"`
	Seed      Hash       `json:"seed"`
	Plan      *Plan      `json:"plan,omitempty"` // what is to be drawn, of a check by a challenge
	Together  *Together  `json:"together,omitempty"`
	Questions []Question `json:"questions"`
	Round     uint64     `json:"round"` // of the beacon: one that is yet to come when the task is set
	At        Millis     `json:"at"`
	DrawnAt   Millis     `json:"drawnAt"` // when it comes
	CommitBy  Millis     `json:"commitBy"`
	RevealBy  Millis     `json:"revealBy"`
}

// Plan is what an edge is to draw for a check by a challenge (checker/challenge), its cost included.
type Plan struct {
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	FrameRate int    `json:"frameRate"` // frames a second
	Objects   uint16 `json:"objects"`   // in each picture
	Length    Millis `json:"length"`    // of the challenge
	Every     Millis `json:"every"`     // between two nonces
	Late      Millis `json:"late"`      // by how much more than the quickest picture of its nonce another one may take (challenge.Limits.Late)
}

// Question is one thing that a task asks, and what answer an edge passes with: yes, or a figure within AtLeast and AtMost.
type Question struct {
	Name      string   `json:"name"`
	Kind      string   `json:"kind"` // yes-or-no, measured, claimed
	Claim     float64  `json:"claim,omitempty"`
	Tolerance float64  `json:"tolerance,omitempty"`
	AtLeast   *float64 `json:"atLeast,omitempty"`
	AtMost    *float64 `json:"atMost,omitempty"`
}

// Drawn is a round of the beacon that has come: it says who measures the tasks that were set for it.
type Drawn struct {
	Round uint64 `json:"round"`
	Value Hash   `json:"value"`
}

// Commitment is a checker's, to a report that it keeps to itself so far.
type Commitment struct {
	Task       Hash             `json:"task"`
	Checker    identity.Address `json:"checker"`
	Commitment Hash             `json:"commitment"`
	At         Millis           `json:"at"` // when it was taken
	Signature  Signature        `json:"signature"`
}

// Report is what a checker has found.
type Report struct {
	Task    Hash             `json:"task"`
	Checker identity.Address `json:"checker"`
	Proof   Proof            `json:"proof"`
	Address netip.Addr       `json:"address"` // from which it measured
	// RoundTrip is the least that it has measured to the edge, of questions that the edge's key answers for; 0: it has none. It answers no question.
	RoundTrip Micros    `json:"roundTrip,omitempty"`
	Answers   []Answer  `json:"answers"`
	Salt      Hash      `json:"salt"`
	At        Millis    `json:"at"`
	Signature Signature `json:"signature"`
}

// Answer is one of a report's.
type Answer struct {
	Yes     bool    `json:"yes,omitempty"`
	Figure  float64 `json:"figure,omitempty"`
	Vantage float64 `json:"vantage,omitempty"`
}

// Millis is an instant in milliseconds since 1970.
type Millis int64

// Time is the instant as a time.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)) }

func (m Millis) duration() time.Duration { return time.Duration(m) * time.Millisecond }

// Hash is 32 octets, written as 0x and lower-case hexadecimal digits.
type Hash [32]byte

func (h Hash) String() string { return "0x" + hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error { return digits(h[:], text) }

// Proof is a proof of checker/vrf, written as Hash is.
type Proof vrf.Proof

// MarshalText implements encoding.TextMarshaler.
func (p Proof) MarshalText() ([]byte, error) { return []byte("0x" + hex.EncodeToString(p[:])), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Proof) UnmarshalText(text []byte) error { return digits(p[:], text) }

// Signature is a signature of internal/identity, written as Hash is.
type Signature identity.Signature

// MarshalText implements encoding.TextMarshaler.
func (s Signature) MarshalText() ([]byte, error) {
	return []byte(identity.Signature(s).String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Signature) UnmarshalText(text []byte) error { return digits(s[:], text) }

func digits(to, text []byte) error {
	if len(text) != 2+2*len(to) || text[0] != '0' || text[1] != 'x' {
		return fmt.Errorf("want 0x and %d hexadecimal digits", 2*len(to))
	}
	_, err := hex.Decode(to, text[2:])
	return err
}

// Encode is the entry's line, without the line's end.
func (e Entry) Encode() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	return json.Marshal(e)
}

// Decode reads a line, without the line's end. The error wraps ErrEntry and says what is wrong.
func Decode(line []byte) (Entry, error) { return decode(line, nil) }

func decode(line []byte, known addresses) (Entry, error) {
	if len(line) > MaxLine {
		return Entry{}, fmt.Errorf("%w: %d octets, the limit is %d", ErrEntry, len(line), MaxLine)
	}
	if e, is := quick(line, known); is {
		return e, nil
	}
	return decodeJSON(line)
}

// decodeJSON reads a line of any kind.
func decodeJSON(line []byte) (Entry, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	var e Entry
	if err := decoder.Decode(&e); err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrEntry, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Entry{}, fmt.Errorf("%w: there is more behind it", ErrEntry)
	}
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	again, err := json.Marshal(e)
	if err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrEntry, err)
	}
	if !bytes.Equal(again, line) {
		return Entry{}, fmt.Errorf("%w: it has another form than %.200s", ErrEntry, again)
	}
	return e, nil
}

// check fails unless exactly one field is set, and within bounds.
func (e Entry) check() error {
	set := 0
	for _, is := range []bool{
		e.Head != nil, e.Checker != nil, e.Edge != nil, e.Task != nil, e.Drawn != nil, e.Commitment != nil, e.Report != nil, e.Verdict != nil, e.Score != nil, e.Standing != nil, e.End != nil,
	} {
		if is {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("%w: want one of head, checker, edge, task, drawn, commitment, report, verdict, score, standing and end, got %d", ErrEntry, set)
	}
	switch {
	case e.Head != nil && (e.Head.Seats == 0 || e.Head.Minimum < 1):
		return fmt.Errorf("%w: a committee has seats and a minimum", ErrEntry)
	case e.Checker != nil && e.Checker.Place != nil && !e.Checker.Place.valid():
		return fmt.Errorf("%w: a checker's place is %w", ErrEntry, errPlace)
	case e.Head != nil && e.Head.Terms != nil:
		return e.Head.Terms.Check()
	case e.Checker != nil && e.Checker.Earned > mostEarned:
		return fmt.Errorf("%w: what was earned is %d at the most", ErrEntry, int64(mostEarned))
	case e.Checker != nil && !(e.Checker.Score >= 0 && e.Checker.Score <= 1):
		return fmt.Errorf("%w: a score is from 0 to 1", ErrEntry)
	case e.Edge != nil:
		return e.Edge.check()
	case e.Standing != nil:
		return e.Standing.check()
	case e.Task != nil:
		return e.Task.check()
	case e.Report != nil && e.Report.RoundTrip > MostRoundTrip:
		return fmt.Errorf("%w: a round trip takes %d us at the most", ErrEntry, MostRoundTrip)
	case e.Report != nil && len(e.Report.Answers) > maxQuestions:
		return fmt.Errorf("%w: %d answers, the limit is %d", ErrEntry, len(e.Report.Answers), maxQuestions)
	}
	return nil
}

func (e Edge) check() error {
	if !e.Standing.valid() {
		return fmt.Errorf("%w: a standing's weights are from 0 to %d", ErrEntry, mostWeight)
	}
	if e.Earned > mostEarned || e.Share > e.Earned {
		return fmt.Errorf("%w: what was earned is %d at the most, and not less than the last share", ErrEntry, int64(mostEarned))
	}
	if e.Claim != nil {
		if err := e.Claim.check(); err != nil {
			return err
		}
	}
	if e.Located != nil {
		return e.Located.check()
	}
	return nil
}

func (t Task) check() error {
	switch {
	case t.Check == "" || len(t.Check) > maxText:
		return fmt.Errorf("%w: a task's check has 1 to %d octets", ErrEntry, maxText)
	case len(t.Questions) == 0 || len(t.Questions) > maxQuestions:
		return fmt.Errorf("%w: a task asks 1 to %d questions, not %d", ErrEntry, maxQuestions, len(t.Questions))
	case t.Appeal != nil && *t.Appeal == Hash{}:
		return fmt.Errorf("%w: an appeal names a task", ErrEntry)
	case t.At >= t.DrawnAt || t.DrawnAt >= t.CommitBy || t.CommitBy >= t.RevealBy:
		return fmt.Errorf("%w: a task is set, drawn, takes commitments, then reports", ErrEntry)
	}
	if t.Together != nil {
		if err := t.Together.check(t); err != nil {
			return err
		}
	}
	if p := t.Plan; p != nil && (p.Width < 1 || p.Height < 1 || p.FrameRate < 1 || p.Every < 1 || p.Length < p.Every || p.Late < 0 || max(p.Width, p.Height) > mostSide || p.Length > mostLength) {
		return fmt.Errorf("%w: a plan has a size of up to %d a side, a frame rate, and nonces for up to %v", ErrEntry, mostSide, mostLength.duration())
	}
	for _, q := range t.Questions {
		if q.Name == "" || len(q.Name) > maxText {
			return fmt.Errorf("%w: a question's name has 1 to %d octets", ErrEntry, maxText)
		}
		if _, known := kinds[q.Kind]; !known {
			return fmt.Errorf("%w: question %q: unknown kind %.64q", ErrEntry, q.Name, q.Kind)
		}
	}
	return nil
}

var kinds = map[string]committee.Kind{"yes-or-no": committee.YesOrNo, "measured": committee.Measured, "claimed": committee.Claimed}

// ID is the task's.
func (t Task) ID() (committee.TaskID, error) {
	content, err := json.Marshal(t)
	if err != nil {
		return committee.TaskID{}, fmt.Errorf("%w: %w", ErrEntry, err)
	}
	return committee.NewTaskID(content), nil
}

// Question is the question as a committee decides it.
func (q Question) question() committee.Question {
	return committee.Question{Name: q.Name, Kind: kinds[q.Kind], Claim: q.Claim, Tolerance: q.Tolerance}
}

// Found is the report as a committee takes it.
func (r Report) Found() committee.Report {
	found := committee.Report{Checker: committee.CheckerID(r.Checker), Proof: vrf.Proof(r.Proof), Address: r.Address, RoundTrip: r.RoundTrip.duration(), Salt: r.Salt}
	for _, a := range r.Answers {
		found.Answers = append(found.Answers, committee.Answer(a))
	}
	return found
}
