// Package xvfbtest starts an X server of a test's own, which ends with the test.
//
// A test on a machine without Xvfb is skipped, by name.
package xvfbtest

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nearlight/internal/media"
)

// Server is a running Xvfb.
type Server struct {
	Display   string // as in DISPLAY
	Socket    string // path of its unix socket
	Cookie    []byte // MIT-MAGIC-COOKIE-1; nobody is let in without it
	Authority string // path of a file for XAUTHORITY

	command *exec.Cmd
}

// Start starts an Xvfb of the given size and depth 24, with further arguments, and waits until it accepts clients.
func Start(t testing.TB, size media.Size, arguments ...string) *Server {
	t.Helper()
	return start(t, size, &syscall.SysProcAttr{}, arguments)
}

// nobody is the uid and gid of no one in particular.
const nobody = 65534

// StartApart is Start under another uid and in another IPC namespace, as a session's server runs. A test without the
// rights for that is skipped, by name.
func StartApart(t testing.TB, size media.Size, arguments ...string) *Server {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("SKIPPED %s: only root can start an X server under another uid", t.Name())
	}
	return start(t, size, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWIPC, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}, arguments)
}

func start(t testing.TB, size media.Size, attributes *syscall.SysProcAttr, arguments []string) *Server {
	t.Helper()
	program, err := exec.LookPath("Xvfb")
	if err != nil {
		t.Skipf("SKIPPED %s: Xvfb is missing (apt-get install xvfb)", t.Name())
	}
	s := &Server{Cookie: make([]byte, 16), Authority: filepath.Join(t.TempDir(), "authority")}
	if _, err := rand.Read(s.Cookie); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Authority, authority(s.Cookie), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := attributes.Credential; c != nil {
		if err := os.Chown(s.Authority, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	ready, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	fixed := []string{"-displayfd", "3", "-screen", "0", size.String() + "x24", "-nolisten", "tcp", "-noreset", "-auth", s.Authority}
	s.command = exec.Command(program, append(fixed, arguments...)...)
	s.command.ExtraFiles = []*os.File{write}
	attributes.Pdeathsig = syscall.SIGKILL
	s.command.SysProcAttr = attributes
	var output bytes.Buffer
	s.command.Stderr = &output
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() && output.Len() > 0 {
			t.Logf("Xvfb said:\n%s", output.Bytes())
		}
	})
	number, err := bufio.NewReader(ready).ReadString('\n')
	if err != nil {
		s.Kill()
		t.Fatalf("Xvfb did not start: %v\n%s", err, output.Bytes())
	}
	number = strings.TrimSpace(number)
	s.Display = ":" + number
	s.Socket = "/tmp/.X11-unix/X" + number
	return s
}

// PID is the server's process.
func (s *Server) PID() int { return s.command.Process.Pid }

// Kill ends the server without notice, waits until it is gone, and removes what it had no time to. It may be called
// more than once.
func (s *Server) Kill() {
	if s.command.ProcessState != nil {
		return
	}
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
	if s.Display != "" {
		_ = os.Remove(s.Socket) // with -displayfd there is no lock file
	}
}

// Stop freezes the server, so that it answers nothing.
func (s *Server) Stop() error { return s.command.Process.Signal(syscall.SIGSTOP) }

// Environment is what a client program needs to find the server.
func (s *Server) Environment() []string {
	return append(os.Environ(), "DISPLAY="+s.Display, "XAUTHORITY="+s.Authority)
}

// authority is one entry of an authority file that holds for every address (libXau, Xauth.h: FamilyWild).
func authority(cookie []byte) []byte {
	const familyWild = 0xffff
	b := binary.BigEndian.AppendUint16(nil, familyWild)
	for _, field := range []string{"", "", "MIT-MAGIC-COOKIE-1", string(cookie)} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(field)))
		b = append(b, field...)
	}
	return b
}

// String names the server in a test's log.
func (s *Server) String() string { return fmt.Sprintf("Xvfb %s (pid %d)", s.Display, s.PID()) }
