package bench

import (
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Machine describes where a benchmark ran. What the system does not tell is left out.
type Machine struct {
	CPU    string  `json:"cpu"`
	Cores  int     `json:"cores"`
	Memory string  `json:"memory,omitempty"`
	Kernel string  `json:"kernel,omitempty"`
	Go     string  `json:"go"`
	Load   float64 `json:"load"` // runnable processes, mean of the last minute: a busy machine's figures are worth less
}

// ThisMachine describes the machine that the program runs on.
func ThisMachine() Machine {
	m := Machine{CPU: "unknown", Cores: runtime.NumCPU(), Go: runtime.Version()}
	if value, ok := field("/proc/cpuinfo", "model name"); ok {
		m.CPU = value
	}
	if value, ok := field("/proc/meminfo", "MemTotal"); ok {
		m.Memory = value
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(text))
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		if load, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64); err == nil {
			m.Load = load
		}
	}
	return m
}

// field finds "name : value" in a file of /proc.
func field(file, name string) (string, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}
