package main

import (
	"context"
	"log/slog"

	"github.com/spf13/pflag"

	"nearlight/internal/tracing"
)

func registerTraces(flags *pflag.FlagSet, collector *string) {
	flags.StringVar(collector, "traces", "", "URL of an OpenTelemetry collector (OTLP over HTTP) to which the parts of each session's start are told, for example http://127.0.0.1:4318")
}

// openTraces prepares to tell the collector of the flag, if it names one.
func openTraces(ctx context.Context, collector, service string, logger *slog.Logger) (*tracing.Tracing, error) {
	traces, err := tracing.Open(ctx, tracing.Config{Collector: collector, Service: service, Log: logger})
	if err != nil {
		return nil, usage("--traces: %w", err)
	}
	return traces, nil
}
