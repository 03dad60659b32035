package e2e

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
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

// ensemble is a cluster of signaling nodes as processes, with simulated edges and players in this one.
type ensemble struct {
	*testing.T
	parts    *parts
	issuer   *token.Issuer
	verifier *token.Verifier
	listen   []string           // of the pages
	joining  func(int) []string // flags by which a node finds the others
	nodes    []*e2etest.Program
	urls     string
	machines []*edgesim.Machine
	links    []*edgesim.Link
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

// byRoutes has nodes find each other by the servers within them.
func byRoutes(t *testing.T, nodes int) func(int) []string {
	t.Helper()
	routes := freeAddresses(t, nodes)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("the secret of this test's cluster\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(i int) []string {
		return []string{"--cluster-listen", routes[i], "--cluster-peers", strings.Join(routes, ","), "--cluster-secret", secret}
	}
}

func newEnsemble(t *testing.T, nodes int, joining func(int) []string) *ensemble {
	t.Helper()
	e := &ensemble{T: t, parts: makeKeys(t), joining: joining}
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
	e.listen = freeAddresses(t, nodes)
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
	e.nodes[i] = e2etest.Launch(e.T, e2etest.Options{}, append([]string{"signaling", "--listen", e.listen[i], "--verify-key", e.parts.public,
		"--connections-per-address", "10000"}, e.joining(i)...)...)
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
		e.machines, e.links, e.folders = append(e.machines, machine), append(e.links, link), append(e.folders, folder)
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

// known waits until all nodes know of so many edges.
func (e *ensemble) known(edges float64) {
	e.Helper()
	e2etest.Eventually(e.T, e2etest.Patience, "all nodes know all edges", func() bool {
		for _, n := range e.nodes {
			if n.Metric(e.T, "nearlight_signaling_edges")+n.Metric(e.T, "nearlight_signaling_far_edges") != edges {
				return false
			}
		}
		return true
	})
}

// vacant waits until all slots are free again: as long as a player who left in a bad moment is waited for, and somewhat longer.
func (e *ensemble) vacant() {
	e.Helper()
	e2etest.Eventually(e.T, time.Minute, "all slots are free again", func() bool {
		taken := 0
		for _, m := range e.machines {
			taken += m.Taken()
		}
		return taken == 0
	})
}
