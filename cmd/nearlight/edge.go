package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/token"
)

func newEdge() *cobra.Command {
	var f edgeFlags
	var signal, tokenFile, keyFile, mediaAddress, metricsAddress string
	var verbose bool
	c := &cobra.Command{
		Use:   "edge --signal URL --token-file FILE --verify-key FILE [FLAG...] [-- COMMAND ARG...]",
		Short: "Run an edge alone: it renders, encodes and streams for the players that signaling sends",
		RunE: func(c *cobra.Command, arguments []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			verifier, err := readVerifier(keyFile)
			if err != nil {
				return err
			}
			own, err := os.ReadFile(tokenFile)
			if err != nil {
				return usage("read the edge's token (--token-file): %w", err)
			}
			address, err := netip.ParseAddr(mediaAddress)
			if err != nil {
				return usage("--media-address %s: %w", mediaAddress, err)
			}
			logger := newLogger(c.ErrOrStderr(), verbose)
			registry := newRegistry()
			built, err := f.build(c.Context(), arguments, surroundings{
				verifier: verifier, token: strings.TrimSpace(string(own)), media: address, local: address.IsLoopback(), metrics: registry, logger: logger,
			})
			if err != nil {
				return err
			}
			link, err := client.NewEdge(client.Config{URL: signal, Log: logger}, built.node)
			if err != nil {
				return errors.Join(usage("--signal: %w", err), built.close())
			}
			group, ctx := errgroup.WithContext(c.Context())
			if metricsAddress != "" {
				group.Go(func() error { return serveMetrics(ctx, metricsAddress, registry) })
			}
			group.Go(func() error { return explainToken(built.node.Run(ctx, link)) })
			err = errors.Join(group.Wait(), built.close())
			if isLack(err) {
				return lacks(err)
			}
			return err
		},
	}
	f.register(c.Flags())
	c.Flags().StringVar(&signal, "signal", "", "URL of signaling, for example https://play.studio.example; of a cluster, several joined by commas")
	c.Flags().StringVar(&tokenFile, "token-file", "", "file with this edge's token (`nearlight token --role edge`)")
	c.Flags().StringVar(&keyFile, "verify-key", "", "file with the public key by which players' tokens are checked (PEM, Ed25519)")
	c.Flags().StringVar(&metricsAddress, "metrics", "", "address to serve /metrics at, to this machine only, for example 127.0.0.1:9090")
	c.Flags().StringVar(&mediaAddress, "media-address", "0.0.0.0", "address to stream from")
	c.Flags().BoolVar(&verbose, "verbose", false, "log details")
	return c
}

func readVerifier(name string) (*token.Verifier, error) {
	if name == "" {
		return nil, usage("--verify-key is missing; make it from the signing key with: openssl pkey -in nearlight.pem -pubout")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, usage("read the public key: %w", err)
	}
	key, err := token.ParsePublicKey(text)
	if err != nil {
		return nil, usage("public key %s: %w", name, err)
	}
	return token.NewVerifier([]ed25519.PublicKey{key}, token.Scope{}, time.Now)
}

// explainToken says for an edge's owner what signaling says for a player.
func explainToken(err error) error {
	var reason *signaling.Error
	if errors.As(err, &reason) && (reason.Code == signaling.CodeBadToken || reason.Code == signaling.CodeExpiredToken) {
		return fmt.Errorf("signaling does not take this edge's token (%s); sign another with `nearlight token --role edge`, and name it with --token-file", reason.Code)
	}
	return err
}
