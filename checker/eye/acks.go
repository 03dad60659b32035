package eye

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"nearlight/streamer/control"
)

// How late a page is with what it does: it has one thread for everything. The figures of this file are what an edge saw of Chromium 156 on one core.
const (
	pageLate     = 1200 * time.Microsecond // on average
	mostPageLate = 20 * time.Millisecond
	oftenLate    = 0.15                  // of timers
	opening      = 30 * time.Millisecond // from when a page counts its timers to when its connection is there, on average
	// A page asks once both channels are open, and has told of pictures before.
	leastQuiet  = 80 * time.Millisecond
	quietSpread = 80 * time.Millisecond
)

// late is how late a page is this time, with what its display asks for.
func late() time.Duration { return lateBy(pageLate) }

// lateBy is so late on average.
func lateBy(average time.Duration) time.Duration {
	return min(time.Duration(rand.ExpFloat64()*float64(average)), max(mostPageLate, 2*average))
}

// lateTimer is how late one of its timers is: hardly at all, or because something else takes its time.
func lateTimer() time.Duration {
	if rand.Float64() < oftenLate {
		return lateBy(4 * pageLate)
	}
	return lateBy(pageLate / 3)
}

const (
	// displayTick is how often a page can say anything about pictures: as often as its display shows one.
	displayTick = time.Second / 60
	// composing is how long before a tick a picture has to be there, to be shown with it.
	composing = time.Millisecond
	// noticing is how late on average a browser notices that a packet is there.
	noticing = 600 * time.Microsecond
	// handing is what it takes from the decoder to be there; up to handingSpread on average besides, which is one session's own.
	handing       = 100 * time.Microsecond
	handingSpread = 900 * time.Microsecond
	// A page is slow to show the first picture, and then busy with what has changed by that.
	openingSpread  = 25 * time.Millisecond
	leastUnveiling = 45 * time.Millisecond
	unveilSpread   = 25 * time.Millisecond
)

// handOver is how long after its decoding a picture has reached a page.
type handOver struct{ spread time.Duration }

func newHandOver() handOver { return handOver{rand.N(handingSpread)} }

func (h handOver) took() time.Duration { return handing + lateBy(h.spread) }

// decoding is what a page calls decoding, of what it takes here until the picture is at hand.
func decoding(work time.Duration) time.Duration { return max(work*7/8, 0) }

// mostShowable is how many pictures may wait for the display.
const mostShowable = 4

// acks is the acknowledgement that is to be sent with the display's next tick: that of the newest picture that can be shown then, as a page has no other.
type acks struct {
	mu       sync.Mutex
	showable []showable
	silent   time.Time // nothing is said before
	told     bool      // something was said
}

type showable struct {
	ack  control.Ack
	from time.Time
}

// put takes that of a picture that is there at a time.
func (a *acks) put(ack control.Ack, there time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.silent.IsZero() {
		a.silent = there.Add(rand.N(openingSpread))
	}
	if len(a.showable) == mostShowable {
		a.showable = a.showable[:copy(a.showable, a.showable[1:])]
	}
	a.showable = append(a.showable, showable{ack, there.Add(composing)})
}

// take returns what is to be said now, once.
func (a *acks) take(now time.Time) (ack control.Ack, is bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Before(a.silent) {
		return ack, false
	}
	for len(a.showable) > 0 && !now.Before(a.showable[0].from) {
		ack, is = a.showable[0].ack, true
		a.showable = a.showable[:copy(a.showable, a.showable[1:])]
	}
	if is && !a.told {
		a.told, a.silent = true, now.Add(leastUnveiling+rand.N(unveilSpread))
	}
	return ack, is
}

// tell tells the edge about pictures when a page would, until ctx ends.
func (l *looking) tell(ctx context.Context) {
	ticker := time.NewTicker(displayTick)
	defer ticker.Stop()
	for {
		var tick time.Time
		select {
		case <-ctx.Done():
			return
		case tick = <-ticker.C:
		}
		ack, is := l.acks.take(tick)
		if !is {
			continue
		}
		if !pause(ctx, late()) {
			return
		}
		if err := l.viewer.Send(&ack); err != nil {
			l.visit.Log.Debug("acknowledge a picture", "error", err)
		}
	}
}
