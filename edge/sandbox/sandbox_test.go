package sandbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nearlight/edge/sandbox"
	"nearlight/edge/sandbox/sandboxtest"
)

// output collects what a program writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func identity(t *testing.T) sandbox.Identity {
	t.Helper()
	i, err := sandbox.IdentityFor(3)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// hold starts a cage that others enter: its program runs until the test is over.
func hold(t *testing.T, s *sandbox.Sandbox) (*sandbox.Process, *sandbox.Namespaces) {
	t.Helper()
	said := &output{}
	p, err := s.Start(sandbox.Command{
		Args: []string{"sh", "-c", "echo ready; exec sleep 1000"}, Env: []string{"PATH=/usr/bin"}, Identity: identity(t), Output: said,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(0) })
	sandboxtest.Eventually(t, "the outer cage is ready", func() bool { return said.String() != "" })
	n, err := p.Namespaces()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return p, n
}

// run runs a shell script in a cage inside another, as apps run, and returns what it said.
func run(t *testing.T, s *sandbox.Sandbox, c sandbox.Command, script string) (string, error) {
	t.Helper()
	said := &output{}
	c.Args, c.Output, c.Identity = []string{"sh", "-c", script}, said, identity(t)
	if c.Env == nil {
		c.Env = []string{"PATH=/usr/bin:/bin"}
	}
	p, err := s.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	err = p.Err()
	return said.String(), err
}

func TestACageShowsAReadOnlySystemAndNothingElse(t *testing.T) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		s := sandboxtest.Probe(t)
		_, n := hold(t, s)
		for _, step := range []struct{ name, script, want string }{
			{"no capability and no new privileges", "grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status | tr -d '\\t\\n'",
				"CapEff:0000000000000000CapBnd:0000000000000000NoNewPrivs:1"},
			{"the system cannot be written", "for f in /usr/x /etc/x /x /bin/x /home/x /opt/x; do touch $f 2>/dev/null && echo $f; done; echo done", "done\n"},
			{"temporary files can", "echo text > /tmp/file && cat /tmp/file", "text\n"},
			{"and their folder is bounded", "stat -fc '%b %S' /tmp | awk '{ print ($1*$2 <= 512*1024*1024) }'", "1\n"},
			{"no network device but loopback", "ls /sys/class/net 2>/dev/null; tail -n +3 /proc/net/dev | grep -vc lo:", "0\n"},
			{"no abstract socket of the machine", "grep -c @ /proc/net/unix", "0\n"},
			{"only its own processes", "ls /proc | grep -c '^[0-9]'", "5\n"}, // init, sh, ls, grep, and the subshell's pipe member
			{"nobody's home", "ls -A /home /root /srv /mnt /media 2>/dev/null", ""},
			{"no user namespace of its own", "unshare --user true 2>/dev/null || echo refused", "refused\n"},
			{"a name for itself", "id -un", "player\n"},
			{"no environment but what was given", "env | grep -v -E '^(PWD|SHLVL|_|OLDPWD)='", "PATH=/usr/bin:/bin\n"},
			{"no disk", "ls /dev | grep -c -E 'sd|vd|nvme|mem|kvm'", "0\n"},
			{"no terminal", "sh -c ': > /dev/tty' 2>/dev/null || echo none", "none\n"},
		} {
			t.Run(step.name, func(t *testing.T) {
				got, _ := run(t, s, sandbox.Command{Inside: n}, step.script)
				if step.name == "only its own processes" {
					if got = strings.TrimSpace(got); len(got) != 1 {
						t.Fatalf("a cage sees %s processes", got)
					}
					return
				}
				if got != step.want {
					t.Fatalf("%s\nsaid %q, want %q", step.script, got, step.want)
				}
			})
		}
	})
}

func TestTwoCagesOfASessionShareMemorySegmentsAndNoOtherDoes(t *testing.T) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		s := sandboxtest.Probe(t)
		_, n := hold(t, s)
		_, other := hold(t, s)
		if said, err := run(t, s, sandbox.Command{Inside: n}, "ipcmk -M 4096 && ipcs -m | grep -c 4096"); err != nil || !strings.HasSuffix(said, "\n1\n") {
			t.Fatalf("making a segment: %q, %v", said, err)
		}
		if said, _ := run(t, s, sandbox.Command{Inside: n}, "ipcs -m | grep -c 4096"); said != "1\n" {
			t.Errorf("the session's own cages see %q segments", said)
		}
		if said, _ := run(t, s, sandbox.Command{Inside: other}, "ipcs -m | grep -c 4096"); said != "0\n" {
			t.Errorf("another session sees %q segments", said)
		}
		if said, err := exec.Command("ipcs", "-m").Output(); err != nil || strings.Contains(string(said), "4096") {
			t.Errorf("the machine sees %s, %v", said, err)
		}
	})
}

func TestBoundFoldersAreSeenWhereTheyShouldBe(t *testing.T) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		s := sandboxtest.Probe(t)
		_, n := hold(t, s)
		home := sandboxtest.Folder(t, identity(t))
		game := t.TempDir() // for root this lies below a folder that the session's user may not enter
		if os.Geteuid() == 0 {
			if err := os.Chmod(filepath.Dir(game), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(os.Chmod(game, 0o755), os.WriteFile(filepath.Join(game, "asset"), []byte("treasure\n"), 0o644)); err != nil {
			t.Fatal(err)
		}
		c := sandbox.Command{Inside: n, Scratch: home, Binds: []sandbox.Bind{{Outside: home, Inside: sandbox.Home, Writable: true}, {Outside: game}}}
		said, err := run(t, s, c, fmt.Sprintf("pwd; cat %s/asset; touch %[1]s/x 2>/dev/null && echo written; echo saved > save", game))
		if want := sandbox.Home + "\ntreasure\n"; err != nil || said != want {
			t.Fatalf("said %q, %v, want %q", said, err, want)
		}
		if saved, err := os.ReadFile(filepath.Join(home, "save")); err != nil || string(saved) != "saved\n" {
			t.Errorf("the home kept %q, %v", saved, err)
		}
		if mounts, err := os.ReadFile("/proc/self/mounts"); err != nil || bytes.Contains(mounts, []byte("/stage/")) {
			t.Errorf("a mount was left on the machine: %s, %v", mounts, err)
		}
	})
}

func TestAProgramThatCannotStartIsToldFromOneThatEnds(t *testing.T) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		confined := sandboxtest.Probe(t)
		_, n := hold(t, confined)
		for _, kind := range []struct {
			name string
			s    *sandbox.Sandbox
			n    *sandbox.Namespaces
		}{{"in a cage", confined, n}, {"unconfined", sandbox.Disabled(), nil}} {
			t.Run(kind.name, func(t *testing.T) {
				start := func(args ...string) error {
					p, err := kind.s.Start(sandbox.Command{Args: args, Env: []string{"PATH=/usr/bin"}, Inside: kind.n, Identity: identity(t)})
					if err != nil {
						return err
					}
					return p.Err()
				}
				if err := start("no-such-program"); !errors.Is(err, sandbox.ErrNotStarted) || !strings.Contains(err.Error(), "no-such-program") {
					t.Errorf("a missing program: %v", err)
				}
				if err := start("/etc/passwd"); !errors.Is(err, sandbox.ErrNotStarted) || !strings.Contains(strings.ToLower(err.Error()), "permission denied") {
					t.Errorf("a file that is no program: %v", err)
				}
				if err := start("true"); err != nil {
					t.Errorf("a program that ends well: %v", err)
				}
				var exit *sandbox.ExitError
				if err := start("sh", "-c", "exit 7"); !errors.As(err, &exit) || exit.Code != 7 || !strings.HasPrefix(err.Error(), "ended with status 7 after ") {
					t.Errorf("a program that fails: %v", err)
				}
				if err := start("sh", "-c", "kill -SEGV $$"); !errors.As(err, &exit) || exit.Signal != syscall.SIGSEGV {
					t.Errorf("a program that crashes: %v", err)
				}
			})
		}
	})
}

func TestStopAsksFirstAndLeavesNothing(t *testing.T) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		s := sandboxtest.Probe(t)
		_, n := hold(t, s)
		for _, step := range []struct {
			name, script string
			grace        time.Duration
			asked        bool
		}{
			{"a program that listens", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done", 10 * time.Second, true},
			{"a deaf program", "trap '' TERM; echo up; while :; do sleep 1; done", time.Millisecond, false},
			{"a program that forks away", "setsid sleep 1000 & (setsid sleep 1000 &) ; echo up; sleep 1000", 0, false},
		} {
			t.Run(step.name, func(t *testing.T) {
				said := &output{}
				p, err := s.Start(sandbox.Command{
					Args: []string{"sh", "-c", step.script}, Env: []string{"PATH=/usr/bin"}, Inside: n, Identity: identity(t), Output: said,
				})
				if err != nil {
					t.Fatal(err)
				}
				sandboxtest.Eventually(t, "the program runs", func() bool { return strings.HasPrefix(said.String(), "up") })
				pids := p.PIDs()
				if len(pids) < 4 {
					t.Errorf("it has processes %v, want nsenter, bwrap, init and the program at least", pids)
				}
				p.Stop(step.grace)
				if bye := strings.Contains(said.String(), "bye"); bye != step.asked {
					t.Errorf("asked to end: %v, want %v (%v)", bye, step.asked, p.Err())
				}
				for _, pid := range pids {
					if err := syscall.Kill(pid, 0); err == nil {
						t.Errorf("process %d is still there", pid)
					}
				}
			})
		}
	})
}

func TestTheInnerCageEndsWithTheOuter(t *testing.T) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		s := sandboxtest.Probe(t)
		outer, n := hold(t, s)
		inner, err := s.Start(sandbox.Command{
			Args: []string{"sh", "-c", "setsid sleep 1000 & sleep 1000"}, Env: []string{"PATH=/usr/bin"}, Inside: n, Identity: identity(t),
		})
		if err != nil {
			t.Fatal(err)
		}
		sandboxtest.Eventually(t, "the inner cage runs", func() bool { return len(inner.PIDs()) >= 5 })
		pids := inner.PIDs()
		outer.Stop(0)
		<-inner.Done()
		var exit *sandbox.ExitError
		if err := inner.Err(); !errors.As(err, &exit) || exit.Signal != syscall.SIGKILL {
			t.Errorf("it says %v", err)
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, 0); err == nil {
				t.Errorf("process %d is still there", pid)
			}
		}
	})
}

func TestAnUnconfinedProgramTakesItsGroupAlong(t *testing.T) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		said := &output{}
		p, err := sandbox.Disabled().Start(sandbox.Command{
			Args: []string{"sh", "-c", "id -u; sleep 1000 & sleep 1000"}, Env: []string{"PATH=/usr/bin"}, Identity: identity(t), Output: said,
		})
		if err != nil {
			t.Fatal(err)
		}
		// What it says comes through a pipe, which may be read late.
		sandboxtest.Eventually(t, "it runs, and as whom it should", func() bool {
			return said.String() == fmt.Sprint(identity(t).UID, "\n") && len(p.PIDs()) == 3
		})
		pids := p.PIDs()
		p.Stop(time.Second)
		sandboxtest.Eventually(t, "its group is gone", func() bool {
			for _, pid := range pids {
				if syscall.Kill(pid, 0) == nil {
					return false
				}
			}
			return true
		})
	})
}

func TestAProgramIsFoundFromTheFolderThatWeAreIn(t *testing.T) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		folder := sandboxtest.Folder(t, identity(t))
		if err := os.WriteFile(filepath.Join(folder, "game"), []byte("#!/bin/sh\necho played\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Chdir(folder)
		said := &output{}
		p, err := sandbox.Disabled().Start(sandbox.Command{Args: []string{"./game"}, Identity: identity(t), Output: said})
		if err != nil {
			t.Fatal(err)
		}
		<-p.Done()
		if err := p.Err(); err != nil || said.String() != "played\n" {
			t.Errorf("it said %q, %v", said, err)
		}
	})
}

func TestASlotHasAUserOfItsOwnOnlyUnderRoot(t *testing.T) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		i, err := sandbox.IdentityFor(5)
		if err != nil {
			t.Fatal(err)
		}
		if want := os.Geteuid(); want != 0 && i.UID != want {
			t.Errorf("an ordinary user's slot runs as %d, want %d", i.UID, want)
		} else if want == 0 && i.UID != sandbox.FirstUID+5 {
			t.Errorf("root's slot 5 runs as %d", i.UID)
		}
		if _, err := sandbox.IdentityFor(100000); os.Geteuid() == 0 && err == nil {
			t.Error("slot 100000 was accepted")
		}
	})
}

func TestSeededFilesStayInTheirFolder(t *testing.T) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		i := identity(t)
		folder := sandboxtest.Folder(t, i)
		for range 2 {
			if err := i.Seed(folder, "a/b/c", []byte("text")); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(filepath.Join(folder, "a/b/c")); err != nil || string(got) != "text" {
			t.Errorf("it holds %q, %v", got, err)
		}
		info, err := os.Stat(filepath.Join(folder, "a/b"))
		if err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != i.UID || info.Mode().Perm() != 0o700 {
			t.Errorf("its folder is %v, %v", info, err)
		}
		outside := filepath.Join(t.TempDir(), "outside")
		if err := errors.Join(os.Mkdir(outside, 0o777), os.Symlink(outside, filepath.Join(folder, "link"))); err != nil {
			t.Fatal(err)
		}
		if err := i.Seed(folder, "link/file", nil); err == nil {
			t.Error("a link out of the folder was followed")
		}
		if err := i.MakeFolder(filepath.Join(folder, "link")); err == nil {
			t.Error("a link was taken for a folder")
		}
	})
}

// A cage that is being made has a moment in which its first process does not end with bubblewrap.
func TestACageThatIsStoppedWhileItIsMadeLeavesNothing(t *testing.T) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		s := sandboxtest.Probe(t)
		_, n := hold(t, s)
		for _, inside := range []*sandbox.Namespaces{nil, n} {
			for after := range 20 {
				said := &output{}
				p, err := s.Start(sandbox.Command{Args: []string{"sleep", "1000"}, Env: []string{"PATH=/usr/bin"}, Identity: identity(t), Inside: inside, Output: said})
				if err != nil {
					t.Fatal(err)
				}
				deadline := time.Now().Add(time.Duration(after) * 500 * time.Microsecond)
				for time.Now().Before(deadline) { // stopped at another point of its making each time
				}
				p.Stop(0)
			}
		}
		marker := []byte("sleep\x001000\x00")
		sandboxtest.Eventually(t, "the cages are gone", func() bool {
			lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
			if err != nil {
				t.Fatal(err)
			}
			count := 0
			for _, line := range lines {
				text, err := os.ReadFile(line)
				info, failed := os.Stat(filepath.Dir(line))
				if err == nil && failed == nil && int(info.Sys().(*syscall.Stat_t).Uid) == identity(t).UID &&
					bytes.Contains(text, marker) && !bytes.Contains(text, []byte("echo ready")) && !strings.Contains(string(text), "exec sleep") {
					count++
				}
			}
			return count <= 1 // the held cage's own sleep
		})
	})
}

func TestProbeEndsWhatAKilledEdgeLeftHalfMade(t *testing.T) {
	sandboxtest.Probe(t)
	// As a cage whose maker was killed: in a process namespace of its own, with our mark, held by a stranger.
	stray := exec.Command("unshare", "--user", "--map-current-user", "--pid", "--fork", "sh", "-c", "exec sh -c 'echo up; while :; do sleep 1; done' --hostname nearlight x")
	said := &output{}
	stray.Stdout = said
	if err := stray.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stray.Process.Kill() }) // it has ended unless the test failed
	sandboxtest.Eventually(t, "the stray is up", func() bool { return said.String() != "" })
	sandboxtest.Probe(t)
	if err := stray.Wait(); err == nil {
		t.Error("the stray ended well")
	}
}
