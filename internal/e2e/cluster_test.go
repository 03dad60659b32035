package e2e

import (
	"context"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"nearlight/internal/e2e/e2etest"
)

// clusterVariable is for how long nodes are killed, or cut off, for example 10m; without it, for long enough to see each of them go once.
// `make soak` sets it.
const clusterVariable = "NEARLIGHT_CLUSTER_SOAK"

// maxReconnection is within which 99 of 100 players whose node was killed have their session back.
const maxReconnection = 5 * time.Second

// soaking reports whether nodes are harmed for long.
func soaking() bool {
	_, err := time.ParseDuration(os.Getenv(clusterVariable))
	return err == nil
}

// trial is how long nodes are harmed, and how often.
func trial(brief, every time.Duration) (length, between time.Duration) {
	if length, err := time.ParseDuration(os.Getenv(clusterVariable)); err == nil {
		return length, 20 * time.Second
	}
	return brief, every
}

// underLoad harms the nodes of a cluster while edges and players come and go: 30 edges of two slots, ten players who stay to the end, and 40
// who stay for less than a second. A soak waits at the end until all slots are free: 30 s, since some players leave while their edge's node is not there
// to be told.
func underLoad(e *ensemble, harm func(*visits)) {
	e.Helper()
	var edges, players sync.WaitGroup
	edgesCtx, stopEdges := context.WithCancel(context.Background())
	playersCtx, stopPlayers := context.WithCancel(context.Background())
	defer edges.Wait()
	defer stopEdges()
	defer players.Wait()
	defer stopPlayers()
	e.connect(edgesCtx, &edges, 30, 2)
	e.known(30)
	var counted visits
	e.crowd(playersCtx, &players, 10, forGood, &counted)
	e.crowd(playersCtx, &players, 40, briefly, &counted)
	time.Sleep(2 * time.Second) // of load before the first harm
	harm(&counted)
	e.known(30)
	stopPlayers()
	players.Wait()
	if soaking() {
		e.vacant()
	}
	grants := e.audit()
	if counted.begun() < 50 || grants < counted.begun() {
		e.Errorf("there was little to see: %v, %d leases", &counted, grants)
	}
	e.Logf("%v, %d leases", &counted, grants)
}

func TestNodesThatAreKilledUnderLoadLoseNoSessionAndDoubleNoLease(t *testing.T) {
	length, between := trial(9*time.Second, 3*time.Second)
	e := newEnsemble(t, 3, byRoutes(t, 3))
	underLoad(e, func(counted *visits) {
		kills := 0
		for until := time.Now().Add(length); time.Now().Before(until); kills++ {
			next := time.After(between)
			i := kills % 3
			e.nodes[i].Signal(t, syscall.SIGKILL)
			e.nodes[i].Wait(t, e2etest.Patience)
			time.Sleep(time.Second) // the others are alone for a while
			e.start(i)
			e.ready(i)
			<-next
		}
		t.Logf("%d kills", kills)
		if p99 := counted.reconnection(0.99); p99 == 0 || p99 > maxReconnection {
			t.Errorf("99 of 100 players have their session back within %v, want at most %v", p99, maxReconnection)
		}
	})
}

func TestNodesThatAreRestartedOneAfterTheOtherLoseNoSession(t *testing.T) {
	e := newEnsemble(t, 2, byRoutes(t, 2))
	var edges, players sync.WaitGroup
	edgesCtx, stopEdges := context.WithCancel(context.Background())
	playersCtx, stopPlayers := context.WithCancel(context.Background())
	defer edges.Wait()
	defer stopEdges()
	defer players.Wait()
	defer stopPlayers()
	e.connect(edgesCtx, &edges, 6, 2)
	var counted visits
	e.crowd(playersCtx, &players, 8, forGood, &counted)
	e2etest.Eventually(t, e2etest.Patience, "all play", func() bool { return counted.begun() == 8 })
	for i := range 2 {
		if end := e.nodes[i].Stop(t); end.Code != 0 {
			t.Errorf("%v", end)
		}
		e.start(i)
		e.ready(i)
		time.Sleep(time.Second)
	}
	if counted.reconnection(1) == 0 || counted.begun() != 8 {
		t.Errorf("%v", &counted)
	}
	e.audit()
}
