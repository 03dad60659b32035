package edge

import (
	"errors"
	"log/slog"
	"testing"

	"nearlight/encoder"
	"nearlight/internal/media"
	"nearlight/streamer"
	"nearlight/streamer/control"
)

func TestReportsOfALossAddUpUntilAFrameIsCoded(t *testing.T) {
	var l losses
	if _, pending := l.take(); pending || l.waiting() {
		t.Error("a loss before any")
	}
	l.add(streamer.Loss{First: 30, Last: 50})
	l.add(streamer.Loss{First: 20, Last: 40, Certain: true})
	l.add(streamer.Loss{First: 45, Last: 60})
	if !l.waiting() {
		t.Error("nothing waits")
	}
	if loss, pending := l.take(); !pending || loss != (streamer.Loss{First: 20, Last: 60, Certain: true}) {
		t.Errorf("%+v, %v", loss, pending)
	}
	if _, pending := l.take(); pending || l.waiting() {
		t.Error("it is taken twice")
	}
}

func TestAFrameToReferToIsFoundAmongThoseThatAreKept(t *testing.T) {
	var c captures
	if c.olderThan(10, 4) {
		t.Error("before the first frame")
	}
	for n := range 10 {
		c.add(media.Instant(10*n), n == 0)
	}
	for _, row := range []struct {
		reason string
		first  media.Instant
		kept   int
		found  bool
	}{
		{"the newest is lost", 90, 4, true},
		{"all but one that is kept", 70, 4, true},
		{"all that is kept", 60, 4, false},
		{"more is kept", 60, 5, true},
		{"a frame that is yet to come", 100, 1, true},
	} {
		if found := c.olderThan(row.first, row.kept); found != row.found {
			t.Errorf("%s: %v", row.reason, found)
		}
	}
	c.lose(80)
	c.add(100, false)
	if !c.olderThan(100, 4) || c.olderThan(100, 3) {
		t.Error("what was lost before is referred to again")
	}
	c.add(110, true)
	if c.olderThan(110, 8) || !c.olderThan(120, 8) {
		t.Error("what came before a keyframe is referred to")
	}
}

// mendingEncoder answers Invalidate as it is told.
type mendingEncoder struct {
	*scriptedEncoder
	can      encoder.Capabilities
	keyframe bool
	err      error
	asked    int
}

func (e *mendingEncoder) Capabilities() encoder.Capabilities { return e.can }
func (e *mendingEncoder) Invalidate(_, _ media.Instant) (bool, error) {
	e.asked++
	return e.keyframe, e.err
}

func TestALossCostsAKeyframeOnlyWhereNothingElseMends(t *testing.T) {
	broken := errors.New("broken")
	by := func(recovery encoder.Recovery, references int) encoder.Capabilities {
		return encoder.Capabilities{Codec: media.H264, Recovery: recovery, References: references}
	}
	for _, row := range []struct {
		reason    string
		can       encoder.Capabilities
		says      bool
		err       error
		loss      streamer.Loss
		asked     int
		keyframes bool
	}{
		{"in doubt, and an older frame is kept", by(encoder.RecoverByReferences, 4), false, nil, streamer.Loss{First: 70, Last: 90}, 1, false},
		{"in doubt, and none is kept", by(encoder.RecoverByReferences, 4), true, nil, streamer.Loss{First: 50, Last: 90}, 0, false},
		{"certain, and none is kept", by(encoder.RecoverByReferences, 4), true, nil, streamer.Loss{First: 50, Last: 90, Certain: true}, 1, true},
		{"certain, and one is kept", by(encoder.RecoverByReferences, 4), false, nil, streamer.Loss{First: 70, Last: 90, Certain: true}, 1, false},
		{"in doubt, by an encoder that cannot", by(encoder.RecoverByKeyframe, 0), true, nil, streamer.Loss{First: 80, Last: 90}, 0, false},
		{"certain, by an encoder that cannot", by(encoder.RecoverByKeyframe, 0), true, nil, streamer.Loss{First: 80, Last: 90, Certain: true}, 0, true},
		{"an encoder that fails", by(encoder.RecoverByReferences, 4), false, broken, streamer.Loss{First: 80, Last: 90}, 1, true},
	} {
		work := &mendingEncoder{scriptedEncoder: &scriptedEncoder{}, can: row.can, keyframe: row.says, err: row.err}
		p := &pipeline{encoding: &encoding{work: work}, logger: slog.New(slog.DiscardHandler)}
		for n := range 10 {
			p.encoding.coded.add(media.Instant(10*n), n == 0)
		}
		if p.mend() {
			t.Errorf("%s: a keyframe before any loss", row.reason)
		}
		p.losses.add(row.loss)
		if keyframe := p.mend(); keyframe != row.keyframes || work.asked != row.asked {
			t.Errorf("%s: keyframe %v, the encoder was asked %d times", row.reason, keyframe, work.asked)
		}
		if p.mend() {
			t.Errorf("%s: another keyframe for the same loss", row.reason)
		}
	}
}

func TestAKeyframeComesWholeWhereThereIsRoomAndElseAtOnce(t *testing.T) {
	p := &pipeline{}
	plan := func(room bool) [2]bool {
		keyframe, more := p.plan(streamer.Grant{Room: room})
		return [2]bool{keyframe, more}
	}
	if plan(true) != [2]bool{false, false} {
		t.Error("nobody asked for a keyframe")
	}
	p.keyframe.Store(true)
	if plan(false) != [2]bool{true, false} || p.keyframe.Load() {
		t.Error("where there is no room it does not come at once, in its share")
	}
	p.keyframe.Store(true)
	if plan(true) != [2]bool{false, true} {
		t.Error("the frame before it does not make room")
	}
	if plan(true) != [2]bool{true, true} || plan(true) != [2]bool{false, false} {
		t.Error("it does not come, once, with what it needs")
	}
	p.keyframe.Store(true)
	p.prepared = true // a player who has just come
	if plan(true) != [2]bool{true, true} {
		t.Error("a new player waits for a frame that it cannot decode")
	}
}

func TestAKeyframeQueuesNoLongerThanItMay(t *testing.T) {
	for _, row := range []struct {
		rate   media.Bitrate
		frames int
		octets int
		reason string
	}{
		{8 * media.Mbps, 60, 4 * 8_000_000 / 60 / 8, "so many shares"},
		{8 * media.Mbps, 30, 100_000, "a tenth of a second"},
		{8 * media.Mbps, 5, 200_000, "never less than its share"},
		{8 * media.Mbps, 240, 4 * 8_000_000 / 240 / 8, "never more than so many shares"},
	} {
		share := int(row.rate) / row.frames / 8
		if got := keyframeShare(row.rate, share); got < row.octets-4 || got > row.octets+4 {
			t.Errorf("%v at %d frames per second (%s): %d octets, want %d", row.rate, row.frames, row.reason, got, row.octets)
		}
	}
}

func TestALossAnnouncesNothingNew(t *testing.T) {
	var told []control.VideoNotice
	p := &pipeline{changed: func(n control.VideoNotice) { told = append(told, n) }}
	notice := control.VideoNotice{Encoder: "x264", Width: 1280, Height: 720, FrameRate: 60}
	p.announce(notice)
	p.announce(notice) // stirred
	p.served = new(streamer.Peer)
	p.announce(notice)
	notice.FrameRate = 30
	p.announce(notice)
	if len(told) != 3 || told[2].FrameRate != 30 {
		t.Errorf("told %+v", told)
	}
}
