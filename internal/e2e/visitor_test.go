package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/token"
)

// visits counts what visitors see.
type visits struct {
	mu sync.Mutex
	// sessions were begun, denied were requests that had no answer and were made again, moved were sessions that had not yet come about and
	// began anew at another edge.
	sessions, denied, moved int
	// away is how long players who were playing had no signaling: from their socket's end until they had their session back.
	away []time.Duration
}

func (v *visits) count(n *int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	*n++
}

func (v *visits) cameBack(after time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.away = append(v.away, after)
}

// begun is how many sessions were.
func (v *visits) begun() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.sessions
}

// reconnection is a quantile of the times for which players had no signaling, 0 for none.
func (v *visits) reconnection(quantile float64) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.away) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(v.away))
	return sorted[min(int(quantile*float64(len(sorted))), len(sorted)-1)]
}

func (v *visits) String() string {
	p50, p99, longest := v.reconnection(0.5), v.reconnection(0.99), v.reconnection(1)
	v.mu.Lock()
	defer v.mu.Unlock()
	return fmt.Sprintf("%d sessions, %d begun anew before they were answered, %d moved before they had come about, %d reconnections: p50 %v, p99 %v, longest %v",
		v.sessions, v.denied, v.moved, len(v.away), p50.Round(time.Millisecond), p99.Round(time.Millisecond), longest.Round(time.Millisecond))
}

// visitor plays one session after another until ctx ends, each for as long as stay says, and counts. What must not be is an error.
type visitor struct {
	e      *ensemble
	stay   func() time.Duration
	visits *visits
}

// forGood stays to the end, and briefly is gone after at most a second.
func forGood() time.Duration { return 24 * time.Hour }
func briefly() time.Duration { return time.Duration(100+rand.IntN(900)) * time.Millisecond }

// crowd has visitors play until ctx ends.
func (e *ensemble) crowd(ctx context.Context, running *sync.WaitGroup, n int, stay func() time.Duration, counted *visits) {
	for range n {
		running.Go(func() {
			for v := (visitor{e, stay, counted}); ctx.Err() == nil; {
				v.play(ctx)
			}
		})
	}
}

// absence is since when a player has no socket.
type absence struct {
	mu    sync.Mutex
	since time.Time
}

func (a *absence) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since.IsZero() {
		a.since = time.Now()
	}
}

// end returns how long it was, and whether it was at all.
func (a *absence) end() (took time.Duration, was bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since.IsZero() {
		return 0, false
	}
	took = time.Since(a.since)
	a.since = time.Time{}
	return took, true
}

// dial opens a connection whose end is noted.
func (a *absence) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return watchedConn{conn, a}, nil
}

type watchedConn struct {
	net.Conn
	absence *absence
}

func (c watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		c.absence.begin()
	}
	return n, err
}

// Close is the player's own doing, once it was told that the node is being restarted.
func (c watchedConn) Close() error {
	c.absence.begin()
	return c.Conn.Close()
}

func (v visitor) play(ctx context.Context) {
	request := signaling.Play{
		Token: v.e.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Play}}), App: "tux", Codecs: []string{"h264"}, Wait: true,
	}
	var away absence
	player, err := client.NewPlayer(client.Config{URL: v.e.urls, Backoff: quick, Dial: away.dial}, request)
	if err != nil {
		v.e.Error(err)
		return
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	var session signaling.SessionID
	settled := false
	err = player.Run(ctx, func(m signaling.Message) {
		switch m := m.(type) {
		case signaling.Matched:
			switch session {
			case "":
				away.end() // it had no session yet
				session = m.Session
				v.visits.count(&v.visits.sessions)
				time.AfterFunc(v.stay(), leave)
			case m.Session:
				if took, was := away.end(); was {
					v.visits.cameBack(took)
				}
			default:
				v.e.Errorf("session %s became %s", session, m.Session)
			}
			if m.Lease != nil && m.Lease.Session != m.Session {
				v.e.Errorf("session %s has the lease of %s", m.Session, m.Lease.Session)
			}
		case signaling.Moved:
			if settled {
				v.e.Errorf("session %s is moved though its edge is well: %v", session, m.Reason)
			}
			session = ""
			v.visits.count(&v.visits.moved)
		case signaling.Offer:
			settled = true
			if err := player.Send(signaling.Answer{SDP: "v=0\r\n"}); err != nil && !errors.Is(err, client.ErrBacklog) {
				v.e.Error(err)
			}
		}
	})
	switch {
	case err == nil:
	case settled:
		v.e.Errorf("session %s is lost: %v", session, err)
	default: // the node was killed before it had answered
		v.visits.count(&v.visits.denied)
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestReconnectionsAreMeasuredFromTheSocketsEnd(t *testing.T) {
	var v visits
	if v.reconnection(0.99) != 0 {
		t.Error("without any there is a quantile")
	}
	for i := range 200 {
		v.cameBack(time.Duration(i+1) * time.Millisecond)
	}
	if got := v.reconnection(0.99); got != 199*time.Millisecond {
		t.Errorf("p99 is %v", got)
	}
	var a absence
	if _, was := a.end(); was {
		t.Error("who was never away has come back")
	}
	a.begin()
	a.begin()
	if _, was := a.end(); !was {
		t.Error("who was away has not")
	}
}
