package edge

import (
	"slices"
	"sync"
	"time"

	"nearlight/internal/media"
	"nearlight/streamer"
)

// lateKeyframes is the least time between two keyframes that are made for spectators alone.
const lateKeyframes = time.Second

// lateKeyframeShares is how many frames' worth of bits such a keyframe may take, and the frame before it, so that the bits are
// there: a keyframe in one frame's bits would be seen to be coarse by everybody else.
const lateKeyframeShares = 4

// audience are the spectators of one session. They get the player's access units as they are: nothing is coded for them
// but a keyframe for who comes late or has lost something, at most one in lateKeyframes.
//
// add, remove and wantKeyframe may be called from anywhere, the rest belongs to the pipeline's goroutine.
type audience struct {
	mu      sync.Mutex
	peers   []*spectator
	waiting bool // for a keyframe

	last     media.Instant // keyframe, whoever it was made for
	prepared bool          // the frame before the keyframe has been made
	emitting []*spectator  // of the access unit that is being sent
}

// spectator is one who looks on.
type spectator struct {
	peer *streamer.Peer
	// joined says that a keyframe has been sent, and everything since. The pipeline's goroutine owns it.
	joined bool
}

func (a *audience) add(peer *streamer.Peer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.peers = append(a.peers, &spectator{peer: peer})
	a.waiting = true
}

func (a *audience) remove(peer *streamer.Peer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.peers = slices.DeleteFunc(a.peers, func(s *spectator) bool { return s.peer == peer })
}

// wantKeyframe asks for one on a spectator's behalf.
func (a *audience) wantKeyframe() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = true
}

// due reports whether somebody waits for a keyframe that may be made now.
func (a *audience) due(now media.Instant) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.dueLocked(now)
}

func (a *audience) dueLocked(now media.Instant) bool {
	return a.waiting && len(a.peers) > 0 && (a.last == 0 || now.Sub(a.last) >= lateKeyframes)
}

// plan says what the next frame is for the audience's sake: a keyframe, or the frame before one, for which more bits may be
// taken as well.
func (a *audience) plan(now media.Instant) (keyframe, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.dueLocked(now) {
		return false, false
	}
	if !a.prepared {
		a.prepared = true
		return false, true
	}
	return true, true
}

// begin takes an access unit that the player gets, with the codec that it is in.
func (a *audience) begin(codec media.Codec) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.emitting = append(a.emitting[:0], a.peers...)
	for _, s := range a.emitting {
		s.peer.Use(codec)
	}
}

// send hands on a slice of it. Who cannot be reached, or does not take the codec, waits for a keyframe to come back.
func (a *audience) send(s media.Slice, captured media.Instant) {
	for _, viewer := range a.emitting {
		if !viewer.joined && !s.Keyframe {
			continue
		}
		viewer.joined = viewer.peer.WriteSlice(s, captured) == nil
	}
}

// end says that the access unit was sent.
func (a *audience) end(keyframe bool, now media.Instant) {
	if !keyframe {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last, a.waiting, a.prepared = now, false, false
}
