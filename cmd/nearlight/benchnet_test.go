package main

import (
	"io"
	"math"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/netsim/scenario"
)

func TestRatiosAreOverAllScenarios(t *testing.T) {
	ours := []netOutcome{{excess95: 10, stalls: 1}, {excess95: 20}}
	theirs := []netOutcome{{excess95: 40, stalls: 4}, {excess95: 20, stalls: 1}}
	delay, stalls, ok := ratios(ours, theirs)
	if !ok || math.Abs(delay-0.5) > 1e-9 || math.Abs(stalls-0.2) > 1e-9 {
		t.Errorf("the ratios are %v and %v, %v", delay, stalls, ok)
	}
	if _, stalls, ok := ratios(ours, ours[1:]); ok {
		t.Errorf("of different scenarios the ratio is %v", stalls)
	}
	if _, stalls, ok := ratios(ours[1:], ours[1:]); !ok || !math.IsNaN(stalls) {
		t.Errorf("where nothing stalled the ratio is %v", stalls)
	}
}

func TestTheMeanAimIsThatOfWhatCounts(t *testing.T) {
	run := netRun{counts: 10, samples: []netSample{{at: 5, target: 9 * media.Mbps}, {at: 10, target: 2 * media.Mbps}, {at: 11, target: 4 * media.Mbps}}}
	if got := run.aimed(); got != 3*media.Mbps {
		t.Errorf("the mean is %v", got)
	}
	if got := (netRun{}).aimed(); got != 0 {
		t.Errorf("the mean of nothing is %v", got)
	}
}

func TestSomethingIsLeftToMeasure(t *testing.T) {
	links, err := scenario.Named("constant")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		seconds int
		settle  time.Duration
		ok      bool
	}{
		{0, netSettle, true},
		{10, 9 * time.Second, false}, // the last second's frames may not have come
		{10, 8 * time.Second, true},
		{10, -1, false},
		{0, links[0].Length, false},
	} {
		b := netBench{seconds: step.seconds, settle: step.settle}
		if err := b.checkSettle(links); (err == nil) != step.ok {
			t.Errorf("%d s without the first %v: %v", step.seconds, step.settle, err)
		}
	}
}

func TestAMatchedRowTakesItsRateFromGCC(t *testing.T) {
	for _, args := range [][]string{{"--controller", "nearlight,nearlight-matched"}, {"--controller", "reno"}, {"--settle", "90s"}} {
		c := newRoot()
		c.SetArgs(append([]string{"bench", "net"}, args...))
		c.SetOut(io.Discard)
		c.SetErr(io.Discard)
		if err := c.Execute(); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}
