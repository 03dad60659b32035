// Package viewer is a player in Go: it answers an edge's offer as a browser would, receives, repairs, decodes and
// acknowledges, and tells what it saw and when. Benchmarks, tests and checkers watch through it.
//
// A Viewer's methods may be called from anywhere; its Watcher is called from the viewer's own goroutines, Frame from
// one at a time.
package viewer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer/ccfb"
	"nearlight/streamer/control"
	"nearlight/streamer/dependency"
)

// Frame is one decoded picture. It is valid until Watcher.Frame returns.
type Frame struct {
	Picture     *media.Frame // nil when the viewer does not decode
	Coded       []byte       // the access unit that it was decoded from, in the form of media.Slice
	Codec       media.Codec
	RTP         uint32
	FirstPacket media.Instant
	LastPacket  media.Instant
	Decoded     media.Instant
	Bytes       int
}

// Watcher gets what comes from the edge.
type Watcher interface {
	Frame(Frame)
	Message(control.Message) // valid inside the call
	Candidate(*webrtc.ICECandidateInit)
}

// Config makes a viewer. Its zero value is useful.
type Config struct {
	// Decode turns pictures on. Without it only packets are measured.
	Decode bool
	// Codecs are what may be received; none means all that can be.
	Codecs []media.Codec
	// ICEServers are for STUN and TURN; UseICEServers may tell them later. RelayOnly has the viewer be reached through TURN alone.
	ICEServers []webrtc.ICEServer
	RelayOnly  bool
	// Hear is called for each piece of sound, from one goroutine; nil refuses sound. Plain refuses packets that repeat the frame before.
	Hear  func(Sound)
	Plain bool
	// CCFB reports on packets by RFC 8888, after each frame and at least every 20 ms, in place of the transport-wide feedback that
	// browsers send, with each one's ECN field. Answer fails where the edge does not offer it.
	CCFB bool
	// AsBrowser comes as Chromium does, as far as an edge can see and pion allows it: description, candidates, checks, handshake, reports, and
	// the clock that messages tell (Viewer.Clock). It excludes CCFB.
	AsBrowser bool
	// Packets is called, from one goroutine, with how many of the picture's packets came since the last call, repeated and restored ones among them, and
	// how many were given up for good. Nil does not count.
	Packets func(received, lost int)
	// Answered is called for each Ping that was answered.
	Answered func(Exchange)
	// Microphone answers an edge that takes what its player says; Speak says it. It needs Hear.
	Microphone bool

	Logger *slog.Logger
}

// ErrEnded reports that the edge's connection is over.
var ErrEnded = errors.New("the edge's connection ended")

// Viewer is one connection to one edge.
type Viewer struct {
	api        *webrtc.API
	connection *webrtc.PeerConnection
	speaks     bool
	microphone microphone
	watcher    Watcher
	logger     *slog.Logger
	decode     bool
	hear       func(Sound)
	packets    func(received, lost int)
	answered   func(Exchange)
	pings      pings
	reflexive  reflexive
	relayOnly  bool
	tap        *tap
	reports    *reporter // nil without CCFB
	repairs    *repairReports
	browser    *browser // nil without AsBrowser

	ended   chan struct{}
	endOnce sync.Once
	failure error          // of the reader, written before ended is closed
	readers sync.WaitGroup // grows only under mu while closing is false

	mu      sync.Mutex
	closing bool
	tracks  map[webrtc.RTPCodecType]bool // that came
	motion  *webrtc.DataChannel
	control *webrtc.DataChannel
	open    chan struct{} // closed when both channels are
	isOpen  bool
}

// New prepares a viewer.
func New(config Config, watcher Watcher) (*Viewer, error) {
	logger := config.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	engine := &webrtc.MediaEngine{}
	if err := register(engine, config.Codecs); err != nil {
		return nil, err
	}
	if config.Hear != nil {
		if err := registerSound(engine, config.Plain); err != nil {
			return nil, err
		}
	}
	var disguise *browser
	if config.AsBrowser {
		if config.CCFB {
			return nil, fmt.Errorf("%w: reports by RFC 8888", ErrBrowser)
		}
		var err error
		if disguise, err = newBrowser(); err != nil {
			return nil, err
		}
	}
	registry := &interceptor.Registry{}
	if err := engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: dependency.URI}, webrtc.RTPCodecTypeVideo); err != nil {
		return nil, fmt.Errorf("register header extension %s: %w", dependency.URI, err)
	}
	var feedback error
	var reports *reporter
	repairs := new(repairReports)
	switch {
	case disguise != nil:
		feedback = disguise.register(engine, registry, repairs)
	case config.CCFB:
		reports = newReporter()
		feedback = webrtc.ConfigureRTCPReports(registry)
	default:
		feedback = webrtc.ConfigureRTCPReports(registry)
		registry.Add(repairs)
		feedback = errors.Join(feedback, webrtc.ConfigureTWCCSender(engine, &repairs.registry))
	}
	if feedback != nil {
		return nil, fmt.Errorf("set up feedback: %w", feedback)
	}
	tap := newTap(reports)
	settings := webrtc.SettingEngine{BufferFactory: tap.buffer}
	settings.SetIncludeLoopbackCandidate(true)
	if reports != nil {
		sockets, err := newECNNet(&reports.fields)
		if err != nil {
			return nil, err
		}
		settings.SetNet(sockets)
	}
	configuration := reached(config.ICEServers, config.RelayOnly)
	if disguise != nil {
		disguise.settle(&settings)
		certificate, err := browserCertificate(time.Now())
		if err != nil {
			return nil, err
		}
		configuration.Certificates = []webrtc.Certificate{*certificate}
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings))
	connection, err := api.NewPeerConnection(configuration)
	if err != nil {
		return nil, fmt.Errorf("make the peer connection: %w", err)
	}
	v := &Viewer{
		api: api, connection: connection, speaks: config.Microphone, watcher: watcher, logger: logger, decode: config.Decode, relayOnly: config.RelayOnly, hear: config.Hear,
		packets: config.Packets, answered: config.Answered,
		tap: tap, reports: reports, repairs: repairs, browser: disguise,
		ended: make(chan struct{}), open: make(chan struct{}), tracks: make(map[webrtc.RTPCodecType]bool),
	}
	connection.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		if !v.only(track.Kind()) {
			return
		}
		v.receive(func() {
			if track.Kind() == webrtc.RTPCodecTypeAudio {
				v.end(v.listen(track))
				return
			}
			v.end(v.read(track, receiver.GetParameters()))
		})
	})
	connection.OnDataChannel(v.adopt)
	connection.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			watcher.Candidate(nil)
			return
		}
		v.reflexive.add(c)
		init := c.ToJSON()
		if v.browser != nil {
			var told bool
			if init, told = v.browser.candidate(c); !told {
				return
			}
		}
		watcher.Candidate(&init)
	})
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateClosed {
			v.end(ErrEnded)
		}
	})
	return v, nil
}

// reached is how a viewer may be reached.
func reached(servers []webrtc.ICEServer, relayOnly bool) webrtc.Configuration {
	configuration := webrtc.Configuration{ICEServers: servers}
	if relayOnly {
		configuration.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	}
	return configuration
}

// UseICEServers is for who learns of the servers after New. It counts from the next Answer on.
func (v *Viewer) UseICEServers(servers []webrtc.ICEServer) error {
	if err := v.connection.SetConfiguration(reached(servers, v.relayOnly)); err != nil {
		return fmt.Errorf("use ICE servers: %w", err)
	}
	return nil
}

func (v *Viewer) end(reason error) {
	v.endOnce.Do(func() {
		v.failure = reason
		close(v.ended)
	})
}

// only reports whether a track is the first of its kind. An edge has no more than one of each, and nothing is read of what comes beyond.
func (v *Viewer) only(kind webrtc.RTPCodecType) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.tracks[kind] {
		v.logger.Warn("the edge sends another track", "kind", kind)
		return false
	}
	v.tracks[kind] = true
	return true
}

// receive calls read, unless Run is about to return: pion may announce a track while its connection is being closed.
func (v *Viewer) receive(read func()) {
	v.mu.Lock()
	if v.closing {
		v.mu.Unlock()
		return
	}
	v.readers.Add(1)
	v.mu.Unlock()
	defer v.readers.Done()
	read()
}

// isClosing lets no further reader begin.
func (v *Viewer) isClosing() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closing = true
}

// Answer takes the edge's offer and returns our answer.
func (v *Viewer) Answer(offer string) (string, error) {
	if v.reports != nil && !ccfb.Accepted(offer) {
		return "", errNoCCFB
	}
	if err := v.connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", fmt.Errorf("apply the edge's offer: %w", err)
	}
	if v.browser != nil {
		v.browser.sockets.learn(offer)
	}
	if v.speaks && !v.microphone.attached {
		if err := v.attachMicrophone(offer); err != nil {
			return "", err
		}
	}
	answer, err := v.connection.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("make an answer: %w", err)
	}
	if err := v.connection.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("apply our own answer: %w", err)
	}
	switch {
	case v.reports != nil:
		return ccfb.Offer(answer.SDP), nil
	case v.browser != nil:
		return v.browser.describe(answer.SDP, offer)
	}
	return answer.SDP, nil
}

// AddCandidate takes one of the edge's candidates.
func (v *Viewer) AddCandidate(c webrtc.ICECandidateInit) error {
	return v.connection.AddICECandidate(c)
}

// Open is closed when both data channels can be used.
func (v *Viewer) Open() <-chan struct{} { return v.open }

// Run watches until ctx is done or the connection ends, then closes it and waits for its goroutines.
func (v *Viewer) Run(ctx context.Context) error {
	defer v.readers.Wait()
	var reporting sync.WaitGroup
	defer reporting.Wait()
	reportingCtx, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		v.isClosing()
		if err := v.connection.Close(); err != nil {
			v.logger.Debug("close the peer connection", "error", err)
		}
	}()
	if v.reports != nil {
		reporting.Go(func() { v.reports.run(reportingCtx, v.connection, v.logger) })
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-v.ended:
		return v.failure
	}
}

func (v *Viewer) adopt(channel *webrtc.DataChannel) {
	kind := control.OnControl
	if channel.Label() == control.OnMotion.Label() {
		kind = control.OnMotion
	}
	place := &v.control
	if kind == control.OnMotion {
		place = &v.motion
	}
	v.mu.Lock()
	further := *place != nil
	if !further {
		*place = channel
	}
	v.mu.Unlock()
	if further {
		v.logger.Warn("the edge opens another channel", "channel", channel.Label(), "error", channel.Close())
		return
	}
	channel.OnOpen(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		both := v.motion != nil && v.control != nil &&
			v.motion.ReadyState() == webrtc.DataChannelStateOpen && v.control.ReadyState() == webrtc.DataChannelStateOpen
		if both && !v.isOpen {
			v.isOpen = true
			close(v.open)
		}
	})
	var parser control.Parser
	channel.OnMessage(func(raw webrtc.DataChannelMessage) {
		now := media.Now()
		m, err := parser.Parse(control.FromEdge, kind, raw.Data)
		if err != nil {
			v.logger.Warn("message from the edge", "channel", channel.Label(), "error", err)
			return
		}
		if pong, is := m.(*control.Pong); is {
			v.answer(pong, now)
		}
		v.watcher.Message(m)
	})
}

// Send sends one message to the edge on its channel.
func (v *Viewer) Send(m control.Message) error {
	data, err := control.Append(nil, m)
	if err != nil {
		return err
	}
	return v.SendRaw(control.ChannelOf(m), data)
}

// SendRaw sends any bytes on a channel, as a hostile player might.
func (v *Viewer) SendRaw(on control.Channel, data []byte) error {
	v.mu.Lock()
	channel := v.control
	if on == control.OnMotion {
		channel = v.motion
	}
	v.mu.Unlock()
	if channel == nil {
		return errors.New("the data channels are not open yet")
	}
	return channel.Send(data)
}
