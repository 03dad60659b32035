// Package cudatest answers: has this machine an NVIDIA GPU that a test may use? Tests against hardware are named TestGPU and run by
// `make test-gpu`, which says of each that it ran, failed, or could not run and why. In any other run they are skipped by name.
package cudatest

import (
	"os"
	"testing"

	"nearlight/internal/cuda"
)

// Variable in the environment asks for tests against hardware; LibrariesVariable names the folder of NVIDIA's libraries, where that is
// not the system's.
const (
	Variable          = "NEARLIGHT_TEST_GPU"
	LibrariesVariable = "NEARLIGHT_NVIDIA_LIBRARIES"
)

// Wanted skips a test unless tests against hardware are asked for.
func Wanted(t testing.TB) {
	t.Helper()
	if os.Getenv(Variable) == "" {
		t.Skipf("SKIPPED: %s looks at this machine's hardware; `make test-gpu` runs it", t.Name())
	}
}

// Retain is a context on this machine's first NVIDIA GPU until the test ends. Without such a GPU it skips the test, and says so.
func Retain(t testing.TB) *cuda.Context {
	t.Helper()
	Wanted(t)
	context, err := cuda.Retain(os.Getenv(LibrariesVariable), 0)
	if err != nil {
		t.Skipf("COULD NOT RUN: %v", err)
	}
	t.Cleanup(func() {
		if err := context.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Logf("on %s, CUDA %d.%d", context.Device().Name, context.Version()/1000, context.Version()%1000/10)
	return context
}
