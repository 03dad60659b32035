//go:build !cgo

package fakefbc

import (
	"fmt"

	"nearlight/internal/media"
)

// Build returns an error that wraps ErrNotBuilt.
func Build(string) error { return fmt.Errorf("%w: this build has no cgo", ErrNotBuilt) }

// Double is never made in this build.
type Double struct{}

// Load returns an error that wraps ErrNotBuilt.
func Load(string) (*Double, error) { return nil, Build("") }

// Show does nothing.
func (*Double) Show(media.Size, []byte) {}

// Inject does nothing.
func (*Double) Inject(Fault, int) {}

// AwaitGrab reports false.
func (*Double) AwaitGrab() bool { return false }

// Report is empty.
func (*Double) Report() []string { return nil }
