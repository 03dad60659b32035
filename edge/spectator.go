package edge

import (
	"sync"
	"sync/atomic"

	"nearlight/internal/media"
)

// waitingUnits is how many access units may be on their way to one spectator, the one that is being written among them. It is
// enough to ride out a moment; a spectator with more before it would see the past.
const waitingUnits = 2

// onlooker is a spectator's connection: a *streamer.Peer, but in tests.
type onlooker interface {
	Accepts(media.Codec) bool
	Use(media.Codec)
	WriteSlice(s media.Slice, captured media.Instant) error
}

// spectator is one who looks on. What it gets is written by write, on a goroutine of its own, so that a slow way to it holds
// up nobody else. One that does not keep up loses access units whole, and comes back at a keyframe.
type spectator struct {
	to onlooker

	mu      sync.Mutex
	more    *sync.Cond // than write knows of
	waiting []piece
	units   int  // access units in waiting, and the one that is being written
	joined  bool // a keyframe was taken, and everything since
	behind  bool // it lost its place because it did not keep up
	wants   bool // a keyframe
	left    bool
}

// piece is a slice of an access unit, or its end.
type piece struct {
	unit   *accessUnit
	slice  media.Slice
	end    bool
	broken bool // at the end: slices are missing
}

func newSpectator(to onlooker) *spectator {
	s := &spectator{to: to, wants: true}
	s.more = sync.NewCond(&s.mu)
	return s
}

// wantKeyframe asks for one.
func (s *spectator) wantKeyframe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wants = true
}

// due reports whether a keyframe is wanted, and would arrive: for a spectator that is stuck none is made.
func (s *spectator) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wants && s.units < waitingUnits
}

// take reports whether the spectator takes an access unit, whose slices and end have to be pushed then, or misses it because it
// does not keep up. One that waits for its first keyframe does neither.
func (s *spectator) take(keyframe bool) (takes, misses bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := s.units == waitingUnits
	if s.joined && full {
		s.joined, s.behind, s.wants = false, true, true
	}
	if full || !s.joined && !keyframe {
		return false, s.behind
	}
	s.units++
	s.joined, s.behind = true, false
	s.wants = s.wants && !keyframe
	return true, false
}

func (s *spectator) push(p piece) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, p)
	s.more.Signal()
}

// leave ends write. What is pushed later is not sent; its memory is the garbage collector's.
func (s *spectator) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = true
	s.more.Signal()
}

// write sends what comes until the spectator leaves. A write that blocks ends with the connection.
func (s *spectator) write() {
	var unit *accessUnit // whose slices come
	lost := false        // a slice that others refer to: nothing can be decoded before a keyframe
	for pieces := s.next(nil); len(pieces) > 0; pieces = s.next(pieces) {
		for _, p := range pieces {
			if p.end {
				lost = lost || p.broken
				unit = nil
				s.done(p.unit)
				continue
			}
			if unit != p.unit {
				unit = p.unit
				lost = lost && !p.slice.Keyframe
				s.to.Use(unit.codec)
			}
			if !lost {
				lost = s.to.WriteSlice(p.slice, unit.captured) != nil
			}
		}
	}
}

// next waits for pieces, and takes back the memory of those before. There are none when the spectator has left.
func (s *spectator) next(before []piece) []piece {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.waiting) == 0 && !s.left {
		s.more.Wait()
	}
	clear(before)
	pieces := s.waiting
	s.waiting = before[:0]
	return pieces
}

// done gives an access unit back.
func (s *spectator) done(unit *accessUnit) {
	unit.release()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.units--
}

// accessUnit is a copy of a coded frame that spectators share: what has come of it is read while the rest is added.
type accessUnit struct {
	codec    media.Codec
	captured media.Instant
	data     []byte
	readers  atomic.Int32 // that have yet to release it
	of       *copies
}

// add copies a slice. What was added before stays where it is.
func (u *accessUnit) add(slice []byte) []byte {
	before := len(u.data)
	u.data = append(u.data, slice...)
	return u.data[before:]
}

func (u *accessUnit) release() {
	if u.readers.Add(-1) == 0 {
		u.of.put(u)
	}
}

// copies keeps the memory of access units that nobody reads any more: never more of them than spectators had waiting at once.
type copies struct {
	mu    sync.Mutex
	spare []*accessUnit
}

func (c *copies) new(codec media.Codec, captured media.Instant, readers int) *accessUnit {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := &accessUnit{of: c}
	if last := len(c.spare) - 1; last >= 0 {
		u, c.spare = c.spare[last], c.spare[:last]
	}
	u.codec, u.captured, u.data = codec, captured, u.data[:0]
	u.readers.Store(int32(readers))
	return u
}

func (c *copies) put(u *accessUnit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spare = append(c.spare, u)
}
