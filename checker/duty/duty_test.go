package duty

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/checker/committee"
	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/checker/latency"
	"nearlight/checker/life"
	"nearlight/checker/notary"
	"nearlight/internal/identity"
)

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
		n.goesOn(checkers)
	})
}

// goesOn has the beacon go on, and the one check that is then due pass.
func (n *network) goesOn(checkers []*checker) {
	n.t.Helper()
	n.beacon.stalled.Store(false)
	time.Sleep(3 * time.Minute)
	verdicts := n.verdicts()
	stops(n, checkers)
	if len(verdicts) != 1 || verdicts[0].Result != epoch.Passed {
		n.t.Errorf("verdicts %+v", verdicts)
	}
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
