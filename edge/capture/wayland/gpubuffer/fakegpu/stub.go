//go:build !(linux && cgo)

package fakegpu

import "fmt"

// Build returns an error that wraps ErrNotBuilt.
func Build(string) error { return fmt.Errorf("%w: this build has no cgo", ErrNotBuilt) }

// Double is never made in this build.
type Double struct{}

// Load returns an error that wraps ErrNotBuilt.
func Load(string) (*Double, error) { return nil, Build("") }

// Place does nothing.
func (*Double) Place(string, int, bool) {}

// Inject does nothing.
func (*Double) Inject(Fault) {}

// Report is empty.
func (*Double) Report() []string { return nil }
