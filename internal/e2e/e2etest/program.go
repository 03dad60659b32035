package e2etest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Options say how the program is run. The zero value is useful.
type Options struct {
	Env  []string // NAME=value, besides the test's own environment
	Hide []string // programs that the machine seems not to have, by path
	Dir  string   // working folder; empty means one of the program's own
	Temp string   // folder for temporary files; empty means one of the program's own
}

// Result is how a run of the program ended.
type Result struct {
	Code   int // -1 when a signal ended it
	Stdout string
	Stderr string
	Took   time.Duration
}

func (r Result) String() string {
	return fmt.Sprintf("exit code %d after %v\n%s%s", r.Code, r.Took.Round(time.Millisecond), r.Stdout, r.Stderr)
}

// Run runs one command of the program to its end.
func Run(t testing.TB, o Options, arguments ...string) Result {
	t.Helper()
	p := launch(t, o, arguments...)
	return p.Wait(t, Patience)
}

// Program is a running nearlight.
type Program struct {
	Folder string // TMPDIR of the program: nothing may be left in it
	URL    string // of the pages
	Token  string // of the link

	command *exec.Cmd
	started time.Time
	lines   chan string
	done    chan struct{}
	stdout  transcript
	stderr  transcript
	state   *os.ProcessState // after done
	ended   time.Time        // after done
	seen    remains
}

// Start runs `nearlight up` with further arguments and waits for its link. When the test ends, so does the program, and
// nothing may be left of it.
func Start(t testing.TB, arguments ...string) *Program {
	t.Helper()
	return StartWith(t, Options{}, arguments...)
}

// StartWith is Start with options.
func StartWith(t testing.TB, o Options, arguments ...string) *Program {
	t.Helper()
	p := launch(t, o, append([]string{"up", "--listen", "127.0.0.1:0"}, arguments...)...)
	link := p.Line(t, "play: ")
	var found bool
	if p.URL, p.Token, found = strings.Cut(link, "/#token="); !found {
		t.Fatalf("the link has no token: %s", link)
	}
	return p
}

// Launch runs any command of the program without waiting for anything.
func Launch(t testing.TB, o Options, arguments ...string) *Program {
	t.Helper()
	return launch(t, o, arguments...)
}

func launch(t testing.TB, o Options, arguments ...string) *Program {
	t.Helper()
	folder := o.Temp
	if folder == "" {
		folder = temporary(t)
	}
	p := &Program{Folder: folder, lines: make(chan string, 256), done: make(chan struct{}), seen: remains{folder: folder}}
	p.command = exec.Command(binary, arguments...)
	if len(o.Hide) > 0 {
		p.command = hiding(t, o.Hide, p.command.Args)
	}
	p.command.Dir = o.Dir
	if o.Dir == "" {
		p.command.Dir = folder
	}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "NEARLIGHT_") {
			p.command.Env = append(p.command.Env, variable)
		}
	}
	// The race detector would otherwise sleep for a second at the end, which a user's program does not.
	p.command.Env = append(append(p.command.Env, "TMPDIR="+folder, "GORACE=atexit_sleep_ms=0"), o.Env...)
	p.command.Stderr = &p.stderr
	out, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.started = time.Now()
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			fmt.Fprintln(&p.stdout, scanner.Text())
			select {
			case p.lines <- scanner.Text():
			default: // nobody waits for it
			}
		}
		_ = p.command.Wait() // its verdict is the state
		p.state, p.ended = p.command.ProcessState, time.Now()
	}()
	t.Cleanup(func() { p.cleanUp(t) })
	return p
}

// temporary makes a folder that sessions' users pass through, and removes it when the test ends.
func temporary(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(folder, 0o711); err != nil {
		t.Fatal(err)
	}
	return folder
}

// hiding runs a command line in a mount namespace where the programs are not executable.
func hiding(t testing.TB, hidden, line []string) *exec.Cmd {
	t.Helper()
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		t.Skipf("SKIPPED %s: bwrap is missing (apt-get install bubblewrap)", t.Name())
	}
	arguments := []string{"--dev-bind", "/", "/", "--cap-add", "ALL", "--die-with-parent"}
	for _, path := range hidden {
		arguments = append(arguments, "--ro-bind", "/dev/null", path)
	}
	return exec.Command(bwrap, append(append(arguments, "--"), line...)...)
}

// Line waits for a line of standard output that begins with prefix, and returns the rest of it.
func (p *Program) Line(t testing.TB, prefix string) string {
	t.Helper()
	deadline := time.After(Patience)
	for {
		select {
		case line := <-p.lines:
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				return rest
			}
		case <-p.done:
			t.Fatalf("nearlight ended before it said %q: %v", prefix, p.result())
		case <-deadline:
			t.Fatalf("nearlight did not say %q within %v; it said:\n%s%s", prefix, Patience, p.stdout.String(), p.stderr.String())
		}
	}
}

// PID is the program's process.
func (p *Program) PID() int { return p.command.Process.Pid }

// Stderr is what the program has said so far on standard error.
func (p *Program) Stderr() string { return p.stderr.String() }

// Stdout is what the program has said so far on standard output.
func (p *Program) Stdout() string { return p.stdout.String() }

// Signal sends a signal to the program. That it has ended already is no error.
func (p *Program) Signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	p.seen.look(p.PID())
	if err := p.command.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

// Wait waits for the program's end.
func (p *Program) Wait(t testing.TB, within time.Duration) Result {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(within):
		t.Fatalf("nearlight still runs after %v; it said:\n%s%s", within, p.stdout.String(), p.stderr.String())
	}
	return p.result()
}

// Stop asks the program to end and waits until it has.
func (p *Program) Stop(t testing.TB) Result {
	t.Helper()
	asked := time.Now()
	p.Signal(t, syscall.SIGTERM)
	r := p.Wait(t, Patience)
	r.Took = p.ended.Sub(asked)
	return r
}

func (p *Program) result() Result {
	return Result{Code: p.state.ExitCode(), Stdout: p.stdout.String(), Stderr: p.stderr.String(), Took: p.ended.Sub(p.started)}
}

// cleanUp ends what still runs and looks for what is left.
func (p *Program) cleanUp(t testing.TB) {
	t.Helper()
	select {
	case <-p.done:
	default:
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		p.Signal(t, syscall.SIGTERM)
		select {
		case <-p.done:
		case <-ctx.Done():
			t.Errorf("nearlight did not end within %v", Patience)
			_ = p.command.Process.Kill()
			<-p.done
		}
	}
	p.NothingRuns(t, 2*time.Second)
	if killed := p.state.ExitCode() < 0; !killed { // who is killed cannot tidy up; the next one does
		p.NoFiles(t)
	}
	if said := p.stderr.String(); strings.Contains(said, "DATA RACE") || strings.Contains(said, "panic: ") {
		t.Errorf("nearlight has a defect:\n%s", said)
	} else if t.Failed() {
		t.Logf("nearlight said:\n%s%s", p.stdout.String(), said)
	}
}

// transcript keeps what a program said. It is safe for concurrent use.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(b)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}
