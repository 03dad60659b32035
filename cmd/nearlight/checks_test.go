package main

import (
	"log/slog"
	"testing"
	"time"

	"nearlight/checker/beacon"
	"nearlight/checker/committee"
	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/checker/notary"
	"nearlight/internal/identity"
	"nearlight/signaling/match"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

// openChecks opens a log of checks without a server.
func openChecks(t *testing.T, lenient bool) *checks {
	t.Helper()
	keys, err := newCheckerKeys()
	if err != nil {
		t.Fatal(err)
	}
	local, err := beacon.NewLocal(beacon.NewOrigin(localPeriod))
	if err != nil {
		t.Fatal(err)
	}
	c := &checks{local: local, logger: slog.New(slog.DiscardHandler)}
	err = c.open(notary.Config{
		Folder: t.TempDir(), Lenient: lenient, Requirements: exam.OnProcessor, Committee: committee.Size{Seats: 1, Minimum: 1}, Beacon: localBeacon{local},
		Checkers: func() []epoch.Checker { return []epoch.Checker{cardOf(keys, keys.key.Address(), 1).licence()} },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestAnEdgeThatNobodyHasCheckedGetsPlayersInALenientNetworkAlone(t *testing.T) {
	edge := identity.Address{7}
	for lenient, want := range map[bool]match.State{true: match.Accepting, false: match.Checking} {
		got := openChecks(t, lenient).Standing(edge)
		if got.State != want || lenient && got.Share == 0 || got.Words == "" {
			t.Errorf("lenient %t: %+v", lenient, got)
		}
	}
}

func TestOperatorsSeeAllThatANotarySumsUp(t *testing.T) {
	c := openChecks(t, false)
	if err := c.notary.Happened(identity.Address{7}, 6); err != nil { // drained: refused, and known all the same
		t.Fatal(err)
	}
	seen, err := c.summary() // which refuses fields that operators are not shown
	if err != nil {
		t.Fatal(err)
	}
	if seen.Epoch != 1 || seen.Seats != 1 || len(seen.Checkers) != 1 || len(seen.Edges) != 1 || seen.Edges[0].State != "enrolling" || len(seen.Edges[0].Due) != 1 {
		t.Errorf("an operator sees %+v", seen)
	}
	if seen.Verdicts == nil || seen.Open == nil {
		t.Errorf("lists that are empty are null: %+v", seen)
	}
}

func TestAPassIsForOneEdgeAndOneApp(t *testing.T) {
	key, err := token.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer(key, token.Scope{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	verifier := token.NewVerifier(issuer.Keys(), token.Scope{}, time.Now)
	edge := identity.Address{7}
	for enrols, rights := range map[bool]int{true: 2, false: 1} {
		signed, err := passes(issuer)(edge, enrols, time.Now().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		claims, err := verifier.Verify(signed, token.Player)
		if err != nil {
			t.Fatal(err)
		}
		if len(claims.Edges) != 1 || claims.Edges[0] != edge || !claims.Once || len(claims.Rights) != rights || (claims.App == challengeApp) != enrols {
			t.Errorf("to enrol %t: %+v", enrols, claims)
		}
	}
}

func TestWhatHappensToAnEdgeReachesItsLife(t *testing.T) {
	c := openChecks(t, false)
	signals, err := server.New(server.Config{Verifier: token.NewVerifier(nil, token.Scope{}, time.Now), Checks: c})
	if err != nil {
		t.Fatal(err)
	}
	c.join(signals)
	edge := identity.Address{7}
	for _, what := range []server.EdgeChange{server.EdgeCame, server.SessionBegan, server.EventsLost, server.SessionEnded, server.EdgeDrained, server.EdgeUndrained, server.EdgeWent} {
		c.Happened(server.EdgeEvent{At: time.Now(), Edge: edge, What: what})
	}
	if state, _ := c.notary.Standing(edge); state.String() != "enrolling" {
		t.Errorf("it is %v", state)
	}
}
