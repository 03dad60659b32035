package epoch

import (
	"encoding/json"
	"fmt"
	"slices"

	"nearlight/checker/committee"
	"nearlight/internal/identity"
)

// Together is of a task that is one of several, set at once for edges of which each says that it is a machine of its own. They are one occasion: the same checkers
// are drawn for all of its tasks, and each of these asks every edge alone, then all of them at once.
type Together struct {
	Edges  []identity.Address `json:"edges"`  // all of the occasion's, in the order of their addresses
	Alone  Millis             `json:"alone"`  // how long each is challenged by itself; at once, they are for the plan's length
	Window Millis             `json:"window"` // what one checker has for all of it
}

// MostTogether is how many edges an occasion has at the most: a checker takes all their streams at once.
const MostTogether = 4

func (w *Together) check(t Task) error {
	switch {
	case len(w.Edges) < 2 || len(w.Edges) > MostTogether:
		return fmt.Errorf("%w: 2 to %d edges are asked together, not %d", ErrEntry, MostTogether, len(w.Edges))
	case !slices.IsSortedFunc(w.Edges, compare) || len(slices.Compact(slices.Clone(w.Edges))) < len(w.Edges):
		return fmt.Errorf("%w: edges that are asked together are in order, each once", ErrEntry)
	case !slices.Contains(w.Edges, t.Edge):
		return fmt.Errorf("%w: a task's edge is one of those that are asked together", ErrEntry)
	case t.Plan == nil || t.Plan.Objects == 0 || w.Alone < 1 || w.Alone > mostLength || w.Window < 1 || w.Window > t.CommitBy-t.DrawnAt:
		return fmt.Errorf("%w: edges are asked together by a challenge, within the time for commitments", ErrEntry)
	}
	return nil
}

// occasion is what an occasion's tasks have in common.
type occasion struct {
	Together *Together `json:"together"`
	Plan     *Plan     `json:"plan"`
	Round    uint64    `json:"round"`
	At       Millis    `json:"at"`
	DrawnAt  Millis    `json:"drawnAt"`
	CommitBy Millis    `json:"commitBy"`
	RevealBy Millis    `json:"revealBy"`
}

// occasionDomain keeps occasions apart from tasks, whose ids are hashes of their JSON.
const occasionDomain = "nearlight checker occasion 1\x00"

// Occasion names the occasion that a task belongs to; it is zero for a task by itself.
func (t Task) Occasion() (committee.TaskID, error) {
	if t.Together == nil {
		return committee.TaskID{}, nil
	}
	content, err := json.Marshal(occasion{t.Together, t.Plan, t.Round, t.At, t.DrawnAt, t.CommitBy, t.RevealBy})
	if err != nil {
		return committee.TaskID{}, fmt.Errorf("%w: %w", ErrEntry, err)
	}
	return committee.NewTaskID(append([]byte(occasionDomain), content...)), nil
}

// Draw is the drawing of those who measure a task, for committees of so many seats, by the value of its round.
func (t Task) Draw(seats uint32, value Hash) (committee.Draw, error) {
	id, err := t.ID()
	if err != nil {
		return committee.Draw{}, err
	}
	at, err := t.Occasion()
	return committee.Draw{Task: id, Occasion: at, Beacon: committee.Beacon{Round: t.Round, Value: value}, Seats: seats}, err
}

// crowd fails for a task that would have an edge asked by two committees at once, where one of them asks others at the same time: it would not know whether the
// edge was alone.
func (r *Replay) crowd(t Task) error {
	if t.Together == nil {
		if t.At < r.together[t.Edge] {
			return flaw("a task for edge %v while it is asked together with others", t.Edge)
		}
		return nil
	}
	for _, edge := range t.Together.Edges {
		if _, known := r.edges[edge]; !known {
			return flaw("edge %v is asked together with %v, which is not enrolled", t.Edge, edge)
		}
	}
	if t.At < r.busy[t.Edge] {
		return flaw("edge %v is asked together with others while it is asked already", t.Edge)
	}
	return nil
}

// occupy notes until when a task has its edge.
func (r *Replay) occupy(t Task) {
	r.busy[t.Edge] = max(r.busy[t.Edge], t.RevealBy)
	if t.Together != nil {
		r.together[t.Edge] = t.RevealBy
	}
}

// sameOthers reports whether two tasks ask their edge together with the same others, or both by itself.
func sameOthers(a, b *Together) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.Equal(a.Edges, b.Edges)
}
