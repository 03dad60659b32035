package keysource

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/signaling/token"
)

func newKey(t testing.TB) token.Key {
	t.Helper()
	private, err := token.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := token.PublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func textOf(t testing.TB, keys ...token.Key) string {
	t.Helper()
	set, err := token.NewKeySet(keys...)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// studio answers as a studio's server would.
type studio struct {
	body  atomic.Pointer[string]
	asked atomic.Int32
}

func (s *studio) says(text string) { s.body.Store(&text) }

func (s *studio) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked.Add(1)
	w := httptest.NewRecorder()
	switch body := *s.body.Load(); {
	case body == "":
		w.WriteHeader(http.StatusServiceUnavailable)
	case strings.HasPrefix(body, "http"):
		w.Header().Set("Location", body)
		w.WriteHeader(http.StatusFound)
	case r.Header.Get("If-None-Match") == tagOf(body):
		w.WriteHeader(http.StatusNotModified)
	default:
		w.Header().Set("ETag", tagOf(body))
		w.WriteString(body)
	}
	return w.Result(), nil
}

func tagOf(body string) string { return fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(body))) }

func has(r *Remote, key token.Key) bool {
	_, found := r.Key(key.ID)
	return found
}

func TestKeysChangeWhileTheProgramRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		older, newer := newKey(t), newKey(t)
		server := &studio{}
		server.says(textOf(t, older))
		r, err := New(Config{URL: "https://studio.example/keys", HTTP: server})
		if err != nil {
			t.Fatal(err)
		}
		if has(r, older) {
			t.Error("a key is there before it was fetched")
		}
		if err := r.Fetch(t.Context()); err != nil || !has(r, older) {
			t.Fatal(err)
		}
		done := make(chan error)
		ctx, stop := context.WithCancel(t.Context())
		go func() { done <- r.Run(ctx) }()
		turn := func() { time.Sleep(Every); synctest.Wait() }

		server.says(textOf(t, older, newer))
		turn()
		if !has(r, older) || !has(r, newer) {
			t.Error("both keys are good for a while")
		}
		server.says(textOf(t, newer))
		turn()
		if has(r, older) || !has(r, newer) {
			t.Error("a key that was withdrawn is good")
		}
		for _, wrong := range []string{"", "{}", `{"keys":[` + strings.Repeat(" ", token.MaxKeySet) + `]}`, "https://elsewhere.example/keys"} {
			server.says(wrong)
			turn()
			if !has(r, newer) {
				t.Errorf("%.40q: the key that was good is forgotten", wrong)
			}
		}
		server.says("")
		time.Sleep(MaxAge + Every)
		synctest.Wait()
		if has(r, newer) {
			t.Error("a key is good though nobody could say so for a day")
		}
		server.says(textOf(t, newer))
		turn()
		if !has(r, newer) {
			t.Error("the studio is back, its key is not")
		}
		time.Sleep(2 * MaxAge) // not modified all the time
		synctest.Wait()
		if !has(r, newer) {
			t.Error("a key that has not changed is forgotten")
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestNoUnknownKeyHasTheStudioAsked(t *testing.T) {
	server := &studio{}
	server.says(textOf(t, newKey(t)))
	r, err := New(Config{URL: "https://studio.example/keys", HTTP: server})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		r.Key("made up")
	}
	if n := server.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestAddressesThatOthersCanChangeAreRefused(t *testing.T) {
	for _, url := range []string{"", "keys", "http://studio.example/keys", "ftp://studio.example/keys", "https://", "https://me:secret@studio.example/", "http://127.0.0.1.example/"} {
		if _, err := New(Config{URL: url}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"https://studio.example/keys", "http://127.0.0.1:8000/keys", "http://[::1]/keys", "http://localhost/keys"} {
		if _, err := New(Config{URL: url}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}
