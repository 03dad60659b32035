package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"nearlight/checker/epoch"
	"nearlight/checker/notary"
	"nearlight/signaling/admin"
)

func (o *operator) checks() *cobra.Command {
	var text string
	c := &cobra.Command{
		Use: "checks", Short: "What checkers have found about edges in the epoch that runs",
		Long: "Asks the node that keeps the epoch's log for what that comes to: the state of each edge, what was decided and is being decided, and the checkers.\n" +
			"--json has all of it, with the words for each edge's owner. Nobody has to believe it: `nearlight checker verify` comes to the same by the log,\n" +
			"which is at /checks/epochs/N of signaling's own address.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			data, err := o.ask(c, http.MethodGet, "checks?"+query("text", text), nil)
			if err != nil {
				return err
			}
			if o.asJSON {
				return o.print(c.OutOrStdout(), data)
			}
			var checks admin.Checks
			if err := json.Unmarshal(data, &checks); err != nil {
				return fmt.Errorf("signaling's answer is none of checks: %w", err)
			}
			return printChecks(c.OutOrStdout(), checks)
		},
	}
	c.Flags().StringVar(&text, "text", "", "within an edge's address or name")
	return c
}

// printChecks writes a table for each list that has anything.
func printChecks(out io.Writer, checks admin.Checks) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(format string, values ...any) { fmt.Fprintf(table, format+"\n", values...) } // its error comes with Flush
	row := func(cells ...any) {
		text := make([]string, len(cells))
		for i, cell := range cells {
			text[i] = harmless(fmt.Sprint(cell))
		}
		line("%s", strings.Join(text, "\t"))
	}
	line("epoch %d: %d entries; committees of %d, of which %d have to count", checks.Epoch, checks.Entries, checks.Seats, checks.Minimum)
	if checks.Uncapped {
		line("All checkers may be of one owner here: this network runs on one machine, so its verdicts prove nothing to others.")
	}
	line("")
	row("EDGE", "NAME", "STATE", "SCORE", "KNOWN", "MATCHES", "PLACE", "NEXT")
	for _, e := range checks.Edges {
		row(e.Address, e.Name, e.State, fmt.Sprintf("%d of 1000", e.Score), perThousand(e.Confidence), perThousand(e.Share), placeWords(e.Claim, e.Located), nextChecks(e))
	}
	if len(checks.Open) > 0 {
		line("")
		row("BEING DECIDED", "EDGE", "SINCE", "COMMITMENTS", "REPORTS", "DECIDED BY")
		for _, t := range checks.Open {
			row(t.Check, t.Edge, localTime(t.At), t.Commitments, t.Reports, localTime(t.RevealBy))
		}
	}
	if len(checks.Verdicts) > 0 {
		line("")
		row("VERDICT", "CHECK", "EDGE", "DECIDED", "WHY")
		for _, v := range checks.Verdicts {
			check := v.Check
			if v.Appeal != "" {
				check += ", on appeal"
			}
			row(v.Result, check, v.Edge, localTime(v.Decided), unmetOf(v))
		}
	}
	if len(checks.Checkers) > 0 {
		line("")
		row("CHECKER", "OWNER", "SCORE", "TASKS")
		for _, c := range checks.Checkers {
			row(c.Address, c.Owner, fmt.Sprintf("%.2f", c.Score), c.Tasks)
		}
	}
	if left := checks.Left; left != nil {
		line("\nleft out: %d edges, %d checkers, %d being decided, %d older verdicts; --text finds those of an edge", left.Edges, left.Checkers, left.Open, left.Verdicts)
	}
	return table.Flush()
}

// harmless keeps what others have named from moving a terminal's cursor, or a table's columns.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, text)
}

func perThousand(n int) string { return fmt.Sprintf("%g %%", float64(n)/10) }

func localTime(ms int64) string { return time.UnixMilli(ms).Local().Format(time.DateTime) }

// placeWords is where an edge says that it is, and what checkers make of it.
func placeWords(claim *admin.Claim, found *admin.Located) string {
	words := "none claimed"
	if claim != nil {
		words = fmt.Sprintf("%g,%g", claim.Latitude, claim.Longitude)
		if claim.Within > 0 {
			words += fmt.Sprintf(" within %d km", claim.Within)
		}
	}
	switch {
	case found == nil:
		return words + ": nobody can say"
	case !found.Impossible:
		return words + fmt.Sprintf(": possible, %d of 1000 consistent", found.Consistency)
	case claim == nil || *claim != found.Claim:
		words += fmt.Sprintf(": not looked at yet; %g,%g, which was claimed before, is", found.Claim.Latitude, found.Claim.Longitude)
	default:
		words += ":"
	}
	return words + fmt.Sprintf(" impossible, too far by %d km from %d checkers", found.Beyond, found.Liars+1)
}

// placeInLog is placeWords by a log.
func placeInLog(said *epoch.Claim, l *epoch.Located) string {
	var claim *admin.Claim
	if said != nil {
		claim = &admin.Claim{Latitude: said.Latitude, Longitude: said.Longitude, Within: said.Within}
	}
	if l == nil {
		return placeWords(claim, nil)
	}
	return placeWords(claim, &admin.Located{
		Claim: admin.Claim{Latitude: l.Claim.Latitude, Longitude: l.Claim.Longitude, Within: l.Claim.Within}, Liars: l.Liars, Impossible: l.Impossible, Beyond: l.Beyond, Consistency: l.Consistency,
	})
}

// nextChecks is what an edge is checked for next, and how often.
func nextChecks(e admin.CheckedEdge) string {
	var due []string
	for _, d := range e.Due {
		text := d.Check
		switch {
		case d.Unset != "":
			text += " is not done: " + d.Unset
		case d.Appeal != "":
			text += " again, on appeal"
		case d.Every > 0:
			text += " each " + lengthOf(d.Every)
		case d.Mean > 0:
			text += " at random, each " + lengthOf(d.Mean) + " on average"
		case d.From > 0:
			text += " from " + localTime(d.From)
		}
		due = append(due, text)
	}
	if e.Owed > 0 {
		due = append(due, fmt.Sprintf("%d more of capacity until probation is over", e.Owed))
	}
	return strings.Join(due, "; ")
}

// nextOf is nextChecks for the edge's owner.
func nextOf(known notary.Owned) string {
	e := admin.CheckedEdge{Owed: known.Owed}
	for _, d := range known.Due {
		one := admin.DueCheck{Check: string(d.Check), From: int64(d.From), Every: int64(d.Every), Mean: int64(d.Mean)}
		if d.Appeal != nil {
			one.Appeal = d.Appeal.String()
		}
		e.Due = append(e.Due, one)
	}
	return nextChecks(e)
}

// lengthOf is a length of time in the largest unit that it has whole.
func lengthOf(ms int64) string {
	length := time.Duration(ms) * time.Millisecond
	switch {
	case length >= time.Hour && length%time.Hour == 0:
		return fmt.Sprintf("%d h", length/time.Hour)
	case length >= time.Minute && length%time.Minute == 0:
		return fmt.Sprintf("%d min", length/time.Minute)
	}
	return length.String()
}

// unmetOf are the questions that an edge has not passed.
func unmetOf(v admin.Verdict) string {
	var why []string
	for _, f := range v.Findings {
		switch {
		case !f.Decided:
			why = append(why, fmt.Sprintf("%s: undecided by %d", f.Question, f.Counted))
		case !f.Met && f.For+f.Against > 0:
			why = append(why, fmt.Sprintf("%s: %d say yes, %d no; required: %s", f.Question, f.For, f.Against, f.Required))
		case !f.Met:
			why = append(why, fmt.Sprintf("%s: %s; required: %s", f.Question, strings.TrimSpace(fmt.Sprintf("%.4g %s", f.Figure, f.Unit)), f.Required))
		}
	}
	return strings.Join(why, "; ")
}
