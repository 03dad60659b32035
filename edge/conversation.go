package edge

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"nearlight/edge/input"
	"nearlight/encoder"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/streamer"
	"nearlight/streamer/control"
)

// conversation is a session's connection to its player, and who comes after it. One goroutine uses it, session.converse; its
// receiver's methods are called from the connection's goroutines.
type conversation struct {
	session *session
	offered offered
	ready   <-chan *live

	live *live // nil until display and app are up
	peer *streamer.Peer
	// What has happened to peer.
	connectedOnce, openedOnce bool
	everConnected             bool // any peer of the session
	receiver                  *receiver
	spectator                 *spectator  // who looks on through peer; nil for nobody
	listener                  *listener   // who hears through peer; nil for nobody
	connecting                func(error) // ends the span of the way to connected; once
	stop                      context.CancelFunc
	running                   sync.WaitGroup // peer, and the writers of spectator and listener

	deadline *time.Timer // for the player to answer, or to come back
}

// offered is what the player may be sent during the session.
type offered struct {
	codecs         []media.Codec // the one at work first, then those of encoders that may take its place
	profileLevelID string        // of H.264
}

func offering(choice *encoder.Choice, config encoder.Config) offered {
	o := offered{codecs: append(encoder.Ladder{choice.Candidate}, choice.Rest...).Codecs()}
	if o.profileLevelID = choice.Encoder.Capabilities().ProfileLevelID; o.profileLevelID == "" {
		o.profileLevelID = encoder.BaselineProfileLevelID(config)
	}
	return o
}

// offer makes a new connection, in place of one that there may be, and offers it to the player.
func (c *conversation) offer(ctx context.Context) error {
	s := c.session
	s.node.renew(s)
	c.hangUp()
	if c.deadline != nil {
		c.deadline.Stop()
	}
	c.receiver = &receiver{session: s}
	peer, err := s.node.config.Engine.NewPeer(streamer.PeerConfig{
		Codecs: c.offered.codecs, ProfileLevelID: c.offered.profileLevelID, Bitrate: s.bitrate,
		Local: s.node.config.Local, Controller: s.node.config.Congestion, Audio: s.node.hasSound(), Microphone: s.voice.taker(), Offered: s.offered != "",
		PrepareThread: func() { becomeRealtime(s.logger) },
	}, c.receiver, s.stages, s.logger)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	c.peer, c.stop = peer, stop
	c.connectedOnce, c.openedOnce = false, false
	c.connecting = s.part(ctx, spanConnect)
	c.running.Go(func() {
		if err := peer.Run(running); err != nil {
			s.logger.Debug("connection ended", "reason", err)
		}
	})
	c.deadline = time.NewTimer(answerTimeout)
	if s.offered != "" {
		return c.accept(ctx, s.offered)
	}
	return peer.Offer(func(sdp string) error { return s.offer(sdp, false) })
}

// offer hands an offer to the player, with what it needs to know the edge by.
func (s *session) offer(sdp string, restart bool) error {
	m := signaling.Offer{Session: s.id, SDP: sdp, Restart: restart}
	if err := s.bond.Offer(&m); err != nil {
		return err
	}
	s.node.say(m)
	return nil
}

// accept answers a description of a spectator that offers.
func (c *conversation) accept(ctx context.Context, offer string) error {
	answer, err := c.peer.Accept(ctx, offer)
	switch {
	case errors.Is(err, streamer.ErrNoCommonCodec):
		return signaling.Errorf(signaling.CodeNoCommonCodec, "%v", err)
	case errors.Is(err, streamer.ErrBadOffer):
		return signaling.Errorf(signaling.CodeBadMessage, "%v", err)
	case err != nil:
		return err
	}
	c.session.node.say(signaling.Answer{Session: c.session.id, SDP: answer})
	return nil
}

// restart offers new ways for the connection that stands.
func (c *conversation) restart() error {
	s := c.session
	s.logger.Info("looking for new ways to the player")
	return c.peer.Restart(func(sdp string) error { return s.offer(sdp, true) })
}

// missPlayer is called when nothing has come from the player for a while.
func (c *conversation) missPlayer() {
	s := c.session
	s.logger.Info("nothing is heard of the player")
	s.span.AddEvent(eventUnheard)
	c.receiver.letGo()
	s.node.say(signaling.Unheard{Session: s.id})
}

// restored goes on with the stream on a connection that has new ways. What the player has of it is broken.
func (c *conversation) restored() {
	c.session.span.AddEvent(eventNewWays)
	if c.live == nil {
		return
	}
	if c.spectator == nil {
		c.live.pipeline.watch(c.peer) // a frame on its way to nowhere may have ended that
	}
	c.receiver.WantKeyframe()
}

// played is the session whose picture is shown: the conversation's own, or the one that it looks on at.
func (c *conversation) played() *session {
	if c.session.watches != nil {
		return c.session.watches
	}
	return c.session
}

// hangUp ends the connection, if there is one, and waits until nothing of it is left.
func (c *conversation) hangUp() {
	if c.peer == nil {
		return
	}
	if c.listener != nil {
		c.live.sound.remove(c.listener)
		c.listener = nil
	}
	switch {
	case c.spectator != nil:
		c.live.pipeline.dismiss(c.spectator)
		c.spectator = nil
	case c.live != nil && c.session.watches == nil:
		c.live.pipeline.watch(nil)
	}
	c.played().bulletin.remove(c.peer)
	c.receiver.leave()
	c.stop()
	c.running.Wait()
	if !c.connectedOnce {
		c.connecting(errNotConnected)
	}
	c.deadline.Stop()
	c.peer = nil
}

// take handles an event from signaling.
func (c *conversation) take(ctx context.Context, e event) error {
	switch {
	case e.offer != nil:
		if c.peer == nil || c.session.offered == "" {
			return nil
		}
		c.session.logger.Info("the spectator looks for new ways")
		return c.accept(ctx, e.offer.SDP)
	case c.session.offered != "" && (e.resume || e.restart || e.answer != nil): // what only the other kind of player does
		return nil
	case e.restart && c.peer != nil && c.connectedOnce:
		if err := c.restart(); err != nil {
			c.session.logger.Warn("the connection gets no new ways, and is made anew", "error", err)
			return c.offer(ctx)
		}
	case e.resume, e.restart:
		c.session.logger.Info("player comes back")
		c.session.span.AddEvent(eventComeBack)
		return c.offer(ctx)
	case c.peer == nil: // for a connection that is over
		return nil
	case e.answer != nil:
		// Whoever has not signed gets no connection at all: neither pictures nor a way for input.
		bound, err := c.session.bond.Answer(*e.answer)
		if err != nil {
			return err
		}
		if err := c.peer.Answer(e.answer.SDP); errors.Is(err, streamer.ErrNoCommonCodec) {
			return signaling.Errorf(signaling.CodeNoCommonCodec, "%v", err)
		} else if err != nil {
			return signaling.Errorf(signaling.CodeBadMessage, "%v", err)
		}
		if bound != nil {
			c.session.node.say(*bound)
		}
	case e.candidate != nil:
		// A candidate that cannot be used (an address family we lack, a name we do not resolve) leaves the others.
		if err := c.peer.AddCandidate(candidateInit(e.candidate)); err != nil {
			c.session.logger.Debug("player's candidate", "error", err)
		}
	}
	return nil
}

// join begins the stream when both sides are there: the connection and what is to be shown.
func (c *conversation) join() {
	if c.live == nil || c.peer == nil || !c.connectedOnce {
		return
	}
	if c.live.sound != nil {
		c.listener = c.live.sound.add(c.peer)
		c.running.Go(c.listener.write)
	}
	if c.session.watches != nil {
		c.spectator = c.live.pipeline.admit(c.peer)
		c.receiver.spectator.Store(c.spectator)
		c.running.Go(c.spectator.write)
		return
	}
	c.receiver.enter(c.live)
	c.live.pipeline.watch(c.peer)
}

func (c *conversation) connected() <-chan struct{} {
	if c.peer == nil || c.connectedOnce {
		return nil
	}
	return c.peer.Connected()
}

func (c *conversation) opened() <-chan struct{} {
	if c.peer == nil || c.openedOnce {
		return nil
	}
	return c.peer.Open()
}

func (c *conversation) unheard() <-chan struct{} {
	if c.peer == nil {
		return nil
	}
	return c.peer.Unheard()
}

func (c *conversation) newWays() <-chan struct{} {
	if c.peer == nil {
		return nil
	}
	return c.peer.Restored()
}

func (c *conversation) ended() <-chan struct{} {
	if c.peer == nil {
		return nil
	}
	return c.peer.Done()
}

// receiver takes what one connection's player sends.
type receiver struct {
	session *session

	player    atomic.Pointer[input.Player]
	pipeline  atomic.Pointer[pipeline]
	spectator atomic.Pointer[spectator] // in place of the two above, for one who looks on: input goes nowhere
}

var _ streamer.Receiver = (*receiver)(nil)

// enter gives the player's input a display to go to; what came before is dropped, since there was nothing to see.
func (r *receiver) enter(l *live) {
	r.pipeline.Store(l.pipeline)
	r.player.Store(l.screen.injector.Join())
}

// leave lets go of what the player pressed.
func (r *receiver) leave() {
	if player := r.player.Swap(nil); player != nil {
		player.Leave()
	}
}

// letGo lets go of what the player pressed, and goes on listening.
func (r *receiver) letGo() {
	if player := r.player.Load(); player != nil {
		player.LetGo()
	}
}

// Input implements streamer.Receiver.
func (r *receiver) Input(_ control.Channel, m control.Message) {
	if heard := r.session.node.config.Heard; heard != nil {
		heard(m, media.Now())
	}
	if player := r.player.Load(); player != nil {
		player.Handle(m)
	}
}

// Malformed implements streamer.Receiver.
func (r *receiver) Malformed(channel control.Channel, err error) {
	r.session.node.metrics.malformed.WithLabelValues(channel.Label()).Inc()
	r.session.logger.Debug("malformed message from the player", "channel", channel.Label(), "error", err)
	if player := r.player.Load(); player != nil {
		player.Malformed()
	}
}

// Left implements streamer.Receiver.
func (r *receiver) Left(times media.StageTimes) {
	if trace := r.session.node.config.Trace; trace != nil {
		trace(times)
	}
}

// WantKeyframe implements streamer.Receiver.
func (r *receiver) WantKeyframe() {
	r.session.node.metrics.keyframeRequests.Inc()
	if spectator := r.spectator.Load(); spectator != nil {
		spectator.wantKeyframe()
	}
	if pipeline := r.pipeline.Load(); pipeline != nil {
		pipeline.wantKeyframe()
	}
}

// Lost implements streamer.Receiver. The stream is the player's: for one who looks on it does without nothing.
func (r *receiver) Lost(loss streamer.Loss) {
	if spectator := r.spectator.Load(); spectator != nil && loss.Certain {
		spectator.wantKeyframe()
	}
	if pipeline := r.pipeline.Load(); pipeline != nil {
		pipeline.lost(loss)
	}
}

// Candidate implements streamer.Receiver.
func (r *receiver) Candidate(c *webrtc.ICECandidateInit) {
	if r.session.offered != "" {
		return // they are in the answer
	}
	message := signaling.Candidate{Session: r.session.id}
	if c != nil {
		message.Candidate = c.Candidate
		if c.SDPMid != nil {
			message.Mid = *c.SDPMid
		}
		if c.SDPMLineIndex != nil {
			message.Line = int(*c.SDPMLineIndex)
		}
	}
	r.session.node.say(message)
}

// newSession prepares a session; run runs it.
func newSession(n *Node, id signaling.SessionID) *session {
	logger := n.logger.With("session", id)
	return &session{
		id: id, slot: -1, node: n, logger: logger, events: make(chan event, eventQueue),
		bulletin: &bulletin{logger: logger}, air: make(chan struct{}), stages: streamer.NewStages(n.metrics.stages),
	}
}
