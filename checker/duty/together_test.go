package duty

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/checker/notary"
	"nearlight/internal/identity"
)

// machine draws so many frames a second for all who ask it, in equal parts.
type machine struct {
	mu     sync.Mutex
	budget float64
	asked  int
}

func (m *machine) ask(by int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked += by
}

// draw draws for one of them for as long as it is asked, and returns how many frames it met.
func (m *machine) draw(rate int, length time.Duration) int {
	const step = 100 * time.Millisecond
	m.ask(1)
	defer m.ask(-1)
	met := 0.0
	for range length / step {
		time.Sleep(step)
		m.mu.Lock()
		met += min(float64(rate), m.budget/float64(m.asked)) * step.Seconds()
		m.mu.Unlock()
	}
	return int(met)
}

// box is an edge with one slot on a machine.
type box struct {
	address identity.Address
	on      *machine
	block   string
	slot    sync.Mutex
	// refuses says whether it does not serve where it is asked at the same time as others.
	refuses bool
	full    bool
}

// serve is a visit as the edge's machine makes it look.
func (b *box) serve(ctx context.Context, v Visit) (exam.Found, error) {
	if b.full || !b.slot.TryLock() {
		return exam.Found{}, ErrBusy
	}
	defer b.slot.Unlock()
	time.Sleep(time.Second + time.Duration(rand.Int64N(int64(time.Second))))
	if v.Ready != nil {
		if b.refuses {
			return exam.Found{}, nil
		}
		if err := v.Ready(ctx); err != nil {
			return exam.Found{}, err
		}
	}
	found := good(v)
	found.From = time.Now()
	frames := int(v.Challenge.Length.Seconds()) * v.Challenge.FrameRate
	found.Challenge.Frames, found.Challenge.Met = frames, b.on.draw(v.Challenge.FrameRate, v.Challenge.Length)
	found.Until = time.Now()
	for i, f := range found.Challenge.Findings {
		if f.Name == challenge.Missed {
			found.Challenge.Findings[i].Figure = 1 - float64(found.Challenge.Met)/float64(frames) + 0.001*rand.Float64()
		}
	}
	return found, ctx.Err()
}

// newTown is a network of edges, whose checkers are at work.
func newTown(t *testing.T, asked exam.Requirements, boxes ...*box) (*network, []*checker) {
	t.Helper()
	n, checkers := newNetwork(t, 5)
	n.config.Requirements = asked
	edges := make(map[identity.Address]*box)
	var present []notary.Presence
	for i, b := range boxes {
		b.address = identity.Address{7, byte(i)}
		edges[b.address] = b
		present = append(present, notary.Presence{Edge: b.address, Free: 1, Block: netip.MustParsePrefix(b.block)})
	}
	n.config.Present = func() []notary.Presence { return present }
	n.open()
	for _, c := range checkers {
		n.startWith(c, func(ctx context.Context, v Visit) (exam.Found, netip.Addr, error) {
			found, err := edges[v.Task.Edge].serve(ctx, v)
			return found, netip.MustParseAddr("192.0.2.1"), err
		})
	}
	return n, checkers
}

// together are the tasks of a log that ask several edges at once.
func (n *network) together(number int) (tasks []epoch.Task) {
	n.t.Helper()
	n.scan(number, func(e epoch.Entry) {
		if e.Task != nil && e.Task.Together != nil {
			tasks = append(tasks, *e.Task)
		}
	})
	return tasks
}

func TestTwoEdgesOnOneMachineAreFound(t *testing.T) {
	for name, row := range map[string]struct {
		asked  exam.Requirements
		budget float64 // frames a second
		block  string
	}{
		"a GPU":                        {exam.OnGPU, 75, "192.0.2.0/24"},
		"a processor":                  {exam.OnProcessor, 30, "192.0.2.0/24"},
		"a GPU, of an IPv6 connection": {exam.OnGPU, 75, "2001:db8:7::/48"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				one := &machine{budget: row.budget}
				n, checkers := newTown(t, row.asked, &box{on: one, block: row.block}, &box{on: one, block: row.block})
				time.Sleep(12 * time.Minute)
				verdicts := n.verdicts()
				stops(n, checkers)
				if len(verdicts) != 2 {
					t.Fatalf("%d verdicts", len(verdicts))
				}
				for _, v := range verdicts {
					last := v.Findings[len(v.Findings)-1]
					if v.Check != "enrolment" || v.Result != epoch.Failed || last.Question != challenge.Shared || last.Met || last.Counted < 3 {
						t.Errorf("%s %s, last %+v", v.Result, v.Check, last)
					}
					if !strings.Contains(v.Notice, challenge.Shared) || !strings.Contains(v.Notice, "at the same time as [0x07") {
						t.Errorf("its owner is told %q", v.Notice)
					}
					for who, conduct := range v.Conduct {
						if conduct != "agreed" {
							t.Errorf("%v is said to have %s", who, conduct)
						}
					}
				}
				if checked := n.verified(1); len(checked.Differences) > 0 || len(n.together(1)) != 2 {
					t.Errorf("the log: %q, %d tasks at once", checked.Differences, len(n.together(1)))
				}
			})
		})
	}
}

func TestMachinesOfTheirOwnPassTogether(t *testing.T) {
	for name, boxes := range map[string][]*box{
		"two":   {{on: &machine{budget: 75}, block: "192.0.2.0/24"}, {on: &machine{budget: 75}, block: "192.0.2.0/24"}},
		"three": {{on: &machine{budget: 75}, block: "192.0.2.0/24"}, {on: &machine{budget: 75}, block: "192.0.2.0/24"}, {on: &machine{budget: 61}, block: "192.0.2.0/24"}},
		"one that draws for both in time": func() []*box {
			strong := &machine{budget: 400}
			return []*box{{on: strong, block: "192.0.2.0/24"}, {on: strong, block: "192.0.2.0/24"}}
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, checkers := newTown(t, exam.OnGPU, boxes...)
				time.Sleep(15 * time.Minute)
				verdicts := n.verdicts()
				stops(n, checkers)
				if len(verdicts) != len(boxes) || len(n.together(1)) != len(boxes) {
					t.Fatalf("%d verdicts on %d tasks", len(verdicts), len(n.together(1)))
				}
				for _, v := range verdicts {
					if last := v.Findings[len(v.Findings)-1]; v.Result != epoch.Passed || last.Question != challenge.Shared || last.Figure > 0.01 {
						t.Errorf("%s: %+v", v.Result, v.Findings)
					}
				}
			})
		})
	}
}

func TestAnEdgeThatHasNothingInCommonIsNeverAskedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := &machine{budget: 75}
		n, checkers := newTown(t, exam.OnGPU, &box{on: one, block: "192.0.2.0/24"}, &box{on: one, block: "198.51.100.0/24"})
		time.Sleep(15 * time.Minute)
		stops(n, checkers)
		if tasks := n.together(1); len(tasks) > 0 {
			t.Errorf("%d tasks at once", len(tasks))
		}
	})
}

// Who does not serve when it is asked together fails for that, and nothing is said of the others.
func TestWithoutOverlapNothingIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		honest, refuses := &box{on: &machine{budget: 75}, block: "192.0.2.0/24"}, &box{on: &machine{budget: 75}, block: "192.0.2.0/24", refuses: true}
		n, checkers := newTown(t, exam.OnGPU, honest, refuses)
		time.Sleep(12 * time.Minute)
		verdicts := n.verdicts()
		stops(n, checkers)
		got := make(map[identity.Address]epoch.Result)
		for _, v := range verdicts {
			if len(n.together(1)) == 2 && slices.ContainsFunc(n.together(1), func(task epoch.Task) bool { return task.At == v.At && task.Edge == v.Edge }) {
				got[v.Edge] = v.Result
			}
		}
		if len(got) != 2 || got[honest.address] != epoch.Undecided || got[refuses.address] != epoch.Failed {
			t.Errorf("results %v", got)
		}
	})
}

func TestWhereAnEdgeIsFullNothingIsFoundAndTheOthersAreEnrolledAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		honest, full := &box{on: &machine{budget: 75}, block: "192.0.2.0/24"}, &box{on: &machine{budget: 75}, block: "192.0.2.0/24", full: true}
		n, checkers := newTown(t, exam.OnGPU, honest, full)
		time.Sleep(30 * time.Minute)
		verdicts := n.verdicts()
		stops(n, checkers)
		slices.Reverse(verdicts)
		if len(verdicts) < 3 || verdicts[0].Result != epoch.Undecided || verdicts[1].Result != epoch.Undecided {
			t.Fatalf("verdicts %+v", verdicts)
		}
		passed := slices.ContainsFunc(verdicts, func(v notary.VerdictSummary) bool {
			return v.Edge == honest.address && v.Result == epoch.Passed && len(v.Findings) == 9
		})
		if !passed || slices.ContainsFunc(verdicts, func(v notary.VerdictSummary) bool { return v.Result == epoch.Failed }) {
			t.Errorf("verdicts %+v", verdicts)
		}
	})
}

func TestAnOccasionThatIsInterruptedIsMadeInAnotherWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := &machine{budget: 75}
		n, checkers := newTown(t, exam.OnGPU, &box{on: one, block: "192.0.2.0/24"}, &box{on: one, block: "192.0.2.0/24"})
		for range 3 { // each is stopped in the middle of something
			time.Sleep(47 * time.Second)
			for _, c := range checkers {
				c.stop()
				c.restart()
			}
		}
		time.Sleep(4 * time.Minute)
		verdicts := n.verdicts()
		stops(n, checkers)
		tasks, reports := n.together(1), 0
		for _, v := range verdicts {
			if !slices.ContainsFunc(tasks, func(task epoch.Task) bool { return task.At == v.At }) {
				continue
			}
			for who, conduct := range v.Conduct {
				reports++
				if conduct != "agreed" {
					t.Errorf("%v is said to have %s", who, conduct)
				}
			}
			if last := v.Findings[len(v.Findings)-1]; last.Met {
				t.Errorf("%+v", last)
			}
		}
		if reports < 4 {
			t.Errorf("%d reports", reports)
		}
	})
}
