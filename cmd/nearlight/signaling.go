package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"nearlight/edge/app"
	"nearlight/signaling/server"
)

func newSignaling() *cobra.Command {
	var listen, keyFile string
	var ways relayFlags
	var hosts, origins []string
	var verbose bool
	c := &cobra.Command{
		Use:   "signaling --verify-key FILE",
		Short: "Run signaling alone: it matches players with edges and serves the pages",
		Long: "Runs signaling and the pages. Tokens that are signed with the key's private half are good, for players and edges alike;\n" +
			"`nearlight token` signs them. Signaling holds only the public half: whoever breaks in cannot sign.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if _, err := settle(c); err != nil {
				return err
			}
			verifier, err := readVerifier(keyFile)
			if err != nil {
				return err
			}
			logger := newLogger(c.ErrOrStderr(), verbose)
			registry := newRegistry()
			relay, err := ways.open(nil, registry, logger)
			if err != nil {
				return err
			}
			defer func() {
				if err != nil {
					err = errors.Join(err, relay.close())
				}
			}()
			signals, err := server.New(server.Config{
				Verifier: verifier, Hosts: hosts, Origins: origins, Relay: relay.config, Log: logger, Metrics: registry,
			})
			if err != nil {
				return usage("%w", err)
			}
			pages := builtPages(logger)
			listener, err := listenOn(listen)
			if err != nil {
				return err
			}
			serving := &http.Server{
				Handler:           site{pages: pages, pictures: app.Pictures(), signaling: signals.Handler(), metrics: registry}.handler(),
				ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
			}
			group, ctx := errgroup.WithContext(c.Context())
			group.Go(func() error {
				if err := serving.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
					return fmt.Errorf("serve: %w", err)
				}
				return nil
			})
			if relay.turn != nil {
				group.Go(func() error { return relay.turn.Run(ctx) })
			}
			group.Go(func() error {
				err := signals.Run(ctx)
				shutting, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
				defer cancel()
				return errors.Join(err, serving.Shutdown(shutting))
			})
			logger.Info("signaling is ready", "address", listener.Addr().String())
			return group.Wait()
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address of the pages and of signaling")
	c.Flags().StringVar(&keyFile, "verify-key", "", "file with the public key by which tokens are checked (PEM, Ed25519)")
	ways.register(c.Flags())
	c.Flags().StringSliceVar(&hosts, "hosts", nil, "names under which players reach it (default: localhost)")
	c.Flags().StringSliceVar(&origins, "origins", nil, "further origins whose pages may use it, for example https://studio.example")
	c.Flags().BoolVar(&verbose, "verbose", false, "log details")
	return c
}
