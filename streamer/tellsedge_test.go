package streamer

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"nearlight/encoder"
	"nearlight/encoder/encodertest"
	"nearlight/encoder/x264"
	"nearlight/internal/media"
	"nearlight/internal/tells"
	"nearlight/signaling"
	"nearlight/signaling/signalingtest"
	"nearlight/streamer/control"
	"nearlight/streamer/udpmux"
)

// curious is an edge that records its player, with a signaling server of its own that also serves the pages.
type curious struct {
	t      *testing.T
	pages  http.Handler
	server *httptest.Server
	engine *Engine
	ports  *udpmux.Ports
	came   chan struct{}         // of capacity 1: a player has come
	served chan *tells.Recording // once for each player, when it has left
	mu     sync.Mutex            // for the recording
}

const curiousRate = 60

var curiousSize = media.Size{Width: 640, Height: 360}

func newCurious(t *testing.T, pages http.Handler) *curious {
	t.Helper()
	c := &curious{t: t, pages: pages, came: make(chan struct{}, 1), served: make(chan *tells.Recording, 1)}
	logger := slog.New(slog.DiscardHandler)
	var err error
	if c.ports, err = udpmux.Open(udpmux.Config{Address: netip.MustParseAddr("127.0.0.1"), Loggers: Loggers(logger)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.ports.Close(); err != nil {
			t.Error(err)
		}
	})
	if c.engine, err = NewEngine(c.ports, logger); err != nil {
		t.Fatal(err)
	}
	upgrader := websocket.Upgrader{Subprotocols: []string{signaling.Subprotocol}}
	var serving sync.WaitGroup
	c.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !websocket.IsWebSocketUpgrade(r) {
			c.pages.ServeHTTP(w, r)
			return
		}
		serving.Add(1)
		defer serving.Done()
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		c.serve(signalingtest.NewLine(t, ws))
	}))
	t.Cleanup(serving.Wait)
	t.Cleanup(c.server.Close)
	return c
}

// tapped is one session and its recording.
type tapped struct {
	*curious
	line      *signalingtest.Line
	peer      *Peer
	began     time.Time
	answered  time.Time
	recording *tells.Recording
	tap       *datagramTap
}

func (s *tapped) now() time.Duration { return time.Since(s.began) }

// note changes the recording.
func (s *tapped) note(change func(r *tells.Recording)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.recording)
}

func (c *curious) serve(l *signalingtest.Line) {
	play, is := l.Hear().(signaling.Play)
	if !is {
		return
	}
	select {
	case c.came <- struct{}{}:
	default:
	}
	s := &tapped{curious: c, line: l, began: time.Now(), recording: &tells.Recording{Codecs: play.Codecs, Sized: play.Size != nil}}
	s.tap = tapDatagrams(c.t, c.ports.Addresses()[0], func(data []byte) {
		s.note(func(r *tells.Recording) {
			r.Datagrams = append(r.Datagrams, tells.Datagram{At: s.now(), Data: append([]byte(nil), data[:min(len(data), 1500)]...)})
		})
	})
	defer s.tap.close()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	if err := s.connect(); err != nil {
		c.t.Error(err)
		return
	}
	running.Go(func() { _ = s.peer.Run(ctx) })
	l.Say(signaling.Matched{Session: "s-1", Edge: signaling.EdgeName{ID: "e-1", Name: "double"}})
	var offered time.Time
	if err := s.peer.Offer(func(sdp string) error {
		offered = time.Now()
		s.note(func(r *tells.Recording) { r.Offer = sdp })
		l.Say(signaling.Offer{SDP: sdp})
		return nil
	}); err != nil {
		c.t.Error(err)
		return
	}
	var waiting []tells.Candidate
	for {
		switch m := l.Hear().(type) {
		case signaling.Leave:
			continue
		case nil:
			s.note(func(r *tells.Recording) {
				r.Length = s.now()
				r.Candidates = append(waiting, r.Candidates...)
			})
			stop()
			running.Wait()
			c.served <- s.recording
			return
		case signaling.Check:
			l.Say(signaling.Checked{Edge: signaling.Alive})
		case signaling.Candidate: // not told on: all that passes is to pass the tap
			candidate := tells.Candidate{At: -1, Line: m.Candidate, Mid: m.Mid}
			if !s.answered.IsZero() {
				candidate.At = time.Since(s.answered)
			}
			s.note(func(r *tells.Recording) { r.Candidates = append(r.Candidates, candidate) })
		case signaling.Answer:
			s.answered = time.Now()
			s.note(func(r *tells.Recording) { r.Answer, r.AnswerTook = m.SDP, s.answered.Sub(offered) })
			if err := s.peer.Answer(m.SDP); err != nil {
				c.t.Error(err)
				return
			}
			running.Go(func() { s.stream(ctx) })
		}
	}
}

// connect makes the peer, with taps where a connection takes what comes.
func (s *tapped) connect() error {
	capabilities := PeerConfig{Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: 3 * media.Mbps, Local: true, Audio: true}
	logger := slog.New(slog.DiscardHandler)
	peer, err := s.engine.NewPeer(capabilities, s, NewStages(NewStageHistogram()), logger)
	if err != nil {
		return err
	}
	s.peer = peer
	peer.connection.OnConnectionStateChange(func(webrtc.PeerConnectionState) {}) // of the one that is replaced
	if err := peer.connection.GracefulClose(); err != nil {
		return err
	}
	peer.connection, err = s.engine.newConnection(capabilities, s.report, peer.incoming, logger)
	if err != nil {
		return err
	}
	if err := peer.setUp(true); err != nil {
		return err
	}
	for channel, open := range map[control.Channel]*webrtc.DataChannel{control.OnMotion: peer.motion, control.OnControl: peer.control} {
		var parser control.Parser
		open.OnMessage(func(raw webrtc.DataChannelMessage) {
			s.note(func(r *tells.Recording) {
				r.Messages = append(r.Messages, tells.Message{At: s.now(), Control: channel == control.OnControl, Data: raw.Data})
			})
			if message, err := parser.Parse(control.FromPlayer, channel, raw.Data); err == nil {
				peer.handle(channel, message)
			}
		})
	}
	return nil
}

func (s *tapped) report(packet rtcp.Packet) {
	if data, err := packet.Marshal(); err == nil {
		s.note(func(r *tells.Recording) { r.Reports = append(r.Reports, tells.Report{At: s.now(), Data: data}) })
	}
	s.peer.feedback(packet)
}

// stream sends pictures, and sound that is silence, until ctx ends.
func (s *tapped) stream(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-s.peer.Open():
	}
	config, err := encoder.Config{Size: curiousSize, FrameRate: curiousRate, Bitrate: 3 * media.Mbps}.Resolve()
	if err != nil {
		s.t.Error(err)
		return
	}
	coder, err := x264.Open(config)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer coder.Close()
	if err := s.peer.Send(&control.Notice{Body: control.AppNotice{State: control.AppRunning}}); err != nil {
		s.t.Error(err)
	}
	ticker := time.NewTicker(time.Second / curiousRate)
	defer ticker.Stop()
	scene, frame := encodertest.NewScene(curiousSize, 1), media.NewFrame(curiousSize)
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		scene.Draw(frame, n)
		frame.Times.Damaged = media.Now()
		s.peer.Grant()
		write := func(slice media.Slice) error { return s.peer.WriteSlice(slice, frame.Times.Damaged) }
		if _, err := coder.Encode(frame, encoder.Request{Keyframe: n%60 == 0}, write); err != nil {
			return // the player has gone
		}
		s.note(func(r *tells.Recording) {
			r.Sent = append(r.Sent, tells.Frame{At: s.now(), RTP: RTPTimestamp(frame.Times.Damaged)})
		})
		s.peer.FrameCoded(frame.Times)
	}
}

func (*tapped) Input(control.Channel, control.Message) {}
func (*tapped) Malformed(control.Channel, error)       {}
func (*tapped) Left(media.StageTimes)                  {}
func (*tapped) WantKeyframe()                          {}
func (*tapped) Lost(Loss)                              {}

// Candidate tells the player where the tap is, in place of the edge's own socket.
func (s *tapped) Candidate(c *webrtc.ICECandidateInit) {
	if c == nil || !strings.Contains(c.Candidate, " udp ") {
		return
	}
	own := strconv.Itoa(int(s.ports.Addresses()[0].Port()))
	told := strings.Replace(c.Candidate, " "+own+" typ", " "+strconv.Itoa(int(s.tap.port()))+" typ", 1)
	s.line.Say(signaling.Candidate{Candidate: told, Mid: *c.SDPMid, Line: int(*c.SDPMLineIndex)})
}

// datagramTap stands before an edge's port and sees what passes, each of the player's sockets having one of its own behind it.
type datagramTap struct {
	socket  *net.UDPConn
	mu      sync.Mutex
	behind  map[netip.AddrPort]*net.UDPConn
	closing bool
	running sync.WaitGroup
}

func tapDatagrams(t *testing.T, edge netip.AddrPort, seen func([]byte)) *datagramTap {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Error(err)
	}
	tap := &datagramTap{socket: socket, behind: make(map[netip.AddrPort]*net.UDPConn)}
	tap.running.Go(func() {
		buffer := make([]byte, 2048)
		for {
			n, from, err := socket.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			seen(buffer[:n])
			if behind := tap.flow(edge, from); behind != nil {
				_, _ = behind.Write(buffer[:n]) // a datagram may be lost
			}
		}
	})
	return tap
}

func (d *datagramTap) port() uint16 { return d.socket.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

func (d *datagramTap) flow(edge, from netip.AddrPort) *net.UDPConn {
	d.mu.Lock()
	defer d.mu.Unlock()
	if behind := d.behind[from]; behind != nil || d.closing {
		return behind
	}
	behind, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(edge))
	if err != nil {
		return nil
	}
	d.behind[from] = behind
	d.running.Go(func() {
		buffer := make([]byte, 2048)
		for {
			n, err := behind.Read(buffer)
			if err != nil {
				return
			}
			_, _ = d.socket.WriteToUDPAddrPort(buffer[:n], from)
		}
	})
	return behind
}

func (d *datagramTap) close() {
	d.mu.Lock()
	d.closing = true
	_ = d.socket.Close()
	for _, behind := range d.behind {
		_ = behind.Close()
	}
	d.mu.Unlock()
	d.running.Wait()
}
