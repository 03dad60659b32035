package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/client"
)

func newEdge() *cobra.Command {
	var f edgeFlags
	var wallet walletFlags
	var endorsement string
	var signal, tokenFile, mediaAddress, metricsAddress string
	var keys []string
	var verbose bool
	c := &cobra.Command{
		Use:   "edge --signal URL {--token-file FILE | --wallet FILE --folder FOLDER} --verify-key FILE [FLAG...] [-- COMMAND ARG...]",
		Short: "Run an edge alone: it renders, encodes and streams for the players that signaling sends; or ask what checkers have found, and say what it is to do",
		Long: "Runs an edge: it renders, encodes and streams for the players that signaling sends.\n\n" +
			"Its owner reads by the commands below what checkers have found about it, appeals, and announces leave, while it runs or not.\n" +
			"An app of such a name is run behind --, as any: nearlight edge FLAG... -- drain",
		RunE: func(c *cobra.Command, arguments []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			logger := newLogger(c.ErrOrStderr(), verbose)
			verifier, err := readVerifier(c.Context(), keys, logger)
			if err != nil {
				return err
			}
			own, err := readEdgeToken(tokenFile, wallet.file != "" || f.folder != "")
			if err != nil {
				return err
			}
			var key *identity.Key
			if wallet.file != "" {
				if key, err = wallet.open(c.Context()); err != nil {
					return err
				}
			}
			address, err := netip.ParseAddr(mediaAddress)
			if err != nil {
				return usage("--media-address %s: %w", mediaAddress, err)
			}
			traces, err := openTraces(c.Context(), f.traces, "edge", logger)
			if err != nil {
				return err
			}
			defer traces.Close()
			registry := newRegistry()
			in := surroundings{
				verifier: verifier.Verifier, token: own, media: address, local: address.IsLoopback(), metrics: registry, traces: traces, logger: logger,
			}
			if in.home, err = f.openHome(key, logger); err != nil {
				return err
			}
			if in.endorsed, err = readEndorsement(endorsement, in.home.key.Address()); err != nil {
				return errors.Join(err, in.home.close())
			}
			built, err := f.build(c.Context(), arguments, in)
			if err != nil {
				return errors.Join(err, in.home.close())
			}
			logger.Info("the edge's key", "address", in.home.key.Address())
			link, err := client.NewEdge(client.Config{URL: signal, Signer: in.home.key, Log: logger}, built.node)
			if err != nil {
				return errors.Join(usage("--signal: %w", err), built.close())
			}
			group, ctx := errgroup.WithContext(c.Context())
			if metricsAddress != "" {
				group.Go(func() error { return serveMetrics(ctx, metricsAddress, registry) })
			}
			group.Go(func() error { return verifier.run(ctx) })
			group.Go(func() error { return explainToken(built.node.Run(ctx, link)) })
			err = errors.Join(group.Wait(), built.close())
			if isLack(err) {
				return lacks(err)
			}
			return err
		},
	}
	f.register(c.Flags())
	wallet.register(c.Flags(), "this edge's key, by which it is known and signs its leases; without one the edge makes a key of its own in --folder")
	c.Flags().StringVar(&endorsement, "endorsement", "", "file with what a studio's root key has signed of this edge's (nearlight wallet endorse)")
	c.Flags().StringVar(&signal, "signal", "", "URL of signaling, for example https://play.studio.example; of a cluster, several joined by commas")
	c.Flags().StringVar(&tokenFile, "token-file", "", "file with this edge's token (nearlight token issue --role edge); not needed where the operator knows its address")
	c.Flags().StringSliceVar(&keys, "verify-key", nil, verifyKeyUsage)
	c.Flags().StringVar(&metricsAddress, "metrics", "", "address to serve /metrics at, to this machine only, for example 127.0.0.1:9090")
	c.Flags().StringVar(&mediaAddress, "media-address", "0.0.0.0", "address to stream from")
	c.Flags().BoolVar(&verbose, "verbose", false, "log details")
	addOwners(c)
	return c
}

// readEdgeToken reads the edge's own token; "" where it has a key instead.
func readEdgeToken(name string, hasKey bool) (string, error) {
	if name == "" && hasKey {
		return "", nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", usage("read the edge's token (--token-file): %w; or name a wallet (--wallet) or a folder (--folder) with a key whose address signaling's operator knows", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// readEndorsement reads what a root has signed of the edge's key; nil without a file.
func readEndorsement(name string, edge identity.Address) (*identity.Endorsed, error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, usage("read the endorsement: %w", err)
	}
	endorsed, err := identity.ParseEndorsed(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, usage("--endorsement %s: %w", name, err)
	}
	if endorsed.Edge != edge {
		return nil, usage("--endorsement %s is of %s, the edge's key is %s", name, endorsed.Edge, edge)
	}
	return &endorsed, nil
}

// explainToken says for an edge's owner what signaling says for a player.
func explainToken(err error) error {
	var reason *signaling.Error
	if errors.As(err, &reason) && (reason.Code == signaling.CodeBadToken || reason.Code == signaling.CodeExpiredToken) {
		return fmt.Errorf("signaling does not take this edge's token (%s); sign another with `nearlight token issue --role edge`, and name it with --token-file", reason.Code)
	}
	return err
}
