package netsim

// ring is a queue that keeps its memory: after it has once been as long as it gets, pushing does not allocate.
type ring[T any] struct {
	slots []T // a power of two of them
	first int
	count int
}

const ringStart = 16

func (r *ring[T]) push(v T) {
	if r.count == len(r.slots) {
		grown := make([]T, max(2*len(r.slots), ringStart))
		for i := range r.count {
			grown[i] = *r.at(i)
		}
		r.slots, r.first = grown, 0
	}
	*r.at(r.count) = v
	r.count++
}

// at returns the i-th oldest; it is the caller's to know that there is one, except for the slot that push fills.
func (r *ring[T]) at(i int) *T { return &r.slots[(r.first+i)&(len(r.slots)-1)] }

func (r *ring[T]) pop() T {
	var empty T
	slot := r.at(0)
	v := *slot
	*slot = empty
	r.first = (r.first + 1) & (len(r.slots) - 1)
	r.count--
	return v
}
