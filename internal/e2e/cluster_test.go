package e2e

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"nearlight/edge/leaselog"
	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/edgesim"
	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/lease"
	"nearlight/signaling/token"
)

// clusterVariable is for how long nodes are killed, for example 10m; without it, for long enough to see each of them go once. `make soak` sets it.
const clusterVariable = "NEARLIGHT_CLUSTER_SOAK"

// ensemble is a cluster of signaling nodes as processes, with simulated edges and players in this one.
type ensemble struct {
	*testing.T
	parts    *parts
	issuer   *token.Issuer
	verifier *token.Verifier
	listen   []string // of the pages
	routes   []string
	secret   string
	nodes    []*e2etest.Program
	urls     string
	machines []*edgesim.Machine
	folders  []string
}

func freeAddresses(t *testing.T, n int) []string {
	t.Helper()
	var addresses []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses
}

func newEnsemble(t *testing.T, nodes int) *ensemble {
	t.Helper()
	e := &ensemble{T: t, parts: makeKeys(t)}
	text, err := os.ReadFile(e.parts.private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := token.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	if e.issuer, err = token.NewIssuer(key, token.Scope{}, time.Now); err != nil {
		t.Fatal(err)
	}
	e.verifier = token.NewVerifier(e.issuer.Keys(), token.Scope{}, time.Now)
	addresses := freeAddresses(t, 2*nodes)
	e.listen, e.routes = addresses[:nodes], addresses[nodes:]
	e.secret = filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(e.secret, []byte("the secret of this test's cluster\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var urls []string
	for i := range nodes {
		urls = append(urls, "http://"+e.listen[i])
		e.nodes = append(e.nodes, nil)
	}
	e.urls = strings.Join(urls, ",")
	for i := range nodes {
		e.start(i)
	}
	for i := range nodes {
		e.ready(i)
	}
	return e
}

func (e *ensemble) start(i int) {
	e.Helper()
	e.nodes[i] = e2etest.Launch(e.T, e2etest.Options{}, "signaling", "--listen", e.listen[i], "--verify-key", e.parts.public,
		"--cluster-listen", e.routes[i], "--cluster-peers", strings.Join(e.routes, ","), "--cluster-secret", e.secret, "--connections-per-address", "10000")
	e.nodes[i].URL = "http://" + e.listen[i]
}

// ready waits until a node says that it is.
func (e *ensemble) ready(i int) {
	e.Helper()
	e2etest.Eventually(e.T, e2etest.Patience, "the node is ready", func() bool {
		response, err := http.Get("http://" + e.listen[i] + signaling.ReadyPath)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

func (e *ensemble) token(claims token.Claims) string {
	claims.Expires = time.Now().Add(time.Hour)
	signed, err := e.issuer.Issue(claims)
	if err != nil {
		e.Fatal(err)
	}
	return signed
}

// connect runs simulated edges until ctx ends.
func (e *ensemble) connect(ctx context.Context, running *sync.WaitGroup, n, slots int) {
	own := e.token(token.Claims{Role: token.Edge})
	for range n {
		key, err := identity.NewKey()
		if err != nil {
			e.Fatal(err)
		}
		folder := e.TempDir()
		log, err := leaselog.Open(folder, slots, key.Address())
		if err != nil {
			e.Fatal(err)
		}
		machine := edgesim.New(edgesim.Config{
			Token: own, Slots: slots, Key: key, Verifier: e.verifier, Log: log, Born: time.Now(),
			Apps: []signaling.App{{Name: "tux", Title: "Tux", Installed: true}},
		})
		link, err := edgesim.NewLink(client.Config{URL: e.urls, Backoff: quick}, machine)
		if err != nil {
			e.Fatal(err)
		}
		e.machines, e.folders = append(e.machines, machine), append(e.folders, folder)
		running.Go(func() {
			if err := link.Run(ctx); err != nil {
				e.Error(err)
			}
			if err := log.Close(); err != nil {
				e.Error(err)
			}
		})
	}
}

// quick is a backoff with which an edge is back within the two seconds that it has.
func quick(attempt int) time.Duration { return client.Backoff(min(attempt, 2)) }

// audit reads what each edge has written down.
func (e *ensemble) audit() (grants int) {
	for i, folder := range e.folders {
		address, err := identity.ParseAddress(string(e.machines[i].ID()))
		if err != nil {
			e.Fatal(err)
		}
		records, err := leaselog.Check(folder, address)
		if err != nil {
			e.Errorf("edge %d: %v", i, err)
		}
		for _, r := range records {
			if r.Event == lease.Granted {
				grants++
			}
		}
	}
	return grants
}

// visitor plays one session after another until ctx ends, each for as long as stay says, and counts. What must not be is an error.
type visitor struct {
	e                             *ensemble
	stay                          func() time.Duration
	sessions, resumptions, denied *atomic.Int64
}

func (v visitor) run(ctx context.Context) {
	for ctx.Err() == nil {
		v.play(ctx)
	}
}

func (v visitor) play(ctx context.Context) {
	request := signaling.Play{
		Token: v.e.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Play}}), App: "tux", Codecs: []string{"h264"}, Wait: true,
	}
	player, err := client.NewPlayer(client.Config{URL: v.e.urls, Backoff: quick}, request)
	if err != nil {
		v.e.Error(err)
		return
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	var session signaling.SessionID
	err = player.Run(ctx, func(m signaling.Message) {
		switch m := m.(type) {
		case signaling.Matched:
			switch session {
			case "":
				session = m.Session
				v.sessions.Add(1)
				time.AfterFunc(v.stay(), leave)
			case m.Session:
				v.resumptions.Add(1)
			default:
				v.e.Errorf("session %s became %s", session, m.Session)
			}
			if m.Lease != nil && m.Lease.Session != m.Session {
				v.e.Errorf("session %s has the lease of %s", m.Session, m.Lease.Session)
			}
		case signaling.Moved:
			v.e.Errorf("session %s is moved though its edge is well: %v", session, m.Reason)
		case signaling.Offer:
			if err := player.Send(signaling.Answer{SDP: "v=0\r\n"}); err != nil && !errors.Is(err, client.ErrBacklog) {
				v.e.Error(err)
			}
		}
	})
	switch {
	case err == nil:
	case session != "":
		v.e.Errorf("session %s is lost: %v", session, err)
	default: // the node was killed before it had answered
		v.denied.Add(1)
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestNodesThatAreKilledUnderLoadLoseNoSessionAndDoubleNoLease(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv(clusterVariable))
	if err != nil {
		length = 14 * time.Second
	}
	e := newEnsemble(t, 3)
	var edges, players sync.WaitGroup
	edgesCtx, stopEdges := context.WithCancel(context.Background())
	playersCtx, stopPlayers := context.WithCancel(context.Background())
	defer edges.Wait()
	defer stopEdges()
	defer players.Wait()
	defer stopPlayers()
	e.connect(edgesCtx, &edges, 30, 2)
	e2etest.Eventually(t, e2etest.Patience, "all nodes know all edges", func() bool {
		for _, n := range e.nodes {
			if n.Metric(t, "nearlight_signaling_edges")+n.Metric(t, "nearlight_signaling_far_edges") != 30 {
				return false
			}
		}
		return true
	})
	var sessions, resumptions, denied atomic.Int64
	until := time.Now().Add(length)
	stays := func() time.Duration { return time.Until(until) + time.Hour } // to the end
	for range 10 {
		players.Go(func() { visitor{e, stays, &sessions, &resumptions, &denied}.run(playersCtx) })
	}
	comes := func() time.Duration { return time.Duration(100+rand.IntN(900)) * time.Millisecond }
	for range 40 {
		players.Go(func() { visitor{e, comes, &sessions, &resumptions, &denied}.run(playersCtx) })
	}
	time.Sleep(2 * time.Second) // of load before the first kill
	for i := 0; time.Now().Before(until); i = (i + 1) % 3 {
		e.nodes[i].Signal(t, syscall.SIGKILL)
		e.nodes[i].Wait(t, e2etest.Patience)
		time.Sleep(time.Second) // the others are alone for a while
		e.start(i)
		e.ready(i)
		time.Sleep(time.Second)
	}
	stopPlayers()
	players.Wait()
	e2etest.Eventually(t, 45*time.Second, "all slots are free again", func() bool {
		taken := 0
		for _, m := range e.machines {
			taken += m.Taken()
		}
		return taken == 0
	})
	grants := e.audit()
	if sessions.Load() < 50 || resumptions.Load() == 0 || grants < int(sessions.Load()) {
		t.Errorf("there was little to see: %d sessions, %d leases, %d resumptions", sessions.Load(), grants, resumptions.Load())
	}
	t.Logf("%d sessions, %d leases, %d resumptions after a kill, %d requests that were begun anew", sessions.Load(), grants, resumptions.Load(), denied.Load())
}

func TestNodesThatAreRestartedOneAfterTheOtherLoseNoSession(t *testing.T) {
	e := newEnsemble(t, 2)
	var edges, players sync.WaitGroup
	edgesCtx, stopEdges := context.WithCancel(context.Background())
	playersCtx, stopPlayers := context.WithCancel(context.Background())
	defer edges.Wait()
	defer stopEdges()
	defer players.Wait()
	defer stopPlayers()
	e.connect(edgesCtx, &edges, 6, 2)
	var sessions, resumptions, denied atomic.Int64
	stays := func() time.Duration { return time.Hour }
	for range 8 {
		players.Go(func() { visitor{e, stays, &sessions, &resumptions, &denied}.run(playersCtx) })
	}
	e2etest.Eventually(t, e2etest.Patience, "all play", func() bool { return sessions.Load() == 8 })
	for i := range 2 {
		if end := e.nodes[i].Stop(t); end.Code != 0 {
			t.Errorf("%v", end)
		}
		e.start(i)
		e.ready(i)
		time.Sleep(time.Second)
	}
	if resumptions.Load() == 0 || sessions.Load() != 8 {
		t.Errorf("%d sessions, %d resumptions", sessions.Load(), resumptions.Load())
	}
	e.audit()
}
