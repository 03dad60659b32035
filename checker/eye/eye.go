package eye

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/latency"
	"nearlight/internal/identity"
	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
	"nearlight/signaling"
	"nearlight/signaling/binding"
	"nearlight/signaling/client"
	"nearlight/streamer/viewer"
	"nearlight/streamer/viewer/rendezvous"
)

const (
	// askEvery is how often the edge is asked for its clock: as often as the page does it.
	askEvery = 249950 * time.Microsecond // what comes of the 250 ms that a page asks for
	// reasonPatience is how long signaling may take to say why there is no picture any more, and to answer at all: an edge that is gone is told within 3 s.
	reasonPatience = 4 * time.Second
)

var (
	errNothing = errors.New("nothing came within the time for it")
	errAgain   = errors.New("the edge offers another connection in place of the first")
	errElse    = errors.New("signaling has led to another edge than the one to be looked at")
	errLost    = errors.New("signaling was lost, and begins the session's connection anew")
)

// Look makes a visit. The error is one of ErrUnserved, ErrTaken and ErrTrouble, with whatever was seen before.
func Look(ctx context.Context, v Visit) (Sight, error) {
	v, seed, err := v.prepared()
	if err != nil {
		return Sight{}, trouble(err)
	}
	var painter Painter
	if v.Challenge != nil { // before the session: who cannot judge needs none
		if painter, err = v.Painter(v.Challenge.Task, v.Challenge.Size); err != nil {
			return Sight{}, trouble(err)
		}
		defer painter.Close()
	}
	l, err := newLooking(v, seed[0])
	if err != nil {
		return Sight{}, trouble(err)
	}
	err = l.play(ctx, rand.New(rand.NewChaCha8(seed[1])))
	sight := l.sight()
	if l.nonces > 0 {
		verdict, failed := l.watch.Judge(painter, *v.Limits, l.until)
		if failed == nil {
			sight.Challenge, sight.Typed, sight.Until = &verdict, l.typed, l.until
		} else if err == nil {
			err = trouble(failed)
		}
	}
	return sight, err
}

// looking is one Look at work.
type looking struct {
	visit  Visit
	viewer *viewer.Viewer
	player *client.Player
	meet   *rendezvous.Rendezvous
	gaze   *gaze // Frame's

	failed  chan error    // of capacity 1: why it is over
	first   chan struct{} // closed with the first picture
	drawing chan struct{} // closed with the first that a challenge's app has drawn
	checked chan struct{} // of capacity 1: signaling has answered

	acks     acks
	handOver handOver

	frame sync.Mutex // held for each whole Frame, so that none is counted in half; before mu

	mu      sync.Mutex
	over    bool // nothing counts any more
	stage   stage
	session signaling.SessionID
	meter   *latency.Meter
	watch   *challenge.Watch // nil without a challenge
	nonces  int
	typed   media.Instant // the first nonce
	until   media.Instant // the challenge's end
	began   media.Instant // the first picture's; 0 before it
	looked  time.Duration
	drawn   bool
	trip    time.Duration // the least
	asked   time.Duration // the least of the questions' alone
	address netip.Addr
	edge    identity.Address
}

// newLooking prepares everything and starts nothing. The seed is the pictures'.
func newLooking(v Visit, seed [32]byte) (*looking, error) {
	random := rand.NewChaCha8(seed)
	leaveOut := marker.Size
	if v.Challenge != nil {
		leaveOut = arena.Blocks
	}
	l := &looking{
		visit: v, gaze: newGaze(rand.New(random), leaveOut), handOver: newHandOver(),
		failed: make(chan error, 1), first: make(chan struct{}), drawing: make(chan struct{}), checked: make(chan struct{}, 1),
		meter: latency.New(latency.Config{Began: media.Now(), FrameRate: v.FrameRate, Size: v.Size}),
	}
	var err error
	if v.Challenge != nil {
		if l.watch, err = challenge.NewWatch(*v.Challenge, random); err != nil { // the gaze's source as well: both are asked in Frame alone
			return nil, err
		}
	}
	bond, err := binding.NewPlayer(v.Token, v.Key, time.Now)
	if err != nil {
		return nil, err
	}
	bond.Expect(v.Edge)
	l.viewer, err = viewer.New(viewer.Config{
		Decode: true, Codecs: v.Codecs, Hear: l.heard, Logger: v.Log, AsBrowser: true,
		Packets:  func(received, lost int) { l.note(func() { l.meter.Packets(received, lost) }) },
		Answered: l.answered,
	}, l)
	if err != nil {
		return nil, err
	}
	signaled := v.Signaling
	if signaled.Log == nil {
		signaled.Log = v.Log
	}
	if l.player, err = client.NewPlayer(signaled, v.request()); err != nil {
		return nil, errors.Join(err, l.close())
	}
	l.meet = rendezvous.New(l.viewer, bond, l.player.Send)
	return l, nil
}

// close gives back a viewer that was never run.
func (l *looking) close() error {
	over, end := context.WithCancel(context.Background())
	end()
	if err := l.viewer.Run(over); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// play plays until all was seen, or why it was not is known. All that it has started has ended when it returns.
func (l *looking) play(ctx context.Context, random *rand.Rand) error {
	playing, leave := context.WithCancel(ctx)
	var parts sync.WaitGroup
	parts.Go(func() { l.tell(playing) })
	viewed, signaled, typed := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	parts.Go(func() { viewed <- l.viewer.Run(playing) })
	parts.Go(func() { signaled <- l.player.Run(playing, l.hear) })
	parts.Go(func() { typed <- l.press(playing, random) })
	err := l.follow(ctx, viewed, signaled, typed)
	l.frame.Lock()
	l.note(func() {
		if l.until == 0 {
			l.until = media.Now()
		}
		if l.began != 0 {
			l.looked = media.Now().Sub(l.began)
		}
		l.over, l.edge = true, l.meet.Edge()
	})
	l.frame.Unlock()
	leave()
	parts.Wait()
	if err != nil && ctx.Err() != nil { // whatever else it did to the session
		return trouble(ctx.Err())
	}
	return err
}

// follow waits for the end, and says what it was.
func (l *looking) follow(ctx context.Context, viewed, signaled, typed <-chan error) error {
	patience := time.NewTimer(l.visit.Patience)
	defer patience.Stop()
	first, challenged := l.first, l.watch != nil
	var length *time.Timer
	var seen <-chan time.Time // at the end of Visit.Length
	for {
		select {
		case <-ctx.Done():
			return trouble(ctx.Err())
		case err := <-l.failed:
			return err
		case err := <-signaled:
			return l.refused(err)
		case err := <-viewed:
			return l.lost(ctx, broken(err), nil, signaled)
		case <-patience.C:
			return l.lost(ctx, unserved(fmt.Errorf("no picture: %w: %v", errNothing, l.visit.Patience)), viewed, signaled)
		case err := <-typed:
			if errors.Is(err, ErrTrouble) {
				return err
			}
			if err != nil {
				return l.lost(ctx, unserved(err), viewed, signaled)
			}
			if challenged = false; length != nil && seen == nil {
				return nil
			}
		case <-first:
			first = nil
			patience.Stop()
			length = time.NewTimer(l.visit.Length)
			defer length.Stop()
			seen = length.C
		case <-seen:
			if seen = nil; !challenged {
				return nil
			}
		}
	}
}

// refused is the package's function, for what signaling has said.
func (l *looking) refused(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return refused(err, l.stage)
}

// lost waits a little for who knows better why something has ended: the viewer, and signaling. If that does not even answer, nothing may get through from here, and the edge is not
// to blame.
func (l *looking) lost(ctx context.Context, cause error, viewed, signaled <-chan error) error {
	if errors.Is(cause, ErrTrouble) {
		return cause
	}
	if err := l.player.Send(signaling.Check{}); err != nil {
		return trouble(err)
	}
	answers := false
	patience := time.NewTimer(l.visit.reasons)
	defer patience.Stop()
	for {
		select {
		case <-ctx.Done():
			return trouble(ctx.Err())
		case err := <-viewed:
			if cause = broken(err); errors.Is(cause, ErrTrouble) {
				return cause
			}
			viewed = nil
		case err := <-signaled:
			return l.refused(err)
		case <-l.checked:
			answers = true
		case <-patience.C:
			if answers {
				return cause
			}
			return trouble(fmt.Errorf("signaling does not answer, and the session is lost (%w)", errors.Unwrap(cause)))
		}
	}
}

// press types what there is to type, and asks for the edge's clock beside it.
func (l *looking) press(ctx context.Context, random *rand.Rand) error {
	if err := l.await(ctx, l.viewer.Open(), "no way to press keys"); err != nil || ctx.Err() != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer stop()
	asking.Go(func() { l.ask(ctx) })
	keys := &keyboard{send: l.viewer.Send, sent: func(sequence uint32) { l.note(func() { l.meter.Sent(sequence, media.Now()) }) }}
	if l.watch == nil {
		return keys.play(ctx, random)
	}
	if err := l.await(ctx, l.drawing, "the challenge's app draws nothing"); err != nil || ctx.Err() != nil {
		return err
	}
	return l.challenge(ctx, keys, random)
}

// await waits for what the edge owes for as long as the visit has patience.
func (l *looking) await(ctx context.Context, happened <-chan struct{}, otherwise string) error {
	patience := time.NewTimer(l.visit.Patience)
	defer patience.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-happened:
		return nil
	case <-patience.C:
		return fmt.Errorf("%s: %w: %v", otherwise, errNothing, l.visit.Patience)
	}
}

// ask asks for the edge's clock, and looks at the connection, until ctx ends.
func (l *looking) ask(ctx context.Context) {
	if !pause(ctx, leastQuiet+rand.N(quietSpread)) {
		return
	}
	ticker := time.NewTicker(askEvery - lateBy(opening)) // since a page has begun to count before the connection was there
	defer ticker.Stop()
	again := true
	for {
		if err := l.viewer.Ping(); err != nil {
			l.visit.Log.Debug("ping the edge", "error", err)
		}
		trip, measured := l.viewer.RoundTrip()
		address, known := l.viewer.Address()
		l.note(func() {
			if measured {
				least(&l.trip, trip)
			}
			if known {
				l.address = address
			}
		})
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if again {
			again = false
			ticker.Reset(askEvery) // as a page's timers, it makes up for what it was late
		}
		if !pause(ctx, lateTimer()) {
			return
		}
	}
}

// least keeps the shorter round trip; 0 is none.
func least(kept *time.Duration, trip time.Duration) {
	if trip > 0 && (*kept == 0 || trip < *kept) {
		*kept = trip
	}
}

// answered takes the edge's clock.
func (l *looking) answered(e viewer.Exchange) {
	if !l.meet.Proven() {
		return
	}
	l.note(func() {
		least(&l.trip, e.RoundTrip())
		least(&l.asked, e.RoundTrip())
		l.meter.Clock(e.Asked, e.Edge, e.Answered)
		if l.nonces > 0 {
			l.watch.RoundTrip(e.RoundTrip())
		}
	})
}

// note changes what is known, while that counts.
func (l *looking) note(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		change()
	}
}

// end says why it is over. The first reason counts.
func (l *looking) end(err error) {
	select {
	case l.failed <- err:
	default:
	}
}
