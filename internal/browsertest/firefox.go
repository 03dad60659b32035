package browsertest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// firefoxPreferences keep Firefox from calling anywhere but the page under test, and let it play sound unasked.
const firefoxPreferences = `user_pref("media.autoplay.default", 0);
user_pref("media.gmp-manager.url", "");
user_pref("services.settings.server", "data:,");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.normandy.enabled", false);
user_pref("app.update.enabled", false);
user_pref("extensions.getAddons.cache.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
`

// answerTime bounds how long Firefox may take to start, and to do what it is told.
const answerTime = 30 * time.Second

// Firefox is a running Firefox with one page, driven by WebDriver BiDi (W3C). It is one goroutine's.
type Firefox struct {
	socket *websocket.Conn
	page   string // its browsing context
	calls  int
}

// OpenFirefox shows a page in Firefox, the program of that path. The browser ends with the test.
func OpenFirefox(t *testing.T, program, url string) *Firefox {
	t.Helper()
	profile, err := os.MkdirTemp("", "nearlight-firefox-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, profile) })
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(firefoxPreferences), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank")
	command.Env = append(os.Environ(), "HOME="+profile, "MOZ_DISABLE_CONTENT_SANDBOX=1") // it has to run as root, too
	said, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(run(t, command))

	listening := make(chan string, 1)
	go func() { // ends with the browser, which closes its end
		lines := bufio.NewScanner(said)
		for lines.Scan() {
			if _, address, is := strings.Cut(lines.Text(), "WebDriver BiDi listening on "); is {
				listening <- strings.TrimSpace(address)
			}
		}
	}()
	f := &Firefox{}
	select {
	case address := <-listening:
		if f.socket, _, err = websocket.DefaultDialer.Dial(address+"/session", nil); err != nil {
			t.Fatal(err)
		}
	case <-time.After(answerTime):
		t.Fatalf("%s did not listen within %v", program, answerTime)
	}
	t.Cleanup(func() { _ = f.socket.Close() }) // the browser is about to be killed
	f.call(t, "session.new", map[string]any{"capabilities": map[string]any{}}, nil)
	var tree struct {
		Contexts []struct{ Context string }
	}
	f.call(t, "browsingContext.getTree", map[string]any{}, &tree)
	f.page = tree.Contexts[0].Context
	f.call(t, "browsingContext.navigate", map[string]any{"context": f.page, "url": url, "wait": "complete"}, nil)
	return f
}

// Evaluate returns the number that an expression comes to in the page.
func (f *Firefox) Evaluate(t *testing.T, expression string) float64 {
	t.Helper()
	var answer struct {
		Result struct{ Value json.RawMessage }
	}
	f.call(t, "script.evaluate", map[string]any{
		"expression": expression, "target": map[string]any{"context": f.page}, "awaitPromise": true,
	}, &answer)
	var number float64
	if err := json.Unmarshal(answer.Result.Value, &number); err != nil {
		t.Fatalf("%s is %s, which is no number", expression, answer.Result.Value)
	}
	return number
}

// Press presses a key and lets it go.
func (f *Firefox) Press(t *testing.T, key string) {
	t.Helper()
	f.act(t, "key", map[string]any{"type": "keyDown", "value": key}, map[string]any{"type": "keyUp", "value": key})
}

// Click presses the main button at a place of the page, in its pixels, and lets it go.
func (f *Firefox) Click(t *testing.T, x, y int) {
	t.Helper()
	f.act(t, "pointer", map[string]any{"type": "pointerMove", "x": x, "y": y},
		map[string]any{"type": "pointerDown", "button": 0}, map[string]any{"type": "pointerUp", "button": 0})
}

func (f *Firefox) act(t *testing.T, device string, actions ...map[string]any) {
	t.Helper()
	f.call(t, "input.performActions", map[string]any{
		"context": f.page, "actions": []any{map[string]any{"type": device, "id": device, "actions": actions}},
	}, nil)
}

// call has Firefox do something and reads the result into result, unless that is nil.
func (f *Firefox) call(t *testing.T, method string, params map[string]any, result any) {
	t.Helper()
	f.calls++
	deadline := time.Now().Add(answerTime)
	_ = f.socket.SetWriteDeadline(deadline) // neither fails
	_ = f.socket.SetReadDeadline(deadline)
	if err := f.socket.WriteJSON(map[string]any{"id": f.calls, "method": method, "params": params}); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", method, err))
	}
	for {
		var answer struct {
			ID             int
			Result         json.RawMessage
			Error, Message string
		}
		if err := f.socket.ReadJSON(&answer); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", method, err))
		}
		switch {
		case answer.ID != f.calls: // an event
		case answer.Error != "":
			t.Fatalf("%s: %s: %s", method, answer.Error, answer.Message)
		case result == nil:
			return
		default:
			if err := json.Unmarshal(answer.Result, result); err != nil {
				t.Fatal(fmt.Errorf("%s: %w", method, err))
			}
			return
		}
	}
}
