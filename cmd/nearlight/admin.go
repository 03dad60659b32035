package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nearlight/signaling/admin"
	"nearlight/signaling/match"
	"nearlight/signaling/server"
)

// operator asks the admin API of a signaling node.
type operator struct {
	address, tokenFile, reason string
	asJSON                     bool
}

func newAdmin() *cobra.Command {
	o := &operator{}
	c := &cobra.Command{
		Use:   "admin COMMAND",
		Short: "Ask signaling as its operator: edges, sessions, drains, bans, checks",
		Long: "Asks the operator's API of `nearlight signaling --admin-listen`, which answers for all nodes of its cluster. The token is read from\n" +
			"--admin-token-file, never from the command line. docs/runbook.md says when to use what.",
		Example: "  nearlight admin token ada >> operators        # on the operator's machine; the token itself goes to standard error\n" +
			"  nearlight admin edges --state full\n  nearlight admin drain edge EDGE --move --reason 'a new disk'\n  nearlight admin explain SESSION EDGE",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&o.address, "admin", "http://127.0.0.1:8090", "address of signaling's --admin-listen")
	c.PersistentFlags().StringVar(&o.tokenFile, "admin-token-file", "", "file with your token")
	c.PersistentFlags().BoolVar(&o.asJSON, "json", false, "print the answer as it came")
	c.AddCommand(
		newAdminToken(), o.list("cluster", "The nodes, and whether they hear each other", "cluster"),
		o.edges(), o.sessions(), o.list("queue", "Who waits for an edge", "queue"), o.list("orders", "The drains and bans that hold", "orders"),
		o.log(), o.checks(), o.explain(),
		o.drain("drain", "Have an edge or a node take no further sessions", "drain"), o.drain("undrain", "Undo a drain", "undrain"),
		o.ban("ban", "Shut out an edge, a studio's key or a player's token", "bans"), o.ban("unban", "Let it in again", "bans/lift"), o.end(),
	)
	return c
}

func newAdminToken() *cobra.Command {
	return &cobra.Command{
		Use: "token NAME", Short: "Make an operator's token; prints the line for the file of --admin-tokens, and the token on standard error",
		Args: exactly(1, "a name"),
		RunE: func(c *cobra.Command, arguments []string) error {
			token, line, err := admin.NewToken(arguments[0])
			if err != nil {
				return usage("the name: %w", err)
			}
			fmt.Fprintln(c.ErrOrStderr(), token)
			_, err = fmt.Fprintln(c.OutOrStdout(), line)
			return err
		},
	}
}

func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, arguments []string) error {
		if len(arguments) != n {
			return usage("%s takes %s; `%s --help` has an example", c.CommandPath(), what, c.CommandPath())
		}
		return nil
	}
}

// list prints what an address has that takes no parameters.
func (o *operator) list(name, short, path string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return o.show(c, path) },
	}
}

func (o *operator) log() *cobra.Command {
	var session, edge, after string
	var last time.Duration
	c := &cobra.Command{
		Use: "log", Short: "The audit log of the last day, or of longer, the oldest acts first", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			since := ""
			if after == "" {
				since = time.Now().Add(-last).UTC().Format(time.RFC3339)
			}
			return o.show(c, "acts?"+query("session", session, "edge", edge, "after", after, "since", since))
		},
	}
	c.Flags().StringVar(&session, "session", "", "of this session")
	c.Flags().StringVar(&edge, "edge", "", "of this edge")
	c.Flags().DurationVar(&last, "last", 24*time.Hour, "how far back")
	c.Flags().StringVar(&after, "after", "", "the next page: what the page before said")
	return c
}

func (o *operator) edges() *cobra.Command {
	var text, state, app, after string
	c := &cobra.Command{
		Use: "edges [EDGE]", Short: "The edges of all nodes, or one with its sessions",
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, arguments []string) error {
			if len(arguments) > 0 {
				o.asJSON = true
				return o.show(c, "edges/"+url.PathEscape(arguments[0]))
			}
			return o.show(c, "edges?"+query("text", text, "state", state, "app", app, "after", after))
		},
	}
	c.Flags().StringVar(&text, "text", "", "within id or name")
	c.Flags().StringVar(&state, "state", "", "open, full, draining or silent")
	c.Flags().StringVar(&app, "app", "", "that is installed")
	c.Flags().StringVar(&after, "after", "", "the next page: what the page before said")
	return c
}

func (o *operator) sessions() *cobra.Command {
	var edge, app, after string
	c := &cobra.Command{
		Use: "sessions [SESSION]", Short: "The sessions of all nodes, or one as it runs and as it is kept",
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, arguments []string) error {
			if len(arguments) > 0 {
				o.asJSON = true
				return o.show(c, "sessions/"+url.PathEscape(arguments[0]))
			}
			return o.show(c, "sessions?"+query("edge", edge, "app", app, "after", after))
		},
	}
	c.Flags().StringVar(&edge, "edge", "", "of this edge")
	c.Flags().StringVar(&app, "app", "", "of this app")
	c.Flags().StringVar(&after, "after", "", "the next page: what the page before said")
	return c
}

// query writes parameters that are set, from pairs.
func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Add(pairs[i], pairs[i+1])
		}
	}
	return values.Encode()
}

func (o *operator) explain() *cobra.Command {
	return &cobra.Command{
		Use: "explain SESSION [EDGE...]", Short: "Why a session is at its edge, and not at those named",
		Args: func(c *cobra.Command, arguments []string) error {
			if len(arguments) == 0 {
				return usage("explain takes a session, and edges to compare with")
			}
			return nil
		},
		RunE: func(c *cobra.Command, arguments []string) error {
			values := url.Values{"edge": arguments[1:]}
			return o.show(c, "sessions/"+url.PathEscape(arguments[0])+"/explain?"+values.Encode())
		},
	}
}

// act adds the flag that every act needs.
func (o *operator) act(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&o.reason, "reason", "", "why; the audit log keeps it")
	return c
}

func (o *operator) drain(name, short, verb string) *cobra.Command {
	var move bool
	var length time.Duration
	c := o.act(&cobra.Command{
		Use: name + " edge|node ID --reason WHY", Short: short,
		Args: exactly(2, "edge or node, and its id (of a node, self will do)"),
		RunE: func(c *cobra.Command, arguments []string) error {
			body := map[string]any{"reason": o.reason}
			if move {
				body["move"] = true
			}
			if length > 0 {
				body["until"] = time.Now().Add(length).UTC().Format(time.RFC3339)
			}
			switch arguments[0] {
			case "edge", "node":
				return o.do(c, arguments[0]+"s/"+url.PathEscape(arguments[1])+"/"+verb, body)
			}
			return usage("%s edge ID, or %s node ID", name, name)
		},
	})
	if verb == "drain" {
		c.Flags().BoolVar(&move, "move", false, "hand an edge's players to other edges now")
		c.Flags().DurationVar(&length, "for", 0, "how long an edge is drained; 0: until undrain")
	}
	return c
}

func (o *operator) ban(name, short, path string) *cobra.Command {
	var length time.Duration
	c := o.act(&cobra.Command{
		Use: name + " edge|key|token|session ID --reason WHY", Short: short,
		Long: short + ". Of a token the id (jti) is wanted, not the token; a session stands for its player's token.",
		Args: exactly(2, "edge, key, token or session, and its id"),
		RunE: func(c *cobra.Command, arguments []string) error {
			switch arguments[0] {
			case "edge", "key", "token", "session", "tokenId":
			default:
				return usage("%s edge, key, token or session, not %q", name, arguments[0])
			}
			body := map[string]any{"reason": o.reason, arguments[0]: arguments[1]}
			if length > 0 {
				body["until"] = time.Now().Add(length).UTC().Format(time.RFC3339)
			}
			return o.do(c, path, body)
		},
	})
	if path == "bans" {
		c.Flags().DurationVar(&length, "for", 0, "how long; 0: until unban")
	}
	return c
}

func (o *operator) end() *cobra.Command {
	return o.act(&cobra.Command{
		Use: "end SESSION --reason WHY", Short: "End a session; its player reads the reason", Args: exactly(1, "a session"),
		RunE: func(c *cobra.Command, arguments []string) error {
			return o.do(c, "sessions/"+url.PathEscape(arguments[0])+"/end", map[string]any{"reason": o.reason})
		},
	})
}

// show asks, and prints the answer.
func (o *operator) show(c *cobra.Command, path string) error {
	data, err := o.ask(c, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return o.print(c.OutOrStdout(), data)
}

// do acts, and prints what came of it.
func (o *operator) do(c *cobra.Command, path string, body map[string]any) error {
	if strings.TrimSpace(o.reason) == "" {
		return usage("--reason is missing: the audit log keeps why")
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	data, err := o.ask(c, http.MethodPost, path, text)
	if err != nil {
		return err
	}
	return o.print(c.OutOrStdout(), data)
}

// maxAnswer bounds what is read of signaling.
const maxAnswer = 4 << 20

func (o *operator) ask(c *cobra.Command, method, path string, body []byte) ([]byte, error) {
	if _, err := settle(c); err != nil {
		return nil, err
	}
	if o.tokenFile == "" {
		return nil, usage("--admin-token-file is missing; `nearlight admin token NAME` makes a token")
	}
	content, err := os.ReadFile(o.tokenFile)
	if err != nil {
		return nil, usage("--admin-token-file: %w", err)
	}
	token := strings.TrimSpace(string(content))
	ctx, cancel := context.WithTimeout(c.Context(), adminWriteTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(o.address, "/")+admin.Path+path, bytes.NewReader(body))
	if err != nil {
		return nil, usage("--admin: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask signaling: %w; does it run with --admin-listen, at --admin?", err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read signaling's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		var problem server.Problem
		if err := json.Unmarshal(data, &problem); err != nil || problem.Title == "" {
			return nil, fmt.Errorf("signaling answers %s", response.Status)
		}
		return nil, fmt.Errorf("%s %s", problem.Title, problem.Detail)
	}
	return data, nil
}

// print writes lists as tables, and the rest as JSON.
func (o *operator) print(out io.Writer, data []byte) error {
	var answer struct {
		Edges    []server.EdgeView
		Sessions []server.SessionView
		Waiting  []server.WaitingView
		Orders   []server.OrderView
		Nodes    []server.NodeView
		Acts     []struct {
			Kind, Actor, Detail string
			Session             string
			At                  time.Time
		}
		Explanation *struct{ Ranked, Named, Unmet []struct{ Words string } }
		Next        string
		Silent      []string
	}
	if o.asJSON || json.Unmarshal(data, &answer) != nil {
		var indented bytes.Buffer
		if err := json.Indent(&indented, data, "", "  "); err != nil {
			return fmt.Errorf("signaling's answer is no JSON: %w", err)
		}
		_, err := fmt.Fprintln(out, indented.String())
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(cells ...any) {
		text := make([]string, len(cells))
		for i, cell := range cells {
			text[i] = fmt.Sprint(cell)
		}
		fmt.Fprintln(table, strings.Join(text, "\t")) // its error comes with Flush
	}
	shown := true
	switch {
	case answer.Edges != nil:
		row("EDGE", "NAME", "STATE", "FREE", "SLOTS", "NODE", "PLAYERS", "SHARE", "SCORE", "STANDING")
		for _, e := range answer.Edges {
			players, share, score, words := "any", "-", "-", "nobody checks"
			if s := e.Standing; s != nil {
				players, share, score, words = s.State.String(), fmt.Sprintf("%d/%d", s.Share, match.Whole), fmt.Sprint(s.Score), s.Words
			}
			row(e.ID, e.Name, e.State, e.Free, e.Slots, e.Node, players, share, score, words)
		}
	case answer.Sessions != nil:
		row("SESSION", "APP", "PLAYER", "PHASE", "SPECTATORS", "BEGUN")
		for _, s := range answer.Sessions {
			row(s.ID, s.App, s.Player, s.Phase, s.Spectators, s.Begun.Local().Format(time.DateTime))
		}
	case answer.Waiting != nil:
		row("POSITION", "SINCE", "APP", "ESTIMATE", "NODE")
		for _, w := range answer.Waiting {
			row(w.Position, w.Since.Local().Format(time.DateTime), w.App, w.Estimate, w.Node)
		}
	case answer.Orders != nil:
		row("ORDER", "TARGET", "BY", "AT", "UNTIL", "REASON")
		for _, w := range answer.Orders {
			until := "lifted"
			if w.Until != nil {
				until = w.Until.Local().Format(time.DateTime)
			}
			row(w.Kind, w.Target, w.By, w.At.Local().Format(time.DateTime), until, w.Reason)
		}
	case answer.Nodes != nil:
		row("NODE", "SELF", "DRAINING", "EDGES", "WAITING")
		for _, n := range answer.Nodes {
			row(n.ID, n.Self, n.Draining, n.Edges, n.Waiting)
		}
	case answer.Acts != nil:
		row("AT", "ACT", "BY", "DETAIL", "SESSION")
		for _, a := range answer.Acts {
			row(a.At.Local().Format(time.DateTime), a.Kind, a.Actor, a.Detail, a.Session)
		}
	case answer.Explanation != nil:
		for _, list := range [][]struct{ Words string }{answer.Explanation.Ranked, answer.Explanation.Named, answer.Explanation.Unmet} {
			for _, r := range list {
				row(r.Words)
			}
		}
	default:
		shown = false
	}
	if !shown {
		return (&operator{asJSON: true}).print(out, data)
	}
	if answer.Next != "" {
		row("more: --after " + answer.Next)
	}
	if len(answer.Silent) > 0 {
		row("no answer of: " + strings.Join(answer.Silent, ", "))
	}
	return table.Flush()
}
