package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"nearlight/edge/display"
	"nearlight/internal/bench"
)

// stopTimeout is how long a process may take to end before it is killed.
const stopTimeout = 10 * time.Second

// benchProcess is a program that a benchmark started: it ends with the benchmark.
type benchProcess struct {
	command *exec.Cmd
	lines   chan string
	done    chan struct{}
	err     error // written before done is closed
	once    sync.Once
}

// startProcess starts a program whose standard error goes to log, a line at a time, when it fails.
func startProcess(_ context.Context, log io.Writer, name string, arguments ...string) (*benchProcess, error) {
	p := &benchProcess{command: exec.Command(name, arguments...), lines: make(chan string, 64), done: make(chan struct{})}
	p.command.Stderr = log
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	started := make(chan error)
	go func() {
		// The parent-death signal fires when the thread that forked ends: this one lives as long as the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
		err := p.command.Start()
		started <- err
		if err != nil {
			return
		}
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			select {
			case p.lines <- scanner.Text():
			default: // nobody waits for it
			}
		}
		p.err = p.command.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// await waits for a line of standard output that begins with prefix, and returns the rest of it.
func (p *benchProcess) await(ctx context.Context, prefix string) (string, error) {
	for {
		select {
		case line := <-p.lines:
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				return rest, nil
			}
		case <-p.done:
			return "", fmt.Errorf("%s ended before it was ready: %w", p.command.Args[0], p.err)
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// stop asks the process to end, kills it if it does not, and reports how it ended. It may be called more than once.
func (p *benchProcess) stop() error {
	p.once.Do(func() {
		if err := p.command.Process.Signal(syscall.SIGTERM); errors.Is(err, os.ErrProcessDone) {
			return
		}
		select {
		case <-p.done:
		case <-time.After(stopTimeout):
			p.err = errors.Join(fmt.Errorf("%s did not end within %v", p.command.Args[0], stopTimeout), p.command.Process.Kill())
		}
	})
	<-p.done
	return p.err
}

// cpuUse is the processor time of an edge's parts, and the edge's memory.
type cpuUse struct {
	edge, app, display time.Duration
	resident           int64
	at                 time.Time
}

// use reads what the edge, its app and its display have used so far.
func (s *subject) use() (cpuUse, error) {
	pid := s.process.command.Process.Pid
	own, err := bench.ProcessUsage(pid)
	if err != nil {
		return cpuUse{}, err
	}
	displayPrograms := display.Kind(s.display).Programs()
	u := cpuUse{edge: own.CPU, resident: own.Resident, at: time.Now()}
	below, err := bench.Descendants(pid)
	if err != nil {
		return cpuUse{}, err
	}
	for child, name := range below {
		usage, err := bench.ProcessUsage(child)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has ended since
		} else if err != nil {
			return cpuUse{}, err
		}
		if slices.Contains(displayPrograms, name) {
			u.display += usage.CPU
		} else {
			u.app += usage.CPU
		}
	}
	return u, nil
}

// reportUse adds what was used between two readings, as cores.
func reportUse(r *bench.Report, before, after cpuUse, labels bench.Labels) {
	elapsed := after.at.Sub(before.at).Seconds()
	r.Value("cpu_edge", "cores", (after.edge-before.edge).Seconds()/elapsed, labels)
	r.Value("cpu_app", "cores", (after.app-before.app).Seconds()/elapsed, labels)
	r.Value("cpu_display", "cores", (after.display-before.display).Seconds()/elapsed, labels)
	r.Value("rss_edge", "bytes", float64(after.resident), labels)
}
