package eye

import (
	"time"

	"github.com/pion/webrtc/v4"

	"nearlight/checker/latency"
	"nearlight/internal/scene/arena"
	"nearlight/streamer/control"
	"nearlight/streamer/viewer"
)

var _ viewer.Watcher = (*looking)(nil)

// Frame implements viewer.Watcher.
func (l *looking) Frame(f viewer.Frame) {
	l.frame.Lock()
	defer l.frame.Unlock()
	counts := false
	l.note(func() { counts = true })
	if !counts || !l.meet.Proven() {
		return
	}
	seen, err := l.gaze.take(&f)
	if err != nil { // the decoder here has made it
		l.end(trouble(err))
		return
	}
	l.acknowledge(&f)
	drawn := false
	if l.watch != nil {
		_, unread := arena.Read(f.Picture.Y, f.Picture.Visible)
		drawn = unread == nil
	}
	l.note(func() {
		l.meter.Frame(seen)
		if l.watch != nil {
			err = l.watch.Picture(f.Picture, f.LastPacket)
		}
		if l.began == 0 {
			l.began = seen.Decoded
			close(l.first)
		}
		if drawn && !l.drawn {
			l.drawn = true
			close(l.drawing)
		}
	})
	if err != nil {
		l.end(trouble(err))
	}
}

// acknowledge has the edge told what a page would tell: it sends by what arrives, and when.
func (l *looking) acknowledge(f *viewer.Frame) {
	seen := lateBy(noticing)
	there := seen + l.handOver.took()
	l.acks.put(control.Ack{
		RTP: f.RTP, Received: l.viewer.Clock(f.LastPacket.Add(seen)), Presented: l.viewer.Clock(f.Decoded.Add(there)),
		Decode: l.viewer.Span(decoding(l.gaze.work(f))), Frames: uint32(l.gaze.pictures),
	}, time.Now().Add(there))
}

// heard takes sound.
func (l *looking) heard(s viewer.Sound) {
	if !l.meet.Proven() {
		return
	}
	length := time.Duration(len(s.Samples)/2) * time.Second / 48000
	l.note(func() {
		l.meter.Sound(latency.Sound{Arrived: s.Arrived, Length: length, Lost: s.Lost, Pause: s.Pause})
	})
}

// Message implements viewer.Watcher.
func (*looking) Message(control.Message) {}

// Candidate implements viewer.Watcher.
func (l *looking) Candidate(c *webrtc.ICECandidateInit) {
	if err := l.meet.Tell(c); err != nil {
		l.visit.Log.Debug("tell a candidate", "error", err)
	}
}

// sight sums up what was seen, once nothing comes any more.
func (l *looking) sight() Sight {
	return Sight{
		Edge: l.edge, Session: l.session, Address: l.address, RoundTrip: l.trip, Asked: l.asked, Looked: l.looked,
		Latency: l.meter.Report(), Quality: l.gaze.sum(), Own: l.gaze.own.Percentiles(), Dropped: l.viewer.Dropped(),
	}
}
