package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of the times in /proc/PID/stat: USER_HZ, which is 100 on every architecture that Linux has.
const clockTick = time.Second / 100

// Usage is what a group of processes has used.
type Usage struct {
	CPU      time.Duration // user and system
	Resident int64         // bytes
}

// ProcessUsage reads one process. A process that is gone is an error that wraps fs.ErrNotExist.
func ProcessUsage(pid int) (Usage, error) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return Usage{}, err
	}
	// The second field, the name in brackets, may hold anything; the others are numbers (proc_pid_stat(5)).
	_, after, found := strings.Cut(string(stat[strings.LastIndexByte(string(stat), '('):]), ") ")
	fields := strings.Fields(after)
	const userTime, systemTime, residentPages = 11, 12, 21 // counted from the third field of the page
	if !found || len(fields) <= residentPages {
		return Usage{}, fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields))
	}
	user, errUser := strconv.ParseInt(fields[userTime], 10, 64)
	system, errSystem := strconv.ParseInt(fields[systemTime], 10, 64)
	pages, errPages := strconv.ParseInt(fields[residentPages], 10, 64)
	if err := errors.Join(errUser, errSystem, errPages); err != nil {
		return Usage{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	return Usage{CPU: time.Duration(user+system) * clockTick, Resident: pages * int64(os.Getpagesize())}, nil
}

// Descendants are the processes below pid, with their names, at whatever depth and in whatever namespace.
func Descendants(pid int) (map[int]string, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	parents, names := map[int]int{}, map[int]string{}
	for _, entry := range entries {
		child, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		status, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "status"))
		if err != nil {
			continue // it has ended since
		}
		for line := range strings.Lines(string(status)) {
			key, value, _ := strings.Cut(line, ":")
			switch value = strings.TrimSpace(value); key {
			case "Name":
				names[child] = value
			case "PPid":
				if parents[child], err = strconv.Atoi(value); err != nil {
					return nil, fmt.Errorf("/proc/%d/status: %w", child, err)
				}
			}
		}
	}
	below := map[int]string{}
	for child := range parents {
		for ancestor := parents[child]; ancestor > 0; ancestor = parents[ancestor] {
			if ancestor == pid {
				below[child] = names[child]
				break
			}
		}
	}
	return below, nil
}
