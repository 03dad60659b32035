package server

import (
	"container/heap"
	"time"
)

// alarm is something that is to happen at a time unless it is stopped before.
type alarm struct {
	at    time.Time
	ring  func()
	index int // in the heap; -1 when it is not in there
}

// alarms is a heap of alarms. It belongs to the registry and is guarded by its mutex.
type alarms struct{ heap alarmHeap }

func (a *alarms) set(at time.Time, ring func()) *alarm {
	next := &alarm{at: at, ring: ring}
	heap.Push(&a.heap, next)
	return next
}

// stop takes an alarm off, if it is set.
func (a *alarms) stop(which *alarm) {
	if which != nil && which.index >= 0 {
		heap.Remove(&a.heap, which.index)
	}
}

// next returns when the first alarm is due.
func (a *alarms) next() (time.Time, bool) {
	if len(a.heap) == 0 {
		return time.Time{}, false
	}
	return a.heap[0].at, true
}

// ring rings all that is due at now, earliest first.
func (a *alarms) ring(now time.Time) {
	for len(a.heap) > 0 && !a.heap[0].at.After(now) {
		heap.Pop(&a.heap).(*alarm).ring()
	}
}

type alarmHeap []*alarm

func (h alarmHeap) Len() int           { return len(h) }
func (h alarmHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h alarmHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *alarmHeap) Push(x any) {
	a := x.(*alarm)
	a.index = len(*h)
	*h = append(*h, a)
}

func (h *alarmHeap) Pop() any {
	last := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = nil
	*h = (*h)[:len(*h)-1]
	last.index = -1
	return last
}
