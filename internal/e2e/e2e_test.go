// Package e2e holds the tests that run the real program and play with it: what a user sees when all is well, and when it
// is not. It has no code of its own.
package e2e

import (
	"os"
	"testing"

	"nearlight/internal/e2e/e2etest"
)

func TestMain(m *testing.M) { os.Exit(e2etest.Main(m)) }

// start runs `nearlight up FLAGS -- COMMAND`.
func start(t *testing.T, command []string, flags ...string) *e2etest.Program {
	t.Helper()
	return e2etest.Start(t, append(append(flags, "--"), command...)...)
}

// playWhenIdle plays once no session runs, so that what is left of another one does not count.
func playWhenIdle(t *testing.T, up *e2etest.Program, r e2etest.Request) *e2etest.Player {
	t.Helper()
	e2etest.Eventually(t, e2etest.Patience, "no session runs", func() bool { return up.Metric(t, "nearlight_edge_sessions") == 0 })
	return up.Play(t, r)
}
