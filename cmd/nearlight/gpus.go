package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nearlight/edge/gpu"
)

// gpuPatience is for NVIDIA's driver at start: a card that sleeps may take seconds to wake, one in trouble may never do
// so, and an edge runs without either.
const gpuPatience = 10 * time.Second

// openGPUs looks for NVIDIA cards and has their figures told with the others. Without a card, or with a driver that does
// not work, it returns nil: sessions are then drawn and encoded by the processor.
func openGPUs(ctx context.Context, open func(context.Context) (*gpu.Library, error), metrics prometheus.Registerer, logger *slog.Logger) (*gpu.Library, error) {
	ctx, cancel := context.WithTimeout(ctx, gpuPatience)
	defer cancel()
	library, in, err := lookAtGPUs(ctx, open)
	switch {
	case errors.Is(err, gpu.ErrNone):
		logger.Debug("no GPU", "reason", err)
		return nil, nil
	case err != nil:
		logger.Warn("GPUs are not used", "error", err)
		return nil, nil
	}
	if err := metrics.Register(gpu.NewCollector(library)); err != nil {
		return nil, errors.Join(err, library.Close())
	}
	for _, g := range in.GPUs {
		if g.Err != nil {
			logger.Warn("GPU in trouble", "gpu", g.Index, "name", g.Name, "address", g.Address, "error", g.Err)
			continue
		}
		logger.Info("GPU found", "gpu", g.Index, "name", g.Name, "address", g.Address, "driver", in.Driver)
	}
	return library, nil
}

// lookAtGPUs opens the library and takes a first look. The library is its caller's to close unless there is an error.
func lookAtGPUs(ctx context.Context, open func(context.Context) (*gpu.Library, error)) (*gpu.Library, gpu.Inventory, error) {
	library, err := open(ctx)
	if err != nil {
		return nil, gpu.Inventory{}, err
	}
	in, err := library.Query(ctx)
	if err != nil {
		return nil, in, errors.Join(err, library.Close())
	}
	return library, in, nil
}
