package duty

import (
	"context"
	"errors"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"nearlight/checker/epoch"
	"nearlight/checker/exam"
)

var (
	errPartial = errors.New("duty: the log does not have all tasks of the occasion")
	errApart   = errors.New("duty: the edges were not asked at once for long enough, of which nothing can be told")
	errAlone   = errors.New("duty: another edge of the occasion did not serve, so that nothing can be told of this one; it is not tried again")
)

// gather visits the edges of the occasion that a task belongs to, in the window that begins now.
func (d *Duty) gather(ctx context.Context, a *assignment) error {
	now := d.config.Now()
	if now.Sub(a.moment) > exam.Punctual { // another visit took so long
		random := mathrand.Uint64()
		for _, other := range d.tasks {
			if other.occasion == a.occasion && other.entry.Step == "" {
				other.moment = d.later(other.Task, random)
			}
		}
		return nil
	}
	all := make([]Visit, len(a.Together.Edges))
	ids := make([]epoch.Hash, len(all))
	asked := make(map[epoch.Hash]bool)
	for i, edge := range a.Together.Edges {
		for id, other := range d.tasks {
			if other.occasion == a.occasion && other.Edge == edge {
				all[i].Task, ids[i] = other.Task, id
				if other.entry.Step == "" {
					other.under, asked[id] = true, true
				}
			}
		}
		if ids[i] == (epoch.Hash{}) {
			for id := range asked {
				d.tasks[id].under = false
			}
			return d.miss(a, errPartial.Error())
		}
	}
	d.away = true
	ctx, stop := context.WithTimeout(ctx, a.moment.Sub(now)+time.Duration(a.Together.Window)*time.Millisecond)
	go func() {
		defer stop()
		var found []visited
		for _, v := range d.occasion(ctx, all, ids) {
			if asked[v.task] { // nothing is measured twice
				found = append(found, v)
			}
		}
		d.visited <- found
	}()
	return nil
}

// later is when an occasion is tried again: in another window, or not at all.
func (d *Duty) later(task epoch.Task, random uint64) time.Time {
	at, is := exam.Later(task, epoch.Millis(d.config.Now().UnixMilli()), random)
	if !is {
		return task.CommitBy.Time() // when it is too late
	}
	return at.Time()
}

// occasion asks each edge by itself, then all at once. Of an edge that does not serve that is found; of the others nothing is then, since they were not asked at
// the same time.
func (d *Duty) occasion(ctx context.Context, all []Visit, ids []epoch.Hash) []visited {
	found := make([]visited, len(all))
	without := func(who int, err error) []visited {
		for i := range found {
			if i != who {
				found[i] = visited{task: ids[i], err: err}
			}
		}
		return found
	}
	alone := make([]exam.Found, len(all))
	for i, v := range all {
		var err error
		if v.Challenge, err = exam.Alone(v.Task); err != nil {
			return without(-1, err)
		}
		found[i] = d.see(ctx, v, ids[i], nil)
		switch {
		case found[i].err != nil:
			return without(-1, found[i].err)
		case !found[i].found.Served:
			return without(i, errAlone)
		}
		alone[i] = found[i].found
	}
	together := newMeeting(len(all))
	var visits sync.WaitGroup
	for i, v := range all {
		visits.Go(func() {
			var err error
			if v.Challenge, err = exam.Challenge(v.Task); err != nil {
				found[i] = visited{task: ids[i], err: err}
			} else {
				v.Ready = together.wait
				found[i] = d.see(ctx, v, ids[i], nil)
			}
			together.fail() // for those who still wait: this one does not come
		})
	}
	visits.Wait()
	once := make([]exam.Found, len(found))
	for i := range found {
		once[i] = found[i].found
	}
	if !exam.Simultaneous(all[0].Task, once) {
		why := errApart
		for _, v := range found {
			if v.err == nil && !v.found.Served {
				why = errAlone
			}
		}
		for i, v := range found {
			if v.err == nil && v.found.Served || errors.Is(v.err, errApart) {
				found[i].err = why
			}
		}
	}
	for i := range found {
		found[i].found.Alone = alone[i].Challenge
	}
	return found
}

// meeting is where visits wait for each other.
type meeting struct {
	mu      sync.Mutex
	missing int
	all     chan struct{} // closed when all are there
	failed  chan struct{} // closed when one does not come any more
	over    bool
}

func newMeeting(of int) *meeting {
	return &meeting{missing: of, all: make(chan struct{}), failed: make(chan struct{})}
}

// wait waits until all are there. The error is errApart, or of ctx.
func (m *meeting) wait(ctx context.Context) error {
	m.mu.Lock()
	if m.missing--; m.missing == 0 && !m.over {
		m.over = true
		close(m.all)
	}
	m.mu.Unlock()
	select {
	case <-m.all:
		return nil
	case <-m.failed:
		return errApart
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fail ends the waiting of those who wait for more. When all were there it does nothing.
func (m *meeting) fail() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.over {
		m.over = true
		close(m.failed)
	}
}
