package duty

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/committee"
	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/checker/life"
	"nearlight/checker/notary"
	"nearlight/checker/vrf"
	"nearlight/internal/identity"
)

// beacon has a round every three seconds.
type beacon struct{ stalled atomic.Bool }

func (b *beacon) RoundAt(at time.Time) uint64 { return uint64(at.Unix() / 3) }

func (b *beacon) TimeOf(round uint64) time.Time { return time.Unix(int64(3*round), 0) }

func (b *beacon) Value(_ context.Context, round uint64) ([32]byte, error) {
	if b.stalled.Load() {
		return [32]byte{}, errors.New("the beacon stalls")
	}
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, round)), nil
}

// direct has a handler answer without a network, which virtual time does not know. Without a handler nobody is there.
type direct struct{ handler atomic.Pointer[http.Handler] }

func (d *direct) serve(h http.Handler) { d.handler.Store(&h) }

func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	h := d.handler.Load()
	if h == nil || *h == nil {
		return nil, errors.New("nobody is there")
	}
	answer := httptest.NewRecorder()
	(*h).ServeHTTP(answer, r)
	return answer.Result(), nil
}

// network is a notary, an edge, and who checks it.
type network struct {
	t      *testing.T
	folder string
	beacon *beacon
	wire   *direct
	config notary.Config
	notary *notary.Notary
	stop   func()
	edge   identity.Address
	there  atomic.Bool
	visits atomic.Int64
	claim  *epoch.Claim
	passes atomic.Int64 // that were given
}

// quiet is an edge whose capacity no stretch draws in a test's first ten minutes: with the time and the beacon of a test that is settled by its address.
var quiet = identity.Address{7}

type checker struct {
	key     *identity.Key
	draw    *vrf.PrivateKey
	folder  string
	place   *epoch.Place
	conduct func(*epoch.Report) bool
	look    func(Visit) (exam.Found, error)
	stop    func()
	restart func()
}

func newNetwork(t *testing.T, checkers int) (*network, []*checker) {
	t.Helper()
	n := &network{t: t, folder: t.TempDir(), beacon: &beacon{}, wire: &direct{}, edge: quiet}
	n.there.Store(true)
	var all []*checker
	for range checkers {
		key, err := identity.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		draw, _ := vrf.Generate()
		all = append(all, &checker{key: key, draw: draw, folder: t.TempDir()})
	}
	n.config = notary.Config{
		Folder: n.folder, Requirements: exam.OnProcessor, Committee: committee.Size{Seats: uint32(checkers), Minimum: checkers/2 + 1}, Uncapped: true, Beacon: n.beacon,
		Pass: func(task epoch.Task) (notary.Pass, error) {
			n.passes.Add(1)
			return notary.Pass{Token: fmt.Sprintf("pass for %v, %t", task.Edge, task.Check != string(life.Experience)), App: "tux"}, nil
		},
		Present: func() []notary.Presence {
			if !n.there.Load() {
				return nil
			}
			return []notary.Presence{{Edge: n.edge, Name: "one", Free: 1, Claim: n.claim}}
		},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	n.config.Checkers = func() (licensed []epoch.Checker) {
		for _, c := range all {
			licensed = append(licensed, epoch.Checker{Address: c.key.Address(), Owner: c.key.Address(), Key: epoch.Hash(c.draw.Public()), Stake: 1, Place: c.place})
		}
		return licensed
	}
	return n, all
}

// open starts the notary.
func (n *network) open() {
	n.t.Helper()
	opened, err := notary.Open(n.config)
	if err != nil {
		n.t.Fatal(err)
	}
	n.notary = opened
	n.wire.serve(opened.Handler())
	ctx, stop := context.WithCancel(n.t.Context())
	done := make(chan error, 1)
	go func() { done <- opened.Run(ctx) }()
	n.stop = func() {
		n.t.Helper()
		n.wire.serve(nil)
		stop()
		if err := errors.Join(<-done, opened.Close()); err != nil {
			n.t.Error(err)
		}
	}
}

// start has a checker work.
func (n *network) start(c *checker) {
	n.t.Helper()
	n.startWith(c, func(_ context.Context, v Visit) (exam.Found, netip.Addr, error) {
		n.visits.Add(1)
		time.Sleep(7 * time.Second)
		if c.look != nil {
			found, err := c.look(v)
			return found, netip.MustParseAddr("192.0.2.1"), err
		}
		return good(v), netip.MustParseAddr("192.0.2.1"), nil
	})
}

// startWith has a checker work that looks in another way.
func (n *network) startWith(c *checker, look func(context.Context, Visit) (exam.Found, netip.Addr, error)) {
	n.t.Helper()
	c.restart = func() { n.startWith(c, look) }
	worker, err := New(Config{
		Notary: "http://notary", Client: &http.Client{Transport: n.wire}, Key: c.key, Draw: c.draw, Folder: c.folder, Beacon: n.beacon, Conduct: c.conduct,
		Look: look,
		Log:  slog.New(slog.NewTextHandler(n.t.Output(), nil)).With("checker", c.key.Address().String()[:6]),
	})
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(n.t.Context())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	c.stop = func() {
		n.t.Helper()
		stop()
		if err := errors.Join(<-done, worker.Close()); err != nil {
			n.t.Error(err)
		}
	}
}

// good is what an honest edge shows.
func good(v Visit) exam.Found {
	found := exam.Found{Served: true, RoundTrip: 20 * time.Millisecond, Asked: 21_000_001 * time.Nanosecond, Challenge: &challenge.Verdict{}}
	for _, f := range v.Challenge.Required(challenge.DefaultLimits) {
		f.Figure = f.Limit * (0.5 + 0.01*rand.Float64())
		if f.Least {
			f.Figure += f.Limit
		}
		found.Challenge.Findings = append(found.Challenge.Findings, f)
	}
	return found
}

func (n *network) verdicts() []notary.VerdictSummary { return n.notary.Summary().Verdicts }

// scan visits the entries of an epoch's log.
func (n *network) scan(number int, take func(epoch.Entry)) {
	n.t.Helper()
	file, err := os.Open(filepath.Join(n.folder, fmt.Sprintf("epoch-%d.log", number)))
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if err := epoch.Scan(file, func(e epoch.Entry, _ []byte) error { take(e); return nil }); err != nil {
		n.t.Fatal(err)
	}
}

// verified is what an epoch's log comes to.
func (n *network) verified(number int) epoch.Checked {
	n.t.Helper()
	file, err := os.Open(filepath.Join(n.folder, fmt.Sprintf("epoch-%d.log", number)))
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	checked, err := epoch.Verify(file)
	if err != nil {
		n.t.Fatal(err)
	}
	return checked
}
