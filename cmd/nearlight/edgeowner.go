package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nearlight/checker/epoch"
	"nearlight/checker/notary"
	"nearlight/internal/identity"
	"nearlight/internal/identity/keystore"
)

// ownerFlags say which edge its owner speaks for, and to which network. The edge may run meanwhile.
type ownerFlags struct {
	signal, folder string
	wallet         walletFlags
}

func (f *ownerFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.signal, "signal", "", "URL of signaling, for example https://play.studio.example; of a cluster, several joined by commas")
	flags.StringVar(&f.folder, "folder", "", "the edge's folder, with its key; it may be in use")
	f.wallet.register(flags, "the edge's key, where it has one; --folder is not needed then")
}

// key reads the edge's key.
func (f *ownerFlags) key(ctx context.Context) (*identity.Key, error) {
	switch {
	case f.wallet.file != "":
		return f.wallet.open(ctx)
	case f.folder == "":
		return nil, usage("say which edge it is: --folder FOLDER, where it keeps its key, or --wallet FILE")
	}
	name := filepath.Join(f.folder, edgeKeyName)
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return nil, usage("%s has no key of an edge; where the edge has a wallet, name that with --wallet", f.folder)
	}
	key, err := keystore.SecretOf(name)
	if err != nil {
		return nil, usage("read the edge's key: %w", err)
	}
	return key, nil
}

// address is the edge's, for which no wallet is opened.
func (f *ownerFlags) address(ctx context.Context, edge string) (identity.Address, error) {
	switch {
	case edge != "":
		address, err := identity.ParseAddress(edge)
		if err != nil {
			return address, usage("--edge %s: %w", edge, err)
		}
		return address, nil
	case f.wallet.file != "":
		address, err := keystore.Inspect(f.wallet.file)
		if err != nil {
			return address, usage("%w", err)
		}
		return address, nil
	case f.folder == "":
		return identity.Address{}, usage("say which edge it is: --edge ADDRESS, --folder FOLDER or --wallet FILE")
	}
	key, err := f.key(ctx)
	if err != nil {
		return identity.Address{}, err
	}
	return key.Address(), nil
}

// ask asks the node that keeps the log of checks.
func (f *ownerFlags) ask(question func(notary.Client) error) error {
	if f.signal == "" {
		return usage("--signal is missing: the URL of the network's signaling, for example https://play.studio.example")
	}
	var all error
	for url := range strings.SplitSeq(f.signal, ",") {
		asks, err := notary.NewClient(strings.TrimSpace(url), nil)
		if err != nil {
			return usage("--signal %s: %w", url, err)
		}
		err = question(asks)
		var denied *notary.Denied
		switch {
		case errors.As(err, &denied) && denied.Status == http.StatusNotFound && denied.Code == "no-reason":
			err = fmt.Errorf("%s keeps no log of checks", url)
		case err == nil, errors.As(err, &denied):
			return err
		}
		all = errors.Join(all, err)
	}
	return all
}

func newEdgeChecks() *cobra.Command {
	var f ownerFlags
	var edge string
	var asJSON bool
	c := &cobra.Command{
		Use:   "checks --signal URL {--edge ADDRESS | --folder FOLDER | --wallet FILE}",
		Short: "Print what checkers have found about an edge: its state, what is checked next, and of each failed check measured against required and how to retest",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			address, err := f.address(c.Context(), edge)
			if err != nil {
				return err
			}
			var known notary.Owned
			if err := f.ask(func(asks notary.Client) (err error) {
				known, err = asks.Edge(c.Context(), address)
				return err
			}); err != nil {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(c.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(known)
			}
			return printOwned(c.OutOrStdout(), known)
		},
	}
	f.register(c.Flags())
	c.Flags().StringVar(&edge, "edge", "", "the edge's address, of any edge")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, with all findings")
	return c
}

func newEdgeAppeal() *cobra.Command {
	var f ownerFlags
	c := &cobra.Command{
		Use:   "appeal TASK --signal URL {--folder FOLDER | --wallet FILE}",
		Short: "Have a failed check done again by another committee, once, within seven days",
		Long: "TASK is the check's, as `nearlight edge checks` prints it. If it is passed then, the failure is taken back, and the jail with it that came of it;\n" +
			"if not, it stands. Both checks count in the edge's score. The edge has to be connected, and not on leave.",
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) != 1 {
				return usage("want one TASK, as `nearlight edge checks` prints it")
			}
			return nil
		},
		RunE: func(c *cobra.Command, arguments []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			var task epoch.Hash
			if err := task.UnmarshalText([]byte(arguments[0])); err != nil {
				return usage("%q is no task: %w", arguments[0], err)
			}
			key, err := f.key(c.Context())
			if err != nil {
				return err
			}
			var answer notary.Answer
			if err := f.ask(func(asks notary.Client) (err error) {
				answer, err = asks.Appeal(c.Context(), task, key, time.Now())
				return err
			}); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "another committee checks once more, soon; until then the edge is %s\n", harmless(answer.State))
			return err
		},
	}
	f.register(c.Flags())
	return c
}

// ownersWishes are what an owner may want, and what it is.
var ownersWishes = []struct{ what, short, long string }{
	{"drain", "Announce a leave: the edge gets no new players, and is on leave when those that play have gone",
		"It is not checked while it is on leave, and may be stopped: that costs nothing, and ends where it began. After 14 days it is enrolled anew."},
	{"return", "Come back from a leave, or after `nearlight edge leave`", "Start the edge first: it has to be there from now on. Who was taken out, or was on leave for 14 days, is enrolled anew."},
	{"leave", "Take the edge out of the network, until it returns", "It is not checked, and gets no players. Drain it first: while somebody plays it is refused."},
	{"revoke", "Say that the edge's key is not to be believed any more, for good: it may be known to others",
		"The edge is shut out, and nobody comes back by this key, its owner as little as anybody: make another key, and enrol that."},
}

func newEdgeWish(what, short, long string) *cobra.Command {
	var f ownerFlags
	var forGood bool
	c := &cobra.Command{
		Use: what + " --signal URL {--folder FOLDER | --wallet FILE}", Short: short, Long: short + ".\n" + long, Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			if what == "revoke" && !forGood {
				return usage("a key that is revoked is so for good: say --for-good if that is meant")
			}
			key, err := f.key(c.Context())
			if err != nil {
				return err
			}
			var answer notary.Answer
			if err := f.ask(func(asks notary.Client) (err error) {
				answer, err = asks.Wish(c.Context(), what, key, time.Now())
				return err
			}); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "the edge is %s\n", harmless(answer.State))
			return err
		},
	}
	f.register(c.Flags())
	if what == "revoke" {
		c.Flags().BoolVar(&forGood, "for-good", false, "it is meant")
	}
	return c
}

// addOwners adds what an edge's owner says and reads to the command that runs one.
func addOwners(edge *cobra.Command) {
	edge.AddCommand(newEdgeChecks(), newEdgeAppeal())
	for _, w := range ownersWishes {
		edge.AddCommand(newEdgeWish(w.what, w.short, w.long))
	}
	for _, c := range edge.Commands() {
		c.DisableFlagsInUseLine = true
	}
}

// printOwned writes what is known of an edge, for people.
func printOwned(out io.Writer, known notary.Owned) error {
	var b strings.Builder
	line := func(indent, format string, values ...any) {
		fmt.Fprintf(&b, "%s%s\n", indent, harmless(fmt.Sprintf(format, values...)))
	}
	there := "connected"
	if !known.Present {
		there = "not connected"
	}
	line("", "edge %s: %s, %s", known.Address, known.State, there)
	if known.JailedUntil > 0 {
		line("", "jailed until %s", localTime(int64(known.JailedUntil)))
	}
	line("", "score: %d of 1000, of which %s is known; players: in %s of the matches", known.Score, perThousand(known.Confidence), perThousand(known.Share))
	line("", "place: %s", placeInLog(known.Claim, known.Located))
	if e := known.Earned; e != nil {
		line("", "earned, not paid: %d %s in the epoch before this one, %d in all; edges share %d an epoch", e.Share, e.Currency, e.Total, e.Pot)
	} else {
		line("", "earned: nothing; edges share nothing on this network")
	}
	line("", "next: %s", cmpOr(nextOf(known), "nothing"))
	for _, t := range known.Open {
		line("", "being decided: %s since %s, until %s", t.Check, localTime(int64(t.At)), localTime(int64(t.RevealBy)))
	}
	for _, v := range known.Verdicts {
		on := ""
		if v.Appeal != nil {
			on = fmt.Sprintf(", on appeal against %s", *v.Appeal)
		}
		line("\n", "%s: %s %s%s", localTime(int64(v.Decided)), v.Check, v.Result, on)
		line("  ", "task %s, in the log of epoch %d", v.Task, v.Epoch)
		for _, f := range v.Findings {
			if f.Decided && !f.Met {
				line("  ", "%s: measured: %s; required: %s", f.Question, measuredOf(f), f.Required)
			}
		}
		if v.Remedy != "" {
			line("  ", "%s", v.Remedy)
		}
		if v.AppealBy > 0 {
			line("  ", "to appeal until %s: nearlight edge appeal %s --signal URL {--folder FOLDER | --wallet FILE}", localTime(int64(v.AppealBy)), v.Task)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// measuredOf is what was found, with its unit.
func measuredOf(f notary.FindingSummary) string {
	if f.Unit == "" || f.For+f.Against > 0 {
		return f.Measured()
	}
	return fmt.Sprintf("%.4g %s by %d", f.Figure, f.Unit, f.Counted)
}
