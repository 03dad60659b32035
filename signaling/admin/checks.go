package admin

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"nearlight/signaling"
)

// Checks is what checkers have found about edges, by the log of the epoch that runs (docs/checking.md). Instants and spans are in milliseconds, since 1970
// and in all, as in the log; addresses, tasks and roots are written as they are there too.
type Checks struct {
	Epoch   uint64 `json:"epoch"`
	Seats   uint32 `json:"seats"`   // of a committee, on average
	Minimum int    `json:"minimum"` // of reports that count, for a verdict
	// Uncapped says that several checkers of one owner count: verdicts prove nothing then to who does not trust that owner.
	Uncapped bool   `json:"uncapped"`
	Entries  uint64 `json:"entries"`  // of the log, so far
	Previous string `json:"previous"` // the root of the epoch before

	Edges    []CheckedEdge `json:"edges"`
	Checkers []Checker     `json:"checkers"`
	Open     []OpenTask    `json:"open"`
	Verdicts []Verdict     `json:"verdicts"` // the newest first
	// Left is what an answer leaves out; whoever gives the hook leaves it empty.
	Left *Left `json:"left,omitempty"`
}

// CheckedEdge is an edge as its checks have it: checker/life and what that is to matching.
type CheckedEdge struct {
	Address    string     `json:"address"`
	Name       string     `json:"name"`    // as the edge says; where it is empty, it is looked up
	Present    bool       `json:"present"` // it is connected
	State      string     `json:"state"`
	Score      int        `json:"score"`      // of 1000, drawn to the middle by what is not known
	Confidence int        `json:"confidence"` // how much is known, of 1000
	Share      int        `json:"share"`      // in how many of 1000 matches it may be a candidate
	Owed       int        `json:"owed"`       // capacity checks to be passed until probation is over
	Due        []DueCheck `json:"due"`
	// Claim is where it says that it is, and Located what was made of where it said so when enough checkers looked last; nil: nothing.
	Claim   *Claim   `json:"claim,omitempty"`
	Located *Located `json:"located,omitempty"`
}

// Claim is a place, to a tenth of a degree, and by how many kilometres it may be wrong besides.
type Claim struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Within    int     `json:"within,omitempty"`
}

// Located is what round trips say of a claim: more than Liars of the Reports exclude one that is impossible, which is by Beyond kilometres too far for Liars + 1 of them.
type Located struct {
	Claim       Claim `json:"claim"`
	At          int64 `json:"at"`
	Reports     int   `json:"reports"`
	Liars       int   `json:"liars"`
	Excluding   int   `json:"excluding,omitempty"`
	Impossible  bool  `json:"impossible,omitempty"`
	Beyond      int   `json:"beyond,omitempty"`
	Consistency int   `json:"consistency"` // of 1000
}

// DueCheck is a check to come: each Every, at random times Mean apart, or once.
type DueCheck struct {
	Check  string `json:"check"`
	From   int64  `json:"from,omitempty"` // not before
	Every  int64  `json:"every,omitempty"`
	Mean   int64  `json:"mean,omitempty"`
	Appeal string `json:"appeal,omitempty"` // the task that is done again
	Unset  string `json:"unset,omitempty"`  // why it is not set although it is due
}

// Checker is who may be drawn.
type Checker struct {
	Address string  `json:"address"`
	Owner   string  `json:"owner"`
	Score   float64 `json:"score"` // from 0 to 1
	Tasks   uint32  `json:"tasks"` // that it is known from
}

// OpenTask is one that is being decided.
type OpenTask struct {
	Task        string `json:"task"`
	Edge        string `json:"edge"`
	Check       string `json:"check"`
	At          int64  `json:"at"`
	CommitBy    int64  `json:"commitBy"`
	RevealBy    int64  `json:"revealBy"`
	Commitments int    `json:"commitments"`
	Reports     int    `json:"reports"`
}

// Verdict is what a committee has found.
type Verdict struct {
	Task     string    `json:"task"`
	Edge     string    `json:"edge"`
	Check    string    `json:"check"`
	Appeal   string    `json:"appeal,omitempty"` // the task that was done again
	At       int64     `json:"at"`               // when the task was set
	Decided  int64     `json:"decided"`          // when it was over
	Result   string    `json:"result"`           // passed, failed, undecided
	Notice   string    `json:"notice"`           // words for the edge's owner: what failed, and how to have it done again
	Findings []Finding `json:"findings"`
	// Conduct is how each checker that committed has behaved: agreed, silent, disagreed, copied, fabricated, contradicted.
	Conduct map[string]string `json:"conduct"`
}

// Finding is about one question: votes where For and Against are not both 0, else a figure.
type Finding struct {
	Question string  `json:"question"`
	Decided  bool    `json:"decided"`
	Met      bool    `json:"met"`
	Figure   float64 `json:"figure"`
	For      int     `json:"for"`
	Against  int     `json:"against"`
	Counted  int     `json:"counted"`  // answers
	Required string  `json:"required"` // in words
	Unit     string  `json:"unit,omitempty"`
}

// Left is how many of each list an answer leaves out.
type Left struct {
	Edges    int `json:"edges,omitempty"`
	Checkers int `json:"checkers,omitempty"`
	Open     int `json:"open,omitempty"`
	Verdicts int `json:"verdicts,omitempty"`
}

// How much of each list an answer has: what can be looked through, and stays well below a megabyte or two.
const (
	maxChecked  = 1000 // edges, and checkers
	maxVerdicts = 100  // and open tasks
)

var errNoChecks = errors.New("admin: this node keeps no checks")

// checks is what checkers have found; text leaves what is about edges whose address or name has it.
func (h *handler) checks(r *request) (any, error) {
	get, err := checked(r, "text")
	if err != nil {
		return nil, err
	}
	if h.Checks == nil {
		return nil, errNoChecks
	}
	c, err := h.Checks()
	if err != nil {
		return nil, fmt.Errorf("what checkers have found: %w", err)
	}
	names := h.names(c)
	text := strings.ToLower(get("text"))
	about := func(edge string) bool {
		return text == "" || strings.Contains(strings.ToLower(edge), text) || strings.Contains(strings.ToLower(names[edge]), text)
	}
	var left Left
	c.Edges, left.Edges = some(c.Edges, maxChecked, func(e CheckedEdge) bool { return about(e.Address) })
	c.Checkers, left.Checkers = some(c.Checkers, maxChecked, func(Checker) bool { return true })
	c.Open, left.Open = some(c.Open, maxVerdicts, func(t OpenTask) bool { return about(t.Edge) })
	newest := slices.Clone(c.Verdicts)
	slices.SortStableFunc(newest, func(a, b Verdict) int { return cmp.Compare(b.Decided, a.Decided) })
	c.Verdicts, left.Verdicts = some(newest, maxVerdicts, func(v Verdict) bool { return about(v.Edge) })
	c.Left = nil
	if left != (Left{}) {
		c.Left = &left
	}
	for i := range c.Edges {
		e := &c.Edges[i]
		e.Name, e.Due = names[e.Address], append([]DueCheck{}, e.Due...)
	}
	for i := range c.Verdicts {
		v := &c.Verdicts[i]
		v.Findings = append([]Finding{}, v.Findings...)
		if v.Conduct == nil {
			v.Conduct = map[string]string{}
		}
	}
	return c, nil
}

// names are those of all edges that checks are about: as they are told, or as the edges say that are connected.
func (h *handler) names(c Checks) map[string]string {
	names := make(map[string]string)
	for _, e := range c.Edges {
		names[e.Address] = e.Name
	}
	for _, t := range c.Open {
		names[t.Edge] += ""
	}
	for _, v := range c.Verdicts {
		names[v.Edge] += ""
	}
	var unnamed []signaling.EdgeID
	for edge, name := range names {
		if name == "" {
			unnamed = append(unnamed, signaling.EdgeID(edge)) // whose id is its address
		}
	}
	for edge, name := range h.Network.EdgeNames(unnamed) {
		names[string(edge)] = name
	}
	return names
}

// some copies the first of a list that are wanted, and says how many of these there are besides.
func some[T any](list []T, most int, wanted func(T) bool) (first []T, left int) {
	first = []T{}
	for _, one := range list {
		switch {
		case !wanted(one):
		case len(first) < most:
			first = append(first, one)
		default:
			left++
		}
	}
	return first, left
}
