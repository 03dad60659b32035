package main

import (
	"fmt"
	"io"

	"nearlight/checker/duty"
)

// showEarnings writes what a checker has earned in its latest epochs, oldest first.
func showEarnings(out io.Writer, all []duty.Earning) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "earned: unknown; no log was looked at")
		return err
	}
	for _, e := range all {
		if e.Wrong > 0 {
			fmt.Fprintf(out, "the log of epoch %d says otherwise than it comes to, in %d places: nearlight checker verify says where\n", e.Epoch, e.Wrong)
		}
	}
	last := all[len(all)-1]
	if last.Terms == nil {
		_, err := fmt.Fprintln(out, "earned: nothing; this network promises checkers nothing")
		return err
	}
	fmt.Fprintf(out, "earned, not paid: %d %s in all, at %d a report that counts, times the score\n", last.Score.Earned, last.Terms.Currency, last.Terms.Fee)
	for _, e := range all {
		so := ""
		if !e.Sealed {
			so = " so far"
		}
		if e.Terms == nil {
			fmt.Fprintf(out, "  epoch %d: the network promised nothing\n", e.Epoch)
			continue
		}
		if _, err := fmt.Fprintf(out, "  epoch %d%s: %d %s for %d reports at %d of 1000\n", e.Epoch, so, e.Score.Amount, e.Terms.Currency, e.Score.Reports, int(e.Score.Score*1000)); err != nil {
			return err
		}
	}
	return nil
}
