package edge

import (
	"sync"
	"time"

	"nearlight/encoder"
	"nearlight/internal/media"
	"nearlight/streamer"
)

// losses are what the player is known to have lost, until the next frame is coded. They may be reported from anywhere.
type losses struct {
	mu      sync.Mutex
	pending bool
	loss    streamer.Loss
}

func (l *losses) add(loss streamer.Loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending {
		loss.First, loss.Last = min(loss.First, l.loss.First), max(loss.Last, l.loss.Last)
		loss.Certain = loss.Certain || l.loss.Certain
	}
	l.loss, l.pending = loss, true
}

func (l *losses) waiting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pending
}

func (l *losses) take() (streamer.Loss, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pending := l.pending
	l.pending = false
	return l.loss, pending
}

// lost makes the next frame do without what the player has lost, and sends one at once when the screen does not change.
func (p *pipeline) lost(loss streamer.Loss) {
	p.losses.add(loss)
	p.stir()
}

// mend sees to it that the next frame refers to nothing that was lost. It reports whether that takes a keyframe.
func (p *pipeline) mend() (keyframe bool) {
	loss, pending := p.losses.take()
	if !pending {
		return false
	}
	keyframe, err := p.encoding.mend(loss)
	if err != nil {
		p.logger.Warn("mend a loss by an older reference", "error", err)
		return true
	}
	p.logger.Debug("the player has lost frames", "certain", loss.Certain, "keyframe", keyframe, "age", media.Now().Sub(loss.First))
	return keyframe
}

// mend has no later frame refer to what was lost. Where that takes a keyframe, only a certain loss is answered.
func (e *encoding) mend(loss streamer.Loss) (keyframe bool, err error) {
	can := e.work.Capabilities()
	if can.Recovery != encoder.RecoverByReferences {
		return loss.Certain, nil
	}
	if !loss.Certain && e.coded.since(loss.First) >= can.References {
		return false, nil
	}
	return e.work.Invalidate(loss.First, loss.Last)
}

// captures are when the newest frames were captured.
type captures struct {
	at   [32]media.Instant // more than any encoder keeps
	next int
}

func (c *captures) add(captured media.Instant) {
	c.at[c.next] = captured
	c.next = (c.next + 1) % len(c.at)
}

// since counts the frames captured from an instant on.
func (c *captures) since(first media.Instant) (n int) {
	for _, at := range c.at {
		if at >= first {
			n++
		}
	}
	return n
}

// keyframeQueue bounds what a keyframe, and the frame that makes room for it, may add to the link's queue at the rate that is set.
const keyframeQueue = 100 * time.Millisecond

// keyframeShare is what each of the two may have at the most, in octets.
func keyframeShare(rate media.Bitrate, share int) int {
	return min(max(int(float64(rate)/8*keyframeQueue.Seconds()/2), share), lateKeyframeShares*share)
}

// plan says what the next frame is: a keyframe, or one for which more bits may be taken than its share.
//
// A keyframe is asked for by a player who sees nothing new until it comes. In a single frame's bits it is soft, and has all of them
// to itself only from the second frame on (see encoder/x264). So where the link has room, the frame before it makes room for it, and
// it comes a frame later, whole; elsewhere it comes at once. A player who has just come waits for no such frame.
func (p *pipeline) plan(grant streamer.Grant) (keyframe, more bool) {
	keyframe, more = p.audience.plan(media.Now())
	if !p.keyframe.Load() {
		return keyframe, more
	}
	if !keyframe && grant.Room && !p.prepared {
		p.prepared = true
		return false, true
	}
	p.keyframe.Store(false)
	more = more || p.prepared
	p.prepared = false
	return true, more
}
