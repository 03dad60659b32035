// Package e2e holds the tests that run the real program and play with it: what a user sees when all is well, and when it
// is not. It has no code of its own.
package e2e

import (
	"os"
	"testing"

	"nearlight/internal/e2e/e2etest"
)

func TestMain(m *testing.M) { os.Exit(e2etest.Main(m)) }
