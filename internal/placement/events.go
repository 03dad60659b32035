package placement

import (
	"container/heap"
	"time"
)

// events are what will happen, in the order of time; at one time, in the order in which it was added.
type events struct {
	now   time.Duration
	queue queue
	added int
}

type event struct {
	at     time.Duration
	number int
	happen func()
}

func (e *events) add(at time.Duration, happen func()) {
	e.added++
	heap.Push(&e.queue, event{at, e.added, happen})
}

// next lets the next thing happen; false when there is none.
func (e *events) next() bool {
	if len(e.queue) == 0 {
		return false
	}
	next := heap.Pop(&e.queue).(event)
	e.now = next.at
	next.happen()
	return true
}

type queue []event

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].number < q[j].number
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
