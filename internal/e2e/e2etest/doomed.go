package e2etest

import (
	"bufio"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"nearlight/signaling"
)

// Doomed is a player in a process of its own: it can vanish without a word, as when a browser is killed.
type Doomed struct {
	Session signaling.SessionID

	command *exec.Cmd
	done    chan struct{}
}

// StartDoomed starts one and waits until it sees the picture.
func (p *Program) StartDoomed(t testing.TB) *Doomed {
	t.Helper()
	return p.StartDoomedResuming(t, "")
}

// StartDoomedResuming is StartDoomed for a session that is under way; "" begins one.
func (p *Program) StartDoomedResuming(t testing.TB, session signaling.SessionID) *Doomed {
	t.Helper()
	d := &Doomed{command: exec.Command(self(t), roleDoomed, p.URL, p.Token, string(session)), done: make(chan struct{})}
	var said transcript
	d.command.Stderr = &said
	out, err := d.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	started, playing := make(chan error), make(chan string, 1)
	go func() {
		// The parent-death signal fires when the thread that forked ends: this one lives as long as the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(d.done)
		d.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		err := d.command.Start()
		started <- err
		if err != nil {
			return
		}
		if scanner := bufio.NewScanner(out); scanner.Scan() {
			playing <- scanner.Text()
		}
		_ = d.command.Wait() // it is killed
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Vanish)
	select {
	case id := <-playing:
		d.Session = signaling.SessionID(id)
	case <-d.done:
		t.Fatalf("the player ended before it saw anything:\n%s", said.String())
	case <-time.After(Patience):
		t.Fatalf("the player saw nothing within %v", Patience)
	}
	return d
}

// Vanish kills the player. It may be called more than once.
func (d *Doomed) Vanish() {
	_ = d.command.Process.Kill() // the only error is that it has ended
	<-d.done
}

// runDoomed is the player: it says its session once it sees the picture, and plays on.
func runDoomed(arguments []string) error {
	if len(arguments) != 3 {
		return fmt.Errorf("want a URL, a token and a session, got %q", arguments)
	}
	p, err := newPlayer(arguments[0], arguments[1], Request{Resume: signaling.SessionID(arguments[2])})
	if err != nil {
		return err
	}
	p.start()
	if !p.until(Patience, func() bool { return len(p.frames) > 0 || p.reason != nil }) || p.Ended() {
		return fmt.Errorf("no picture: %w", p.reason)
	}
	fmt.Println(p.session)
	<-p.done
	return nil
}
