package e2e

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/e2e/e2etest"
)

// whepClient looks on as draft-ietf-wish-whep has it, with pion's defaults and nothing of ours.
type whepClient struct {
	*webrtc.PeerConnection
	t        *testing.T
	base     *url.URL
	token    string
	resource string // path
	etag     string
	video    chan struct{} // a value for each packet
	audio    chan struct{}
}

func newWHEPClient(t *testing.T, up *e2etest.Program) *whepClient {
	t.Helper()
	parsed, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	engine := &webrtc.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	connection, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	c := &whepClient{
		PeerConnection: connection, t: t, base: parsed, token: up.Token, video: make(chan struct{}, 4096), audio: make(chan struct{}, 4096),
	}
	t.Cleanup(func() {
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := connection.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	connection.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		into := map[webrtc.RTPCodecType]chan struct{}{webrtc.RTPCodecTypeVideo: c.video, webrtc.RTPCodecTypeAudio: c.audio}[track.Kind()]
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			select {
			case into <- struct{}{}:
			default:
			}
		}
	})
	return c
}

func (c *whepClient) ask(method, path, kind, body string) (*http.Response, string) {
	c.t.Helper()
	at, err := c.base.Parse(path)
	if err != nil {
		c.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, at.String(), strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	if c.etag != "" {
		request.Header.Set("If-Match", c.etag)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response, string(text)
}

// described makes an offer and waits for its candidates.
func (c *whepClient) described(options *webrtc.OfferOptions) (bare, full string) {
	c.t.Helper()
	offer, err := c.CreateOffer(options)
	if err != nil {
		c.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(c.PeerConnection)
	if err := c.SetLocalDescription(offer); err != nil {
		c.t.Fatal(err)
	}
	<-gathered
	return offer.SDP, c.LocalDescription().SDP
}

// ice are the lines of a description that RFC 8840's fragments have.
func ice(description string) string {
	var b strings.Builder
	for line := range strings.Lines(description) {
		for _, prefix := range []string{"a=ice-ufrag:", "a=ice-pwd:", "m=", "a=mid:", "a=candidate:", "a=end-of-candidates"} {
			if strings.HasPrefix(line, prefix) {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}

func (c *whepClient) hear(what string, from <-chan struct{}) {
	c.t.Helper()
	for len(from) > 0 {
		<-from // of before
	}
	select {
	case <-from:
	case <-time.After(e2etest.Patience):
		c.t.Fatalf("no %s came", what)
	}
}

func TestAWHEPClientLooksOnAtAGame(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Clock(), "--size", "640x360")
	player := up.Play(t, e2etest.Request{})
	session := player.Session(t)
	player.Plays(t, 1)
	c := newWHEPClient(t, up)

	bare, full := c.described(nil)
	response, answer := c.ask(http.MethodPost, "/whep/"+string(session), "application/sdp", bare) // its candidates come after it
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("%v %s", response.Status, answer)
	}
	c.resource, c.etag = response.Header.Get("Location"), response.Header.Get("ETag")
	if err := c.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	if response, text := c.ask(http.MethodPatch, c.resource, "application/trickle-ice-sdpfrag", ice(full)); response.StatusCode != http.StatusNoContent {
		t.Fatalf("%v %s", response.Status, text)
	}
	c.hear("video", c.video)

	// New ways.
	_, full = c.described(&webrtc.OfferOptions{ICERestart: true})
	c.etag = "*"
	response, fragment := c.ask(http.MethodPatch, c.resource, "application/trickle-ice-sdpfrag", ice(full))
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%v %s", response.Status, fragment)
	}
	if err := c.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: renewed(answer, fragment)}); err != nil {
		t.Fatal(err)
	}
	c.hear("video by new ways", c.video)

	// Deleted, it ends; the player's goes on.
	c.etag = ""
	if response, text := c.ask(http.MethodDelete, c.resource, "", ""); response.StatusCode != http.StatusOK {
		t.Fatalf("%v %s", response.Status, text)
	}
	if response, _ := c.ask(http.MethodDelete, c.resource, "", ""); response.StatusCode != http.StatusNotFound {
		t.Errorf("%v", response.Status)
	}
	player.Beats(t, 2)
}

// renewed is an answer with a fragment's ICE in place of its own.
func renewed(answer, fragment string) string {
	var b strings.Builder
	of := func(name string) string {
		for line := range strings.Lines(fragment) {
			if strings.HasPrefix(line, name) {
				return line
			}
		}
		return ""
	}
	for line := range strings.Lines(answer) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			line = of("a=ice-ufrag:")
		case strings.HasPrefix(line, "a=ice-pwd:"):
			line = of("a=ice-pwd:")
		}
		b.WriteString(line)
	}
	return b.String()
}

// WHEP has no place for the signatures by which a token's page knows its edge: rather than go without, such a token is refused.
func TestATokenThatDemandsSignaturesIsNotGoodForWHEP(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Clock(), "--size", "640x360", "--bind")
	player := up.Play(t, e2etest.Request{})
	session := player.Session(t)
	player.Plays(t, 1)
	c := newWHEPClient(t, up)
	bare, _ := c.described(nil)
	response, problem := c.ask(http.MethodPost, "/whep/"+string(session), "application/sdp", bare)
	if response.StatusCode != http.StatusForbidden || !strings.Contains(problem, "sign") {
		t.Errorf("%v %s", response.Status, problem)
	}
}
