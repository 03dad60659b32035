package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// outputGrace bounds how long the end of a program waits for its output to end: a process that left an unconfined
	// program's session may still hold the pipe.
	outputGrace = 500 * time.Millisecond
	// killGrace is how long the kernel may take to end a cage before the processes that hold it are ended as well.
	killGrace = 2 * time.Second
)

// Process is a program that was started. Everything that it forks in its cage ends with it.
//
//	Start ── running ── Done: Err says how it ended
type Process struct {
	cmd     *exec.Cmd
	caged   bool
	entered bool // the cage lies inside another
	tail    *tail
	started time.Time
	born    chan struct{} // closed when bubblewrap has told its child, or never will
	done    chan struct{}

	child int // of bubblewrap, for a cage that is not inside another; 0 when it failed before; set before born is closed

	err   error // set before done is closed, as is lived
	lived time.Duration
}

// launch is a command line ready to start.
type launch struct {
	cmd    *exec.Cmd
	theirs []*os.File // ends of pipes that only the child keeps
	report *os.File   // our end of bubblewrap's report; nil where there is none
}

func (l *launch) close() {
	for _, file := range l.theirs {
		file.Close()
	}
	l.theirs = nil
}

// Start runs c until it ends, Stop is called or the edge ends. A program that cannot run is reported by an error that
// wraps ErrNotStarted, either here or, when only its cage could tell, by Process.Err.
func (s *Sandbox) Start(c Command) (*Process, error) {
	if len(c.Args) == 0 {
		return nil, fmt.Errorf("%w: no command was given", ErrNotStarted)
	}
	prepare := s.plain
	if s.Confined() {
		prepare = s.caged
	}
	ready, err := prepare(c)
	if err != nil {
		return nil, fmt.Errorf("%s %w: %w", c.Args[0], ErrNotStarted, err)
	}
	p := &Process{
		cmd: ready.cmd, caged: s.Confined(), entered: c.Inside != nil, tail: &tail{next: c.Output},
		born: make(chan struct{}), done: make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = p.tail, p.tail
	p.cmd.WaitDelay = outputGrace
	p.cmd.SysProcAttr.Setsid = true
	p.cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if c.OnDeath != 0 && !s.Confined() {
		p.cmd.SysProcAttr.Pdeathsig = c.OnDeath
	}

	started := make(chan error, 1)
	p.started = time.Now()
	go p.run(started)
	err = <-started
	ready.close()
	if ready.report != nil {
		go p.readReport(ready.report)
	} else {
		close(p.born)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %w: %w", c.Args[0], ErrNotStarted, cause(err))
	}
	return p, nil
}

// run owns the thread that forks: PR_SET_PDEATHSIG ends the child when that thread ends, so it must not be one that
// another goroutine may take down.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	err = p.cmd.Wait()
	p.lived = time.Since(p.started)
	if !p.caged {
		p.signal(p.cmd.Process.Pid, syscall.SIGKILL) // what it forked and left
	}
	p.err = p.verdict(err)
	close(p.done)
}

// verdict turns the way the outermost process ended into the way the program did. bubblewrap and nsenter pass a
// program's status on, a signal as 128 and its number, as shells do; when they fail themselves they exit with 1 (setpriv
// with 126 or 127) and say why in their last line.
func (p *Process) verdict(err error) error {
	state := p.cmd.ProcessState
	status, _ := state.Sys().(syscall.WaitStatus)
	code := state.ExitCode()
	switch {
	case status.Signaled():
		return &ExitError{Signal: status.Signal(), After: p.lived}
	case code == 0:
		return nil // also when something that it left behind kept its output open (exec.ErrWaitDelay) and was ended
	case p.caged && code > 128 && code <= 128+64:
		return &ExitError{Signal: syscall.Signal(code - 128), After: p.lived}
	case p.caged && (code == 1 || code == 126 || code == 127):
		if reason, found := p.tail.reason(); found {
			return fmt.Errorf("%w: %s", ErrNotStarted, reason)
		}
	case code < 0:
		return err
	}
	return &ExitError{Code: code, After: p.lived}
}

// readReport takes the number of the cage's first process from what bubblewrap writes once that exists.
func (p *Process) readReport(report io.ReadCloser) {
	defer close(p.born)
	defer report.Close()
	var cage struct {
		Child int `json:"child-pid"`
	}
	if json.NewDecoder(report).Decode(&cage) == nil { // else bubblewrap failed before, and says why at its end
		p.child = cage.Child
	}
}

// Done is closed when the program and everything in its cage has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says, after Done, how the program ended: nil for status 0, an *ExitError, or an error that wraps ErrNotStarted.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Lived is, after Done, how long the program ran.
func (p *Process) Lived() time.Duration {
	<-p.done
	return p.lived
}

// Namespaces returns those of the program's cage, for another to enter; nil for an unconfined program. It waits until
// the cage exists. The caller closes them.
func (p *Process) Namespaces() (*Namespaces, error) {
	if !p.caged {
		return nil, nil
	}
	<-p.born
	if p.child == 0 {
		return nil, fmt.Errorf("its cage was not made: %w", p.Err())
	}
	return openNamespaces(p.child)
}

// Stop asks the program to end, ends it when grace is over, and returns when nothing of it is left. A grace of zero
// does not ask.
func (p *Process) Stop(grace time.Duration) {
	if grace > 0 && p.signal(p.leader(), syscall.SIGTERM) {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-p.done:
			return
		case <-timer.C:
		}
	}
	p.kill()
	timer := time.NewTimer(killGrace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.endOutermost()
		<-p.done
	}
}

// kill ends the program at once: an unconfined one with its group, a caged one by the end of its cage's first process.
func (p *Process) kill() {
	switch leader := p.leader(); {
	case !p.caged:
		p.signal(leader, syscall.SIGKILL)
	case leader > 0 && syscall.Kill(leader, syscall.SIGKILL) == nil:
	default:
		p.endOutermost()
	}
}

// endOutermost ends the processes that make and hold a cage, unless they have ended.
func (p *Process) endOutermost() {
	if p.cmd.Process.Signal(syscall.SIGSTOP) == nil { // stopped, it cannot end, and its number stays its own
		endTree(p.cmd.Process.Pid)
	}
}

// leader is the process whose group is the program's: the program itself, or its cage's first process, whose end ends
// the cage. It is 0 when that does not exist (yet).
func (p *Process) leader() int {
	select {
	case <-p.done:
		return 0
	default:
	}
	switch {
	case !p.caged:
		return p.cmd.Process.Pid
	case !p.entered:
		select {
		case <-p.born:
			return p.child
		default:
			return 0
		}
	}
	// nsenter, its child unshare, its child bubblewrap, and its child, the cage's first process.
	tree := processTree()
	at := p.cmd.Process.Pid
	for range 3 {
		children := tree[at]
		if len(children) == 0 {
			return 0
		}
		at = children[0]
	}
	return at
}

// signal reports whether there was a process group to send it to. The first process of a process namespace is deaf to
// all but SIGKILL from outside, so a cage outlives SIGTERM as long as its program does.
func (p *Process) signal(leader int, s syscall.Signal) bool {
	return leader > 0 && syscall.Kill(-leader, s) == nil
}

// PIDs lists the processes of the program, its cage's included, for measuring them.
func (p *Process) PIDs() []int {
	select {
	case <-p.done:
		return nil
	default:
		return descendants(processTree(), p.cmd.Process.Pid)
	}
}

// ExitError says how a program ended that did not end well.
type ExitError struct {
	Code   int            // its status, when Signal is 0
	Signal syscall.Signal // what ended it
	After  time.Duration
}

func (e *ExitError) Error() string {
	after := Seconds(e.After)
	if e.Signal != 0 {
		return fmt.Sprintf("was ended by signal %d (%s) after %s", int(e.Signal), e.Signal, after)
	}
	return fmt.Sprintf("ended with status %d after %s", e.Code, after)
}

// Seconds writes a duration as people say it: 0.2 s, 75 s.
func Seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// cause leaves out the path that os/exec puts before an error; the caller names the program.
func cause(err error) error {
	var path *os.PathError
	var lookup *exec.Error
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &lookup):
		return lookup.Err
	}
	return err
}

// tailBytes is enough for the last line of any of the programs that make a cage.
const tailBytes = 1024

// tail passes output on and keeps the end of it, where bubblewrap says why it failed.
type tail struct {
	next io.Writer

	mu   sync.Mutex
	last []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	t.last = append(t.last, b...)
	if extra := len(t.last) - tailBytes; extra > 0 {
		t.last = append(t.last[:0], t.last[extra:]...)
	}
	t.mu.Unlock()
	if t.next == nil {
		return len(b), nil
	}
	return t.next.Write(b)
}

// reason is what a program that makes the cage said at the end, if it was one of them that spoke last.
func (t *tail) reason() (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.last)), "\n")
	last := lines[len(lines)-1]
	for _, prefix := range []string{"bwrap: execvp ", "bwrap: ", "nsenter: ", "setpriv: ", "unshare: ", "mount: "} {
		if reason, found := strings.CutPrefix(last, prefix); found {
			return reason, true
		}
	}
	return "", false
}
