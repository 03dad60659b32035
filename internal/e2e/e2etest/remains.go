package e2etest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// remains knows what a program has started, so as to see what it leaves behind.
type remains struct {
	folder string // part of every path that the program uses for its sessions

	mu   sync.Mutex
	pids map[int]string // with the process's start time, since numbers are used again
}

// process is one entry of /proc.
type process struct {
	pid, parent int
	name        string
	born        string // its start time, as the kernel writes it
}

// processes reads all of /proc. What ends meanwhile is left out.
func processes() (map[int]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	found := make(map[int]process, len(entries))
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if p, ok := readProcess(pid); ok {
			found[pid] = p
		}
	}
	return found, nil
}

// readProcess reads /proc/PID/stat (proc_pid_stat(5)), whose second field may hold anything between its brackets. A
// zombie has ended, and so has a process without memory: the first one of a cage waits, after its own end, until the
// machine's init has reaped the others.
func readProcess(pid int) (process, bool) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}, false
	}
	from, to := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if from < 0 || to < from {
		return process{}, false
	}
	fields := strings.Fields(string(stat[to+1:]))
	const state, parent, born, memory = 0, 1, 19, 20 // counted from the third field of the page
	if len(fields) <= memory || fields[state] == "Z" || fields[memory] == "0" {
		return process{}, false
	}
	above, err := strconv.Atoi(fields[parent])
	return process{pid: pid, parent: above, name: string(stat[from+1 : to]), born: fields[born]}, err == nil
}

// look notes everything that runs for the program now, and returns it.
func (r *remains) look(root int) []process {
	all, err := processes()
	if err != nil {
		return nil // without /proc the final look fails the test
	}
	var found []process
	for pid, p := range all {
		if pid != root && (below(all, pid, root) || r.mentions(pid)) {
			found = append(found, p)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pids == nil {
		r.pids = map[int]string{}
	}
	for _, p := range found {
		r.pids[p.pid] = p.born
	}
	slices.SortFunc(found, func(a, b process) int { return a.pid - b.pid })
	return found
}

func below(all map[int]process, pid, root int) bool {
	for at := all[pid].parent; at > 0; at = all[at].parent {
		if at == root {
			return true
		}
	}
	return false
}

// mentions reports whether a process was started with a path of the program's sessions, or sees one: in a cage these are
// mounts, whoever its parent is by now.
func (r *remains) mentions(pid int) bool {
	if pid == os.Getpid() {
		return false
	}
	for _, name := range []string{"cmdline", "mountinfo"} {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), name))
		if err == nil && bytes.Contains(text, []byte(r.folder)) {
			return true
		}
	}
	return false
}

// alive lists what still runs of all that was noted or can be told by its paths.
func (r *remains) alive(root int) []process {
	found := r.look(root)
	r.mu.Lock()
	defer r.mu.Unlock()
	for pid, born := range r.pids {
		p, ok := readProcess(pid)
		if ok && p.born == born && !slices.Contains(found, p) {
			found = append(found, p)
		}
	}
	return found
}

// sharedMemory lists the System V segments that a noted process made.
func (r *remains) sharedMemory() ([]string, error) {
	table, err := os.ReadFile("/proc/sysvipc/shm")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a kernel without them
	} else if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var left []string
	for line := range strings.Lines(string(table)) {
		const creator = 4
		fields := strings.Fields(line)
		if len(fields) <= creator {
			continue
		}
		if pid, err := strconv.Atoi(fields[creator]); err == nil && r.pids[pid] != "" {
			left = append(left, strings.TrimSpace(line))
		}
	}
	return left, nil
}

// Processes lists what runs for the program now, by name.
func (p *Program) Processes() map[string][]int {
	byName := map[string][]int{}
	for _, process := range p.seen.look(p.PID()) {
		byName[process.name] = append(byName[process.name], process.pid)
	}
	return byName
}

// Find waits for a process of the program with the given name, other than those excepted, and returns its number.
func (p *Program) Find(t testing.TB, name string, except ...int) int {
	t.Helper()
	found := 0
	Eventually(t, Patience, "a process "+name+" runs", func() bool {
		for _, pid := range p.Processes()[name] {
			if !slices.Contains(except, pid) {
				found = pid
				return true
			}
		}
		return false
	})
	return found
}

// Kill ends one of the program's processes as the kernel would.
func (p *Program) Kill(t testing.TB, pid int) {
	t.Helper()
	p.seen.look(p.PID())
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill process %d: %v", pid, err)
	}
}

// NothingRuns fails the test unless everything that the program started is gone within the given time, with its shared
// memory.
func (p *Program) NothingRuns(t testing.TB, within time.Duration) {
	t.Helper()
	var left []process
	if !poll(within, func() bool { left = p.seen.alive(p.PID()); return len(left) == 0 }) {
		for _, process := range left {
			t.Errorf("still running %v later: %s", within, process)
			_ = syscall.Kill(process.pid, syscall.SIGKILL) // it was the program's, and would stay for good
		}
	}
	segments, err := p.seen.sharedMemory()
	if err != nil {
		t.Error(err)
	}
	for _, segment := range segments {
		t.Errorf("left shared memory: %s", segment)
	}
}

func (p process) String() string { return fmt.Sprintf("%s (%d, child of %d)", p.name, p.pid, p.parent) }

// NoFiles fails the test if anything is left in the program's folder.
func (p *Program) NoFiles(t testing.TB) {
	t.Helper()
	for _, name := range p.Files(t) {
		t.Errorf("left %s", name)
	}
}

// Files lists the files and folders below the program's folder.
func (p *Program) Files(t testing.TB) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(p.Folder, func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it has just been removed
		}
		if path != p.Folder {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return names
}
