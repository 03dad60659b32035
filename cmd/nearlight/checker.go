package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nearlight/checker/beacon"
	"nearlight/checker/duty"
	"nearlight/checker/epoch"
	"nearlight/checker/notary"
	"nearlight/signaling/client"
)

func newChecker() *cobra.Command {
	var signal, folder, chain string
	var sources []string
	var wallet walletFlags
	var verbose bool
	c := &cobra.Command{
		Use:   "checker --signal URL --folder FOLDER",
		Short: "Check edges: measure them as a player would, when drawn, and report; or recompute what checkers have found",
		Long: "Follows a network's log of checks, and looks at an edge whenever it is drawn to: it plays there for some seconds, commits to what it has measured,\n" +
			"and shows it when the others have committed too. Nobody has to trust it: whoever has an epoch's log comes to the same verdicts and scores.\n\n" +
			"To be drawn it needs a licence, which the network's operator gives it: `nearlight checker card` prints what to send.\n" +
			"It goes on where it was stopped, and reports nothing twice.",
		Example: "  nearlight checker card --folder ~/.nearlight/checker\n" +
			"  nearlight checker --signal https://play.studio.example --folder ~/.nearlight/checker\n" +
			"  nearlight checker status --folder ~/.nearlight/checker",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if _, err := settle(c); err != nil {
				return err
			}
			if signal == "" {
				return usage("--signal is missing: the URL of the network's signaling, for example https://play.studio.example")
			}
			home, err := openCheckerHome(c.Context(), folder, wallet)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, home.close()) }()
			debug.SetGCPercent(checkerGarbage)
			logger := newLogger(c.ErrOrStderr(), verbose)
			now, err := duty.Now(c.Context(), signal, nil)
			if err != nil {
				return fmt.Errorf("%s keeps no log of checks that could be read: %w", signal, err)
			}
			rounds, err := openBeacon(c.Context(), signal, now, sources, chain)
			if err != nil {
				return err
			}
			if chain == "" {
				logger.Warn("the beacon's chain is believed as the network tells it; pin it with --beacon-chain", "chain", now.Chain)
			}
			worker, err := duty.New(duty.Config{
				Notary: signal, Key: home.key, Draw: home.draw, Folder: folder, Beacon: beaconOf{rounds},
				Look: visitor{client.Config{URL: signal, Log: logger}, logger}.look, Log: logger,
			})
			if err != nil {
				return err
			}
			logger.Info("the checker is at work", "address", home.key.Address(), "epoch", now.Epoch)
			return errors.Join(worker.Run(c.Context()), worker.Close())
		},
	}
	c.Flags().StringVar(&signal, "signal", "", "URL of the network's signaling, for example https://play.studio.example")
	c.Flags().StringSliceVar(&sources, "beacon", nil, "servers of the beacon that checkers are drawn by, in drand's HTTP API; none: the network's own")
	c.Flags().StringVar(&chain, "beacon-chain", "", "hash of the beacon's chain; empty: as the network says")
	c.PersistentFlags().StringVar(&folder, "folder", "", "folder of this checker: its keys and its journal")
	wallet.register(c.Flags(), "this checker's key, by which it is known and signs its reports; without one it makes a key of its own in --folder")
	c.Flags().BoolVar(&verbose, "verbose", false, "log details")
	c.AddCommand(newCheckerCard(&folder), newCheckerStatus(&folder), newCheckerLook(), newCheckerVerify())
	return c
}

// openBeacon is the client of the beacon that a network's checkers are drawn by.
func openBeacon(ctx context.Context, signal string, now notary.Now, sources []string, chain string) (*beacon.Client, error) {
	if chain == "" {
		chain = now.Chain
	}
	hash, err := beacon.ParseHash(chain)
	if err != nil {
		return nil, usage("--beacon-chain %s: %w", chain, err)
	}
	if len(sources) == 0 {
		if now.Beacon == "" {
			return nil, usage("--beacon is missing: the network has no beacon of its own, and its chain is %s", now.Chain)
		}
		sources = []string{signal + now.Beacon}
	}
	config := beacon.Config{Sources: sources}
	if config.Chain, err = beacon.Find(ctx, hash, config); err != nil {
		return nil, err
	}
	return beacon.New(config)
}

func newCheckerCard(folder *string) *cobra.Command {
	var owner string
	var stake uint64
	var wallet walletFlags
	var at placeValue
	c := &cobra.Command{
		Use:     "card",
		Short:   "Print the line of the file of licences (nearlight signaling --licences) that lets this checker be drawn",
		Args:    noArguments,
		Example: "  nearlight checker card --folder ~/.nearlight/checker --place 52.5,13.4",
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if _, err := settle(c); err != nil {
				return err
			}
			home, err := openCheckerHome(c.Context(), *folder, wallet)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, home.close()) }()
			of, err := home.owner(owner)
			if err != nil {
				return err
			}
			printed := cardOf(home.checkerKeys, of, stake)
			if at.Place != nil {
				if at.Radius > 0 {
					return usage("--place: a checker's place has a latitude and a longitude, which are told to a tenth of a degree")
				}
				if place, ok := epoch.PlaceOf(at.Latitude, at.Longitude); ok { // as the flag has made sure
					printed.Place = &place
				}
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(printed)
		},
	}
	c.Flags().StringVar(&owner, "owner", "", "address that the licence is registered to; of one owner's checkers one counts in each check. Empty: the checker's own")
	c.Flags().Var(&at, "place", "where this checker's machine is, latitude and longitude in degrees: 52.5,13.4. The log tells everybody, to a tenth of a degree (some 10 km); with it your round trips help to find "+
		"where edges are (docs/checking.md). Empty: it is not said")
	c.Flags().Uint64Var(&stake, "stake", 1, "stake, by which it is drawn")
	wallet.register(c.Flags(), "this checker's key; without one the key in --folder")
	return c
}

// shownTasks is how many tasks are printed.
const shownTasks = 20

func newCheckerStatus(folder *string) *cobra.Command {
	var asJSON bool
	var signal string
	var epochs int
	c := &cobra.Command{
		Use:   "status",
		Short: "Print this checker's latest tasks, what came of each and why; with --signal also its score, and what it has earned",
		Long: "Prints this checker's latest tasks, what came of each and why, from its own journal. With --signal it fetches the latest epochs' logs, verifies them,\n" +
			"and prints what this checker has earned by them: the fee for each report that counted, times its score. Earned is not paid: no log shows a payment.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			if *folder == "" {
				return usage("--folder is missing: the checker's folder")
			}
			entries, err := duty.Read(*folder)
			if err != nil {
				return fmt.Errorf("the checker's journal: %w", err)
			}
			out := c.OutOrStdout()
			if asJSON {
				for i := range entries {
					entries[i].Report = nil // it is secret until it is shown
				}
				encoder := json.NewEncoder(out)
				encoder.SetIndent("", "  ")
				return encoder.Encode(entries)
			}
			counts := make(map[string]int)
			for _, e := range entries {
				counts[e.Conduct]++
			}
			fmt.Fprintf(out, "%d tasks: %d in line with the committee, %d not, %d kept silent, %d not reported on or under way\n",
				len(entries), counts["agreed"], len(entries)-counts["agreed"]-counts["silent"]-counts[""], counts["silent"], counts[""])
			table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "SET\tCHECK\tEDGE\tSTEP\tRESULT\tCONDUCT\tWHY")
			for _, e := range entries[max(len(entries)-shownTasks, 0):] {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.At.Time().Local().Format(time.DateTime), e.Check, e.Edge, e.Step, e.Result, e.Conduct, e.Why)
			}
			if err := table.Flush(); err != nil || signal == "" {
				return err
			}
			address, err := checkerAddress(*folder)
			if err != nil {
				return err
			}
			score, err := duty.Score(c.Context(), signal, nil, address)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "score: %.3f of 1, from %d tasks before this epoch\n", score.Score, score.Tasks)
			earned, err := duty.Earnings(c.Context(), signal, nil, address, epochs)
			if err != nil {
				return fmt.Errorf("what this checker has earned: %w", err)
			}
			return showEarnings(out, earned)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON list of all tasks in the journal")
	c.Flags().StringVar(&signal, "signal", "", "URL of the network's signaling, to ask for the score and the logs")
	c.Flags().IntVar(&epochs, "epochs", 3, "of how many of the latest epochs' logs to recompute what was earned")
	return c
}
