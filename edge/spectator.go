package edge

import (
	"sync"
	"sync/atomic"
	"time"

	"nearlight/internal/media"
	"nearlight/streamer"
)

// waitingUnits is how many access units may be on their way to one spectator, the one that is being written among them. It is
// enough to ride out a moment; a spectator with more before it would see the past.
const waitingUnits = 2

// A spectator whose link does not carry the stream sees parts of it: every frame refers to the one before, so that no smaller selection of
// frames can be decoded than those from a keyframe on.
const (
	// mostBehind is how far its link may be behind until it is left frames out, up to a keyframe. One who looks on feels no
	// latency; what it sees should not be old either.
	mostBehind = 400 * time.Millisecond
	// hardlyBehind is when it may get a keyframe again, which alone keeps a link of a quarter of the stream's rate busy for a quarter of a second.
	hardlyBehind = 50 * time.Millisecond
	// firstPause and longestPause are how long it waits for a keyframe of its own: twice as long each time, since each one costs the
	// player bits. One that is made for somebody else it gets before.
	firstPause, longestPause = time.Second, 2 * time.Second
	// keepsUp is after how many access units in a row that is forgotten: ten seconds at 60 frames a second.
	keepsUp = 600
)

// onlooker is a spectator's connection: a *streamer.Peer, but in tests.
type onlooker interface {
	Accepts(media.Codec) bool
	Use(media.Codec)
	WriteSlice(s media.Slice, captured media.Instant) error
	// Grant is asked once for each frame that could be sent, and paces it.
	Grant() streamer.Grant
	// Behind is how long the way to it needs for what it was given, as expected and as seen.
	Behind() (expected, seen time.Duration)
}

var _ onlooker = (*streamer.Peer)(nil)

// spectator is one who looks on. What it gets is written by write, on a goroutine of its own, so that a slow way to it holds
// up nobody else. One that does not keep up, by what waits here or by what waits on its link, loses access units whole, and comes back at a
// keyframe.
type spectator struct {
	to     onlooker
	missed *atomic.Uint64 // access units, counted by all spectators

	mu      sync.Mutex
	more    *sync.Cond // than write knows of
	waiting []piece
	units   int  // access units in waiting, and the one that is being written
	joined  bool // a keyframe was taken, and everything since
	behind  bool // it lost its place because it did not keep up
	wants   bool // a keyframe
	left    bool

	busy    bool          // its link: a keyframe would come late
	kept    int           // access units in a row
	pause   time.Duration // until it may want a keyframe of its own, after its link was behind; 0 for at once
	since   media.Instant // when the pause was first looked at; 0 for not yet
	leftOut uint64        // access units that its link did not carry
}

// piece is a slice of an access unit, or its end.
type piece struct {
	unit   *accessUnit // nil for none: the link is to be looked at
	slice  media.Slice
	end    bool
	broken bool // at the end: slices are missing
}

func newSpectator(to onlooker, missed *atomic.Uint64) *spectator {
	s := &spectator{to: to, missed: missed, wants: true}
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
func (s *spectator) due(now media.Instant) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pause > 0 && s.since == 0 {
		s.since = now
	}
	return s.wants && s.units < waitingUnits && !s.busy && (s.pause == 0 || now.Sub(s.since) >= s.pause)
}

// take reports whether the spectator takes an access unit, whose slices and end have to be pushed then. One that does not keep up misses
// it; one that waits for its first keyframe does neither.
func (s *spectator) take(keyframe bool) (takes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := s.units == waitingUnits
	if s.joined && full {
		s.joined, s.behind, s.wants = false, true, true
	}
	if full || !s.joined && (!keyframe || s.busy) {
		if s.behind {
			s.miss()
		}
		if len(s.waiting) == 0 {
			s.waiting = append(s.waiting, piece{}) // write looks at the link
			s.more.Signal()
		}
		return false
	}
	s.units++
	s.joined, s.behind = true, false
	s.wants = s.wants && !keyframe
	if s.kept++; s.kept >= keepsUp {
		s.pause = 0
	}
	return true
}

// miss counts an access unit. The caller holds mu.
func (s *spectator) miss() {
	s.missed.Add(1)
	s.leftOut++
}

// takeLeftOut returns how many access units the spectator has missed since it was last asked.
func (s *spectator) takeLeftOut() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.leftOut
	s.leftOut = 0
	return n
}

// look finds out whether the link has caught up, and whether it is too far behind for another access unit. A spectator that is
// loses its place for one that it was to get.
func (s *spectator) look(gets bool) (tooFar bool) {
	s.to.Grant()
	expected, seen := s.to.Behind()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = expected > hardlyBehind
	// The stream is not made for this link, so that an estimate that is too low is not corrected by it: it counts once it was seen to be right.
	if !gets || expected <= mostBehind || seen <= hardlyBehind && s.pause == 0 {
		return false
	}
	s.joined, s.behind, s.wants = false, true, true
	s.kept, s.since, s.pause = 0, 0, min(max(2*s.pause, firstPause), longestPause)
	s.miss()
	return true
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
			if p.unit == nil {
				s.look(false)
				continue
			}
			if p.end {
				lost = lost || p.broken
				unit = nil
				s.done(p.unit)
				continue
			}
			if unit != p.unit {
				unit = p.unit
				lost = lost && !p.slice.Keyframe
				lost = s.look(!lost) || lost
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
