package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"nearlight/checker/beacon"
	"nearlight/checker/committee"
	"nearlight/checker/epoch"
	"nearlight/checker/notary"
	"nearlight/signaling/token"
)

// checksFlags say how `nearlight signaling` keeps the log of checks.
type checksFlags struct {
	folder, licences, key, chain, require string
	studioKey, playerToken                string
	sources                               []string
	seats                                 uint32
	minimum                               int
	uncapped                              bool
	terms                                 epoch.Terms
}

func (f *checksFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.folder, "checks", "", "folder of the log of checks: edges are checked then, and get players by what is found (docs/checking.md). Of a cluster one node alone keeps it; empty keeps none")
	flags.StringVar(&f.licences, "licences", "", "file of the checkers that may be drawn, a line each, as `nearlight checker card` prints it; an epoch begins with those that are there then")
	flags.StringVar(&f.key, "check-key", "", "file with the private key that signs checkers' tokens (PEM); its public half is one of --verify-key")
	flags.StringVar(&f.studioKey, "check-studio-key", "", "file with a studio's private key (PEM), for who runs both: signs the tokens by which checkers visit edges as players do; without it studios leave such tokens (docs/studio.md)")
	flags.StringVar(&f.playerToken, "check-player-token", "", "file with a token of that key such as players get, expired or not: what checkers get says the same, and is good for as long")
	flags.StringSliceVar(&f.sources, "beacon", nil, "servers of the beacon that checkers are drawn by, in drand's HTTP API, such as https://api.drand.sh; none: a beacon of this process, which proves nothing to others")
	flags.StringVar(&f.chain, "beacon-chain", beacon.Quicknet().Hash().String(), "hash of the beacon's chain; drand's quicknet by default")
	flags.StringVar(&f.require, "check-requirements", "gpu", "what edges have to do: gpu (draw 1280x720 at 60 frames a second, on a GPU), processor (640x360 at 30, hardly timed)")
	flags.Uint32Var(&f.seats, "check-seats", 0, "seats of a committee, on average; 0: as many as a quarter of all stake that colludes needs (docs/checking.md)")
	flags.IntVar(&f.minimum, "check-minimum", 0, "reports with which a committee decides at the least; 0: more than half of --check-seats")
	flags.Uint64Var(&f.terms.Fee, "check-fee", 0, "what a checker earns by a report that counted, in whole units of --check-currency, times its score: earned in the log, and not paid by this; 0: nothing")
	flags.Uint64Var(&f.terms.Pot, "edge-pot", 0, "what edges that passed a check share in each epoch, in whole units of --check-currency; 0: nothing")
	flags.StringVar(&f.terms.Currency, "check-currency", "", "what --check-fee and --edge-pot are counted in, such as EUR-cent; what was earned in another one before is not counted on")
	flags.BoolVar(&f.uncapped, "check-uncapped", false, "count several checkers of one owner or network: for trying it out, since it proves nothing to others")
}

// open opens the log of checks; nil without one.
func (f *checksFlags) open(ctx context.Context, logger *slog.Logger) (_ *checks, err error) {
	if f.folder == "" {
		for name, given := range map[string]bool{
			"--licences": f.licences != "", "--check-key": f.key != "", "--beacon": len(f.sources) > 0, "--check-studio-key": f.studioKey != "",
			"--check-fee": f.terms.Fee > 0, "--edge-pot": f.terms.Pot > 0,
		} {
			if given {
				return nil, usage("%s needs --checks FOLDER: where the log of checks is kept", name)
			}
		}
		return nil, nil
	}
	asked, known := requirements[f.require]
	if !known {
		return nil, usage("--check-requirements %s: want gpu or processor", f.require)
	}
	config := notary.Config{Folder: f.folder, Uncapped: f.uncapped, Requirements: asked}
	if config.Committee, err = f.committee(); err != nil {
		return nil, err
	}
	switch {
	case f.terms.Currency != "":
		if err := f.terms.Check(); err != nil {
			return nil, usage("--check-fee, --edge-pot and --check-currency: %w", err)
		}
		config.Terms = &f.terms
	case f.terms.Fee > 0 || f.terms.Pot > 0:
		return nil, usage("--check-currency is missing: what --check-fee and --edge-pot are counted in, such as EUR-cent")
	}
	if f.licences == "" {
		return nil, usage("--licences is missing: the file of the checkers that may be drawn")
	}
	licensed := &reloaded[[]epoch.Checker]{path: f.licences, limit: maxLicences, parse: parseLicences, now: time.Now, logger: logger}
	if err := licensed.open(); err != nil {
		return nil, usage("--licences: %w", err)
	}
	config.Checkers = licensed.get
	if f.key == "" {
		return nil, usage("--check-key is missing: the key that signs checkers' tokens; `nearlight token keygen` makes one, whose public half goes to --verify-key here and at the edges")
	}
	key, err := readKey(f.key)
	if err != nil {
		return nil, err
	}
	issuer, err := token.NewIssuer(key, token.Scope{}, time.Now)
	if err != nil {
		return nil, err
	}
	mint, err := f.mint()
	if err != nil {
		return nil, err
	}
	c := &checks{logger: logger, key: issuer.Key().ID}
	config.Pass = c.passes(issuer)
	if err := f.openBeacon(ctx, c, &config); err != nil {
		return nil, err
	}
	if err := c.open(config, mint); err != nil {
		return nil, err
	}
	return c, nil
}

func (f *checksFlags) committee() (committee.Size, error) {
	size, err := committee.SizeFor(committee.Stated)
	if err != nil {
		return size, err
	}
	if f.seats > 0 {
		size = committee.Size{Seats: f.seats, Minimum: int(f.seats)/2 + 1}
	}
	if f.minimum > 0 {
		size.Minimum = f.minimum
	}
	if size.Minimum > int(size.Seats) {
		return size, usage("--check-minimum %d: a committee has %d seats", size.Minimum, size.Seats)
	}
	return size, nil
}

// beaconName is the file of a beacon of this process, in the folder of the log.
const beaconName = "beacon.json"

// openBeacon has the log's tasks drawn by a beacon of others, or of this process.
func (f *checksFlags) openBeacon(ctx context.Context, c *checks, config *notary.Config) error {
	if len(f.sources) == 0 {
		if err := os.MkdirAll(f.folder, 0o755); err != nil {
			return fmt.Errorf("make the folder of the log of checks: %w", err)
		}
		local, err := beacon.OpenLocal(filepath.Join(f.folder, beaconName), localPeriod)
		if err != nil {
			return err
		}
		c.local = local
		config.Beacon, config.BeaconPath, config.Chain = localBeacon{local}, beaconPath, local.Chain().Hash().String()
		return nil
	}
	hash, err := beacon.ParseHash(f.chain)
	if err != nil {
		return usage("--beacon-chain %s: %w", f.chain, err)
	}
	from := beacon.Config{Sources: f.sources, Log: c.logger}
	if known := beacon.Quicknet(); known.Hash() == hash {
		from.Chain = known
	} else if from.Chain, err = beacon.Find(ctx, hash, from); err != nil {
		return err
	}
	client, err := beacon.New(from)
	if err != nil {
		return usage("--beacon: %w", err)
	}
	config.Beacon, config.Chain = beaconOf{client}, hash.String()
	return nil
}
