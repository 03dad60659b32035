package edge

import "sync"

// Ready is closed when signaling knows the edge and the first display is warm: a player who comes now does not wait for either.
func (n *Node) Ready() <-chan struct{} { return n.ready.done }

// readiness joins the two things that Ready waits for.
type readiness struct {
	mu                 sync.Mutex
	isRegistered, warm bool
	done               chan struct{}
}

func (r *readiness) registered() { r.note(&r.isRegistered) }
func (r *readiness) warmed()     { r.note(&r.warm) }

func (r *readiness) note(what *bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.isRegistered && r.warm
	*what = true
	if !before && r.isRegistered && r.warm {
		close(r.done)
	}
}
