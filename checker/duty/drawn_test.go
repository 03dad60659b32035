package duty

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/checker/epoch"
)

// backward is a beacon of a notary that sets tasks for rounds that have come already, and says that they come later.
type backward struct{ *beacon }

const behind = 10 * time.Second

func (b backward) RoundAt(at time.Time) uint64   { return b.beacon.RoundAt(at.Add(-behind)) }
func (b backward) TimeOf(round uint64) time.Time { return b.beacon.TimeOf(round).Add(behind) }

func TestATaskOfARoundThatHasComeIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, checkers := newNetwork(t, 1)
		n.config.Beacon = backward{n.beacon}
		n.open()
		n.start(checkers[0])
		n.leftAlone(checkers)
	})
}

// leftAlone has time pass in which tasks are set, and fails where one of them is visited.
func (n *network) leftAlone(checkers []*checker) {
	n.t.Helper()
	time.Sleep(3 * time.Minute)
	set := len(n.notary.Summary().Verdicts)
	stops(n, checkers)
	if set == 0 || n.visits.Load() > 0 {
		n.t.Errorf("of %d tasks, %d were visited", set, n.visits.Load())
	}
}

// late is a beacon that a notary waits for before it sets anything.
type late struct {
	*beacon
	ready atomic.Bool
}

func (l *late) Value(ctx context.Context, round uint64) ([32]byte, error) {
	if !l.ready.Load() {
		return [32]byte{}, errors.New("not ready")
	}
	return l.beacon.Value(ctx, round)
}

func TestATaskThatIsShownWhenItsRoundHasComeIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, checkers := newNetwork(t, 1)
		n.config.Now = func() time.Time { return time.Now().Add(-behind) } // as one would that keeps tasks back and writes other times
		source := &late{beacon: n.beacon}
		n.config.Beacon = source
		n.open()
		n.start(checkers[0])
		time.Sleep(time.Minute) // the checker follows the log, and knows what is new in it
		source.ready.Store(true)
		n.leftAlone(checkers)
	})
}

func TestATaskWaitsForARoundThatIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, checkers := newNetwork(t, 3)
		n.open()
		for _, c := range checkers {
			n.start(c)
		}
		for len(n.notary.Summary().Open) == 0 {
			time.Sleep(time.Second)
		}
		n.beacon.stalled.Store(true) // after the task is set, before it is drawn
		time.Sleep(15 * time.Second)
		if n.visits.Load() > 0 {
			t.Error("it is visited before it is known by whom")
		}
		n.goesOn(checkers)
	})
}

func TestAnEpochIsNotOverBeforeItsRoundsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, checkers := newNetwork(t, 1)
		n.open()
		n.start(checkers[0])
		for len(n.notary.Summary().Open) == 0 {
			time.Sleep(time.Second)
		}
		n.beacon.stalled.Store(true)
		time.Sleep(30 * time.Minute)
		s := n.notary.Summary()
		if s.Epoch != 1 || len(s.Verdicts) != 1 || s.Verdicts[0].Result != epoch.Undecided {
			t.Errorf("while the beacon stalls: %+v", s)
		}
		n.beacon.stalled.Store(false)
		time.Sleep(30 * time.Minute)
		after := n.notary.Summary().Epoch
		stops(n, checkers)
		if after < 2 {
			t.Errorf("epoch %d still runs", after)
		}
		if checked := n.verified(1); !checked.Sealed || len(checked.Differences) > 0 {
			t.Errorf("its log: %+v", checked)
		}
	})
}
