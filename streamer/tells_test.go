package streamer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"nearlight/checker/eye"
	"nearlight/internal/browsertest"
	"nearlight/internal/tells"
	"nearlight/signaling/client"
	"nearlight/signaling/token"
	"nearlight/web"
)

const (
	tellsLength = 8 * time.Second
	tellsWait   = 60 * time.Second
)

// typing has the page's player press keys as checker/eye does, which stands in for a person: what is compared is what each side makes of that.
const typing = `<script type="module">
const keys = [["KeyW", "w"], ["KeyA", "a"], ["KeyS", "s"], ["KeyD", "d"]];
const pause = (least, spread) => new Promise((go) => setTimeout(go, least + spread * Math.random()));
await pause(1500, 500);
for (;;) {
  const [code, key] = keys[Math.floor(Math.random() * keys.length)];
  dispatchEvent(new KeyboardEvent("keydown", { code, key, cancelable: true }));
  await pause(70, 100);
  dispatchEvent(new KeyboardEvent("keyup", { code, key, cancelable: true }));
  await pause(150, 300);
}
</script>`

// playPage is the play page with a player.
func playPage(t *testing.T) http.Handler {
	t.Helper()
	pages, built := web.Pages()
	if !built {
		t.Skipf("SKIPPED %s: the pages are not built (make build)", t.Name())
	}
	index, err := fs.ReadFile(pages, "index.html")
	if err != nil {
		t.Fatal(err)
	}
	index = bytes.Replace(index, []byte("</body>"), []byte(typing+"</body>"), 1)
	files := http.FileServerFS(pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			_, _ = w.Write(index)
			return
		}
		files.ServeHTTP(w, r)
	})
}

// playerToken is what any player has.
func playerToken(t *testing.T) string {
	t.Helper()
	key, err := token.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer(key, token.Scope{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := issuer.Issue(token.Claims{Role: token.Player, Rights: []token.Right{token.Play}, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// recorded waits for a session's recording.
func (c *curious) recorded() *tells.Recording {
	c.t.Helper()
	select {
	case r := <-c.served:
		return r
	case <-time.After(tellsWait):
		c.t.Fatal("no player came, or none left")
		return nil
	}
}

// byBrowser has Chromium play.
func (c *curious) byBrowser(browser string) *tells.Recording {
	c.t.Helper()
	end := browsertest.Show(c.t, browser, c.server.URL+"/#token="+playerToken(c.t)+"&app=game&autoplay=1")
	over := sync.OnceFunc(end)
	defer over()
	select {
	case <-c.came:
	case <-time.After(tellsWait):
		c.t.Fatal("no browser came")
	}
	timer := time.AfterFunc(tellsLength+time.Second, over) // it takes a while to the first picture
	defer timer.Stop()
	return c.recorded()
}

// byEye has a checker play.
func (c *curious) byEye() *tells.Recording {
	c.t.Helper()
	defer func() { <-c.came }()
	sight, err := eye.Look(context.Background(), eye.Visit{
		Signaling: client.Config{URL: c.server.URL}, Token: playerToken(c.t), App: "game", Length: tellsLength,
	})
	if err != nil {
		c.t.Fatalf("%v, after %+v", err, sight)
	}
	return c.recorded()
}

// sessionsEach is how many sessions of each kind are recorded; NEARLIGHT_TELLS_SESSIONS asks for others.
const sessionsEach = 6

// folderVariable names a folder that recordings are kept in and read from: sessions that are there are not played again.
const folderVariable = "NEARLIGHT_TELLS_FOLDER"

// TestHowWellACheckerIsToldFromABrowser plays sessions of both kinds by turns, and prints what an edge's owner could make of them.
func TestHowWellACheckerIsToldFromABrowser(t *testing.T) {
	experiment(t)
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("SKIPPED %s: chromium is not installed (apt-get install chromium)", t.Name())
	}
	each := sessionsEach
	if asked := os.Getenv("NEARLIGHT_TELLS_SESSIONS"); asked != "" {
		if each, err = strconv.Atoi(asked); err != nil {
			t.Fatal(err)
		}
	}
	c := newCurious(t, playPage(t))
	var sessions []tells.Session
	for i := range each {
		sessions = append(sessions,
			tells.Session{Features: tells.Of(c.once(fmt.Sprintf("eye-%d.json", i), c.byEye))},
			tells.Session{Features: tells.Of(c.once(fmt.Sprintf("chromium-%d.json", i), func() *tells.Recording { return c.byBrowser(browser) })), Browser: true})
	}
	all := func(tells.Group, string) bool { return true }
	accuracy := tells.Classify(sessions, all)
	t.Logf("all features: %v", accuracy)
	for _, group := range tells.Groups {
		t.Logf("%s alone: %v", group, tells.Classify(sessions, func(g tells.Group, _ string) bool { return g == group }))
	}
	known := func(g tells.Group, name string) bool {
		return g != tells.DTLS && !strings.Contains(name, " after ") && !strings.HasPrefix(name, "presented ") && !strings.HasPrefix(name, "received ") &&
			!strings.HasPrefix(name, "ack ") && !strings.HasPrefix(name, "decode ") && !strings.HasPrefix(name, "skipped ") && !strings.HasPrefix(name, "frames ")
	}
	t.Logf("without the hello and how fast this machine decodes: %v", tells.Classify(sessions, known))
	for _, tell := range tells.Tells(sessions, 0.75) {
		t.Logf("%.2f  %s: %s: checker %.4g, browser %.4g", tell.Alone, tell.Group, tell.Name, tell.Other, tell.Browser)
	}
	if accuracy.Sessions != 2*each || accuracy.Balanced < 0.5 {
		t.Errorf("%v: the hello alone tells them apart; what is recorded must be wrong", accuracy)
	}
}

// once plays a session, unless it is in the folder.
func (c *curious) once(name string, play func() *tells.Recording) *tells.Recording {
	c.t.Helper()
	folder := os.Getenv(folderVariable)
	if folder == "" {
		return play()
	}
	path := filepath.Join(folder, name)
	recording := new(tells.Recording)
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, recording)
	} else if os.IsNotExist(err) {
		recording = play()
		if data, err = json.Marshal(recording); err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return recording
}
