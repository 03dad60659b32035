package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"nearlight/checker/beacon"
	"nearlight/checker/committee"
	"nearlight/checker/duty"
	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/checker/notary"
	"nearlight/checker/purse"
	"nearlight/checker/vrf"
	"nearlight/internal/identity"
	"nearlight/signaling/admin"
	"nearlight/signaling/client"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

// localPeriod is between two rounds of the beacon of `up`.
const localPeriod = 3 * time.Second

// maxCrew is how many checkers `up` runs: each of them plays, on this machine.
const maxCrew = 15

// crew is the checkers of `up`, of one owner on one machine.
type crew struct{ members []*duty.Duty }

// conducts are how a checker of `up` may conduct itself, besides honestly: to show what a committee makes of it.
var conducts = map[string]func(*epoch.Report) bool{
	"honest": nil,
	"liar": func(r *epoch.Report) bool {
		for i := range r.Answers {
			r.Answers[i].Yes = !r.Answers[i].Yes
			r.Answers[i].Figure = 10*r.Answers[i].Figure + 100 // ms, dB or a share: beyond any tolerance
		}
		return true
	},
	"silent": func(*epoch.Report) bool { return false },
}

// crewFlags say who checks in `up`.
type crewFlags struct {
	checkers int
	conduct  []string
}

// check fails for what is no crew.
func (f *crewFlags) check() error {
	if f.checkers < 0 || f.checkers > maxCrew {
		return usage("--checkers %d: want 0 to %d", f.checkers, maxCrew)
	}
	if len(f.conduct) > f.checkers {
		return usage("--checker-conduct names %d checkers, and there are %d", len(f.conduct), f.checkers)
	}
	for _, name := range f.conduct {
		if _, known := conducts[name]; !known {
			return usage("--checker-conduct %s: want honest, liar or silent", name)
		}
	}
	return nil
}

func (f *crewFlags) register(flags *pflag.FlagSet) {
	flags.IntVar(&f.checkers, "checkers", 0, fmt.Sprintf("run so many checkers as well, up to %d, which test the edge and keep a public log; prints a link to the operator's page with what they find. "+
		"The edge then has two slots, unless --slots says otherwise", maxCrew))
	flags.StringSliceVar(&f.conduct, "checker-conduct", nil, "how the first checkers conduct themselves: honest, liar, silent")
}

// checkedNetwork is the log of checks of `up`, its checkers, and the operator's page that shows it.
type checkedNetwork struct {
	log       *checks
	crew      *crew
	operators *adminServer
	keys      []checkerKeys
	conduct   []string
	folder    string
	token     string // the operator's
}

// open opens the log of checks, in a new folder below one, and licenses checkers, whose keys die with the process.
// What checkers come with as players do says what the link of `up` says, like.
func (f *crewFlags) open(below string, issuer *token.Issuer, like token.Claims, logger *slog.Logger) (_ *checkedNetwork, err error) {
	c := &checkedNetwork{keys: make([]checkerKeys, f.checkers), conduct: f.conduct}
	if c.folder, err = os.MkdirTemp(below, "checks-"); err != nil {
		return nil, fmt.Errorf("make a folder for the log of checks: %w", err)
	}
	local, err := beacon.NewLocal(beacon.NewOrigin(localPeriod))
	if err != nil {
		return nil, err
	}
	c.log = &checks{local: local, key: issuer.Key().ID, logger: logger}
	config := notary.Config{
		Folder: c.folder, Requirements: exam.OnProcessor, Committee: committee.Size{Seats: uint32(f.checkers), Minimum: f.checkers/2 + 1}, Uncapped: true, Lenient: true,
		Beacon: localBeacon{local}, BeaconPath: beaconPath, Chain: local.Chain().Hash().String(), Pass: c.log.passes(issuer),
	}
	var licensed []epoch.Checker
	for i := range c.keys {
		if c.keys[i], err = newCheckerKeys(); err != nil {
			return nil, err
		}
		one, err := cardOf(c.keys[i], c.keys[0].key.Address(), 1).licence() // all are on one machine: where that is says nothing
		if err != nil {
			return nil, err
		}
		licensed = append(licensed, one)
	}
	config.Checkers = func() []epoch.Checker { return licensed }
	if err := c.log.open(config, &purse.Mint{Issuer: issuer, Like: like, Life: tokenLife}); err != nil {
		return nil, err
	}
	return c, nil
}

// join readies the checkers and the operator's page.
func (c *checkedNetwork) join(signals *server.Server, signaling client.Config, pages fs.FS, logger *slog.Logger) (err error) {
	c.log.join(signals)
	if c.crew, err = openCrew(c, signaling, logger); err != nil {
		return err
	}
	secret, line, err := admin.NewToken("you")
	if err != nil {
		return err
	}
	operators, err := admin.ParseOperators([]byte(line))
	if err != nil {
		return err
	}
	c.token = secret
	c.operators, err = serveOperators("127.0.0.1:0", admin.Config{
		Network: signals, Checks: c.log.summary, Operators: func() admin.Operators { return operators }, Log: logger,
	}, pages, speech{}, logger)
	return err
}

// url is the operator's page, at which the token signs in.
func (c *checkedNetwork) url() string {
	return fmt.Sprintf("http://%s/#token=%s&tab=Checks", c.operators.listener.Addr(), c.token)
}

func (c *checkedNetwork) handler() http.Handler {
	if c == nil {
		return nil
	}
	return c.log.handler()
}

// run checks until ctx is done.
func (c *checkedNetwork) run(ctx context.Context) error {
	if c == nil {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.log.run(ctx) })
	group.Go(func() error { return c.crew.run(ctx) })
	group.Go(func() error { return c.operators.run(ctx) })
	return group.Wait()
}

func (c *checkedNetwork) close() error {
	if c == nil {
		return nil
	}
	return errors.Join(c.crew.close(), c.log.close())
}

// checkerKeys are a checker's: one to sign with, one to be drawn by.
type checkerKeys struct {
	key  *identity.Key
	draw *vrf.PrivateKey
}

func newCheckerKeys() (k checkerKeys, err error) {
	k.draw, _ = vrf.Generate()
	k.key, err = identity.NewKey()
	return k, err
}

// openCrew readies the checkers, whose journals are beside the log.
func openCrew(of *checkedNetwork, signaling client.Config, logger *slog.Logger) (_ *crew, err error) {
	c := &crew{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = signaling.TLS
	for i, k := range of.keys {
		var conduct func(*epoch.Report) bool
		if i < len(of.conduct) {
			conduct = conducts[of.conduct[i]]
		}
		own := logger.With("checker", strings.ToLower(k.key.Address().String()[:8]))
		member, err := duty.New(duty.Config{
			Notary: signaling.URL, Client: &http.Client{Transport: transport}, Key: k.key, Draw: k.draw, Folder: filepath.Join(of.folder, fmt.Sprintf("checker-%d", i+1)),
			Beacon: localBeacon{of.log.local}, Look: visitor{signaling, own}.look, Conduct: conduct, Log: own,
		})
		if err != nil {
			return nil, err
		}
		c.members = append(c.members, member)
	}
	return c, nil
}

// run checks until ctx is done; nil is nobody.
func (c *crew) run(ctx context.Context) error {
	if c == nil {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, member := range c.members {
		group.Go(func() error { return member.Run(ctx) })
	}
	return group.Wait()
}

func (c *crew) close() error {
	if c == nil {
		return nil
	}
	var err error
	for _, member := range c.members {
		err = errors.Join(err, member.Close())
	}
	return err
}
