package match

import (
	"fmt"
	"slices"

	"nearlight/signaling"
)

// Edge is what matching knows of an edge.
type Edge struct {
	ID      signaling.EdgeID
	Slots   int       // sessions that it runs at most; from 1 to MaxSlots
	Free    int       // of Slots
	State   State     // zero: it takes players
	Codecs  []string  // that it says it sends
	Proved  []Ability // what was seen of it; a request for a picture of some size and rate is met by nothing else
	Apps    []signaling.App
	Price   Price
	Score   Score
	Share   int      // of Whole requests in which it may be a candidate; 0: of all
	Regions []string // that it lies in, such as "de" and "eu"
	Root    string   // whose endorsement it has shown; "": nobody's
	Network string   // through which it is reached, such as "AS64500"; "": unknown
	Place   *Place   // nil: unknown
	// Consistent says that checkers find Place to be as round trips have it. Other things equal, such an edge comes first.
	Consistent bool
}

// MaxSlots is the most slots of an edge; a larger number counts as this one.
const MaxSlots = 1 << 15

// Ability is a picture that an edge was seen to encode in time.
type Ability struct {
	Codec   string
	Picture Picture
}

// Picture is the size and the rate of a stream. The zero value is any.
type Picture struct {
	Size      signaling.Size
	FrameRate int // frames per second
}

// any reports whether nothing is asked for.
func (p Picture) any() bool { return p == Picture{} }

// covers reports whether who can make p can make other: as wide, as high and as often. A higher rate is not proved by a larger size.
func (p Picture) covers(other Picture) bool {
	return p.Size.Width >= other.Size.Width && p.Size.Height >= other.Size.Height && p.FrameRate >= other.FrameRate
}

// Price is what an edge asks for a second, in the token's smallest unit.
type Price uint64

// Score is what checkers make of an edge, from 0 (nobody has checked it) to MaxScore.
type Score uint16

// MaxScore is the best score; a larger one counts as this one.
const MaxScore Score = 1000

// State is what an edge's life allows just now.
type State uint8

// The states, as far as they matter here.
const (
	Accepting State = iota // takes players while a slot is free
	Checking               // not yet enrolled by checkers
	Draining               // ends what runs, and takes nothing new
	Silent                 // does not answer
	Jailed                 // shut out after a verdict
	Leaving                // takes its stake out
)

func (s State) String() string {
	switch s {
	case Accepting:
		return "accepting"
	case Checking:
		return "checking"
	case Draining:
		return "draining"
	case Silent:
		return "silent"
	case Jailed:
		return "jailed"
	case Leaving:
		return "leaving"
	}
	return "unknown"
}

// MarshalText gives the state's name to JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads it.
func (s *State) UnmarshalText(text []byte) error {
	for known := Accepting; known <= Leaving; known++ {
		if known.String() == string(text) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("match: no state of edges: %.32q", text)
}

// Request is what a player wants.
type Request struct {
	App      string   // "": whatever the edge runs by itself
	Pull     bool     // an edge will do that lists the app without having it installed
	Codecs   []string // best first
	Picture  Picture  // zero: whatever the edge sends
	PriceCap Price    // 0: none
	MinScore Score
	Regions  []string // one of them will do; none: anywhere
	// Only are edges that alone will do, together with those that Root has endorsed; none and no root: any. They are meant to be few: each is looked
	// at by itself.
	Only   []signaling.EdgeID
	Root   string
	Except []signaling.EdgeID // that the player is not to get
	Near   *Near              // nil: nobody knows where the player is
	// Remembered are edges that were good from the player's network, best first; Memory.Good tells them.
	Remembered []signaling.EdgeID
	// Check is for who is to check the edges of Only: they will do in the states Checking and Jailed as well, whatever their score and their share are.
	Check bool
	// Draw decides whether newcomers count: a random number, the same for as long as the request is. 0: Shortlist draws one.
	Draw       uint64
	Candidates int // on the shortlist, MinCandidates to MaxCandidates; 0: MaxCandidates
}

// Bounds of the number of candidates: fewer are no choice, and more take a browser too long to measure.
const (
	MinCandidates = 3
	MaxCandidates = 8
)

// Common returns the codecs of wanted that had has, in wanted's order and each once.
func Common(wanted, had []string) []string {
	var both []string
	for _, codec := range wanted {
		if slices.Contains(had, codec) && !slices.Contains(both, codec) {
			both = append(both, codec)
		}
	}
	return both
}
