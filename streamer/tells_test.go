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
	"slices"
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
	// comparedLength is how much of each session is compared.
	comparedLength = tellsLength - time.Second
	// toldBound is how often a checker may be told from a browser.
	toldBound = 0.6
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
	end := browsertest.Show(c.t, browser, c.server.URL+"/#token="+playerToken(c.t)+"&app=game&autoplay=1", playersCore...)
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

// playersCore runs a program on one core, and ownCore is the other's: a player that takes time from the edge would be known by the edge's own haste.
var (
	playersCore = []string{"taskset", "-c", "1"}
	ownCore     = "0"
)

// eyeVariable has a process of this test be a checker: it names the edge, and the token.
const eyeVariable = "NEARLIGHT_TELLS_EYE"

// byEye has a checker play, in a process of its own.
func (c *curious) byEye() *tells.Recording {
	c.t.Helper()
	defer func() { <-c.came }()
	program, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	command := exec.Command(playersCore[0], append(playersCore[1:], program, "-test.run=^TestACheckerPlays$")...)
	command.Env = append(os.Environ(), eyeVariable+"="+c.server.URL+" "+playerToken(c.t))
	if said, err := command.CombinedOutput(); err != nil {
		c.t.Fatalf("%v: %s", err, said)
	}
	return c.recorded()
}

// TestACheckerPlays is the checker of another process.
func TestACheckerPlays(t *testing.T) {
	url, raw, asked := strings.Cut(os.Getenv(eyeVariable), " ")
	if !asked {
		t.Skip("nobody has asked for a checker: TestHowWellACheckerIsToldFromABrowser does")
	}
	sight, err := eye.Look(context.Background(), eye.Visit{Signaling: client.Config{URL: url}, Token: raw, App: "game", Length: tellsLength})
	if err != nil {
		t.Fatalf("%v, after %+v", err, sight)
	}
}

// sessionsEach is how many sessions of each kind are recorded; NEARLIGHT_TELLS_SESSIONS asks for others.
const sessionsEach = 20

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
	if said, err := exec.Command("taskset", "-a", "-cp", ownCore, strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	c := newCurious(t, playPage(t))
	var sessions []tells.Session
	for i := range each {
		sessions = append(sessions,
			tells.Session{Features: tells.Of(c.once(fmt.Sprintf("eye-%d.json", i), c.byEye).First(comparedLength))},
			tells.Session{Features: tells.Of(c.once(fmt.Sprintf("chromium-%d.json", i), func() *tells.Recording { return c.byBrowser(browser) }).First(comparedLength)), Browser: true})
	}
	all := func(tells.Group, string) bool { return true }
	accuracy := tells.Classify(sessions, all)
	t.Logf("all features: %v", accuracy)
	for _, group := range tells.Groups {
		t.Logf("%s alone: %v", group, tells.Classify(sessions, func(g tells.Group, _ string) bool { return g == group }))
	}
	listed := []tells.Group{tells.DTLS, tells.STUN, tells.RTCP, tells.Messages, tells.Input}
	on := tells.Classify(sessions, func(g tells.Group, _ string) bool { return slices.Contains(listed, g) })
	t.Logf("%v together: %v", listed, on)
	for _, tell := range tells.Tells(sessions, 0.75) {
		t.Logf("%.2f  %s: %s: checker %.4g, browser %.4g", tell.Alone, tell.Group, tell.Name, tell.Other, tell.Browser)
	}
	if on.Sessions != 2*each || on.Low > toldBound {
		t.Errorf("told apart in %v of the sessions, and surely more often than %.0f %%", on, 100*toldBound)
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
