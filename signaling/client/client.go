// Package client is how programs in Go speak with signaling: Edge for a machine that runs games, Player for a peer that
// plays or measures.
//
// Both are constructed without starting anything. Run does the work: it dials, and dials again when the connection is lost,
// with one goroutine that reads and one that writes, and returns after both are gone. Send may be called from any goroutine at
// any time and never blocks. Handlers are called from the reading goroutine, one at a time, and must not block.
package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/internal/identity"
	"nearlight/signaling"
)

// ErrBacklog reports that so many messages wait for signaling that no further one is taken.
var ErrBacklog = errors.New("signaling/client: too many messages wait to be sent")

// Config is how to reach signaling. Only URL must be set, and for an edge Signer.
type Config struct {
	// URL is ws://, wss://, http:// or https://, host and port; a path before /signal is kept. Several, joined by commas, are the nodes of a
	// cluster: one is tried after the other, in any order.
	URL string
	TLS *tls.Config

	// Dial opens the network connection; nil means net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Backoff is how long to wait before the attempt-th new try, from 0; nil means Backoff.
	Backoff func(attempt int) time.Duration
	// Signer is an edge's key, which it shows at each login. Players have none here.
	Signer identity.Signer
	Now    func() time.Time // of logins; nil means time.Now
	Log    *slog.Logger     // nil means none
}

// The waits of Backoff.
const (
	firstBackoff = 200 * time.Millisecond // a lost edge has 2 s to come back
	lastBackoff  = 15 * time.Second
)

// Backoff returns a random time of up to 200 ms, twice that after each failure, 15 s in the end. Its randomness spreads the
// edges of a server that was started again.
func Backoff(attempt int) time.Duration {
	limit := firstBackoff << min(attempt, 16)
	return rand.N(min(limit, lastBackoff)) + time.Millisecond
}

// Times that belong to sockets.
const (
	handshakeTimeout = 5 * time.Second
	writeTimeout     = 5 * time.Second
	closeTimeout     = time.Second
)

// queued is how many messages may wait for signaling: several sessions' candidates while a connection is made anew.
const queued = 512

// maxRefusal bounds the body of a refusal.
const maxRefusal = 8 << 10

// prepared is a Config with its defaults in place.
type prepared struct {
	Config
	addresses []address
	next      *atomic.Uint32 // the address that is tried next
}

// address is one of signaling's.
type address struct {
	url  string
	host string // as the server hears it: HOST or HOST:PORT, in lower case
}

func prepare(config Config, path string) (prepared, error) {
	var addresses []address
	for text := range strings.SplitSeq(config.URL, ",") {
		address, err := socketAddress(strings.TrimSpace(text), path)
		if err != nil {
			return prepared{}, err
		}
		addresses = append(addresses, address)
	}
	// In an order of its own, so that the clients of a node that fails do not all come to the same one.
	rand.Shuffle(len(addresses), func(i, j int) { addresses[i], addresses[j] = addresses[j], addresses[i] })
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Backoff == nil {
		config.Backoff = Backoff
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return prepared{Config: config, addresses: addresses, next: new(atomic.Uint32)}, nil
}

func socketAddress(text, path string) (address, error) {
	parsed, err := url.Parse(text)
	if err != nil {
		return address{}, fmt.Errorf("signaling/client: %w", err)
	}
	switch parsed.Scheme {
	case "http":
		parsed.Scheme = "ws"
	case "https":
		parsed.Scheme = "wss"
	case "ws", "wss":
	default:
		return address{}, fmt.Errorf("signaling/client: URL %q: want ws, wss, http or https", text)
	}
	if parsed.Host == "" {
		return address{}, fmt.Errorf("signaling/client: URL %q has no host", text)
	}
	parsed.Path = strings.TrimSuffix(parsed.Path, "/") + path
	parsed.RawQuery, parsed.Fragment = "", ""
	return address{parsed.String(), strings.ToLower(parsed.Host)}, nil
}

// dial opens a socket, and tells the host that it leads to. A refusal that signaling explains is an *signaling.Error.
func (p prepared) dial(ctx context.Context) (*websocket.Conn, string, error) {
	at := p.addresses[int(p.next.Add(1)-1)%len(p.addresses)]
	dialer := websocket.Dialer{
		Proxy: http.ProxyFromEnvironment, NetDialContext: p.Dial, TLSClientConfig: p.TLS,
		HandshakeTimeout: handshakeTimeout, Subprotocols: []string{signaling.Subprotocol},
	}
	ws, response, err := dialer.DialContext(ctx, at.url, nil)
	if err != nil {
		if response != nil {
			if reason := refusal(response); reason != nil {
				return nil, "", fmt.Errorf("signaling/client: dial %s: %w", at.url, reason)
			}
			return nil, "", fmt.Errorf("signaling/client: dial %s: %w: %s", at.url, err, response.Status)
		}
		return nil, "", fmt.Errorf("signaling/client: dial %s: %w", at.url, err)
	}
	if ws.Subprotocol() != signaling.Subprotocol {
		_ = ws.Close() // nothing was said on it
		return nil, "", fmt.Errorf("signaling/client: dial %s: %w", at.url, signaling.NewError(signaling.CodeWrongVersion))
	}
	return ws, at.host, nil
}

// refusal reads the reason in the answer to a refused upgrade, nil if there is none.
func refusal(response *http.Response) *signaling.Error {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	if err != nil {
		return nil
	}
	m, err := signaling.Parse(signaling.SignalingToPlayer, body)
	if err != nil {
		return nil
	}
	if failed, ok := m.(signaling.Failed); ok {
		return failed.Error
	}
	return nil
}

// permanent reports whether trying again can only fail again.
func permanent(err error) bool {
	var reason *signaling.Error
	if !errors.As(err, &reason) {
		return false
	}
	switch reason.Code {
	case signaling.CodeBadToken, signaling.CodeExpiredToken, signaling.CodeBadKey, signaling.CodeBanned, signaling.CodeWrongOrigin, signaling.CodeWrongVersion, signaling.CodeReplaced:
		return true
	}
	return false
}

// pause waits, or returns false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
