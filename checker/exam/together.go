package exam

import (
	"fmt"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/internal/identity"
)

// An occasion is several tasks at once, of edges of which each says that it is a machine of its own (epoch.Together). One checker has a window of it for itself:
//
//	| first alone | second alone | ... | all at once |   each of which begins with as long as a first frame may take
//	window        '------ Alone ------'              window + Window
//
// Windows follow each other without a gap, the same ones for all who are drawn, so that nobody measures an edge alone while another checker asks the others.
// Who finds a slot taken leaves, and tries another window.

// Punctual is how late in its window a checker may begin.
const Punctual = 3 * time.Second

// lead is from an occasion's drawing to its first window: all are to know that they are drawn.
const lead = 2 * time.Second

// Overlap is the share of a challenge's length during which all edges of an occasion have to be asked at once, by the clock of the checker that asks. Where it was
// less nothing was found.
const Overlap = 0.9

// Window is what one checker takes for an occasion of so many edges.
func (r Requirements) Window(edges int) time.Duration {
	return time.Duration(edges)*(r.Alone+r.FirstFrame) + r.FirstFrame + r.Length
}

// Occasion is how long commitments to an occasion's tasks are taken, from when it is drawn, if it is to have so many windows.
func (r Requirements) Occasion(edges, windows int) time.Duration {
	return lead + time.Duration(windows)*r.Window(edges) + 2*time.Duration(edges)*r.Length
}

// Together sets a check of one of several edges that are asked at once, which are in the order of their addresses. The error wraps ErrCheck: it takes a challenge.
func (r Requirements) Together(check life.Check, edge identity.Address, edges []identity.Address, coming Round, when Instants) (epoch.Task, error) {
	set, err := r.Task(check, edge, coming, when)
	if err != nil {
		return epoch.Task{}, err
	}
	if set.Plan.Objects == 0 {
		return epoch.Task{}, fmt.Errorf("%w: %.64q together with others", ErrCheck, check)
	}
	set.Together = &epoch.Together{Edges: edges, Alone: millis(r.Alone), Window: millis(r.Window(len(edges)))}
	task := builder{set}
	shared := challenge.RequiredTogether(alone(set), plan(set), r.Shared, r.Limits)
	task.ask(shared.Name, shared.Limit, shared.Least)
	return task.Task, nil
}

// Alone is what the task's edge is to draw by itself before others are asked as well. The pictures' likeness is looked at in the other challenge: here they only
// have to come. The error wraps challenge.ErrPlan.
func Alone(task epoch.Task) (*challenge.Plan, error) { return checked(alone(task)) }

func alone(task epoch.Task) challenge.Plan {
	p := plan(task)
	p.Length, p.Share = duration(task.Together.Alone), 0
	return p
}

// windows is how many an occasion has.
func windows(task epoch.Task) epoch.Millis {
	return max((task.CommitBy-task.DrawnAt-millis(lead)-spare(task))/task.Together.Window, 1)
}

// window is when one of them begins.
func window(task epoch.Task, number epoch.Millis) epoch.Millis {
	return task.DrawnAt + millis(lead) + number*task.Together.Window
}

// Later is the beginning of one of the windows that begin after an instant, or false where there is none.
func Later(task epoch.Task, now epoch.Millis, random uint64) (epoch.Millis, bool) {
	next := max((now-task.DrawnAt-millis(lead))/task.Together.Window+1, 0)
	left := windows(task) - next
	if left <= 0 {
		return 0, false
	}
	return window(task, next+part(random, left)), true
}

// Simultaneous reports whether what was found of all edges of an occasion was found at once.
func Simultaneous(task epoch.Task, found []Found) bool {
	if len(found) == 0 {
		return false
	}
	from, until := found[0].From, found[0].Until
	for _, f := range found {
		if !f.Served || f.Challenge == nil {
			return false
		}
		if f.From.After(from) {
			from = f.From
		}
		if f.Until.Before(until) {
			until = f.Until
		}
	}
	return until.Sub(from).Seconds() >= Overlap*duration(task.Plan.Length).Seconds()
}
