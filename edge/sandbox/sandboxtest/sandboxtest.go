// Package sandboxtest lets a test hold for a root edge and for an ordinary user's alike: tests that run as root run a
// second time, in a process of their own, as an unprivileged user.
package sandboxtest

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"nearlight/edge/sandbox"
)

// ordinaryUser owns nothing on the machine; it is none of the slots' users.
const ordinaryUser = 61183

// ForEachUser runs the test, and once more as an ordinary user when this is root.
func ForEachUser(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Run("as an ordinary user", test)
		return
	}
	t.Run("as root", test)
	t.Run("again as an ordinary user", func(t *testing.T) {
		binary, folder := publish(t)
		cmd := exec.Command(binary, "-test.run=^"+t.Name()[:len(t.Name())-len("/again_as_an_ordinary_user")]+"$", "-test.v")
		cmd.Dir = folder
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "TMPDIR=" + folder, "LANG=C.UTF-8"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinaryUser, Gid: ordinaryUser}}
		output, err := cmd.CombinedOutput()
		t.Logf("%s", output)
		if err != nil {
			t.Fatalf("as uid %d: %v", ordinaryUser, err)
		}
	})
}

// publish copies the test's binary to where any user may run it.
func publish(t *testing.T) (binary, folder string) {
	t.Helper()
	folder, err := os.MkdirTemp("/var/tmp", "nearlight-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	source, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	binary = filepath.Join(folder, "test")
	target, err := os.OpenFile(binary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(target, source)
	if err = errors.Join(err, target.Close(), os.Chown(folder, ordinaryUser, ordinaryUser)); err != nil {
		t.Fatal(err)
	}
	return binary, folder
}

// Probe returns the machine's sandbox, or skips, by name, where there is none.
func Probe(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.Probe(context.Background())
	if errors.Is(err, sandbox.ErrUnavailable) {
		t.Skipf("SKIPPED, this machine cannot confine apps: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Folder is a private folder for a session, reachable by the identity.
func Folder(t *testing.T, identity sandbox.Identity) string {
	t.Helper()
	base, err := os.MkdirTemp("", "session-") // short: sockets are made below it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	folder := filepath.Join(base, "own")
	if err := errors.Join(os.Chmod(base, 0o711), identity.MakeFolder(folder)); err != nil {
		t.Fatal(err)
	}
	return folder
}

// Eventually waits for what another process does, for at most ten seconds.
func Eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		if holds() {
			tick.Stop()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within ten seconds: %s", what)
		}
	}
}
