package e2e

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/e2e/e2etest"
	"nearlight/signaling"
	"nearlight/streamer/streamertest"
)

// whepClient looks on as draft-ietf-wish-whep has it, with pion's defaults and nothing of ours.
type whepClient struct {
	*streamertest.Receiver
	t        *testing.T
	base     *url.URL
	token    string
	resource string // path
	etag     string
}

func newWHEPClient(t *testing.T, at *e2etest.Program) *whepClient {
	t.Helper()
	base, err := url.Parse(at.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &whepClient{Receiver: streamertest.NewReceiver(t, nil, webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio), t: t, base: base, token: at.Token}
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

// watch posts an offer, whose candidates come after it, until there is video, and returns the answer.
func (c *whepClient) watch(session signaling.SessionID) (answer string) {
	c.t.Helper()
	bare, full := c.Described(nil)
	response, answer := c.ask(http.MethodPost, "/whep/"+string(session), "application/sdp", bare)
	if response.StatusCode != http.StatusCreated {
		c.t.Fatalf("%v %s", response.Status, answer)
	}
	c.resource, c.etag = response.Header.Get("Location"), response.Header.Get("ETag")
	c.Answered(answer)
	if response, text := c.ask(http.MethodPatch, c.resource, "application/trickle-ice-sdpfrag", ice(full)); response.StatusCode != http.StatusNoContent {
		c.t.Fatalf("%v %s", response.Status, text)
	}
	c.hear("video")
	return answer
}

// restart looks for new ways, and waits for video by them.
func (c *whepClient) restart(answer string) {
	c.t.Helper()
	_, full := c.Described(&webrtc.OfferOptions{ICERestart: true})
	c.etag = "*"
	response, fragment := c.ask(http.MethodPatch, c.resource, "application/trickle-ice-sdpfrag", ice(full))
	if response.StatusCode != http.StatusOK {
		c.t.Fatalf("%v %s", response.Status, fragment)
	}
	c.Answered(renewed(answer, fragment))
	c.hear("video by new ways")
}

// leave deletes what the offer made; once more there is nothing to delete.
func (c *whepClient) leave() {
	c.t.Helper()
	c.etag = ""
	if response, text := c.ask(http.MethodDelete, c.resource, "", ""); response.StatusCode != http.StatusOK {
		c.t.Fatalf("%v %s", response.Status, text)
	}
	if response, _ := c.ask(http.MethodDelete, c.resource, "", ""); response.StatusCode != http.StatusNotFound {
		c.t.Errorf("%v", response.Status)
	}
}

// hear waits for a packet that is not of before.
func (c *whepClient) hear(what string) {
	c.t.Helper()
	for len(c.Video) > 0 {
		<-c.Video
	}
	select {
	case <-c.Video:
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
	c.restart(c.watch(session))
	c.leave()
	player.Beats(t, 2) // the player's goes on
}

func TestAWHEPClientLooksOnByANodeThatTheEdgeIsNotAt(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 2, byRoutes(t, 2))
	network := e.parts
	network.signaling = e.nodes[0]
	edge := network.startEdge(t, network.token(t, "edge"))
	e.known(1)
	e.nodes[0].Token = network.token(t, "player")
	player := e.nodes[0].Play(t, e2etest.Request{})
	session := player.Session(t)
	player.Plays(t, 1)
	e.nodes[1].Token = network.tokenWith(t, "--rights", "watch")
	c := newWHEPClient(t, e.nodes[1])
	c.restart(c.watch(session))
	c.leave()
	player.Beats(t, 2)
	edge.Stop(t)
}

// python is Debian's, whose packages the client needs.
const python = "/usr/bin/python3"

func TestAWHEPClientThatIsNotOursDecodesWhatItSees(t *testing.T) {
	t.Parallel()
	if said, err := exec.Command(python, "-c", "import aiortc").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED %s: aiortc is missing (apt-get install python3-aiortc): %v: %s", t.Name(), err, said)
	}
	up := start(t, e2etest.Clock(), "--size", "640x360")
	player := up.Play(t, e2etest.Request{})
	session := player.Session(t)
	player.Plays(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	said, err := exec.CommandContext(ctx, python, "testdata/whep.py", up.URL+"/whep/"+string(session), up.Token).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if frames := strings.Count(string(said), "frame 640x360\n"); frames != 30 || !strings.Contains(string(said), "deleted 200\n") {
		t.Errorf("%d frames: %s", frames, said)
	}
	player.Beats(t, 2) // the player's goes on
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
	bare, _ := c.Described(nil)
	response, problem := c.ask(http.MethodPost, "/whep/"+string(session), "application/sdp", bare)
	if response.StatusCode != http.StatusForbidden || !strings.Contains(problem, "sign") {
		t.Errorf("%v %s", response.Status, problem)
	}
}
