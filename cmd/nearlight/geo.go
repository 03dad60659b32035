package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"nearlight/internal/geo"
	"nearlight/signaling/match"
	"nearlight/signaling/server"
)

// unsaid is how wrong a place may well be of which the database does not say it: as far as the next city.
const unsaid match.Kilometres = 100

// matchFlags are how signaling matches players with edges.
type matchFlags struct {
	files  []string
	policy policyValue
}

func (f *matchFlags) register(flags *pflag.FlagSet) {
	f.policy = policyValue{match.Policies()[0]}
	flags.StringSliceVar(&f.files, "geo", nil, "databases of where addresses are (.mmdb: cities, autonomous systems), to find edges near a player by; without, players' own measurements decide alone")
	flags.Var(&f.policy, "policy", "which edge is the best of those that would do: "+policyNames())
}

// open applies the flags to a server's configuration. What it returns is closed after the server.
func (f *matchFlags) open(config *server.Config, logger *slog.Logger) (*geography, error) {
	config.Policy = f.policy.Policy
	if len(f.files) == 0 {
		return nil, nil
	}
	database, err := geo.Open(f.files...)
	if err != nil {
		return nil, usage("--geo: %w", err)
	}
	g := &geography{database: database, logger: logger}
	config.Locate = g.locate
	return g, nil
}

// geography is where addresses are.
type geography struct {
	database *geo.Database
	logger   *slog.Logger
	corrupt  sync.Once
}

func (g *geography) close() error {
	if g == nil {
		return nil
	}
	return g.database.Close()
}

func (g *geography) locate(address netip.Addr) server.Location {
	if !address.IsValid() {
		return server.Location{}
	}
	found, err := g.database.Locate(address)
	if err != nil {
		g.corrupt.Do(func() {
			g.logger.Error("a database of addresses is corrupt: get another copy, and start signaling again; until then it is as if it did not know some", "error", err)
		})
	}
	var l server.Location
	if found.Placed {
		l.Near = &match.Near{Place: match.Place{Latitude: found.Latitude, Longitude: found.Longitude}, Uncertainty: match.Kilometres(found.Radius)}
		if found.Radius == 0 {
			l.Near.Uncertainty = unsaid
		}
	}
	if found.AutonomousSystem != 0 {
		l.Network = fmt.Sprintf("AS%d", found.AutonomousSystem)
	}
	return l
}

// policyValue is a flag that names a policy.
type policyValue struct{ match.Policy }

func (v *policyValue) String() string {
	if v.Policy == nil {
		return ""
	}
	return v.Name()
}
func (*policyValue) Type() string { return "policy" }
func (v *policyValue) Set(text string) error {
	for _, policy := range match.Policies() {
		if policy.Name() == text {
			v.Policy = policy
			return nil
		}
	}
	return fmt.Errorf("want %s", policyNames())
}

func policyNames() string {
	var names []string
	for _, policy := range match.Policies() {
		names = append(names, policy.Name())
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
