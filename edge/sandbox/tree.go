package sandbox

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processTree maps each process of the machine to its children.
func processTree() map[int][]int {
	tree := map[int][]int{}
	for _, pid := range processes() {
		if _, parent, ok := stateOf(pid); ok {
			tree[parent] = append(tree[parent], pid)
		}
	}
	return tree
}

// processes lists the machine's, none where there is no /proc.
func processes() (pids []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// stateOf returns a process's state (R, S, T, Z ...) and parent; ok is false when it has gone.
func stateOf(pid int) (state byte, parent int, ok bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, false
	}
	return parseStat(string(stat))
}

// parseStat reads a line of /proc/PID/stat (proc(5)): "pid (name) state parent ...", where the name may hold anything,
// parentheses and spaces included.
func parseStat(stat string) (state byte, parent int, ok bool) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, 0, false
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0, 0, false
	}
	return fields[0][0], parent, true
}

// descendants lists root and all below it.
func descendants(tree map[int][]int, root int) []int {
	found := []int{root}
	for n := 0; n < len(found); n++ {
		found = append(found, tree[found[n]]...)
	}
	return found
}

const (
	freezeTimeout = time.Second // a process stops as soon as it is scheduled
	freezeTick    = time.Millisecond
)

// endTree ends root and all below it, whatever they are doing: each is stopped before its children are listed, so that
// none is made in between. It is for the moment in which a cage is being made, when bubblewrap's child does not end
// with bubblewrap yet. The caller has stopped root itself.
func endTree(root int) {
	found := []int{root}
	for n := 0; n < len(found); n++ {
		freeze(found[n])
		found = append(found, processTree()[found[n]]...)
	}
	for n := len(found) - 1; n >= 0; n-- {
		// The only error is that it has ended already.
		_ = syscall.Kill(found[n], syscall.SIGKILL)
	}
}

// freeze stops a process, and returns when it does nothing any more.
func freeze(pid int) {
	if syscall.Kill(pid, syscall.SIGSTOP) != nil {
		return // it has ended
	}
	for deadline := time.Now().Add(freezeTimeout); time.Now().Before(deadline); time.Sleep(freezeTick) {
		if state, _, ok := stateOf(pid); !ok || strings.IndexByte("TtZX", state) >= 0 {
			return
		}
	}
}

// sweep ends what an edge left that was killed in the very moment in which a cage was being made: a process inside a
// cage of ours, known by its command line, whose parent is not of that cage.
func sweep() {
	if len(strays()) == 0 {
		return
	}
	// A process that is just being replaced by another program shows no command line for an instant, so that its child,
	// perhaps of another edge's session, looks abandoned: twice it does not.
	time.Sleep(strayTime)
	for _, pid := range strays() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // another user's is not ours to end
	}
}

// strayTime is far longer than the kernel takes to replace a program.
const strayTime = 20 * time.Millisecond

func strays() (found []int) {
	mark := []byte("\x00--hostname\x00" + hostname + "\x00")
	marked := func(pid int) bool {
		line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		return err == nil && bytes.Contains(line, mark)
	}
	space := func(pid string) string {
		link, err := os.Readlink("/proc/" + pid + "/ns/pid")
		if err != nil {
			return "" // it has gone, or is another user's
		}
		return link
	}
	own := space("self")
	for _, pid := range processes() {
		_, parent, ok := stateOf(pid)
		if !ok || !marked(pid) || marked(parent) {
			continue
		}
		if its := space(strconv.Itoa(pid)); its != "" && its != own {
			found = append(found, pid)
		}
	}
	return found
}
