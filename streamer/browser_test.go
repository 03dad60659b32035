package streamer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"nearlight/encoder"
	"nearlight/encoder/encodertest"
	"nearlight/encoder/x264"
	"nearlight/internal/media"
	"nearlight/streamer/control"
	"nearlight/streamer/udpmux"
)

// watchPage plays an offer and reports what the browser counts, twice a second.
const watchPage = `<!doctype html><title>watch</title><video autoplay muted playsinline></video><script>
(async () => {
  const peer = new RTCPeerConnection();
  peer.ontrack = ({ track }) => { document.querySelector("video").srcObject = new MediaStream([track]); };
  await peer.setRemoteDescription({ type: "offer", sdp: await (await fetch("/offer")).text() });
  await peer.setLocalDescription();
  await fetch("/answer", { method: "POST", body: peer.localDescription.sdp });
  const candidates = new EventSource("/candidates");
  candidates.onmessage = ({ data }) => peer.addIceCandidate(JSON.parse(data));
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const report of (await peer.getStats()).values())
      if (report.type === "inbound-rtp") await fetch("/counters", { method: "POST", body: JSON.stringify(report) });
  }
})();
</script>`

// counters are some of RTCInboundRtpStreamStats (W3C, Identifiers for WebRTC's Statistics API, section 8.3).
type counters struct {
	FramesReceived, FramesDecoded, KeyFramesDecoded, FramesDropped, FreezeCount int
	NackCount, PliCount, FecPacketsReceived, FecPacketsDiscarded, FecSsrc       int
	PacketsLost, RetransmittedPacketsReceived                                   int
	TotalFreezesDuration                                                        float64
	DecoderImplementation                                                       string
}

// lossyWriter stands between an outbound and its connection, and loses what it is told to.
type lossyWriter struct {
	webrtc.TrackLocalWriter
	lose func(*rtp.Header, []byte) bool
}

func (w *lossyWriter) WriteRTP(header *rtp.Header, payload []byte) (int, error) {
	if w.lose(header, payload) {
		return len(payload), nil
	}
	return w.TrackLocalWriter.WriteRTP(header, payload)
}

// browserCase is a stream to a real browser, some frames of which are lost for good, with all their repeats.
type browserCase struct {
	name       string
	recovery   encoder.Recovery
	describe   bool // with dependency descriptors
	lostFrames int  // in a row
	invalidate bool
	wrap       func(*wire)
}

func TestWhatABrowserMakesOfFramesThatAreLostForGood(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("SKIPPED %s: chromium is not installed (apt-get install chromium)", t.Name())
	}
	for _, c := range []browserCase{
		{"references, described", encoder.RecoverByReferences, true, 1, true, nil},
		{"references, described, three frames", encoder.RecoverByReferences, true, 3, true, nil},
		{"references, not described", encoder.RecoverByReferences, false, 1, true, nil},
		{"refresh, described", encoder.RecoverByRefresh, true, 1, false, nil},
		{"refresh, not described", encoder.RecoverByRefresh, false, 1, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, after, asked := watchLosses(t, browser, c)
			t.Logf("%s\nbefore %+v\nafter  %+v\n%d keyframes were asked for", c.name, before, after, asked)
		})
	}
}

// lossEpisodes is how often a case loses frames, once each lossEvery.
const (
	lossEpisodes = 6
	lossEvery    = 700 * time.Millisecond
)

// browserPeer is a peer's owner in these tests: it encodes a scene.
type browserPeer struct {
	candidates chan webrtc.ICECandidateInit
	asked      atomic.Int32
}

func (*browserPeer) Input(control.Channel, control.Message) {}
func (*browserPeer) Malformed(control.Channel, error)       {}
func (*browserPeer) Left(media.StageTimes)                  {}
func (b *browserPeer) WantKeyframe()                        { b.asked.Add(1) }
func (*browserPeer) Lost(Loss)                              {}
func (b *browserPeer) Candidate(c *webrtc.ICECandidateInit) {
	if c != nil {
		b.candidates <- *c
	}
}

func watchLosses(t *testing.T, browser string, c browserCase) (before, after counters, asked int) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	ports, err := udpmux.Open(udpmux.Config{Address: netip.MustParseAddr("127.0.0.1"), Loggers: Loggers(logger)})
	if err != nil {
		t.Fatal(err)
	}
	defer ports.Close()
	engine, err := NewEngine(ports, logger)
	if err != nil {
		t.Fatal(err)
	}
	size := media.Size{Width: 640, Height: 360}
	config, err := encoder.Config{Size: size, FrameRate: 60, Bitrate: 3 * media.Mbps, Recovery: c.recovery}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := x264.Open(config)
	if err != nil {
		t.Skip(err)
	}
	defer opened.Close()
	owner := &browserPeer{candidates: make(chan webrtc.ICECandidateInit, 16)}
	peer, err := engine.NewPeer(PeerConfig{
		Codecs: []media.Codec{media.H264}, ProfileLevelID: opened.Capabilities().ProfileLevelID, Bitrate: config.Bitrate, PlayoutDelay: PlayoutDelayLAN,
	}, owner, NewStages(NewStageHistogram()), logger)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- peer.Run(ctx) }()
	defer func() { stop(); <-ran }()

	latest := serveWatchPage(t, ctx, browser, peer, owner)
	select {
	case <-peer.Connected():
	case <-time.After(30 * time.Second):
		t.Fatal("no connection within 30 s")
	}
	peer.outbound.mu.Lock()
	if !c.describe {
		peer.outbound.wire.dependencyID = 0
	}
	if c.wrap != nil {
		c.wrap(peer.outbound.wire)
	}
	timestamps := map[uint32]bool{}
	peer.outbound.wire.writer = &lossyWriter{peer.outbound.wire.writer, func(h *rtp.Header, _ []byte) bool { return timestamps[h.Timestamp] }}
	peer.outbound.mu.Unlock()

	scene, frame := encodertest.NewScene(size, 1), media.NewFrame(size)
	ticker := time.NewTicker(time.Second / 60)
	defer ticker.Stop()
	var lost []media.Instant
	began := time.Now()
	episode := 0
	for n := 0; ; n++ {
		<-ticker.C
		elapsed := time.Since(began)
		if elapsed > 3*time.Second && before.FramesDecoded == 0 {
			before, asked = *latest.Load(), int(owner.asked.Load())
		}
		if elapsed > 3*time.Second+lossEpisodes*lossEvery+300*time.Millisecond {
			return before, *latest.Load(), int(owner.asked.Load()) - asked
		}
		scene.Draw(frame, n)
		frame.Times.Damaged = media.Now()
		lose := false
		if due := int((elapsed - 3*time.Second) / lossEvery); elapsed > 3*time.Second && due == episode && episode < lossEpisodes && c.lostFrames > 0 {
			lose = true
			lost = append(lost, frame.Times.Damaged)
			if len(lost) == c.lostFrames {
				episode++
			}
		}
		if !lose && len(lost) > 0 && frame.Times.Damaged.Sub(lost[0]) > 80*time.Millisecond {
			if c.invalidate {
				if keyframe, err := opened.Invalidate(lost[0], frame.Times.Damaged-1); err != nil || keyframe {
					t.Errorf("invalidate: keyframe %v, error %v", keyframe, err)
				}
			}
			lost = nil
		}
		peer.outbound.mu.Lock()
		if lose {
			timestamps[RTPTimestamp(frame.Times.Damaged)] = true
		}
		peer.outbound.mu.Unlock()
		peer.Grant()
		if _, err := opened.Encode(frame, encoder.Request{Keyframe: n == 0}, func(s media.Slice) error { return peer.WriteSlice(s, frame.Times.Damaged) }); err != nil {
			t.Fatal(err)
		}
		peer.FrameCoded(frame.Times)
	}
}

// serveWatchPage shows the page to a browser until the test ends.
func serveWatchPage(t *testing.T, ctx context.Context, browser string, peer *Peer, owner *browserPeer) *atomic.Pointer[counters] {
	t.Helper()
	latest := new(atomic.Pointer[counters])
	latest.Store(new(counters))
	pages := http.NewServeMux()
	pages.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, watchPage) })
	pages.HandleFunc("GET /offer", func(w http.ResponseWriter, _ *http.Request) {
		if err := peer.Offer(func(sdp string) error { _, err := io.WriteString(w, sdp); return err }); err != nil {
			t.Error(err)
		}
	})
	pages.HandleFunc("POST /answer", func(_ http.ResponseWriter, r *http.Request) {
		sdp, _ := io.ReadAll(r.Body)
		if os.Getenv("SHOW_ANSWER") != "" {
			t.Log(string(sdp))
		}
		if err := peer.Answer(string(sdp)); err != nil {
			t.Error(err)
		}
	})
	pages.HandleFunc("GET /candidates", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			select {
			case c := <-owner.candidates:
				line, _ := json.Marshal(c)
				_, _ = io.WriteString(w, "data: "+string(line)+"\n\n")
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			case <-ctx.Done():
				return
			}
		}
	})
	pages.HandleFunc("POST /counters", func(_ http.ResponseWriter, r *http.Request) {
		seen := new(counters)
		if err := json.NewDecoder(r.Body).Decode(seen); err != nil {
			t.Error(err)
			return
		}
		latest.Store(seen)
	})
	server := httptest.NewServer(pages)
	end := browse(t, browser, server.URL)
	t.Cleanup(func() { end(); server.CloseClientConnections(); server.Close() })
	return latest
}

// browse shows a page until the returned function is called.
func browse(t *testing.T, browser, url string) (end func()) {
	t.Helper()
	profile, err := os.MkdirTemp("", "nearlight-browser-")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(browser, "--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-extensions", "--autoplay-policy=no-user-gesture-required", "--user-data-dir="+profile)
	if os.Geteuid() == 0 {
		command.Args = append(command.Args, "--no-sandbox") // Chromium refuses its own as root
	}
	command.Args = append(command.Args, url)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// The parent-death signal fires when the thread that forked ends: this one lives as long as the browser.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := command.Start()
		started <- err
		if err == nil {
			_ = command.Wait() // it is killed
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // its group: it has many processes
		<-ended
		var err error
		for range 50 { // a process that is ending may still write
			if err = os.RemoveAll(profile); err == nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Error(errors.Join(errors.New("remove the browser's profile"), err))
	}
}
