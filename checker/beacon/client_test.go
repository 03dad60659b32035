package beacon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// servers answers in the name of hosts, without a network, and notes who was asked.
type servers struct {
	hosts map[string]http.Handler

	mu    sync.Mutex
	asked []string
}

func (s *servers) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.asked = append(s.asked, r.URL.Host+strings.TrimPrefix(r.URL.Path, "/"+strings.Split(r.URL.Path, "/")[1]))
	host := s.hosts[r.URL.Host]
	s.mu.Unlock()
	if host == nil {
		return nil, errors.New("connection refused")
	}
	w := httptest.NewRecorder()
	host.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// takeAsked is who was asked since it was called last.
func (s *servers) takeAsked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := strings.Join(s.asked, " ")
	s.asked = nil
	return asked
}

// Ways in which a source may fail.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func fails(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func newClient(t *testing.T, l *Local, s *servers, hosts ...string) (*Client, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	config := Config{Chain: l.Chain(), HTTP: s, Log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, host := range hosts {
		config.Sources = append(config.Sources, "https://"+host)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c, &log
}

func want(t *testing.T, got Round, err error, number uint64, l *Local) {
	t.Helper()
	right, _ := l.Round(number)
	if err != nil || got != right || got.Number != number {
		t.Errorf("round %d: %v, %v", number, got, err)
	}
}

func TestTheSourceThatHasRoundsIsAskedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLocal(t, 1)
		s := &servers{hosts: map[string]http.Handler{"b": fails(500), "c": http.HandlerFunc(hangs), "d": l.Handler()}}
		c, log := newClient(t, l, s, "a", "b", "c", "d")
		before := time.Now()
		r, err := c.Round(t.Context(), 7)
		want(t, r, err, 7, l)
		if took := time.Since(before); took != Timeout {
			t.Errorf("it took %v, and a source that hangs has %v", took, Timeout)
		}
		if got := s.takeAsked(); got != "a/public/7 b/public/7 c/public/7 d/public/7" {
			t.Errorf("asked %s", got)
		}
		r, err = c.Round(t.Context(), 8)
		want(t, r, err, 8, l)
		if got := s.takeAsked(); got != "d/public/8" {
			t.Errorf("asked %s", got)
		}
		s.hosts["d"] = nil
		s.hosts["b"] = l.Handler()
		r, err = c.Round(t.Context(), 9)
		want(t, r, err, 9, l)
		if got := s.takeAsked(); got != "d/public/9 a/public/9 b/public/9" {
			t.Errorf("asked %s", got)
		}
		if log.Len() > 0 {
			t.Errorf("sources that have nothing are no fork: %s", log)
		}
	})
}

func TestTheLastRoundsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLocal(t, 1)
		s := &servers{hosts: map[string]http.Handler{"a": l.Handler()}}
		c, err := New(Config{Chain: l.Chain(), Sources: []string{"https://a/"}, HTTP: s, Keep: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, number := range []uint64{1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 1} {
			r, err := c.Round(t.Context(), number)
			want(t, r, err, number, l)
		}
		if got := s.takeAsked(); got != "a/public/1 a/public/2 a/public/3 a/public/4 a/public/1" {
			t.Errorf("asked %s", got)
		}
	})
}

func TestARoundThatNobodyHasIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLocal(t, 1)
		s := &servers{hosts: map[string]http.Handler{"a": fails(404), "b": fails(503)}}
		c, _ := newClient(t, l, s, "a", "b", "c")
		number := l.Chain().RoundAt(time.Now())
		time.Sleep(2500 * time.Millisecond)
		_, err := c.Round(t.Context(), number)
		if !errors.Is(err, ErrStalled) || errors.Is(err, ErrForked) {
			t.Fatal(err)
		}
		for _, part := range []string{"2.5s ago", "https://a answers 404", "https://b answers 503", `"https://c/`} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q is not in: %v", part, err)
			}
		}
		s.takeAsked()
		if _, err := c.Round(t.Context(), number+1); !errors.Is(err, ErrEarly) {
			t.Errorf("a round that is yet to come: %v", err)
		}
		for _, none := range []uint64{0, MaxRound + 1} {
			if _, err := c.Round(t.Context(), none); err == nil || errors.Is(err, ErrStalled) || errors.Is(err, ErrEarly) {
				t.Errorf("round %d: %v", none, err)
			}
		}
		if got := s.takeAsked(); got != "" {
			t.Errorf("asked %s", got)
		}
	})
}

// forks are what a source may tell instead of round 7.
func forks(t *testing.T, l *Local) map[string]http.Handler {
	other := newLocal(t, 2)
	right, err := l.Round(7)
	if err != nil {
		t.Fatal(err)
	}
	next, err := l.Round(8)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := other.Round(7)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]http.Handler{
		"another chain's signature":   says(string(theirs.JSON())),
		"another round":               says(string(next.JSON())),
		"another round by its number": says(string(Round{7, next.Signature}.JSON())),
		"another value":               says(strings.Replace(string(right.JSON()), `"randomness":"`, `"randomness":"00`, 1)),
		"the zero":                    says(string(Round{7, [SignatureSize]byte{0xc0}}.JSON())),
		"a page":                      says("<html>"),
		"nothing":                     says(""),
		"too much":                    says(strings.Repeat(" ", 2*MaxAnswer) + string(right.JSON())),
	}
}

func TestAForkIsRefusedAndNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLocal(t, 1)
		for name, fork := range forks(t, l) {
			s := &servers{hosts: map[string]http.Handler{"a": fork, "b": fails(404)}}
			c, log := newClient(t, l, s, "a", "b")
			for range 2 {
				_, err := c.Round(t.Context(), 7)
				if !errors.Is(err, ErrForked) || !errors.Is(err, ErrStalled) || !strings.Contains(err.Error(), "https://a") {
					t.Errorf("%s: %v", name, err)
				}
			}
			s.hosts["b"] = l.Handler()
			r, err := c.Round(t.Context(), 7)
			want(t, r, err, 7, l)
			if got := strings.Count(log.String(), "level=WARN"); got != 1 || !strings.Contains(log.String(), "source=https://a ") {
				t.Errorf("%s: told %d times: %s", name, got, log)
			}
			s.hosts["a"], s.hosts["b"] = l.Handler(), nil
			r, err = c.Round(t.Context(), 8)
			want(t, r, err, 8, l)
			if !strings.Contains(log.String(), "level=INFO") {
				t.Errorf("%s: nothing tells that it is over: %s", name, log)
			}
		}
	})
}

func TestEachSourceIsCheckedForItsChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, other := newLocal(t, 1), newLocal(t, 2)
		info := string(l.Chain().Info())
		// The right hash above another key, and another hash above the right one.
		anotherKey := strings.Replace(string(other.Chain().Info()), other.Chain().Hash().String(), l.Chain().Hash().String(), 1)
		anotherHash := strings.Replace(info, l.Chain().Hash().String(), other.Chain().Hash().String(), 1)
		s := &servers{hosts: map[string]http.Handler{
			"a": l.Handler(), "b": says(string(other.Chain().Info())), "c": says(anotherKey), "d": says(anotherHash), "e": fails(404), "f": says(info),
		}}
		c, _ := newClient(t, l, s, "a", "b", "c", "d", "e", "f")
		err := c.Check(t.Context())
		if !errors.Is(err, ErrForked) {
			t.Fatal(err)
		}
		for host, wrong := range map[string]bool{"a": false, "b": true, "c": true, "d": true, "e": true, "f": false} {
			if strings.Contains(err.Error(), "https://"+host) != wrong {
				t.Errorf("is %s named? %v", host, err)
			}
		}
		if c, _ := newClient(t, l, s, "a", "f"); c.Check(t.Context()) != nil {
			t.Error(c.Check(t.Context()))
		}
		if c, _ := newClient(t, l, s, "a", "e"); errors.Is(c.Check(t.Context()), ErrForked) || c.Check(t.Context()) == nil {
			t.Error(c.Check(t.Context()))
		}
		found, err := Find(t.Context(), l.Chain().Hash(), Config{HTTP: s, Sources: []string{"https://b", "https://c", "https://e", "https://a"}})
		if err != nil || !bytes.Equal(found.Info(), l.Chain().Info()) {
			t.Errorf("found %v, %v", found, err)
		}
		if _, err := Find(t.Context(), l.Chain().Hash(), Config{HTTP: s, Sources: []string{"https://b", "https://e"}}); !errors.Is(err, ErrForked) || !strings.Contains(err.Error(), "https://e") {
			t.Errorf("found: %v", err)
		}
	})
}

func TestARoundIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLocal(t, 1)
		s := &servers{hosts: map[string]http.Handler{"a": l.Handler()}}
		c, _ := newClient(t, l, s, "a", "b")
		number := l.Chain().RoundAt(time.Now()) + 3
		due := l.Chain().TimeOf(number)
		r, err := c.Wait(t.Context(), number)
		want(t, r, err, number, l)
		if late := time.Since(due); late != 0 {
			t.Errorf("it was there %v after its time", late)
		}
		if got := s.takeAsked(); got != fmt.Sprintf("a/public/%d", number) {
			t.Errorf("asked %s", got)
		}

		// The next is published 4 s after its time.
		number++
		due = l.Chain().TimeOf(number)
		handler := l.Handler()
		s.hosts["a"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if time.Since(due) < 4*time.Second {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			handler.ServeHTTP(w, r)
		})
		r, err = c.Wait(t.Context(), number)
		want(t, r, err, number, l)
		if late := time.Since(due); late < 4*time.Second || late > 4*time.Second+pause {
			t.Errorf("it was there %v after its time", late)
		}

		// And then none.
		number = l.Chain().RoundAt(time.Now()) + 1
		due = l.Chain().TimeOf(number)
		s.hosts["a"] = fails(404)
		if _, err = c.Wait(t.Context(), number); !errors.Is(err, ErrStalled) {
			t.Error(err)
		}
		if late := time.Since(due); late < Patience || late > Patience+pause {
			t.Errorf("it was waited for %v", late)
		}

		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if _, err := c.Wait(ctx, MaxRound); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if _, err := c.Wait(t.Context(), 0); err == nil || errors.Is(err, ErrStalled) {
			t.Error(err)
		}
	})
}

func TestAskingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLocal(t, 1)
		s := &servers{hosts: map[string]http.Handler{"a": http.HandlerFunc(hangs), "b": l.Handler()}}
		c, _ := newClient(t, l, s, "a", "b")
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := c.Round(ctx, 1); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrStalled) {
			t.Error(err)
		}
		if err := c.Check(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestConfigurationsThatCannotWorkAreRefused(t *testing.T) {
	chain := Quicknet()
	for name, config := range map[string]Config{
		"no chain":         {Sources: []string{"https://a"}},
		"no source":        {Chain: chain},
		"too many sources": {Chain: chain, Sources: strings.Fields(strings.Repeat("https://a ", maxSources+1))},
		"a file":           {Chain: chain, Sources: []string{"file:///etc"}},
		"no scheme":        {Chain: chain, Sources: []string{"api.drand.sh"}},
		"no host":          {Chain: chain, Sources: []string{"https:///"}},
		"a password":       {Chain: chain, Sources: []string{"https://me:secret@a"}},
		"a query":          {Chain: chain, Sources: []string{"https://a?b"}},
		"no address":       {Chain: chain, Sources: []string{"https://a\x7f"}},
	} {
		if _, err := New(config); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Find(t.Context(), chain.Hash(), Config{}); err == nil {
		t.Error("a chain is found nowhere")
	}
}

// What the other tests leave out: real connections, and a server that sends its answer on, or that sends without an end.
func TestRoundsComeOverHTTP(t *testing.T) {
	l := newLocal(t, 1)
	good := httptest.NewServer(l.Handler())
	defer good.Close()
	elsewhere := httptest.NewServer(http.RedirectHandler(good.URL, http.StatusFound))
	defer elsewhere.Close()
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c, err := New(Config{Chain: l.Chain(), Sources: []string{elsewhere.URL, endless.URL, good.URL + "/"}, HTTP: transport})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Check(t.Context())
	if err == nil || !strings.Contains(err.Error(), elsewhere.URL+" redirects to") || !strings.Contains(err.Error(), endless.URL) || strings.Count(err.Error(), "\n") != 1 {
		t.Error(err)
	}
	number := l.Chain().RoundAt(time.Now())
	r, err := c.Round(t.Context(), number)
	want(t, r, err, number, l)
	if other := newLocal(t, 2); other.Chain().Verify(r) == nil {
		t.Error("another chain takes the round")
	}
}
