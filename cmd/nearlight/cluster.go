package main

import (
	"log/slog"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"nearlight/internal/bus"
)

// clusterFlags join signaling nodes.
type clusterFlags struct {
	nats, listen, secretFile string
	peers                    []string
}

func (f *clusterFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.nats, "nats", "", "NATS cluster by which signaling nodes find each other, nats://HOST:PORT, several joined by commas")
	flags.StringVar(&f.listen, "cluster-listen", "", "HOST:PORT where other signaling nodes reach this one; without NATS of your own, nodes join by this. Not encrypted: for a network of your own")
	flags.StringSliceVar(&f.peers, "cluster-peers", nil, "HOST:PORT of other nodes' --cluster-listen; some are enough, and this node's own may be among them")
	flags.StringVar(&f.secretFile, "cluster-secret", "", "file with the secret that the nodes of a cluster share")
}

// open joins the cluster that the flags name; nil for a node alone, which needs none.
func (f *clusterFlags) open(metrics prometheus.Registerer, logger *slog.Logger) (*bus.NATS, error) {
	if f.nats == "" && f.listen == "" {
		if len(f.peers) > 0 || f.secretFile != "" {
			return nil, usage("--cluster-peers and --cluster-secret need --cluster-listen: the address where the other nodes reach this one")
		}
		return nil, nil
	}
	config := bus.Config{URL: f.nats, Log: logger, Metrics: metrics}
	if f.nats == "" {
		if f.secretFile == "" {
			return nil, usage("--cluster-secret is missing; make one with: openssl rand -hex 32 > cluster.secret")
		}
		secret, err := os.ReadFile(f.secretFile)
		if err != nil {
			return nil, usage("read the cluster's secret: %w", err)
		}
		config.Cluster = bus.Cluster{Listen: f.listen, Peers: f.peers, Secret: strings.TrimSpace(string(secret))}
	}
	opened, err := bus.Open(config)
	if err != nil {
		return nil, usage("%w", err)
	}
	return opened, nil
}
