//go:build linux && cgo

package window

import "context"

// RunDirect is Run on a display that is taken for one with a GPU.
func RunDirect(ctx context.Context, config Config) error { return run(ctx, config, openDirect) }
