package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// newRegistry makes a registry with the process's own figures.
func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// metricsHandler shows figures to this machine only: they tell when an owner's machine is idle.
func metricsHandler(from prometheus.Gatherer) http.Handler {
	return onlyFromThisMachine(promhttp.HandlerFor(from, promhttp.HandlerOpts{}))
}

// serveMetrics serves /metrics at an address of its own until ctx ends.
func serveMetrics(ctx context.Context, address string, from prometheus.Gatherer) error {
	listener, err := listenOn(address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metricsHandler(from))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes}
	stop := context.AfterFunc(ctx, func() { server.Close() }) // a scrape that is cut off is of no consequence
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}

func onlyFromThisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if from, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || !from.Addr().Unmap().IsLoopback() {
			http.Error(w, "metrics are served to this machine only; scrape them through a local agent", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
