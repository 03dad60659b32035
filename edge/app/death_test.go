package app_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"nearlight/edge/app"
	"nearlight/edge/display"
	"nearlight/edge/sandbox"
	"nearlight/edge/sandbox/sandboxtest"
	"nearlight/internal/media"
)

// runEdge is an edge with one session, for a test that kills it: it prints the session's processes and waits.
func runEdge() {
	fail := func(err error) {
		if err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
	}
	s := sandbox.Disabled()
	if os.Getenv(actEdge) == "confined" {
		var err error
		s, err = sandbox.Probe(context.Background())
		fail(err)
	}
	identity, err := sandbox.IdentityFor(slot + 1)
	fail(err)
	folder := os.Args[1]
	fail(identity.MakeFolder(folder))
	d, err := display.Start(context.Background(), display.Config{
		Sandbox: s, Identity: identity, Slot: slot + 1, Folder: folder, Size: media.Size{Width: 640, Height: 480},
	})
	fail(err)
	script := "echo up; sleep 1000"
	if s.Confined() {
		script = "ipcmk -M 12345 >/dev/null; setsid sleep 1000 & (setsid sleep 1000 &); " + script
	} else {
		script = "exec xeyes" // what does not talk to the display outlives an unconfined edge
	}
	p, err := app.Launch(app.Command("sh", "-c", script), app.Surroundings{Sandbox: s, Identity: identity, Display: d, Folder: folder})
	fail(err)
	for s.Confined() && len(p.LastLines(1)) == 0 {
		select {
		case <-p.Done():
			fail(p.Err())
		default:
		}
	}
	fmt.Println(d.Socket(), strings.Trim(fmt.Sprint(append(d.PIDs(), p.PIDs()...)), "[]"))
	select {}
}

func TestAKilledEdgeLeavesNothingRunning(t *testing.T) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		sandboxtest.Probe(t)
		for _, kind := range []string{"confined", "unconfined"} {
			t.Run(kind, func(t *testing.T) {
				if _, err := sandbox.Look("xeyes", nil); err != nil && kind == "unconfined" {
					t.Skip("SKIPPED, xeyes is not installed")
				}
				base, err := os.MkdirTemp("", "nearlight-killed-")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { os.RemoveAll(base) })
				if err := os.Chmod(base, 0o711); err != nil {
					t.Fatal(err)
				}
				edge := exec.Command("/proc/self/exe", filepath.Join(base, "session"))
				edge.Env = append(os.Environ(), actEdge+"="+kind)
				output, err := edge.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := edge.Start(); err != nil {
					t.Fatal(err)
				}
				line, err := bufio.NewReader(output).ReadString('\n')
				socket, list, _ := strings.Cut(strings.TrimSpace(line), " ")
				var pids []int
				for _, field := range strings.Fields(list) {
					pid, err := strconv.Atoi(field)
					if err != nil {
						t.Errorf("the edge said %q", line)
						break
					}
					pids = append(pids, pid)
				}
				if err != nil || len(pids) < 2 {
					t.Errorf("the edge said %q, %v", line, err)
				}
				if err := edge.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = edge.Wait() // it was killed
				gone(t, pids)
				if kind == "unconfined" {
					sandboxtest.Eventually(t, "the display is gone", func() bool {
						_, err := os.Stat(socket)
						return os.IsNotExist(err)
					})
				}
				if segments, err := os.ReadFile("/proc/sysvipc/shm"); err != nil || strings.Contains(string(segments), " 12345 ") {
					t.Errorf("a shared memory segment is left: %s, %v", segments, err)
				}
				sockets, err := os.ReadFile("/proc/net/unix")
				if err != nil || strings.Contains(string(sockets), fmt.Sprintf("X%d\n", 100+slot+1)) {
					t.Errorf("a socket is left: %v", err)
				}
			})
		}
	})
}
