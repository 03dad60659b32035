package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"nearlight/checker/beacon"
	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/checker/notary"
	"nearlight/checker/purse"
	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/admin"
	"nearlight/signaling/match"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

// challengeApp is what edges call the program that a checker types into (nearlight scene --challenge).
const challengeApp = "challenge"

// beaconPath is where a beacon of this process is served.
const beaconPath = notary.Path + "beacon"

// checks is what keeps the log of checks beside signaling: it asks signaling which edges are there and what happens to them, and tells it what is found.
type checks struct {
	notary  *notary.Notary
	purse   *purse.Purse
	key     string        // the id of the network's own key, which signs passes for challenges
	local   *beacon.Local // nil where the beacon is another's
	signals *server.Server
	logger  *slog.Logger
}

// beaconOf is a beacon's client as a notary asks it.
type beaconOf struct{ *beacon.Client }

func (b beaconOf) RoundAt(at time.Time) uint64 { return b.Chain().RoundAt(at) }

func (b beaconOf) TimeOf(round uint64) time.Time { return b.Chain().TimeOf(round) }

func (b beaconOf) Value(ctx context.Context, round uint64) ([32]byte, error) {
	r, err := b.Round(ctx, round)
	if err != nil {
		return [32]byte{}, err
	}
	return r.Value(), nil
}

// localBeacon is a beacon of this process as a notary asks it.
type localBeacon struct{ *beacon.Local }

func (b localBeacon) RoundAt(at time.Time) uint64 { return b.Chain().RoundAt(at) }

func (b localBeacon) TimeOf(round uint64) time.Time { return b.Chain().TimeOf(round) }

func (b localBeacon) Value(_ context.Context, round uint64) ([32]byte, error) {
	r, err := b.Round(round)
	if err != nil {
		return [32]byte{}, err
	}
	return r.Value(), nil
}

// passes gives checkers tokens for one edge. One that challenges it has a token of the network's own key, which says that it checks: it has to reach an edge that gets no players. One that looks on
// as players do has a token like any player's, and signaling alone knows where that leads.
func (c *checks) passes(issuer *token.Issuer) func(epoch.Task) (notary.Pass, error) {
	return func(task epoch.Task) (notary.Pass, error) {
		if life.Check(task.Check) == life.Experience {
			return c.shop(task)
		}
		signed, err := issuer.Issue(token.Claims{
			Role: token.Player, Rights: []token.Right{token.Play, token.Check}, App: challengeApp, Edges: []identity.Address{task.Edge}, Expires: task.CommitBy.Time(), Once: true,
		})
		return notary.Pass{Token: signed}, err
	}
}

// open opens the log, and the tokens by which checkers come as players do; mint signs some, nil signs none. The configuration's Present, Changed and Host are filled in.
func (c *checks) open(config notary.Config, mint *purse.Mint) (err error) {
	config.Present, config.Log = c.present, c.logger
	config.Host = func(name string) bool { return c.signals.KnownAs(name) }
	config.Changed = func(edge identity.Address) { c.signals.StandingChanged(edge) }
	if c.notary, err = notary.Open(config); err != nil { // the folder is this process's alone from here on
		return err
	}
	if c.purse, err = openPurse(c, config.Folder, mint); err != nil {
		return errors.Join(err, c.notary.Close())
	}
	return nil
}

// join names the server whose edges are checked, before anything runs.
func (c *checks) join(signals *server.Server) {
	if c != nil {
		c.signals = signals
	}
}

func (c *checks) close() error {
	if c == nil {
		return nil
	}
	return errors.Join(c.notary.Close(), c.purse.Close())
}

// handler serves the log, and the beacon of this process; nil serves neither.
func (c *checks) handler() http.Handler {
	if c == nil {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle(notary.Path, c.notary.Handler())
	mux.Handle(purse.Path, c.purse.Handler())
	if c.local != nil {
		mux.Handle(beaconPath+"/", http.StripPrefix(beaconPath, c.local.Handler()))
	}
	return mux
}

// present lists the edges that are there.
func (c *checks) present() []notary.Presence {
	var all []notary.Presence
	for _, e := range c.signals.Present() {
		address, err := identity.ParseAddress(string(e.ID))
		if err != nil {
			continue // it has no key that it could be known by
		}
		all = append(all, notary.Presence{
			Edge: address, Name: e.Name, Free: e.Free, Claim: claimOf(e.Place), Block: e.Block, Endorsed: e.Endorsed, Closed: c.closed(address),
		})
	}
	return all
}

// claimOf is an edge's place as a log has it; nil where it says none.
func claimOf(at *signaling.Place) *epoch.Claim {
	if at == nil {
		return nil
	}
	claim, ok := epoch.ClaimOf(at.Latitude, at.Longitude, at.Radius)
	if !ok {
		return nil
	}
	return &claim
}

// whereabouts are the notary's as matching has them.
var whereabouts = map[notary.Whereabouts]server.Whereabouts{notary.Consistent: server.Consistent, notary.Impossible: server.Impossible}

// Standing implements server.Checks.
func (c *checks) Standing(edge identity.Address) server.Standing {
	state, m := c.notary.Standing(edge)
	s := server.Standing{Score: match.Score(m.Score), Share: m.Share, Place: whereabouts[c.notary.Whereabouts(edge)], Words: state.String()}
	switch {
	case m.Players:
		s.State = match.Accepting
	case state == life.Jailed:
		s.State = match.Jailed
	case state == life.Draining, state == life.OnLeave:
		s.State = match.Draining
	default:
		s.State = match.Checking
	}
	return s
}

// Happened implements server.Checks.
func (c *checks) Happened(e server.EdgeEvent) {
	var what life.What
	switch e.What {
	case server.SessionBegan:
		what = life.Began
	case server.SessionEnded:
		what = life.Ended
	case server.EdgeDrained:
		what = life.Drain
	case server.EdgeUndrained:
		what = life.Return
	case server.EventsLost:
		c.logger.Warn("too much happened at once: how many sessions an edge has may be wrong in the log of checks until signaling is started again")
		return
	default: // who is there is asked each second
		return
	}
	if err := c.notary.Happened(e.Edge, what); err != nil {
		c.logger.Error("what happened to an edge cannot be kept", "edge", e.Edge, "error", err)
	}
	c.signals.StandingChanged(e.Edge)
}

// summary is what operators see.
func (c *checks) summary() (admin.Checks, error) {
	text, err := json.Marshal(c.notary.Summary())
	if err != nil {
		return admin.Checks{}, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var seen admin.Checks
	return seen, decoder.Decode(&seen)
}

// asked is what operators' server asks; nil where nothing is kept.
func (c *checks) asked() func() (admin.Checks, error) {
	if c == nil {
		return nil
	}
	return c.summary
}

// run keeps the log until ctx is done; nil keeps none.
func (c *checks) run(ctx context.Context) error {
	if c == nil {
		return nil
	}
	return c.notary.Run(ctx)
}
