package scene

import (
	"sync"

	"nearlight/internal/media"
	"nearlight/internal/scene/play"
)

// mostEvents bounds what may wait for a picture. It takes a flood to get there, and then the oldest is worth nothing.
const mostEvents = 4096

// inbox holds input for the next picture. Its methods may be called from anywhere.
type inbox struct {
	mu        sync.Mutex
	announced uint32
	size      media.Size // that the pointer moves in
	x, y      int
	waiting   []play.Event
	taken     []play.Event // by the last take; its memory is used again
}

// put adds an event, with the input that was announced and the pointer's place.
func (b *inbox) put(kind play.Kind, symbol uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(kind, symbol)
}

// add is put for a caller that holds mu.
func (b *inbox) add(kind play.Kind, symbol uint32) {
	if len(b.waiting) >= mostEvents { // nothing may stay pressed because its release was lost
		b.waiting = append(b.waiting[:0], play.Event{Kind: play.FocusLost, Sequence: b.announced})
	}
	b.waiting = append(b.waiting, play.Event{Kind: kind, Symbol: symbol, Sequence: b.announced, X: b.x, Y: b.y})
}

// announce tells the input that the next events are. Without one (0) nothing that was shown is an answer any more.
func (b *inbox) announce(sequence uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.announced = sequence
	if sequence == 0 {
		b.add(nothing, 0)
	}
}

// nothing is an event that does nothing but name its input.
const nothing play.Kind = 0

// move puts the pointer somewhere within the picture.
func (b *inbox) move(relative bool, x, y int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if relative {
		x, y = b.x+x, b.y+y
	}
	b.x, b.y = min(max(x, 0), b.size.Width-1), min(max(y, 0), b.size.Height-1)
	b.add(play.Motion, 0)
}

// resize keeps the pointer within a new size, and tells the game.
func (b *inbox) resize(size media.Size) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size = size
	b.x, b.y = min(b.x, size.Width-1), min(b.y, size.Height-1)
	b.waiting = append(b.waiting, play.Event{Kind: play.Resized, Sequence: b.announced, X: size.Width, Y: size.Height})
}

// take returns all that waits, in order; it is valid until the next take.
func (b *inbox) take() []play.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting, b.taken = b.taken[:0], b.waiting
	return b.taken
}
