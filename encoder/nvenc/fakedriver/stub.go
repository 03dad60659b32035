//go:build !cgo

package fakedriver

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

// Inject does nothing.
func (*Double) Inject(Fault, int) {}

// Report is empty.
func (*Double) Report() []string { return nil }

// Texture does nothing.
func (*Double) Texture(uint32, media.Size, []byte) {}
