package beacon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Errors of a Client.
var (
	// ErrEarly reports a round whose time is yet to come, by this machine's clock.
	ErrEarly = errors.New("beacon: the round is yet to come")
	// ErrStalled reports a round that should be there, and that no source has.
	ErrStalled = errors.New("beacon: no source has the round, which should be there")
	// ErrForked reports a source that tells something else than the chain: another chain, another round, or a signature that is not its key's.
	ErrForked = errors.New("beacon: a source tells something else than the chain")
)

// The defaults of Config.
const (
	Timeout  = 3 * time.Second  // of one source's answer, of a few hundred octets
	Patience = 15 * time.Second // several times what drand's operators and servers need for a round
	Keep     = 1024             // 50 minutes of quicknet, in 100 KiB
)

const (
	maxSources = 16
	pause      = 500 * time.Millisecond // until a round that nobody has yet is asked for again
)

// Config says where the rounds are. Chain and Sources must be set.
type Config struct {
	Chain *Chain
	// Sources are the addresses of servers of drand's HTTP API, such as https://api.drand.sh, up to 16. What they tell is verified: whoever
	// stands between can hold it back, and nothing else.
	Sources  []string
	HTTP     http.RoundTripper // nil means http.DefaultTransport
	Timeout  time.Duration     // of one source's answer; 0 means Timeout
	Patience time.Duration     // for which Wait waits beyond a round's time; 0 means Patience
	Keep     int               // so many rounds, the latest that were asked for, are not asked for again; 0 means Keep
	Log      *slog.Logger      // for sources that begin to tell something else; nil means none
}

// Client gets a chain's rounds from several servers. Sources are asked one after the other, who had the round before first.
type Client struct {
	config Config
	http   *http.Client
	recent *recent

	mu      sync.Mutex
	sources []*source // in the order in which they are asked; the elements' urls do not change
}

type source struct {
	url    string
	forked bool // so it was found the last time that it told anything; guarded by Client.mu
}

// New checks the configuration, and asks nobody.
func New(config Config) (*Client, error) {
	if config.Chain == nil {
		return nil, errors.New("beacon: no chain is given, by which rounds would be verified")
	}
	if err := config.complete(); err != nil {
		return nil, err
	}
	c := &Client{config: config, http: config.client(), recent: newRecent(config.Keep)}
	for _, address := range config.Sources {
		c.sources = append(c.sources, &source{url: strings.TrimSuffix(address, "/")})
	}
	return c, nil
}

// complete checks the sources and sets the defaults.
func (c *Config) complete() error {
	if len(c.Sources) == 0 || len(c.Sources) > maxSources {
		return fmt.Errorf("beacon: want 1 to %d sources, got %d", maxSources, len(c.Sources))
	}
	for _, address := range c.Sources {
		parsed, err := url.Parse(address)
		if err != nil {
			return fmt.Errorf("beacon: %w", err)
		}
		if parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" {
			return fmt.Errorf("beacon: %s: want a server's address, such as https://api.drand.sh", parsed.Redacted())
		}
	}
	if c.Timeout == 0 {
		c.Timeout = Timeout
	}
	if c.Patience == 0 {
		c.Patience = Patience
	}
	if c.Keep == 0 {
		c.Keep = Keep
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

func (c *Config) client() *http.Client {
	return &http.Client{Transport: c.HTTP, Timeout: c.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Find asks a configuration's sources for the chain that a hash names, for who was told no more of it: Config.Chain is not looked at. The error says for each source
// why it was not that one's; it wraps ErrForked where one has told another chain.
func Find(ctx context.Context, hash Hash, config Config) (*Chain, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	client := config.client()
	var causes []error
	for _, address := range config.Sources {
		chain, err := fetchInfo(ctx, client, strings.TrimSuffix(address, "/"), hash)
		if err == nil {
			return chain, nil
		}
		causes = append(causes, err)
	}
	return nil, errors.Join(causes...)
}

// Chain is the chain whose rounds these are.
func (c *Client) Chain() *Chain { return c.config.Chain }

// Round returns a round that is there by now. The error wraps ErrEarly or ErrStalled. The latter says how late the round is, and for each source
// why it does not have it; it wraps ErrForked as well where one told something else. A source that does is passed over while another has the round.
func (c *Client) Round(ctx context.Context, number uint64) (Round, error) {
	due := c.config.Chain.TimeOf(number)
	now := time.Now()
	switch {
	case number == 0 || number > MaxRound:
		return Round{}, fmt.Errorf("beacon: there is no round %d", number)
	case number > c.config.Chain.RoundAt(now):
		return Round{}, fmt.Errorf("%w: round %d comes at %s", ErrEarly, number, due.UTC().Format(time.RFC3339))
	}
	if r, kept := c.recent.round(number); kept {
		return r, nil
	}
	var causes []error
	for _, s := range c.order() {
		r, err := c.ask(ctx, s, number)
		if ctx.Err() != nil {
			return Round{}, ctx.Err()
		}
		c.judge(s, err)
		if err == nil {
			c.prefer(s)
			c.recent.keep(r)
			return r, nil
		}
		causes = append(causes, err)
	}
	return Round{}, fmt.Errorf("%w: round %d came at %s, %v ago: %w", ErrStalled, number, due.UTC().Format(time.RFC3339),
		now.Sub(due).Round(100*time.Millisecond), errors.Join(causes...))
}

// Wait returns a round as soon as it is there. It asks again and again until it is, or Patience beyond its time is over; the error then wraps ErrStalled.
func (c *Client) Wait(ctx context.Context, number uint64) (Round, error) {
	due := c.config.Chain.TimeOf(number)
	for {
		if err := sleep(ctx, time.Until(due)); err != nil {
			return Round{}, err
		}
		r, err := c.Round(ctx, number)
		again := errors.Is(err, ErrEarly) || errors.Is(err, ErrStalled) && time.Since(due) < c.config.Patience // early where the clock was set back
		if !again {
			return r, err
		}
		if err := sleep(ctx, pause); err != nil {
			return Round{}, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Check asks each source what chain it has, and returns, joined, what is wrong with which: ErrForked where it is another chain than the one that
// is wanted. Rounds are verified in any case: this says before the first one which address is the wrong one.
func (c *Client) Check(ctx context.Context) error {
	var causes []error
	for _, s := range c.order() {
		_, err := fetchInfo(ctx, c.http, s.url, c.config.Chain.Hash())
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.judge(s, err)
		causes = append(causes, err)
	}
	return errors.Join(causes...)
}

// order is who is asked, in that order.
func (c *Client) order() []*source {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sources)
}

// prefer has a source asked first from now on.
func (c *Client) prefer(s *source) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.Index(c.sources, s)
	copy(c.sources[1:at+1], c.sources[:at])
	c.sources[0] = s
}

// judge notes whether a source tells something else than the chain.
func (c *Client) judge(s *source, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	forked := errors.Is(err, ErrForked)
	switch {
	case err != nil && !forked: // it has told nothing
		return
	case forked && !s.forked:
		c.config.Log.Warn("a source of the beacon tells something else than the chain, and is passed over", "source", s.url, "chain", c.config.Chain.Hash(), "error", err)
	case !forked && s.forked:
		c.config.Log.Info("a source of the beacon tells the chain again", "source", s.url)
	}
	s.forked = forked
}

// ask gets a round from one source, and verifies it.
func (c *Client) ask(ctx context.Context, s *source, number uint64) (Round, error) {
	text, err := fetch(ctx, c.http, s.url, c.config.Chain.Hash(), fmt.Sprintf("public/%d", number))
	if err != nil {
		return Round{}, err
	}
	r, err := ParseRound(text)
	if err != nil {
		return Round{}, fmt.Errorf("%w: %s: %w", ErrForked, s.url, err)
	}
	if r.Number != number {
		return Round{}, fmt.Errorf("%w: %s tells round %d when it is asked for %d", ErrForked, s.url, r.Number, number)
	}
	if err := c.config.Chain.Verify(r); err != nil {
		return Round{}, fmt.Errorf("%w: %s: round %d: %w", ErrForked, s.url, number, err)
	}
	return r, nil
}

// fetchInfo gets from one source the chain that a hash names.
func fetchInfo(ctx context.Context, client *http.Client, address string, hash Hash) (*Chain, error) {
	text, err := fetch(ctx, client, address, hash, "info")
	if err != nil {
		return nil, err
	}
	chain, err := ParseInfo(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrForked, address, err)
	}
	if chain.Hash() != hash {
		return nil, fmt.Errorf("%w: %s has chain %v, not %v", ErrForked, address, chain.Hash(), hash)
	}
	return chain, nil
}

// fetch asks a source for something of a chain. The error names the source, and is of one that has told nothing.
func fetch(ctx context.Context, client *http.Client, address string, chain Hash, what string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/%v/%s", address, chain, what), nil)
	if err != nil {
		return nil, fmt.Errorf("beacon: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("beacon: %w", err) // which names the address
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, MaxAnswer+1))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("beacon: %s: %w", address, err)
	}
	if to := response.Header.Get("Location"); to != "" {
		return nil, fmt.Errorf("beacon: %s redirects to %.200q; name that address, if it is right", address, to)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("beacon: %s answers %s", address, response.Status)
	}
	return text, nil
}
