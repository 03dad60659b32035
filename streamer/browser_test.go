package streamer

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"nearlight/encoder"
	"nearlight/encoder/av1"
	"nearlight/encoder/encodertest"
	"nearlight/encoder/openh264"
	"nearlight/encoder/vpx"
	"nearlight/encoder/x264"
	"nearlight/internal/browsertest"
	"nearlight/internal/media"
	"nearlight/internal/netsim"
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
	FramesReceived, FramesDecoded, KeyFramesDecoded, FreezeCount            int
	PacketsReceived, PacketsLost, NackCount, PliCount                       int
	RetransmittedPacketsReceived, FecPacketsReceived                        int
	TotalFreezesDuration, TotalInterFrameDelay, TotalSquaredInterFrameDelay float64

	lost float64 // share of packets that congestion control takes for lost
}

// unevenness is the standard deviation of the time between two frames that were shown, in milliseconds.
func (c counters) unevenness(since counters) float64 {
	n := float64(c.FramesDecoded - since.FramesDecoded)
	mean := (c.TotalInterFrameDelay - since.TotalInterFrameDelay) / n
	return 1000 * math.Sqrt(max((c.TotalSquaredInterFrameDelay-since.TotalSquaredInterFrameDelay)/n-mean*mean, 0))
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

// browserCase is a stream to a real browser.
type browserCase struct {
	name     string
	recovery encoder.Recovery
	describe bool // with dependency descriptors
	// Frames in a row that are lost for good, with all their repeats, once each lossEvery. 80 ms later, as after a round trip, the encoder
	// is told, where it can be, and the next frame does without them.
	lostFrames int
	// One packet of every tenth frame is lost with all its repeats, after the first seconds.
	lostPackets bool
	// Of every tenth frame a packet is lost with all its repeats, and all repair packets of its own: those of the next frames have to mend it.
	lostWithRepairs bool
	link            *netsim.Config // each way; nil for none
	repairs         bool           // with repair packets, where the link is such
	keyframes       bool           // are made when the browser asks for them
	open            func(encoder.Config) (encoder.Encoder, error)
	connected       func(*Peer) // called before the first frame; nil for nobody
}

// experimentsVariable has those of these tests run that only look for what browsers do: two minutes' worth. `make soak` sets it.
const experimentsVariable = "NEARLIGHT_EXPERIMENTS"

func experiment(t *testing.T) {
	t.Helper()
	if os.Getenv(experimentsVariable) == "" {
		t.Skipf("SKIPPED %s: it looks for what browsers do; %s=1 or `make soak` runs it", t.Name(), experimentsVariable)
	}
}

func TestABrowserPlaysEachCodecWithDescriptors(t *testing.T) {
	experiment(t)
	for name, open := range map[string]func(encoder.Config) (encoder.Encoder, error){
		"openh264": openh264.Open, "vp8": vpx.OpenVP8, "vp9": vpx.OpenVP9, "av1": av1.Open,
	} {
		t.Run(name, func(t *testing.T) {
			before, after, asked := watch(t, browserCase{name: name, describe: true, keyframes: true, open: open})
			if decoded := after.FramesDecoded - before.FramesDecoded; decoded < 60 || asked != 0 {
				t.Errorf("%d frames decoded, %d keyframes asked for: %+v", decoded, asked, after)
			}
		})
	}
}

func TestABrowserThatRefusesRFC8888sReportsPlaysAndSteersAllTheSame(t *testing.T) {
	var peer *Peer
	before, after, _ := watch(t, browserCase{name: "feedback", describe: true, connected: func(p *Peer) { peer = p }})
	if peer.outbound.ccfb.Load() {
		t.Error("the browser takes RFC 8888's reports: docs/adr/0026 is out of date")
	}
	if decoded := after.FramesDecoded - before.FramesDecoded; decoded < 60 {
		t.Errorf("%d frames decoded", decoded)
	}
	if figures := peer.rate.figures(); figures.Capacity == 0 {
		t.Errorf("no report of the browser's was understood: %+v", figures)
	}
}

func TestABrowserGoesOnWithoutFramesThatLaterOnesDoNotNeed(t *testing.T) {
	for _, c := range []struct {
		browserCase
		goesOn bool
	}{
		{browserCase{name: "references", recovery: encoder.RecoverByReferences, describe: true, lostFrames: 1}, true},
		{browserCase{name: "references, three frames", recovery: encoder.RecoverByReferences, describe: true, lostFrames: 3}, true},
		// The rest is why it is done so: when one of these goes on, docs/loss.md is out of date.
		{browserCase{name: "references without descriptors", recovery: encoder.RecoverByReferences, lostFrames: 1}, false},
		{browserCase{name: "refresh", recovery: encoder.RecoverByRefresh, describe: true, lostFrames: 1}, false},
		{browserCase{name: "refresh without descriptors", recovery: encoder.RecoverByRefresh, lostFrames: 1}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name != "references" {
				experiment(t)
			}
			before, after, asked := watch(t, c.browserCase)
			t.Logf("before %+v", before)
			t.Logf("after  %+v, %d keyframes asked for", after, asked)
			decoded, keyframes := after.FramesDecoded-before.FramesDecoded, after.KeyFramesDecoded-before.KeyFramesDecoded
			// Each loss takes a tenth of a second, a busy machine some more.
			if most := int(60 * (lossEpisodes * lossEvery).Seconds()); c.goesOn != (decoded > most/2) {
				t.Errorf("%d frames of %d were decoded", decoded, most)
			}
			if c.goesOn && (keyframes != 0 || asked != 0) {
				t.Errorf("%d keyframes, and %d were asked for", keyframes, asked)
			}
		})
	}
}

func TestABrowserNeedsNoRepeatsWhereThereAreRepairPackets(t *testing.T) {
	experiment(t)
	link := &netsim.Config{Delay: 40 * time.Millisecond}
	for _, c := range []browserCase{
		{name: "one packet", lostPackets: true},
		{name: "one packet, with repair packets", lostPackets: true, repairs: true},
		{name: "one packet and its repair packets, with those of the next frames", lostWithRepairs: true, repairs: true},
	} {
		c.recovery, c.describe, c.link = encoder.RecoverByReferences, true, link
		before, after, asked := watch(t, c)
		repairs := c.repairs
		t.Logf("%s: before %+v", c.name, before)
		t.Logf("%s: after  %+v", c.name, after)
		decoded, most := after.FramesDecoded-before.FramesDecoded, int(60*(lossEpisodes*lossEvery).Seconds())
		if repairs != (decoded > most/2) || repairs && asked != 0 {
			t.Errorf("%s: %d frames of %d decoded, %d keyframes asked for: %+v", c.name, decoded, most, asked, after)
		}
	}
}

func TestABrowserMakesLostPacketsAgainFromRepairPackets(t *testing.T) {
	experiment(t)
	link := &netsim.Config{Delay: 40 * time.Millisecond, Loss: netsim.Random{Share: 0.02}}
	for _, repairs := range []bool{false, true} {
		before, after, asked := watch(t, browserCase{name: "repairs", recovery: encoder.RecoverByReferences, describe: true, link: link, repairs: repairs, keyframes: true})
		t.Logf("repairs %v: before %+v", repairs, before)
		t.Logf("repairs %v: after  %+v, %d keyframes asked for, frames uneven by %.1f ms", repairs, after, asked, after.unevenness(before))
		// What the browser does not report on counts as lost: repair packets are a tenth of all.
		if after.lost > 0.05 {
			t.Errorf("repairs %v: %.1f %% of packets are said to be lost, of which 2 %% are", repairs, 100*after.lost)
		}
		if taken := after.FecPacketsReceived > before.FecPacketsReceived; taken != repairs {
			t.Errorf("with repairs %v the browser took %d", repairs, after.FecPacketsReceived)
		}
		if after.FramesDecoded-before.FramesDecoded < 60 {
			t.Errorf("%d frames decoded", after.FramesDecoded-before.FramesDecoded)
		}
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
	keyframe   atomic.Bool
	readdress  func(string) string // of candidates; nil for as they are
}

// relayed makes the browser send to a relay, and get what comes through it.
func (b *browserPeer) relayed(t *testing.T, ctx context.Context, own netip.AddrPort, link netsim.Config) {
	t.Helper()
	out := link
	out.Seed++
	relay, err := netsim.OpenRelay(netsim.RelayConfig{Routes: []netsim.Route{{Target: own}}, Out: out, Back: link})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- relay.Run(ctx) }()
	t.Cleanup(func() {
		<-ran
		if err := relay.Close(); err != nil {
			t.Error(err)
		}
	})
	near := relay.Near(0)
	from, to := fmt.Sprintf(" %v %d ", own.Addr(), own.Port()), fmt.Sprintf(" %v %d ", near.Addr(), near.Port())
	b.readdress = func(candidate string) string {
		if !strings.Contains(candidate, " udp ") || !strings.Contains(candidate, from) {
			return "" // there is no way around the relay
		}
		return strings.Replace(candidate, from, to, 1)
	}
}

func (*browserPeer) Input(control.Channel, control.Message) {}
func (*browserPeer) Malformed(control.Channel, error)       {}
func (*browserPeer) Left(media.StageTimes)                  {}
func (b *browserPeer) WantKeyframe() {
	b.asked.Add(1)
	b.keyframe.Store(true)
}
func (*browserPeer) Lost(Loss) {}
func (b *browserPeer) Candidate(c *webrtc.ICECandidateInit) {
	if c == nil {
		return
	}
	told := *c
	if b.readdress != nil {
		told.Candidate = b.readdress(told.Candidate)
	}
	if told.Candidate != "" {
		b.candidates <- told
	}
}

// watch streams to a browser for some seconds, the first of which are over at before.
func watch(t *testing.T, c browserCase) (before, after counters, asked int) {
	t.Helper()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("SKIPPED %s: chromium is not installed (apt-get install chromium)", t.Name())
	}
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
	if c.open == nil {
		c.open = x264.Open
	}
	opened, err := c.open(config)
	if err != nil {
		t.Skip(err)
	}
	defer opened.Close()
	owner := &browserPeer{candidates: make(chan webrtc.ICECandidateInit, 16)}
	peer, err := engine.NewPeer(PeerConfig{
		Codecs: []media.Codec{opened.Capabilities().Codec}, ProfileLevelID: opened.Capabilities().ProfileLevelID, Bitrate: config.Bitrate, Local: true,
	}, owner, NewStages(NewStageHistogram()), logger)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- peer.Run(ctx) }()
	defer func() { stop(); <-ran }()

	if c.link != nil {
		owner.relayed(t, ctx, ports.Addresses()[0], *c.link)
	}
	latest := serveWatchPage(t, ctx, browser, peer, owner)
	select {
	case <-peer.Connected():
	case <-time.After(30 * time.Second):
		t.Fatal("no connection within 30 s")
	}
	if c.connected != nil {
		c.connected(peer)
	}
	peer.outbound.mu.Lock()
	if !c.describe {
		peer.outbound.wire.dependencyID = 0
	}
	if !c.repairs {
		peer.outbound.wire.repairSSRC = 0
	}
	known := 0.02
	if c.lostWithRepairs {
		known = 0.05 // so that each frame gets some
	}
	for range 2000 {
		peer.outbound.protection.policy.Observe(known)
	}
	var losing atomic.Bool
	stream, repeats, described := peer.outbound.wire.ssrc, peer.outbound.wire.repeatSSRC, peer.outbound.wire.dependencyID
	timestamps := map[uint32]bool{}
	newest, packet := uint16(0), 0 // the newest frame, and its newest packet
	peer.outbound.wire.writer = &lossyWriter{peer.outbound.wire.writer, func(h *rtp.Header, _ []byte) bool {
		if !losing.Load() {
			return timestamps[h.Timestamp]
		}
		if h.SSRC == stream {
			if number := frameNumber(h, described); number != newest {
				newest, packet = number, 0
			}
			packet++
		}
		tenth := newest%10 == 0
		switch {
		case h.SSRC == repeats:
			return true
		case h.SSRC != stream: // a repair packet of the newest frame
			return tenth && c.lostWithRepairs
		case c.lostPackets:
			return tenth && h.Marker
		}
		return tenth && packet == 1
	}}
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
			losing.Store(c.lostPackets || c.lostWithRepairs)
		}
		if elapsed > 3*time.Second+lossEpisodes*lossEvery+300*time.Millisecond {
			after = *latest.Load()
			after.lost = peer.rate.figures().Loss
			return before, after, int(owner.asked.Load()) - asked
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
			if c.recovery == encoder.RecoverByReferences {
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
		if _, err := opened.Encode(frame, encoder.Request{Keyframe: n == 0 || c.keyframes && owner.keyframe.Swap(false)}, func(s media.Slice) error { return peer.WriteSlice(s, frame.Times.Damaged) }); err != nil {
			t.Fatal(err)
		}
		peer.FrameCoded(frame.Times)
	}
}

// frameNumber is what a packet's dependency descriptor says, 0 without one.
func frameNumber(h *rtp.Header, id uint8) uint16 {
	if descriptor := h.GetExtension(id); len(descriptor) >= 3 {
		return binary.BigEndian.Uint16(descriptor[1:])
	}
	return 0
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
	end := browsertest.Show(t, browser, server.URL)
	t.Cleanup(func() { end(); server.CloseClientConnections(); server.Close() })
	return latest
}
