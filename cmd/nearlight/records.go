package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"nearlight/internal/store"
)

// records is the store of a signaling node, written to until it is closed.
type records struct {
	*store.Store
	stop    context.CancelFunc
	written chan error
}

// openRecords opens the database that the flag names, and makes it where it is a file; nil where none is named.
func openRecords(ctx context.Context, database string, metrics prometheus.Registerer, logger *slog.Logger) (*records, error) {
	if database == "" {
		return nil, nil
	}
	opened, err := store.Open(ctx, store.Config{Database: database, Log: logger, Metrics: metrics})
	if err != nil {
		return nil, fmt.Errorf("--database: %w", err)
	}
	// Signaling's last words are written after it was told to end.
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &records{Store: opened, stop: stop, written: make(chan error, 1)}
	go func() { r.written <- opened.Run(writing) }()
	return r, nil
}

// close writes what waits.
func (r *records) close() error {
	if r == nil {
		return nil
	}
	r.stop()
	return errors.Join(<-r.written, r.Close())
}
