package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"nearlight/checker/epoch"
)

func newCheckerVerify() *cobra.Command {
	var asJSON bool
	var root string
	c := &cobra.Command{
		Use:   "verify LOG",
		Short: "Recompute an epoch's verdicts, scores and earnings from its log, and say where the log's own differ",
		Long: "Checks every signature and every proof of having been drawn, decides every task again, judges again where edges say that they are, and compares verdicts, scores, earnings, places and root with the log's own.\n" +
			"Exits with 0 when all is the same, and with 1 when anything differs or the log is none. LOG is a file, or - for standard input.",
		Example: "  nearlight checker verify epoch-4.log\n  nearlight checker verify --root 0x5dc9... epoch-4.log",
		RunE: func(c *cobra.Command, arguments []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			if len(arguments) != 1 {
				return usage("name the epoch's log: nearlight checker verify LOG")
			}
			log, err := openLog(c, arguments[0])
			if err != nil {
				return err
			}
			checked, err := epoch.Verify(log)
			if err := errors.Join(err, log.Close()); err != nil {
				return fmt.Errorf("%s: %w", arguments[0], err)
			}
			if root != "" && !strings.EqualFold(root, checked.Root.String()) {
				checked.Differences = append(checked.Differences, fmt.Sprintf("its root is %v, not %s", checked.Root, root))
			}
			if err := showChecked(c.OutOrStdout(), checked, asJSON); err != nil {
				return err
			}
			if n := len(checked.Differences) + checked.More; n > 0 {
				return fmt.Errorf("the log says otherwise than it comes to, in %d places", n)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object, with all verdicts and scores")
	c.Flags().StringVar(&root, "root", "", "the root that was published of this epoch")
	return c
}

func openLog(c *cobra.Command, path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(c.InOrStdin()), nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, usage("the epoch's log: %w", err)
	}
	return file, nil
}

func showChecked(to io.Writer, checked epoch.Checked, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(to)
		encoder.SetIndent("", "  ")
		return encoder.Encode(checked)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "epoch %d: %d entries, root %v\n", checked.Epoch, checked.Entries, checked.Root)
	if !checked.Sealed {
		text.WriteString("it has no end yet: this is what it has come to so far\n")
	}
	for _, v := range checked.Outcome.Verdicts {
		fmt.Fprintf(&text, "  %s %s of %v\n", v.Result, v.Check, v.Edge)
		for _, f := range v.Findings {
			if f.Met {
				continue
			}
			if !f.Decided {
				fmt.Fprintf(&text, "    %s: undecided by %d\n", f.Question, f.Counted)
				continue
			}
			fmt.Fprintf(&text, "    %s: %s; required: %s\n", f.Question, f.Measured(), f.Required)
		}
	}
	for _, e := range checked.Outcome.Edges {
		if e.Claim != nil || e.Located != nil {
			fmt.Fprintf(&text, "  place of %v: %s\n", e.Address, placeInLog(e.Claim, e.Located))
		}
	}
	showEarned(&text, checked.Outcome)
	for _, difference := range checked.Differences {
		fmt.Fprintf(&text, "DIFFERS: %s\n", difference)
	}
	if checked.More > 0 {
		fmt.Fprintf(&text, "DIFFERS: and in %d more places\n", checked.More)
	}
	_, err := io.WriteString(to, text.String())
	return err
}

// showEarned writes what everybody has earned in an epoch.
func showEarned(to io.Writer, o epoch.Outcome) {
	if o.Terms == nil {
		return
	}
	fmt.Fprintf(to, "earned, not paid, in %s: by checkers %d a report that counted, times the score; by edges shares of %d\n", o.Terms.Currency, o.Terms.Fee, o.Terms.Pot)
	for _, s := range o.Scores {
		if s.Amount > 0 {
			fmt.Fprintf(to, "  checker %v: %d for %d reports at %d of 1000; %d in all\n", s.Address, s.Amount, s.Reports, int(s.Score*1000), s.Earned)
		}
	}
	for _, e := range o.Edges {
		if e.Share > 0 {
			fmt.Fprintf(to, "  edge %v: %d; %d in all\n", e.Address, e.Share, e.Earned)
		}
	}
}
