package edge

import (
	"sync"
	"time"

	"nearlight/encoder"
	"nearlight/internal/media"
	"nearlight/streamer"
	"nearlight/streamer/control"
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

// announced is what was told last, and while who was served.
type announced struct {
	notice control.VideoNotice
	to     *streamer.Peer
}

// announce tells what is sent, if that has changed: the pipeline is stirred for each loss, and has nothing new to say then.
func (p *pipeline) announce(notice control.VideoNotice) {
	now := announced{notice, p.served}
	if now == p.told {
		return
	}
	p.told = now
	p.changed(notice)
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
	if !loss.Certain && !e.coded.olderThan(loss.First, can.References) {
		return false, nil
	}
	e.coded.lose(loss.First)
	return e.work.Invalidate(loss.First, loss.Last)
}

// captures are the newest frames that were coded, as far as an encoder may refer to them.
type captures struct {
	frames [32]codedFrame // more than any encoder keeps
	count  int
}

type codedFrame struct {
	captured media.Instant
	lost     bool // or from before a keyframe
}

func (c *captures) add(captured media.Instant, keyframe bool) {
	if keyframe {
		c.lose(0)
	}
	c.frames[c.count%len(c.frames)] = codedFrame{captured: captured}
	c.count++
}

// lose says that the frames captured from an instant on are referred to no more.
func (c *captures) lose(first media.Instant) {
	for i := range c.frames {
		c.frames[i].lost = c.frames[i].lost || c.frames[i].captured >= first
	}
}

// olderThan reports whether there is one to refer to, captured before an instant, among as many of the newest as the encoder keeps.
func (c *captures) olderThan(first media.Instant, kept int) bool {
	for back := 1; back <= min(kept, c.count, len(c.frames)); back++ {
		if f := c.frames[(c.count-back)%len(c.frames)]; !f.lost && f.captured < first {
			return true
		}
	}
	return false
}

// keyframeQueue bounds for how long a keyframe occupies the link at the rate that is set.
const keyframeQueue = 100 * time.Millisecond

// keyframeShare is what a keyframe may have at the most, in octets, and the frame that makes room for it.
func keyframeShare(rate media.Bitrate, share int) int {
	return min(max(int(float64(rate)/8*keyframeQueue.Seconds()), share), lateKeyframeShares*share)
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
