// Package keysource keeps the public keys that tokens are checked with as they are now, at the address where a studio serves them. It
// fetches that address and no other: whatever a token says, nothing is fetched because of it.
package keysource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"nearlight/signaling/token"
)

// Config says where the keys are. Only URL must be set.
type Config struct {
	URL     string            // https, or http on this machine
	Every   time.Duration     // between two looks; 0 means Every
	MaxAge  time.Duration     // for which keys are good that cannot be fetched again; 0 means MaxAge
	HTTP    http.RoundTripper // nil means http.DefaultTransport
	Log     *slog.Logger      // nil means none
	Timeout time.Duration     // of one look; 0 means Timeout
}

// The defaults.
const (
	Every   = time.Minute      // so that a key that was withdrawn is of no use soon
	MaxAge  = 24 * time.Hour   // of who cannot be reached; then no token is good any more, since nobody knows which keys still are
	Timeout = 10 * time.Second // for 64 KiB
)

// Remote is the key set at an address. It is safe for concurrent use.
type Remote struct {
	config  Config
	client  *http.Client
	started time.Time // origin of the monotonic clock

	mu      sync.Mutex
	keys    token.KeySet
	tag     string        // of the answer that keys are from (RFC 9110 section 8.8.3)
	fetched time.Duration // since started
}

var _ token.Keys = (*Remote)(nil)

// New checks the configuration. There are no keys before Fetch.
func New(config Config) (*Remote, error) {
	parsed, err := url.Parse(config.URL)
	if err != nil {
		return nil, fmt.Errorf("keysource: %w", err)
	}
	if parsed.Host == "" || parsed.Scheme != "https" && !(parsed.Scheme == "http" && isLoopback(parsed.Hostname())) {
		return nil, fmt.Errorf("keysource: %s: want https://..., since whoever changes the keys on their way can sign tokens", config.URL)
	}
	if parsed.User != nil {
		return nil, fmt.Errorf("keysource: the address of public keys at %s needs no password", parsed.Host)
	}
	if config.Every == 0 {
		config.Every = Every
	}
	if config.MaxAge == 0 {
		config.MaxAge = MaxAge
	}
	if config.Timeout == 0 {
		config.Timeout = Timeout
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	client := &http.Client{Transport: config.HTTP, Timeout: config.Timeout, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		return fmt.Errorf("it redirects to %s; name that address, if it is right", r.URL.Host)
	}}
	return &Remote{config: config, client: client, started: time.Now()}, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// Key implements token.Keys.
func (r *Remote) Key(id string) (token.Key, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.started)-r.fetched > r.config.MaxAge {
		return token.Key{}, false
	}
	return r.keys.Key(id)
}

// Run fetches the keys again and again until ctx ends, and returns nil. Failures are told to the log, and the keys that there are stay.
func (r *Remote) Run(ctx context.Context) error {
	ticker := time.NewTicker(r.config.Every)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		err := r.Fetch(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing:
			r.config.Log.Warn("the keys of tokens cannot be fetched; those that are known stay", "for", r.config.MaxAge, "error", err)
		case err == nil && failing:
			r.config.Log.Info("the keys of tokens can be fetched again")
		}
		failing = err != nil
	}
}

// Fetch looks once.
func (r *Remote) Fetch(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.config.URL, nil)
	if err != nil {
		return fmt.Errorf("keysource: %w", err)
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	r.mu.Lock()
	if r.tag != "" {
		request.Header.Set("If-None-Match", r.tag)
	}
	r.mu.Unlock()
	response, err := r.client.Do(request)
	if err != nil {
		if opErr := (*net.OpError)(nil); errors.As(err, &opErr) {
			return fmt.Errorf("keysource: %w; is the studio's server running?", err)
		}
		return fmt.Errorf("keysource: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, token.MaxKeySet+1))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("keysource: %s: %w", r.config.URL, err)
	}
	return r.take(response, text)
}

// take uses an answer.
func (r *Remote) take(response *http.Response, text []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case response.StatusCode == http.StatusNotModified && r.tag != "":
		r.fetched = time.Since(r.started)
		return nil
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("keysource: %s answers %s", r.config.URL, response.Status)
	}
	keys, err := token.ParseKeys(text)
	if err != nil {
		return fmt.Errorf("keysource: %s: %w", r.config.URL, err)
	}
	if r.keys.Len() > 0 {
		for _, id := range keys.IDs() {
			if _, known := r.keys.Key(id); !known {
				r.config.Log.Info("a key of tokens is new", "key", id)
			}
		}
	}
	r.keys, r.fetched, r.tag = keys, time.Since(r.started), response.Header.Get("ETag")
	return nil
}
