package sandbox

import (
	"os"
	"strconv"
	"strings"
)

// processTree maps each process of the machine to its children.
func processTree() map[int][]int {
	tree := map[int][]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return tree // without /proc nothing is known about processes; whoever asks sees none
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // it has ended
		}
		if parent, ok := parentIn(string(stat)); ok {
			tree[parent] = append(tree[parent], pid)
		}
	}
	return tree
}

// parentIn finds the parent in a line of /proc/PID/stat (proc(5)): "pid (name) state parent ...", where the name may
// hold anything, parentheses and spaces included.
func parentIn(stat string) (int, bool) {
	end := strings.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, false
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 2 {
		return 0, false
	}
	parent, err := strconv.Atoi(fields[1])
	return parent, err == nil
}

// descendants lists root and all below it.
func descendants(tree map[int][]int, root int) []int {
	found := []int{root}
	for n := 0; n < len(found); n++ {
		found = append(found, tree[found[n]]...)
	}
	return found
}
