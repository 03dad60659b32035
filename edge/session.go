package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"nearlight/edge/app"
	"nearlight/edge/capture"
	"nearlight/edge/input"
	"nearlight/edge/microphone"
	"nearlight/encoder"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/signaling/binding"
	"nearlight/signaling/lease"
	"nearlight/signaling/token"
	"nearlight/streamer"
	"nearlight/streamer/control"
)

// A session's patience.
const (
	answerTimeout = 20 * time.Second // from our offer to media flowing
	hold          = 30 * time.Second // a player who was lost may come back for so long
	statsInterval = 500 * time.Millisecond
	shownLines    = 20 // of the app's output, to a player whose session it ended
	// displayGrace is how long a session that failed waits to see whether its display has: the app and all that the edge
	// has attached to a display fail with it, some of them before the server's own end is seen.
	displayGrace = 100 * time.Millisecond
)

// eventQueue bounds what signaling can have waiting for a session: an answer and all candidates of two connections.
const eventQueue = 256

// session runs one app for one player.
//
//	starting ──> offered ──> connected ──> lost ──> offered (the player came back)
//	    │            │            │          └────> ended (hold is over)
//	    └────────────┴────────────┴───────────────> ended (app or display ended, the player left, the edge stops)
//
// The app is started while the connection is made. run owns all of it; signaling's messages come as events.
type session struct {
	id     signaling.SessionID
	slot   int // -1 until play has one
	node   *Node
	app    app.Description
	size   media.Size
	codecs []media.Codec
	full   bool // the player decodes H.264 in 4:4:4 as well
	// claims are what the player's token says, bitrate what its stream may take of it, and bond what both ends sign.
	claims  token.Claims
	bitrate media.Bitrate
	epoch   uint64 // of the slot's lease; 0 for one who looks on
	bond    *binding.Edge
	logger  *slog.Logger
	events  chan event

	token string      // the TokenID of the player's token
	lease *lease.Held // nil for one who looks on: it takes no slot

	bulletin *bulletin
	stages   *streamer.Stages
	meter    *meter
	// maySpeak is the player's right to be heard by the app; voice is nil without it.
	maySpeak bool
	voice    *voice

	// watches is the session that this one looks on at; nil for one that is played.
	watches *session
	air     chan struct{} // closed when onAir is there for who looks on
	onAir   broadcast
	// offered is the description of a spectator that offers, in place of the edge; "" for all others.
	offered string

	parent string     // of span, as signaling has written it; "" for none
	span   trace.Span // from traced on

	concluded sync.Once
}

// event is what signaling has for a session: one field is set.
type event struct {
	answer    *signaling.Answer
	candidate *signaling.Candidate
	offer     *signaling.Offer // of one who looks on and offers
	resume    bool             // the player has nothing left of its connection
	restart   bool             // the player still has its connection
}

// broadcast is what spectators join.
type broadcast struct {
	live    *live
	offered offered
}

// post hands an event to the session. A session that does not keep up loses it, and the player's next try finds it.
func (s *session) post(e event) {
	select {
	case s.events <- e:
	default:
		s.logger.Warn("signaling sends faster than the session takes; dropped a message")
	}
}

// Why a session ended, besides its app.
var (
	errNotConnected = errors.New("the player did not connect")
	errPlayerLost   = errors.New("the player did not come back")
	errDisplayEnded = errors.New("the session's display ended")
)

// appEnded ends a session whose app has ended.
type appEnded struct {
	code   signaling.Code
	text   string
	output []string
}

func (e *appEnded) Error() string { return e.text }

// conclude tells the player, once, why the session ends: err, or what has ended ctx.
func (s *session) conclude(ctx context.Context, err error) {
	s.concluded.Do(func() {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		s.node.conclude(s, err)
	})
}

// run runs the session until it ends, and returns why. When it returns nothing of it is left.
func (s *session) run(ctx context.Context) error {
	if s.watches != nil {
		return s.lookOn(ctx)
	}
	s.voice = newVoice(s.maySpeak && s.node.hasSound(), s.logger)
	defer s.voice.close()
	config := encoder.Config{
		Size: s.size, MaxSize: s.node.config.MaxSize, FrameRate: s.node.config.FrameRate, Bitrate: s.bitrate,
		Recovery: encoder.RecoverByReferences,
	}
	if gpu := s.node.drawnOn.Load(); gpu != nil {
		config.GPU = *gpu
	}
	chosen := s.part(ctx, spanEncoder)
	choice, err := onRealtimeThread(s.logger, func() (*encoder.Choice, error) {
		return s.pick(config)
	})
	chosen(err)
	if err != nil {
		return signaling.Errorf(signaling.CodeNoCommonCodec, "%v", err)
	}
	if config, err = choice.Config.Resolve(choice.Config.Sampling); err != nil {
		return errors.Join(err, choice.Encoder.Close())
	}
	s.logger.Info("encoder is chosen", "encoder", choice.Name, "sampling", config.Sampling, "instead_of", choice.Instead())
	s.node.say(signaling.Progress{Session: s.id, Stage: signaling.StageStarting, Detail: s.app.Title})
	s.bulletin.setApp(control.AppNotice{State: control.AppStarting, Title: s.app.Title})

	offered := offering(choice, config) // play owns the encoder from here on
	group, ctx := errgroup.WithContext(ctx)
	ready := make(chan *live, 1)
	s.onAir.offered = offered
	group.Go(func() error { return s.play(ctx, choice, config, ready) })
	group.Go(func() error { return s.converse(ctx, offered, ready) })
	return group.Wait()
}

// live is what a connection is joined to once the display is up.
type live struct {
	screen   *screen
	pipeline *pipeline
	sound    *sound // nil where sessions have none
}

// play brings up display and app, and runs the pipeline until one of them ends.
func (s *session) play(ctx context.Context, choice *encoder.Choice, config encoder.Config, ready chan<- *live) (err error) {
	up := s.part(ctx, spanDisplay)
	if s.slot, err = s.node.takeSlot(ctx); err != nil {
		up(err)
		return errors.Join(err, choice.Encoder.Close())
	}
	screen, err := s.node.takeScreen(ctx, s.slot, s.size, s.logger)
	if err != nil {
		up(err)
		return errors.Join(fmt.Errorf("prepare the display: %w", err), choice.Encoder.Close())
	}
	defer func() {
		s.conclude(ctx, err) // before the app is given its time to save
		err = errors.Join(err, screen.close())
	}()
	err = screen.launch(ctx, s.app, s.logger)
	up(err)
	if err != nil {
		return errors.Join(&appEnded{code: signaling.CodeAppFailed, text: err.Error()}, choice.Encoder.Close())
	}
	pipeline := newPipeline(screen.source, choice, config, s.logger)
	pipeline.changed = s.bulletin.setVideo
	pipeline.began = func() { s.span.AddEvent(eventFirst) }
	pipeline.drawn = func() {
		s.span.AddEvent(eventDrawn)
		s.bulletin.setApp(control.AppNotice{State: control.AppRunning, Title: s.app.Title})
	}
	s.onAir.live = &live{screen: screen, pipeline: pipeline}
	if s.node.hasSound() {
		s.onAir.live.sound = newSound(screen.audio, screen.silence, s.logger, s.bulletin.setAudio)
	}
	ready <- s.onAir.live
	close(s.air)

	group, together := errgroup.WithContext(ctx)
	group.Go(func() error { return pipeline.run(together) })
	group.Go(func() error { return screen.injector.Run(together) })
	group.Go(func() error { return s.forwardCursors(together, screen) })
	if screen.pointer != nil {
		group.Go(func() error { return screen.pointer.Run(together) })
	}
	if sound := s.onAir.live.sound; sound != nil {
		group.Go(func() error { return sound.run(together) })
	}
	if screen.audio != nil {
		group.Go(func() error { return s.speak(together, screen.audio) })
	}
	group.Go(func() error { return s.reportStats(together, s.onAir.live) })
	group.Go(func() error { return s.awaitEnd(together, screen) })
	err = group.Wait()
	if ctx.Err() == nil && displayEnded(screen, err) {
		err = errors.Join(errDisplayEnded, err)
	}
	return err
}

// displayEnded reports whether a session failed because its display did.
func displayEnded(screen *screen, err error) bool {
	if byApp := (*appEnded)(nil); errors.As(err, &byApp) && byApp.code == signaling.CodeAppExited {
		return false
	}
	if errors.Is(err, capture.ErrGone) {
		return true
	}
	select {
	case <-screen.ended():
		return true
	case <-time.After(displayGrace):
		return false
	}
}

// awaitEnd waits for the app or the display to end.
func (s *session) awaitEnd(ctx context.Context, screen *screen) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-screen.appEnded():
		code := signaling.CodeAppExited
		if screen.app.Err() != nil {
			code = signaling.CodeAppFailed
		}
		s.bulletin.setApp(control.AppNotice{State: control.AppExited, Title: s.app.Title, Detail: screen.app.Ending()})
		return &appEnded{code: code, text: screen.app.Ending(), output: screen.app.LastLines(shownLines)}
	case <-screen.ended():
		return errDisplayEnded
	}
}

func (s *session) forwardCursors(ctx context.Context, screen *screen) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case cursor, ok := <-screen.cursors:
			if !ok {
				return nil
			}
			message, err := encodeCursor(cursor)
			if err != nil {
				return err
			}
			s.bulletin.setCursor(message)
		}
	}
}

// converse keeps the player connected: offer, answer, hold and offer again.
func (s *session) converse(ctx context.Context, offered offered, ready <-chan *live) (err error) {
	c := conversation{session: s, offered: offered, ready: ready}
	defer func() {
		s.conclude(ctx, err)
		c.hangUp()
	}()
	if err := c.offer(ctx); err != nil {
		return err
	}
	renewal := time.NewTicker(leaseRenewal)
	defer renewal.Stop()
	looking := time.NewTicker(meterInterval)
	defer looking.Stop()
	for {
		select {
		case now := <-looking.C:
			s.meter.look(now, c.meter())
		case <-renewal.C:
			if c.peer != nil && c.connectedOnce {
				s.node.renew(s)
			}
		case <-ctx.Done():
			return ctx.Err()
		case c.live = <-ready:
			c.join()
		case e := <-s.events:
			if err := c.take(ctx, e); err != nil {
				return err
			}
		case <-c.connected():
			c.connectedOnce, c.everConnected = true, true
			s.logger.Info("player connected")
			c.connecting(nil)
			c.deadline.Stop()
			c.join()
		case <-c.opened():
			c.openedOnce = true
			c.played().bulletin.add(c.peer)
		case <-c.unheard():
			c.missPlayer()
		case <-c.newWays():
			c.restored()
		case <-c.ended():
			if !c.everConnected {
				return errNotConnected
			}
			if s.offered != "" { // it has no way to come back but to begin anew
				return errPlayerLost
			}
			s.logger.Info("player lost", "reason", c.peer.Err(), "hold", hold)
			s.span.AddEvent(eventLost)
			c.hangUp()
			c.deadline = time.NewTimer(hold)
		case <-c.deadline.C:
			if !c.everConnected {
				return errNotConnected
			}
			return errPlayerLost
		}
	}
}

// reportStats tells the player what the edge measures, and who looks on what it makes of the way to them, and counts the player's input, and
// what its spectators missed.
func (s *session) reportStats(ctx context.Context, l *live) error {
	p := l.pipeline
	var counted input.Stats
	var missed, unheard, unspoken, uninvited uint64
	var mended mendedCount
	var voice microphone.Counts
	var spoken *streamer.Peer
	count := func() {
		now := l.screen.injector.Stats()
		s.node.metrics.input(counted, now)
		counted = now
		s.node.metrics.mended(mended.since(p.peer.Load()))
		before := missed
		missed = p.audience.missed.Load()
		s.node.metrics.missed.Add(float64(missed - before))
		if l.sound != nil {
			before := unheard
			unheard = l.sound.missed.Load()
			s.node.metrics.unheard.Add(float64(unheard - before))
		}
		said := s.voice.counts()
		s.node.metrics.countVoice(voice, said)
		if said != voice {
			delay, aim := s.voice.playout.Delay()
			s.logger.Debug("the player speaks", "delay", delay, "aim", aim, "counts", said)
		}
		voice = said
		if server := l.screen.audio; server != nil {
			before := unspoken
			unspoken = server.Unspoken()
			s.node.metrics.unspoken.Add(float64(unspoken - before))
		}
		if peer := p.peer.Load(); peer != nil {
			if peer != spoken {
				spoken, uninvited = peer, 0
			}
			before := uninvited
			uninvited = peer.Refused()
			s.node.metrics.uninvited.Add(float64(uninvited - before))
		}
	}
	defer count()
	ticker := time.NewTicker(statsInterval)
	defer ticker.Stop()
	var bytes uint64
	var decoder decoding
	var endures strain
	before := time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-ticker.C:
			sent := p.bytes.Load()
			notice := control.StatsNotice{
				Stages:     map[string]control.Quantiles{},
				BitrateBPS: int64(float64(sent-bytes) * 8 / now.Sub(before).Seconds()),
				Frames:     p.frames.Load(), Dropped: p.dropped.Load(),
			}
			for _, stage := range streamer.AllStages() {
				if lately := s.stages.Lately(stage); lately.N > 0 {
					notice.Stages[string(stage)] = control.Quantiles{P50: milliseconds(lately.P50), P99: milliseconds(lately.P99)}
				}
			}
			peer := p.peer.Load()
			if decodes, pace := s.stages.Lately(streamer.StageDecode), p.pace.Load(); peer != nil && decodes.N > 0 && pace != nil {
				if says := decoder.judge(decodes.P50, pace.now, pace.above); says != asItIs {
					p.decoder.Store(int32(says))
				}
			}
			if suffers := p.hardship.Load(); endures.judge(now, suffers != nil) {
				s.node.endure(s, suffers)
			}
			bytes, before = sent, now
			count()
			s.bulletin.tellEach(func(to *streamer.Peer) control.NoticeBody {
				of, link := notice, to.Link()
				if roundTrip := to.RoundTrip(); roundTrip > 0 {
					of.RTT = &control.Quantiles{P50: milliseconds(roundTrip), P99: milliseconds(roundTrip)}
				}
				link.LeftOut = p.audience.leftOut(to)
				of.Link = &link
				return of
			})
		}
	}
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

// candidateInit is a candidate as the connection takes it.
func candidateInit(c *signaling.Candidate) webrtc.ICECandidateInit {
	line := uint16(c.Line)
	return webrtc.ICECandidateInit{Candidate: c.Candidate, SDPMid: &c.Mid, SDPMLineIndex: &line}
}
