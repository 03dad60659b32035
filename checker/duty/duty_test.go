package duty

import (
	"bytes"
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
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/committee"
	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/checker/latency"
	"nearlight/checker/life"
	"nearlight/checker/notary"
	"nearlight/checker/vrf"
	"nearlight/internal/identity"
)

// beacon has a round every three seconds.
type beacon struct{ stalled atomic.Bool }

func (b *beacon) RoundAt(at time.Time) uint64 { return uint64(at.Unix() / 3) }

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
		Notary: "http://notary", Client: &http.Client{Transport: n.wire}, Key: c.key, Draw: c.draw, Folder: c.folder, Value: n.beacon.Value, Conduct: c.conduct,
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

func TestACommitteeFindsALiarAndASilentOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, checkers := newNetwork(t, 5)
		checkers[3].conduct = func(r *epoch.Report) bool {
			for i := range r.Answers {
				r.Answers[i].Yes, r.Answers[i].Figure = false, 1000
			}
			return true
		}
		checkers[4].conduct = func(*epoch.Report) bool { return false }
		n.claim = &epoch.Claim{Place: epoch.Place{Latitude: 45, Longitude: 9}} // 600 km away: round trips of 21 ms say that it may be so
		for _, c := range checkers {
			c.place = &epoch.Place{Latitude: 50, Longitude: 9}
		}
		n.open()
		for _, c := range checkers {
			n.start(c)
		}
		time.Sleep(15 * time.Minute) // more than an epoch
		verdicts := n.verdicts()
		if len(verdicts) == 0 {
			t.Fatal("nothing was decided")
		}
		first := verdicts[len(verdicts)-1]
		if first.Check != string(life.Enrolment) || first.Result != epoch.Passed {
			t.Errorf("the first verdict is of %s: %s, %+v", first.Check, first.Result, first.Findings)
		}
		want := []string{"agreed", "agreed", "agreed", "disagreed", "silent"}
		for i, c := range checkers {
			if got := first.Conduct[c.key.Address()]; got != want[i] {
				t.Errorf("checker %d is said to have %q, want %q", i, got, want[i])
			}
			entries, err := Read(c.folder)
			if err != nil || len(entries) == 0 || entries[0].Step != Judged || entries[0].Conduct != want[i] || entries[0].Why == "" {
				t.Errorf("checker %d has in its journal %+v, %v", i, entries, err)
			}
		}
		summary := n.notary.Summary()
		if len(summary.Edges) != 1 || summary.Edges[0].State != "probation" || summary.Edges[0].Share == 0 {
			t.Errorf("the edge is %+v", summary.Edges)
		}
		for _, c := range checkers {
			c.stop()
		}
		n.stop()
		n.there.Store(false) // so that the notary, started anew, has its claim from the log alone
		n.open()
		if got := n.notary.Whereabouts(n.edge); got != notary.Consistent {
			t.Errorf("a notary that was started anew knows of its place %d", got)
		}
		n.stop()
		checked := n.verified(1)
		if !checked.Sealed || len(checked.Differences) > 0 {
			t.Errorf("the first epoch's log: sealed %t, %q", checked.Sealed, checked.Differences)
		}
		if l := checked.Outcome.Edges[0].Located; l == nil || l.Impossible || l.Reports != 4 || l.Claim != *n.claim {
			t.Errorf("of where the edge is the log says %+v", l)
		}
		if l := summary.Edges[0].Located; l == nil || *l != *checked.Outcome.Edges[0].Located || *summary.Edges[0].Claim != *n.claim {
			t.Errorf("and the notary, in the next epoch, %+v", l)
		}
		log, err := os.ReadFile(filepath.Join(n.folder, "epoch-1.log"))
		if err != nil || bytes.Count(log, []byte(`"roundTrip":21001,`)) < 4 {
			t.Errorf("reports do not have the round trip, rounded up: %v", err)
		}
		scores := make(map[identity.Address]float64)
		for _, s := range checked.Outcome.Scores {
			scores[s.Address] = s.Score
		}
		if scores[checkers[0].key.Address()] <= committee.Newcomer || scores[checkers[3].key.Address()] >= committee.Newcomer || scores[checkers[4].key.Address()] >= committee.Newcomer {
			t.Errorf("honest %v, liar %v, silent %v", scores[checkers[0].key.Address()], scores[checkers[3].key.Address()], scores[checkers[4].key.Address()])
		}
	})
}

// stops stops everything when a test is over.
func stops(n *network, checkers []*checker) {
	for _, c := range checkers {
		c.stop()
	}
	n.stop()
}

func TestWhoIsStoppedGoesOnWithoutMeasuringAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, checkers := newNetwork(t, 3)
		n.open()
		for _, c := range checkers {
			n.start(c)
		}
		// Each second everybody is stopped in turn, notary included, while the first task runs.
		for second := range 130 {
			time.Sleep(time.Second)
			if who := second % 4; who < len(checkers) {
				checkers[who].stop()
				n.start(checkers[who])
				continue
			}
			n.stop()
			n.open()
		}
		time.Sleep(time.Minute)
		verdicts := n.verdicts()
		stops(n, checkers)
		if len(verdicts) == 0 {
			t.Fatal("nothing was decided")
		}
		for _, c := range checkers {
			for _, v := range verdicts {
				if conduct, is := v.Conduct[c.key.Address()]; is && conduct != "agreed" && conduct != "silent" {
					t.Errorf("a checker that was stopped is said to have %q", conduct)
				}
			}
		}
		if checked := n.verified(1); len(checked.Differences) > 0 {
			t.Errorf("the log: %q", checked.Differences)
		}
	})
}

func TestAReportThatIsInTheJournalIsSentLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, checkers := newNetwork(t, 1)
		c := checkers[0]
		n.open()
		n.start(c)
		entry := func() (e Entry) {
			entries, err := Read(c.folder)
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) > 0 {
				e = entries[0]
			}
			return e
		}
		for entry().Step != Committed {
			time.Sleep(time.Second)
		}
		c.stop()
		visits := n.visits.Load()
		n.start(c)
		for entry().Step != Judged {
			time.Sleep(time.Second)
		}
		if e := entry(); e.Conduct != "agreed" || e.Result != epoch.Passed || e.Report != nil {
			t.Errorf("the journal has %+v", e)
		}
		if got := n.visits.Load(); got != visits {
			t.Errorf("it measured %d times after it was started again", got-visits)
		}
		stops(n, checkers)
	})
}

func TestNothingIsFoundWhereASlotIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, checkers := newNetwork(t, 3)
		for _, c := range checkers {
			c.look = func(v Visit) (exam.Found, error) {
				if v.App != "tux" || v.Token == "" {
					t.Errorf("the visit is by %q, for %q", v.Token, v.App)
				}
				return exam.Found{}, ErrBusy
			}
		}
		n.open()
		for _, c := range checkers {
			n.start(c)
		}
		time.Sleep(3 * time.Minute)
		verdicts := n.verdicts()
		entries, err := Read(checkers[0].folder)
		stops(n, checkers)
		if len(verdicts) != 1 || verdicts[0].Result != epoch.Undecided || len(verdicts[0].Conduct) != 0 {
			t.Errorf("verdicts %+v", verdicts)
		}
		if err != nil || len(entries) == 0 || entries[0].Step != Missed || entries[0].Why != ErrBusy.Error() {
			t.Errorf("the journal has %+v, %v", entries, err)
		}
		// A pass that was not used is as good as new.
		if visits, passes := n.visits.Load(), n.passes.Load(); passes > 6 || visits < 2*passes { // the check is set twice
			t.Errorf("%d visits had %d passes", visits, passes)
		}
	})
}

func TestAnEdgeThatDoesNotServeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, checkers := newNetwork(t, 3)
		for _, c := range checkers {
			c.look = func(Visit) (exam.Found, error) { return exam.Found{}, nil }
		}
		n.open()
		for _, c := range checkers {
			n.start(c)
		}
		time.Sleep(3 * time.Minute)
		verdicts := n.verdicts()
		state, matching := n.notary.Standing(n.edge)
		stops(n, checkers)
		if len(verdicts) != 1 || verdicts[0].Result != epoch.Failed || verdicts[0].Notice == "" {
			t.Fatalf("verdicts %+v", verdicts)
		}
		if f := verdicts[0].Findings[0]; f.Question != exam.Served || f.Met || f.Against != 3 {
			t.Errorf("the first finding is %+v", f)
		}
		if state != life.Enrolling || matching.Players {
			t.Errorf("it is %v, %+v", state, matching)
		}
	})
}

func TestExperienceIsCheckedWhileSomebodyPlays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, checkers := newNetwork(t, 3)
		var watched atomic.Int64
		for _, c := range checkers {
			c.look = func(v Visit) (exam.Found, error) {
				if v.Challenge != nil {
					return good(v), nil
				}
				if v.Token != fmt.Sprintf("pass for %v, false", n.edge) {
					t.Errorf("it comes with %q", v.Token)
				}
				watched.Add(1)
				seen := latency.Report{FirstTime: time.Second + time.Duration(rand.Int64N(int64(time.Second))), Kept: 0.9 + 0.1*rand.Float64(), Watched: 6 * time.Second, Frozen: time.Duration(rand.Int64N(1e9))}
				return exam.Found{Served: true, RoundTrip: 20 * time.Millisecond, Latency: seen}, nil
			}
		}
		n.open()
		for _, c := range checkers {
			n.start(c)
		}
		time.Sleep(2 * time.Minute) // enrolled
		if got := watched.Load(); got != 0 {
			t.Errorf("%d visits like a player's while nobody plays", got)
		}
		if err := n.notary.Happened(n.edge, life.Began); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Minute) // a check of capacity may be drawn meanwhile, and comes first
		verdicts := n.verdicts()
		stops(n, checkers)
		if got := watched.Load(); got != 3 {
			t.Errorf("%d visits like a player's", got)
		}
		i := slices.IndexFunc(verdicts, func(v notary.VerdictSummary) bool { return v.Check == string(life.Experience) })
		if i < 0 || verdicts[i].Result != epoch.Passed || len(verdicts[i].Findings) != 5 {
			t.Errorf("verdicts %+v", verdicts)
		}
	})
}

func TestABeaconThatStallsSetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, checkers := newNetwork(t, 3)
		n.beacon.stalled.Store(true)
		n.open()
		for _, c := range checkers {
			n.start(c)
		}
		time.Sleep(3 * time.Minute)
		if s := n.notary.Summary(); len(s.Open)+len(s.Verdicts) != 0 {
			t.Errorf("without a beacon: %+v", s)
		}
		n.beacon.stalled.Store(false)
		time.Sleep(3 * time.Minute)
		verdicts := n.verdicts()
		stops(n, checkers)
		if len(verdicts) != 1 || verdicts[0].Result != epoch.Passed {
			t.Errorf("verdicts %+v", verdicts)
		}
	})
}

func TestATaskOfAnotherBeaconIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, checkers := newNetwork(t, 1)
		n.config.Beacon = other{n.beacon}
		n.open()
		n.start(checkers[0])
		time.Sleep(3 * time.Minute)
		entries, err := Read(checkers[0].folder)
		stops(n, checkers)
		if err != nil || len(entries) > 0 || n.visits.Load() > 0 {
			t.Errorf("it went to work: %+v, %v, %d visits", entries, err, n.visits.Load())
		}
	})
}

// other is a beacon with other values.
type other struct{ *beacon }

func (o other) Value(_ context.Context, round uint64) ([32]byte, error) {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte("other"), round)), nil
}
