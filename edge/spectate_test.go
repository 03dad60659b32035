package edge

import (
	"errors"
	"testing"
	"time"

	"nearlight/internal/media"
)

// until waits for a condition that other goroutines bring about.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come about within %v", what, patience)
		}
	}
}

// show lets one look on at the bench's pipeline until the test ends, or until what it returns is called.
func (b *bench) show(t *testing.T, to *lookout) (leave func()) {
	t.Helper()
	s := b.pipeline.admit(to)
	written := make(chan struct{})
	go func() { defer close(written); s.write() }()
	leave = func() {
		b.pipeline.dismiss(s)
		to.block(false)
		<-written
	}
	t.Cleanup(leave)
	return leave
}

// sees waits until an onlooker has seen more than it had.
func (b *bench) sees(t *testing.T, to *lookout) {
	t.Helper()
	before := len(to.seen())
	luma := byte(0)
	until(t, "a picture for who looks on", func() bool {
		luma += 40
		b.source.Change(luma)
		return len(to.seen()) > before
	})
}

func TestAPlayerPlaysOnWhileASpectatorsWayIsBlocked(t *testing.T) {
	b := newBench(t)
	stuck, fine := newLookout(media.H264), newLookout(media.H264)
	stuck.block(true)
	b.show(t, stuck)
	b.show(t, fine)
	b.pipeline.watch(b.peer)
	for range 20 {
		b.source.Change(byte(40 + len(b.frames)))
		receive(t, b.frames, "the player's next frame")
	}
	until(t, "a lost access unit", func() bool { return b.pipeline.audience.missed.Load() > 0 })
	b.sees(t, fine)
}

func TestSpectatorsSeeTheGameBeforeThePlayerDoesAndAfterThePlayerIsLost(t *testing.T) {
	b := newBench(t)
	to := newLookout(media.H264)
	leave := b.show(t, to)
	b.sees(t, to)
	if rate := b.source.FrameRate(); rate != 60 {
		t.Errorf("%d frames per second for who looks on", rate)
	}
	frames, keyframes := b.encoder.counts()
	if keyframes != 1 || frames < 2 { // a late keyframe is prepared by the frame before
		t.Errorf("%d keyframes among %d frames, want one", keyframes, frames)
	}

	b.pipeline.watch(b.peer)
	began := time.Now()
	receive(t, b.frames, "the player's first frame")
	if took := time.Since(began); took > keepAlive/2 {
		t.Errorf("the player's first frame took %v: it had no keyframe of its own", took)
	}

	b.hangUp()
	until(t, "the loss of the player", func() bool {
		b.source.Change(90)
		return b.pipeline.peer.Load() == nil
	})
	b.sees(t, to)
	b.sees(t, to)

	leave()
	until(t, "a rate for nobody", func() bool {
		b.source.Change(100)
		return b.source.FrameRate() == unwatchedRate
	})
}

func TestNothingIsCodedForSpectatorsWhoDoNotTakeWhatThePlayerHas(t *testing.T) {
	spare := &scriptedEncoder{}
	b := newBench(t, opens("spare", media.VP8, spare))
	b.show(t, newLookout(media.VP8))
	b.source.Change(40)
	receive(t, b.drawn, "the note that the app has drawn")
	b.source.Change(80)
	until(t, "a rate for nobody", func() bool { return b.source.FrameRate() == unwatchedRate })
	if frames, _ := b.encoder.counts(); frames != 0 || spare.frames != 0 {
		t.Errorf("%d frames were coded, and %d by an encoder that is not the player's", frames, spare.frames)
	}
	to := newLookout(media.H264)
	b.show(t, to)
	b.sees(t, to)
}

func TestWithNobodyPlayingAnEncoderThatFailsIsReplacedByOneThatSpectatorsTake(t *testing.T) {
	spare := &scriptedEncoder{}
	b := newBench(t, opens("other", media.AV1, &scriptedEncoder{}), opens("spare", media.VP8, spare))
	to := newLookout(media.H264, media.VP8)
	b.show(t, to)
	b.sees(t, to)
	b.encoder.mu.Lock()
	b.encoder.fail, b.encoder.failHalfway = errors.New("device lost"), true
	b.encoder.mu.Unlock()
	b.sees(t, to)
	b.sees(t, to)
	if frames, keyframes := spare.counts(); frames == 0 || keyframes == 0 {
		t.Errorf("the other encoder made %d frames with %d keyframes", frames, keyframes)
	}
}
