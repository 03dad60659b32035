package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"nearlight/edge/app"
	"nearlight/signaling/admin"
	"nearlight/signaling/server"
)

func newSignaling() *cobra.Command {
	var listen, edgeKeys, database, studios string
	var ways relayFlags
	var verifyKeys, hosts, origins []string
	var cluster clusterFlags
	var matching matchFlags
	var drain time.Duration
	var perAddress, edges int
	var collector string
	var verbose bool
	var secure tlsFlags
	var operators adminFlags
	var checking checksFlags
	c := &cobra.Command{
		Use:   "signaling --verify-key FILE",
		Short: "Run signaling alone: it matches players with edges and serves the pages",
		Long: "Runs signaling and the pages. Tokens that are signed with a key's private half are good, for players and edges alike;\n" +
			"`nearlight token` signs them. Signaling holds only the public half: whoever breaks in cannot sign.\n\n" +
			"Several make a cluster of equals, by --cluster-listen or --nats: edges and players connect to any of them, and go on at another when one is\n" +
			"stopped or fails. None keeps anything: the edges tell what they run.\n\n" +
			"With --admin-listen operators get an API and a console, which answer for the whole cluster (`nearlight admin`, docs/runbook.md).",
		Example: "  nearlight signaling --verify-key public.pem\n" +
			"  nearlight signaling --verify-key public.pem --listen :8080 --cluster-listen 10.0.0.1:6222 --cluster-peers 10.0.0.2:6222 --cluster-secret cluster.secret",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if _, err := settle(c); err != nil {
				return err
			}
			logger := newLogger(c.ErrOrStderr(), verbose)
			verifier, err := readVerifier(c.Context(), verifyKeys, logger)
			if err != nil {
				return err
			}
			speaking, err := secure.open(hosts, logger)
			if err != nil {
				return err
			}
			keys, err := readEdgeKeys(edgeKeys, logger)
			if err != nil {
				return err
			}
			roster, err := readStudios(studios, verifier.studios, logger)
			if err != nil {
				return err
			}
			frugalCollector()
			registry := newRegistry()
			relay, err := ways.open(nil, speaking.tls, registry, logger)
			if err != nil {
				return err
			}
			defer func() {
				if err != nil {
					err = errors.Join(err, relay.close())
				}
			}()
			traces, err := openTraces(c.Context(), collector, "signaling", logger)
			if err != nil {
				return err
			}
			defer traces.Close()
			config := server.Config{
				Verifier: verifier.Verifier, EdgeAccess: server.EdgeAccess{Keys: keys}, Hosts: hosts, Origins: origins, Relay: relay.config,
				Studios: roster, Log: logger, Metrics: registry, DrainTime: drain, Limits: server.Limits{PerAddress: perAddress, Edges: edges},
			}
			if traces.On() {
				config.Spans = traces.Tracer()
			}
			places, err := matching.open(&config, logger)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, places.close()) }()
			kept, err := openRecords(c.Context(), database, registry, logger)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, kept.close()) }()
			if kept != nil {
				config.Records, config.Used = kept, kept.Used
			}
			joined, err := cluster.open(registry, logger)
			if err != nil {
				return err
			}
			if joined != nil {
				defer joined.Close()
				config.Bus = joined
			}
			checked, err := checking.open(c.Context(), logger)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, checked.close()) }()
			if checked != nil {
				config.Checks, config.CheckKey = checked, checked.key
			}
			signals, err := server.New(config)
			if err != nil {
				return usage("%w", err)
			}
			checked.join(signals)
			pages := builtPages(logger)
			operated, err := operators.open(admin.Config{Network: signals, Checks: checked.asked(), Log: logger}, pages, speaking, logger)
			if err != nil {
				return err
			}
			listener, err := listenOn(listen)
			if err != nil {
				return err
			}
			serving := &http.Server{
				Handler:           site{pages: pages, pictures: app.Pictures(), signaling: signals.Handler(), checks: checked.handler(), metrics: registry}.handler(),
				ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
				ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
			}
			group, ctx := errgroup.WithContext(c.Context())
			group.Go(func() error { return verifier.run(ctx) })
			group.Go(func() error {
				if err := serving.Serve(speaking.wrap(listener)); !errors.Is(err, http.ErrServerClosed) {
					return fmt.Errorf("serve: %w", err)
				}
				return nil
			})
			group.Go(func() error { return operated.run(ctx) })
			group.Go(func() error { return checked.run(ctx) })
			if relay.turn != nil {
				group.Go(func() error { return relay.turn.Run(ctx) })
			}
			group.Go(func() error {
				speaking.obtain(ctx)
				return nil
			})
			group.Go(func() error {
				err := signals.Run(ctx)
				shutting, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
				defer cancel()
				return errors.Join(err, serving.Shutdown(shutting))
			})
			logger.Info("signaling is ready", "address", listener.Addr().String(), "https", speaking.tls != nil)
			return group.Wait()
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address of the pages and of signaling")
	c.Flags().StringSliceVar(&verifyKeys, "verify-key", nil, verifyKeyUsage)
	c.Flags().StringVar(&edgeKeys, "edge-keys", "", "file of the addresses whose edges may register without a token, one a line; read again when it changes")
	c.Flags().StringVar(&studios, "studios", "", "file of what the tokens of each studio may do, whose keys --verify-key names: pages, games at once, requests, bitrate, price, regions "+
		"(docs/studio.md); read again when it changes")
	ways.register(c.Flags())
	c.Flags().StringSliceVar(&hosts, "hosts", nil, "names under which players reach it (default: localhost)")
	c.Flags().StringSliceVar(&origins, "origins", nil, "further origins whose pages may use it, for example https://studio.example")
	secure.register(c.Flags())
	cluster.register(c.Flags())
	matching.register(c.Flags())
	operators.register(c.Flags())
	checking.register(c.Flags())
	c.Flags().StringVar(&database, "database", "", "keep who played what, when and where: a file (SQLite), or postgres://USER:PASSWORD@HOST/NAME, which nodes of a cluster share (docs/privacy.md); empty keeps nothing")
	c.Flags().DurationVar(&drain, "drain", time.Second, "over how long connections are closed at the end, so that edges and players do not come to the other nodes all at once")
	c.Flags().IntVar(&perAddress, "connections-per-address", server.DefaultPerAddress, "connections that one address may have")
	c.Flags().IntVar(&edges, "max-edges", server.DefaultEdges, "edges that may be connected to this node")
	registerTraces(c.Flags(), &collector)
	c.Flags().BoolVar(&verbose, "verbose", false, "log details")
	return c
}
