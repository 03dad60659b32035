package eye

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"

	"nearlight/encoder"
	"nearlight/encoder/x264"
	"nearlight/internal/identity"
	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/signaling/binding"
	"nearlight/signaling/client"
	"nearlight/signaling/signalingtest"
	"nearlight/signaling/token"
	"nearlight/streamer"
	"nearlight/streamer/control"
	"nearlight/streamer/udpmux"
)

// serve is a signaling server that does with each player as it is told.
func serve(t *testing.T, conduct func(l *signalingtest.Line, play signaling.Play)) client.Config {
	t.Helper()
	upgrader := websocket.Upgrader{Subprotocols: []string{signaling.Subprotocol}}
	var serving sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serving.Add(1)
		defer serving.Done()
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		l := signalingtest.NewLine(t, ws)
		if play, is := l.Hear().(signaling.Play); is {
			conduct(l, play)
			for l.Hear() != nil { // the player is heard out
			}
		}
	}))
	t.Cleanup(serving.Wait)
	t.Cleanup(server.Close)
	return client.Config{URL: server.URL}
}

// issue makes a player's token that names edges, and says what an edge reads in it.
func issue(t *testing.T, edges ...identity.Address) (string, token.Claims) {
	t.Helper()
	key, err := token.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer(key, token.Scope{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := issuer.Issue(token.Claims{Role: token.Player, Rights: []token.Right{token.Play}, Edges: edges, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := token.Unverified(raw)
	if err != nil {
		t.Fatal(err)
	}
	return raw, claims
}

// scripted is an edge's double that sends pictures of noise, with markers, over a real connection.
type scripted struct {
	t      *testing.T
	key    *identity.Key
	claims token.Claims
	engine *streamer.Engine

	// What it does besides; all zero is honest.
	frames int                         // then the connection ends, without a word; 0: it does not
	code   func(n int) []byte          // what to send in place of the n-th frame; nil: the frame
	after  func(l *signalingtest.Line) // called after ten frames

	input atomic.Uint32 // the last that came
}

const (
	scriptedRate = 30
	scriptedSide = 256
)

var scriptedSize = media.Size{Width: scriptedSide, Height: scriptedSide}

func newScripted(t *testing.T) (*scripted, string) {
	t.Helper()
	e := &scripted{t: t}
	var err error
	if e.key, err = identity.NewKey(); err != nil {
		t.Fatal(err)
	}
	var raw string
	raw, e.claims = issue(t, e.key.Address())
	logger := slog.New(slog.DiscardHandler)
	ports, err := udpmux.Open(udpmux.Config{Address: netip.MustParseAddr("127.0.0.1"), Loggers: streamer.Loggers(logger)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ports.Close(); err != nil {
			t.Error(err)
		}
	})
	if e.engine, err = streamer.NewEngine(ports, logger); err != nil {
		t.Fatal(err)
	}
	return e, raw
}

// play plays with one player.
func (e *scripted) play(l *signalingtest.Line, _ signaling.Play) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	session := signaling.SessionID("s-1")
	l.Say(signaling.Matched{Session: session, Edge: signaling.EdgeName{ID: signaling.EdgeID(e.key.Address().String()), Name: "double"}})
	bond, err := binding.NewEdge(e.key, nil, session, 0, e.claims, time.Now())
	if err != nil {
		e.t.Error(err)
		return
	}
	peer, err := e.engine.NewPeer(streamer.PeerConfig{Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: 8 * media.Mbps},
		receiver{e, l}, streamer.NewStages(streamer.NewStageHistogram()), slog.New(slog.DiscardHandler))
	if err != nil {
		e.t.Error(err)
		return
	}
	running.Go(func() { _ = peer.Run(ctx) })
	err = peer.Offer(func(sdp string) error {
		offer := signaling.Offer{SDP: sdp}
		if err := bond.Offer(&offer); err != nil {
			return err
		}
		l.Say(offer)
		return nil
	})
	if err != nil {
		e.t.Error(err)
		return
	}
	for {
		switch m := l.Hear().(type) {
		case nil, signaling.Leave:
			return
		case signaling.Check:
			l.Say(signaling.Checked{Edge: signaling.Alive})
		case signaling.Candidate:
			line := uint16(m.Line)
			_ = peer.AddCandidate(webrtc.ICECandidateInit{Candidate: m.Candidate, SDPMid: &m.Mid, SDPMLineIndex: &line}) // one way fewer
		case signaling.Answer:
			bound, err := bond.Answer(m)
			if err != nil {
				e.t.Error(err)
				return
			}
			if err := peer.Answer(m.SDP); err != nil {
				e.t.Error(err)
				return
			}
			if bound != nil {
				l.Say(*bound)
			}
			running.Go(func() { e.stream(ctx, stop, peer, l) })
		}
	}
}

// stream sends pictures until it is over.
func (e *scripted) stream(ctx context.Context, stop context.CancelFunc, peer *streamer.Peer, l *signalingtest.Line) {
	select {
	case <-ctx.Done():
		return
	case <-peer.Open():
	}
	coder, err := x264.Open(encoder.Config{Size: scriptedSize, FrameRate: scriptedRate, Bitrate: 8 * media.Mbps})
	if err != nil {
		e.t.Error(err)
		return
	}
	defer coder.Close()
	ticker := time.NewTicker(time.Second / scriptedRate)
	defer ticker.Stop()
	picture := media.NewFrame(scriptedSize)
	for n := 0; e.frames == 0 || n < e.frames; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		noise(picture, n)
		now := media.Now()
		marker.DrawI420(picture, marker.New(now, e.input.Load(), uint16(n)))
		write := func(s media.Slice) error { return peer.WriteSlice(s, now) }
		if e.code != nil {
			if data := e.code(n); data != nil {
				_ = write(media.Slice{Data: data, Last: true})
				continue
			}
		}
		if _, err := coder.Encode(picture, encoder.Request{}, write); err != nil && ctx.Err() == nil {
			return // the player has gone
		}
		if n == 10 && e.after != nil {
			e.after(l)
		}
	}
	stop()
}

// noise fills a picture with what looks like noise, another one for each number.
func noise(picture *media.Frame, n int) {
	state := uint32(n + 1)
	for y := 0; y < scriptedSide; y += 8 {
		for x := 0; x < scriptedSide; x += 8 {
			state = state*1664525 + 1013904223
			for dy := range 8 {
				row := picture.Y.Data[(y+dy)*picture.Y.Stride+x:][:8]
				for i := range row {
					row[i] = byte(16 + state>>25)
				}
			}
		}
	}
	for _, plane := range []media.Plane{picture.U, picture.V} {
		for i := range plane.Data {
			plane.Data[i] = 128
		}
	}
}

// receiver is what the double is told of its player.
type receiver struct {
	*scripted
	line *signalingtest.Line
}

func (r receiver) Input(_ control.Channel, m control.Message) {
	if key, is := m.(*control.Key); is {
		r.input.Store(key.Seq)
	}
}
func (receiver) Malformed(control.Channel, error) {} // which the end of a channel is as well
func (receiver) Left(media.StageTimes)            {}
func (receiver) WantKeyframe()                    {}
func (receiver) Lost(streamer.Loss)               {}

func (r receiver) Candidate(c *webrtc.ICECandidateInit) {
	if c == nil || !strings.Contains(c.Candidate, " udp ") {
		return
	}
	r.line.Say(signaling.Candidate{Candidate: c.Candidate, Mid: *c.SDPMid, Line: int(*c.SDPMLineIndex)})
}
