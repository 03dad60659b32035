// Package e2etest answers one question: what does someone who runs the real program get to see?
//
// Start runs `nearlight up` in a folder of the test's own; Run runs any of its commands to their end. A Player plays over
// the same sockets as a browser would. When a test ends, Start's cleanup ends the program and fails the test for
// everything that is left of it: processes, files, shared memory.
//
// # Roles
//
// A test binary that calls Main can play parts outside of the test's process: an app that draws once (Still) and may be heard
// (Singing, Clicking), and a player that can be killed (StartDoomed).
//
// # Concurrency
//
// Programs and players may be used from several goroutines, and tests with programs of their own run in parallel.
package e2etest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the program under test, built by Main before any test runs and the same for all of them.
var binary string

// The parts that a test binary plays when its first argument names one.
const (
	roleStill   = "e2e-still"
	roleDoomed  = "e2e-doomed"
	roleSound   = "e2e-sound"
	roleHearing = "e2e-hearing"
)

// Main builds the program, with the race detector when the tests have it, runs the tests and returns their exit code.
// In a process that was started for a role it plays that instead.
func Main(m *testing.M) int {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case roleStill:
			return report(runStill())
		case roleSound:
			return report(runSound(os.Args[2:]))
		case roleHearing:
			return report(runHearing(os.Args[2:]))
		case roleDoomed:
			return report(runDoomed(os.Args[2:]))
		}
	}
	folder, err := os.MkdirTemp("", "e2e-program-")
	if err != nil {
		return report(err)
	}
	defer os.RemoveAll(folder)
	if err := os.Chmod(folder, 0o755); err != nil { // sessions run it as users of their own
		return report(err)
	}
	binary = filepath.Join(folder, "nearlight")
	arguments := []string{"build", "-o", binary}
	if RaceDetector {
		arguments = append(arguments, "-race")
	}
	build := exec.Command("go", append(arguments, "nearlight/cmd/nearlight")...)
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return report(fmt.Errorf("build nearlight: %w", err))
	}
	return m.Run()
}

func report(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// self is the test binary, for starting it in a role.
func self(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// errNoDisplay says that a role was started by hand.
var errNoDisplay = errors.New("this part is for a session's display: DISPLAY is not set")
