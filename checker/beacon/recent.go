package beacon

import "sync"

// recent keeps the latest rounds that were asked for.
type recent struct {
	mu     sync.Mutex
	rounds map[uint64]Round
	order  []uint64 // a ring of the rounds' numbers
	next   int      // which of them goes first
}

func newRecent(size int) *recent {
	return &recent{rounds: make(map[uint64]Round), order: make([]uint64, max(size, 1))}
}

func (k *recent) round(number uint64) (Round, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, kept := k.rounds[number]
	return r, kept
}

func (k *recent) keep(r Round) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, kept := k.rounds[r.Number]; kept {
		return
	}
	delete(k.rounds, k.order[k.next]) // there is no round 0, which a new ring is full of
	k.rounds[r.Number], k.order[k.next] = r, r.Number
	k.next = (k.next + 1) % len(k.order)
}
