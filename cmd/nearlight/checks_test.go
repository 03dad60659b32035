package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"nearlight/checker/beacon"
	"nearlight/checker/committee"
	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/checker/life"
	"nearlight/checker/notary"
	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/match"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

// openChecks opens a log of checks without a server.
func openChecks(t *testing.T, lenient bool) *checks {
	t.Helper()
	return openChecksIn(t, t.TempDir(), lenient)
}

func openChecksIn(t *testing.T, folder string, lenient bool) *checks {
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
	licensed, err := cardOf(keys, keys.key.Address(), 1).licence()
	if err != nil {
		t.Fatal(err)
	}
	err = c.open(notary.Config{
		Folder: folder, Lenient: lenient, Requirements: exam.OnProcessor, Committee: committee.Size{Seats: 1, Minimum: 1}, Beacon: localBeacon{local},
		Checkers: func() []epoch.Checker { return []epoch.Checker{licensed} },
	}, nil)
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
	if err := c.notary.Happened(identity.Address{7}, life.Drain); err != nil { // drained: refused, and known all the same
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

func TestAPassForAChallengeIsForOneEdgeAndOneApp(t *testing.T) {
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
	for _, check := range []life.Check{life.Enrolment, life.Capacity} {
		for _, appeal := range []*epoch.Hash{nil, {1}} {
			task := epoch.Task{Edge: edge, Check: string(check), Appeal: appeal, CommitBy: epoch.Millis(time.Now().Add(time.Minute).UnixMilli())}
			pass, err := new(checks).passes(issuer)(task)
			if err != nil {
				t.Fatal(err)
			}
			claims, err := verifier.Verify(pass.Token, token.Player)
			if err != nil {
				t.Fatal(err)
			}
			if len(claims.Edges) != 1 || claims.Edges[0] != edge || !claims.Once || !slices.Contains(claims.Rights, token.Check) || claims.App != challengeApp {
				t.Errorf("%s: %+v", check, claims)
			}
		}
	}
}

func TestAnEdgeOnLeaveGetsNobodyNotEvenCheckers(t *testing.T) {
	edge, folder := identity.Address{7}, t.TempDir()
	enrolled := fmt.Sprintf(`{"edge":%q,"at":5,"what":"decided","task":"0x%064x","check":"enrolment","result":"passed","set":4}`+"\n", edge, 9)
	if err := os.WriteFile(filepath.Join(folder, "lives.log"), []byte(enrolled), 0o600); err != nil {
		t.Fatal(err)
	}
	c := openChecksIn(t, folder, false)
	if got := c.Standing(edge); got.State != match.Accepting {
		t.Errorf("before its leave it is %+v", got)
	}
	if err := c.notary.Happened(edge, life.Drain); err != nil {
		t.Fatal(err)
	}
	if got := c.Standing(edge); got.State != match.Draining || got.Words != "on-leave" {
		t.Errorf("on leave it is %+v", got)
	}
}

func TestAnEdgesOwnWordIsItsClaimRounded(t *testing.T) {
	for why, row := range map[string]struct {
		at   *signaling.Place
		want *epoch.Claim
	}{
		"no word":                  {nil, nil},
		"a word":                   {&signaling.Place{Latitude: 52.5163, Longitude: 13.3777, Radius: 0.2}, &epoch.Claim{Place: epoch.Place{Latitude: 52.5, Longitude: 13.4}, Within: 1}},
		"a word that nobody takes": {&signaling.Place{Latitude: 95}, nil},
	} {
		if got := claimOf(row.at); !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: %+v, want %+v", why, got, row.want)
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
