package capture

import (
	"context"
	"sync"
)

// Waker ends the waits of a source's Next: when the context of the call ends, and when the source is closed.
//
// A source arms it with what wakes Next, and closes it before what that function touches is freed. Watch and Release are called
// by who holds the right to run Next, everything else from anywhere.
type Waker struct {
	mu     sync.Mutex // never held while anything blocks
	wake   func()     // nil before Arm and after Close
	closed bool

	watched <-chan struct{} // the context whose end wakes Next, by its Done channel
	unwatch func() bool
}

// Arm sets what wakes Next. It must not block, and holds until Next has noticed, so that it cannot come too early.
func (w *Waker) Arm(wake func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wake = wake
}

// Wake wakes Next.
func (w *Waker) Wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wake != nil {
		w.wake()
	}
}

// Watch has the end of ctx wake Next, and of no context before it. A caller passes the same context for each frame, so it is told
// apart by its Done channel and registered once.
func (w *Waker) Watch(ctx context.Context) {
	if ctx.Done() == w.watched || w.Closed() {
		return
	}
	w.Release()
	if w.watched = ctx.Done(); w.watched != nil {
		w.unwatch = context.AfterFunc(ctx, w.Wake)
	}
}

// Release forgets the context.
func (w *Waker) Release() {
	if w.unwatch != nil {
		w.unwatch()
	}
	w.watched, w.unwatch = nil, nil
}

// Close wakes Next for the last time: what Arm was given is not called any more.
func (w *Waker) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.wake != nil {
		w.wake()
		w.wake = nil
	}
}

// Closed reports whether Close was called.
func (w *Waker) Closed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}
