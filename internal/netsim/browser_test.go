package netsim_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/browsertest"
	"nearlight/internal/media"
	"nearlight/internal/netsim"
)

// echoPage opens a data channel to a peer whose only candidate is a relay, and reports the shortest round trip of twenty, in
// milliseconds.
const echoPage = `<!doctype html><title>echo</title><script>
(async () => {
  const peer = new RTCPeerConnection();
  const channel = peer.createDataChannel("echo");
  await peer.setLocalDescription();
  const answer = await fetch("/offer", { method: "POST", body: peer.localDescription.sdp });
  await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  await new Promise((resolve) => { channel.onopen = resolve; });
  let least = Infinity;
  for (let i = 0; i < 20; i++) {
    const sent = performance.now();
    const echoed = new Promise((resolve) => { channel.onmessage = resolve; });
    channel.send("hello");
    await echoed;
    least = Math.min(least, performance.now() - sent);
  }
  await fetch("/result", { method: "POST", body: String(least) });
})().catch((e) => fetch("/result", { method: "POST", body: String(e) }));
</script>`

func TestABrowserPlaysOverARelay(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("SKIPPED %s: chromium is not installed (apt-get install chromium)", t.Name())
	}
	const delay = 30 * ms
	socket := listen(t, false)
	relay := runRelay(t, netsim.RelayConfig{
		Routes: []netsim.Route{{Target: addressOf(socket)}},
		Out:    netsim.Config{Delay: delay, Rate: tenMbps}, Back: netsim.Config{Delay: delay, Rate: netsim.Constant(20 * media.Mbps)},
	})
	peer := echoPeer(t, socket)
	result := make(chan string, 1)
	pages := http.NewServeMux()
	pages.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, echoPage) })
	pages.HandleFunc("POST /offer", func(w http.ResponseWriter, r *http.Request) {
		answer, err := answerThrough(peer, r.Body, addressOf(socket).Port(), relay.Near(0).Port())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, answer)
	})
	pages.HandleFunc("POST /result", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		result <- string(body)
	})
	server := httptest.NewServer(pages)
	defer server.Close()
	defer browsertest.Show(t, browser, server.URL)()

	select {
	case text := <-result:
		least, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("the page says: %s", text)
		}
		if took := time.Duration(least * float64(ms)); took < 2*delay || took > 4*delay {
			t.Errorf("a round trip of %v over twice %v", took, delay)
		}
	case <-time.After(40 * time.Second):
		t.Fatalf("no result within 40 s: %+v", relay.Stats().Out.Flows)
	}
	if stats := relay.Stats(); stats.Out.Delivered < 20 || stats.Back.Delivered < 20 || stats.Missed != 0 {
		t.Errorf("%d out, %d back, %d missed", stats.Out.Delivered, stats.Back.Delivered, stats.Missed)
	}
}

// echoPeer is a peer of pion's that sends back what it gets.
func echoPeer(t *testing.T, socket *net.UDPConn) *webrtc.PeerConnection {
	t.Helper()
	quiet := &logging.DefaultLoggerFactory{Writer: io.Discard}
	var settings webrtc.SettingEngine
	settings.LoggerFactory = quiet
	mux := webrtc.NewICEUDPMux(quiet.NewLogger("ice"), keptOpen{socket})
	settings.SetICEUDPMux(mux)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	peer, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	peer.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(m webrtc.DataChannelMessage) {
			if err := channel.SendText(string(m.Data)); err != nil {
				t.Error(err)
			}
		})
	})
	t.Cleanup(func() {
		if err := errors.Join(peer.GracefulClose(), socket.SetReadDeadline(time.Now())); err != nil {
			t.Error(err)
		}
	})
	return peer
}

// keptOpen leaves the socket's end to the test that opened it.
type keptOpen struct{ *net.UDPConn }

func (keptOpen) Close() error { return nil }

// answerThrough answers an offer that has no candidates, with the relay in place of the peer's own socket.
func answerThrough(peer *webrtc.PeerConnection, offer io.Reader, own, relay uint16) (string, error) {
	sdp, err := io.ReadAll(offer)
	if err != nil {
		return "", err
	}
	if err := peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(sdp)}); err != nil {
		return "", err
	}
	answer, err := peer.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(peer)
	if err := peer.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	text := peer.LocalDescription().SDP
	candidate := fmt.Sprintf(" 127.0.0.1 %d typ host", own)
	if !strings.Contains(text, candidate) {
		return "", fmt.Errorf("no candidate of port %d in the answer:\n%s", own, text)
	}
	return strings.ReplaceAll(text, candidate, fmt.Sprintf(" 127.0.0.1 %d typ host", relay)), nil
}
