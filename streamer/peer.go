package streamer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer/ccfb"
	"nearlight/streamer/control"
	"nearlight/streamer/packetizer"
	"nearlight/streamer/udpmux"
)

// ErrClosed reports that the connection to the player is over.
var ErrClosed = errors.New("connection to the player is closed")

// PeerConfig describes one connection. Codec and Bitrate are required, and ProfileLevelID with H.264.
type PeerConfig struct {
	Codecs         []media.Codec // that may be sent, the one to begin with first
	ProfileLevelID string        // H.264: what the stream needs at most (RFC 6184 section 8.1); browsers decode no higher level than is offered
	Bitrate        media.Bitrate // upper bound of the encoder's rate
	Controller     Controller    // empty: Nearlight
	Local          bool          // the player is on this machine's network, whose rate is no limit
	Audio          bool          // offer sound as well
	Unmarked       bool          // no packet says that it is ECN-capable, whoever reports marks
	Offered        bool          // the player offers, and gets no channels: Accept in place of Offer, and Open is never closed
	// Microphone takes what the player says, from the goroutine that reads the socket; nil offers no way to send it.
	Microphone func(MicrophonePacket)
	ICEServers []webrtc.ICEServer
	// PrepareThread is called on the thread that sends what has to wait for its turn, which is the connection's own and ends with it; nil
	// leaves it an ordinary one. A packet that is sent late is read as the network's delay.
	PrepareThread func()
}

// start is the rate to begin with: all of it on a local network, which is not what limits it.
func (c PeerConfig) start() media.Bitrate {
	if c.Local {
		return withHeaders(c.Bitrate)
	}
	return 0
}

// Receiver gets what the player sends. Its methods are called from the connection's goroutines, one at a time for each
// channel, and must return quickly.
type Receiver interface {
	// Input is called for each well-formed message but Ack and Ping, which the peer answers itself. m is valid inside the call.
	Input(channel control.Channel, m control.Message)
	// Malformed is called for each message that was dropped.
	Malformed(channel control.Channel, err error)
	// Left is called when the last packet of a frame, whose times FrameCoded gave, was handed to the network: Sent says when.
	Left(times media.StageTimes)
	// WantKeyframe asks for a keyframe: the player cannot decode without one.
	WantKeyframe()
	// Lost tells of frames that no later one may refer to. It comes again as long as a frame is sent that does.
	Lost(Loss)
	// Candidate is a local ICE candidate for the player, nil after the last.
	Candidate(c *webrtc.ICECandidateInit)
}

// Peer is one connection to one player.
type Peer struct {
	connection    *webrtc.PeerConnection
	ports         *udpmux.Ports
	prepareThread func()
	rate          rateControl
	outbound      *outbound
	receiver      Receiver
	logger        *slog.Logger
	track         *videoTrack
	audio         *audioTrack // nil where no sound is offered
	microphone    *microphone // nil where the player may send none
	// profileLevelID is what was offered of H.264.
	profileLevelID string
	motion         *webrtc.DataChannel // nil where the player offers, as is control
	control        *webrtc.DataChannel
	keyframes      keyframeGate
	frames         frameLog
	stages         *Stages

	connected chan struct{} // closed when media can flow
	open      chan struct{} // closed when Send works
	failed    chan struct{} // closed when it never will again
	missing   atomic.Int32  // of the two things that Connected takes: a transport, and a track that knows its codecs
	ready     sync.Once
	failOnce  sync.Once
	fail      error // written before failed is closed

	roundTrip atomic.Int64 // time.Duration, 0 until known
	refused   atomic.Uint64
	steered   atomic.Bool // Grant is asked: what is sent is made at this connection's rate

	born       time.Time
	silence    silence
	unheard    chan struct{} // what Unheard returns
	restarting atomic.Bool   // from Restart until packets pass again
	restored   chan struct{} // what Restored returns
}

// NewPeer prepares a connection; nothing is sent before Offer.
func (e *Engine) NewPeer(config PeerConfig, receiver Receiver, stages *Stages, logger *slog.Logger) (*Peer, error) {
	p := &Peer{
		ports: e.ports, prepareThread: config.PrepareThread, receiver: receiver, logger: logger, stages: stages, profileLevelID: config.ProfileLevelID,
		connected: make(chan struct{}), open: make(chan struct{}), failed: make(chan struct{}),
		born: time.Now(), unheard: make(chan struct{}, 1), restored: make(chan struct{}, 1),
	}
	var err error
	if p.rate, err = newRateControl(config.Controller, config.start(), withHeaders(config.Bitrate), pionLoggers{logger}); err != nil {
		return nil, err
	}
	if p.outbound, err = newOutbound(e.ports, p.rate, p.left); err != nil {
		return nil, errors.Join(err, p.rate.close())
	}
	p.outbound.unmarked = config.Unmarked
	if p.track, err = newVideoTrack(config.Codecs, p.outbound); err != nil {
		return nil, errors.Join(err, p.discard())
	}
	if config.Audio {
		p.audio = newAudioTrack(p.outbound)
	}
	if config.Microphone != nil {
		p.microphone = &microphone{take: config.Microphone}
	}
	if p.connection, err = e.newConnection(config, p.feedback, p.incoming, logger); err != nil {
		return nil, errors.Join(err, p.discard())
	}
	if err := p.setUp(!config.Offered); err != nil {
		return nil, errors.Join(err, p.connection.Close(), p.discard())
	}
	return p, nil
}

// discard gives back what a peer has that never ran, or whose connection is closed.
func (p *Peer) discard() error {
	p.outbound.stop()
	return errors.Join(p.outbound.close(), p.rate.close())
}

// left is called when a frame's last packet has left.
func (p *Peer) left(times media.StageTimes) {
	p.frames.add(RTPTimestamp(times.Damaged), times)
	p.stages.observeSent(times)
	p.receiver.Left(times)
}

// further is called once for each of the things that are missing.
func (p *Peer) further() {
	if p.missing.Add(-1) == 0 {
		close(p.connected)
	}
}

func (p *Peer) setUp(channels bool) error {
	p.missing.Store(2)
	p.track.bound = sync.OnceFunc(p.further)
	_, err := p.connection.AddTransceiverFromTrack(p.track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return fmt.Errorf("add the video track: %w", err)
	}
	if p.audio != nil {
		section, err := p.connection.AddTransceiverFromTrack(p.audio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return fmt.Errorf("add the audio track: %w", err)
		}
		if channels { // else the player's offer says what they are
			if err := section.SetCodecPreferences(soundCodecs); err != nil {
				return fmt.Errorf("choose the sound's codecs: %w", err)
			}
		}
	}
	if p.microphone != nil {
		if err := p.receiveMicrophone(); err != nil {
			return err
		}
	}
	if channels {
		if p.motion, err = p.openChannel(control.OnMotion); err != nil {
			return err
		}
		if p.control, err = p.openChannel(control.OnControl); err != nil {
			return err
		}
		p.control.OnOpen(func() { close(p.open) })
	}
	p.connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		p.logger.Debug("peer connection", "state", state.String())
		switch state {
		case webrtc.PeerConnectionStateConnected:
			p.hear()
			p.ready.Do(p.further)
			p.connectedAgain()
		case webrtc.PeerConnectionStateFailed:
			p.end(fmt.Errorf("%w: no packets from the player for %v", ErrClosed, iceFailed))
		case webrtc.PeerConnectionStateClosed:
			p.end(ErrClosed)
		default: // on the way to one of those
		}
	})
	return nil
}

func (p *Peer) openChannel(channel control.Channel) (*webrtc.DataChannel, error) {
	ordered := channel == control.OnControl
	init := &webrtc.DataChannelInit{Ordered: &ordered}
	if channel == control.OnMotion {
		never := uint16(0)
		init.MaxRetransmits = &never
	}
	c, err := p.connection.CreateDataChannel(channel.Label(), init)
	if err != nil {
		return nil, fmt.Errorf("open the %s channel: %w", channel.Label(), err)
	}
	var parser control.Parser // one reader a channel, so one parser serves
	c.OnMessage(func(raw webrtc.DataChannelMessage) {
		if raw.IsString {
			p.receiver.Malformed(channel, errors.New("text message on a binary channel"))
			return
		}
		message, err := parser.Parse(control.FromPlayer, channel, raw.Data)
		if err != nil {
			p.receiver.Malformed(channel, err)
			return
		}
		p.handle(channel, message)
	})
	// A message beyond what SCTP holds for us ends its channel; the picture goes on.
	c.OnError(func(err error) { p.receiver.Malformed(channel, err) })
	return c, nil
}

// end closes the connection's life for its owner, once.
func (p *Peer) end(reason error) {
	p.failOnce.Do(func() {
		p.fail = reason
		close(p.failed)
	})
}

// Connected is closed when media can flow.
func (p *Peer) Connected() <-chan struct{} { return p.connected }

// Open is closed when Send works, shortly after Connected.
func (p *Peer) Open() <-chan struct{} { return p.open }

// Done is closed when the connection is over; Err says why.
func (p *Peer) Done() <-chan struct{} { return p.failed }

// Err is the reason after Done, nil before.
func (p *Peer) Err() error {
	select {
	case <-p.failed:
		return p.fail
	default:
		return nil
	}
}

// Offer makes the SDP for the player and hands it to send; candidates follow through Receiver.Candidate once send has returned.
func (p *Peer) Offer(send func(sdp string) error) error { return p.offer(nil, send) }

// Answer takes the player's answer. The error wraps ErrNoCommonCodec when the player refused the video. An answer that none is due
// to, as a second one to the same offer, is dropped.
func (p *Peer) Answer(sdp string) error {
	answer, err := readAnswer(sdp, p.track.codecs(), p.profileLevelID)
	if err != nil {
		return err
	}
	if p.connection.PendingLocalDescription() == nil {
		p.logger.Debug("an answer came that no offer waits for")
		return nil
	}
	p.outbound.ccfb.Store(ccfb.Accepted(answer))
	if err := p.connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return fmt.Errorf("apply the player's answer: %w", err)
	}
	return nil
}

// AddCandidate takes one of the player's candidates; the empty one ends the list.
func (p *Peer) AddCandidate(c webrtc.ICECandidateInit) error {
	if err := p.connection.AddICECandidate(c); err != nil {
		return fmt.Errorf("apply the player's candidate: %w", err)
	}
	return nil
}

// Accepts reports whether the player takes a codec, once Connected.
func (p *Peer) Accepts(codec media.Codec) bool { return p.track.accepts(codec) }

// Use makes a codec that the player accepts that of all further slices, whose first one has to be a keyframe's. It belongs to the
// goroutine that calls WriteSlice.
func (p *Peer) Use(codec media.Codec) { p.track.use(codec) }

// WriteSlice sends one slice of the access unit captured at the given instant, at once or, where the link is slow, in the time
// after it returns.
func (p *Peer) WriteSlice(s media.Slice, captured media.Instant) error {
	if s.Keyframe {
		p.keyframes.sent(time.Now())
	}
	if err := p.track.writeSlice(s, captured); err != nil {
		if p.Err() != nil {
			return p.Err()
		}
		return err
	}
	return nil
}

// WriteAudio sends a frame of sound, ten milliseconds of Opus, whose first sample was captured at the given instant. begins says that
// there was none just before it. It belongs to one goroutine, which need not be WriteSlice's. Where no sound was offered, or the
// player takes none, nothing is sent, and there is an error.
func (p *Peer) WriteAudio(frame []byte, captured media.Instant, begins bool) error {
	if p.audio == nil {
		return errNotBound
	}
	return p.audio.write(frame, captured, begins)
}

// FrameCoded records a frame whose last slice has been written, with all times but Sent: Receiver.Left gets them whole, and the
// player's acknowledgement finds them.
func (p *Peer) FrameCoded(times media.StageTimes) { p.outbound.coded(times) }

// TargetBitrate is how much the encoder may make on average.
func (p *Peer) TargetBitrate() media.Bitrate {
	return p.outbound.unprotected(withoutHeaders(p.rate.target()))
}

// Grant says what the next frame may be. It is asked once for each frame that could be made, by the goroutine that calls WriteSlice.
func (p *Peer) Grant() Grant {
	p.steered.Store(true)
	return p.outbound.grant()
}

// SetFrameRate tells the most frames per second that will come.
func (p *Peer) SetFrameRate(framesPerSecond int) { p.rate.setFrameRate(framesPerSecond) }

// Mended counts what was done about losses so far.
func (p *Peer) Mended() Mended { return p.outbound.mended() }

// withHeaders is what the network carries of an encoder's rate, in full packets, and withoutHeaders the other way round.
func withHeaders(rate media.Bitrate) media.Bitrate {
	return rate * (packetizer.MaxPayload + headerOctets) / packetizer.MaxPayload
}

func withoutHeaders(rate media.Bitrate) media.Bitrate {
	return rate * packetizer.MaxPayload / (packetizer.MaxPayload + headerOctets)
}

// RoundTrip is the newest round trip to the player, 0 until known.
func (p *Peer) RoundTrip() time.Duration { return time.Duration(p.roundTrip.Load()) }

// Run keeps the connection's heartbeat until ctx is done or the connection is over, then closes it. It returns the
// reason: ctx's error or one that wraps ErrClosed.
func (p *Peer) Run(ctx context.Context) error {
	sending := make(chan error, 1)
	go func() { sending <- p.outbound.run(p.prepareThread) }()
	defer func() {
		p.end(ErrClosed)
		p.outbound.stop()
		if err := errors.Join(p.connection.Close(), <-sending, p.outbound.close(), p.rate.close()); err != nil {
			p.logger.Debug("close the peer connection", "error", err)
		}
	}()
	ticker := time.NewTicker(heartbeatInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.failed:
			return p.fail
		case <-ticker.C:
			p.beat()
			p.listen()
		}
	}
}
