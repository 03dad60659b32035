package edge

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"nearlight/internal/media"
)

// lateKeyframes is the least time between two keyframes that are made for spectators alone.
const lateKeyframes = time.Second

// lateKeyframeShares is how many frames' worth of bits such a keyframe may take, and the frame before it, so that the bits are
// there: a keyframe in one frame's bits would be seen to be coarse by everybody else. At low frame rates it takes less (keyframeShare).
const lateKeyframeShares = 4

// audience are the spectators of one session. They get the player's access units as they are: nothing is coded for them
// but a keyframe for who comes late or has lost something, at most one in lateKeyframes. An access unit is copied once for
// all of them, and only where somebody takes it; each spectator's own goroutine sends it on.
//
// add, remove and accepts may be called from anywhere, the rest belongs to the pipeline's goroutine.
type audience struct {
	mu         sync.Mutex
	spectators []*spectator

	missed atomic.Uint64 // access units, by spectators that do not keep up

	last     media.Instant // keyframe, whoever it was made for
	prepared bool          // the frame before the keyframe has been made

	// Of the access unit that is being sent.
	codec    media.Codec
	captured media.Instant
	begun    bool         // its first slice has come
	unit     *accessUnit  // nil where nobody takes it
	takers   []*spectator // who take it
	copies   copies
}

// add lets one look on, from the next keyframe on. Its owner runs write until remove.
func (a *audience) add(to onlooker) *spectator {
	s := newSpectator(to, &a.missed)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spectators = append(a.spectators, s)
	return s
}

// remove ends write, as soon as what it is sending lets it.
func (a *audience) remove(s *spectator) {
	a.mu.Lock()
	a.spectators = slices.DeleteFunc(a.spectators, func(other *spectator) bool { return s == other })
	a.mu.Unlock()
	s.leave()
}

// accepts reports whether somebody here takes a codec.
func (a *audience) accepts(codec media.Codec) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.spectators, func(s *spectator) bool { return s.to.Accepts(codec) })
}

// leftOut returns how many access units the spectator at the end of a connection has missed since this was last asked, 0 where there is none.
func (a *audience) leftOut(to onlooker) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.spectators {
		if s.to == to {
			return s.takeLeftOut()
		}
	}
	return 0
}

// due reports whether somebody waits for a keyframe that may be made now.
func (a *audience) due(now media.Instant) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	wanted := false
	for _, s := range a.spectators {
		wanted = s.due(now) || wanted // all are asked: each one's pause goes on
	}
	return wanted && (a.last == 0 || now.Sub(a.last) >= lateKeyframes)
}

// plan says what the next frame is for the audience's sake: a keyframe, or the frame before one, for which more bits may be
// taken as well.
func (a *audience) plan(now media.Instant) (keyframe, more bool) {
	if !a.due(now) {
		return false, false
	}
	if !a.prepared {
		a.prepared = true
		return false, true
	}
	return true, true
}

// begin takes an access unit that is about to be coded.
func (a *audience) begin(codec media.Codec, captured media.Instant) {
	a.codec, a.captured, a.begun = codec, captured, false
}

// send hands on a slice of it, and reports whether anybody takes it. It never waits for anybody.
func (a *audience) send(s media.Slice) (taken bool) {
	if !a.begun {
		a.begun = true
		a.choose(s.Keyframe)
	}
	if a.unit == nil {
		return false
	}
	s.Data = a.unit.add(s.Data)
	for _, taker := range a.takers {
		taker.push(piece{unit: a.unit, slice: s})
	}
	return true
}

// choose finds out who takes the access unit.
func (a *audience) choose(keyframe bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.spectators {
		if s.take(keyframe) {
			a.takers = append(a.takers, s)
		}
	}
	if len(a.takers) > 0 {
		a.unit = a.copies.new(a.codec, a.captured, len(a.takers))
	}
}

// end says that nothing more comes of it. One that is not whole is of no use to anybody.
func (a *audience) end(whole, keyframe bool, now media.Instant) {
	for _, taker := range a.takers {
		taker.push(piece{unit: a.unit, end: true, broken: !whole})
	}
	clear(a.takers)
	a.takers, a.unit = a.takers[:0], nil
	if whole && keyframe {
		a.last, a.prepared = now, false
	}
}
