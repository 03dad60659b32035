// Package fakedrivertest builds the double of NVIDIA's driver for the tests of one package, and holds each of them to its
// books: what a test did wrong, or still holds at its end, fails it.
//
// A Setup belongs to one test binary; its methods may be called by any of its tests.
package fakedrivertest

import (
	"fmt"
	"os"
	"testing"

	"nearlight/encoder/nvenc/fakedriver"
)

// Setup is a double that was built: its folder, or why there is none. The zero Setup is made by Run.
type Setup struct {
	Folder  string
	missing error
}

// Run builds the double, runs the tests and returns their exit code, for TestMain. A test that runs its program again hands the
// folder on in the environment variable; "" is for packages whose tests do not.
func (s *Setup) Run(m *testing.M, variable string, build func(folder string) error) int {
	if variable != "" {
		if s.Folder = os.Getenv(variable); s.Folder != "" {
			return m.Run()
		}
	}
	folder, err := os.MkdirTemp("", "fakedriver")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	s.Folder, s.missing = folder, build(folder)
	return m.Run()
}

// Need skips the test where there is no double.
func (s *Setup) Need(t testing.TB) {
	t.Helper()
	if s.missing != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), s.missing)
	}
}

// Load loads the double, or skips the test. When the test ends its fault is taken back and its books are read.
func (s *Setup) Load(t testing.TB) *fakedriver.Double {
	t.Helper()
	s.Need(t)
	d, err := fakedriver.Load(s.Folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Inject(fakedriver.None, 0)
		for _, line := range d.Report() {
			t.Error(line)
		}
	})
	return d
}
