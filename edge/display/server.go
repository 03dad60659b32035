package display

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"nearlight/edge/sandbox"
	"nearlight/internal/media"
)

// start starts the server and waits until it says that it is ready.
func (d *Display) start(ctx context.Context, c Config, sockets string) error {
	said := &words{log: c.Log}
	ready, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	command := sandbox.Command{
		Env: []string{"PATH=" + sandbox.Path}, Dir: "/", Files: []*os.File{theirs}, Output: said, Identity: c.Identity,
		Scratch: c.Folder, OnDeath: syscall.SIGTERM,
	}
	authority := d.authority
	if d.confined {
		authority = authorityInside
		command.Binds = []sandbox.Bind{{Outside: sockets, Inside: socketsInside, Writable: true}, {Outside: d.authority, Inside: authorityInside}}
	} else {
		d.number = unconfinedNumber()
	}
	// The number is always ours to name: a server that looks for a free one takes no lock, and with neither a lock nor an
	// abstract socket the next to look takes its number, and its socket, away.
	server := []string{
		":" + strconv.Itoa(d.number), "-displayfd", strconv.Itoa(readyDescriptor), "-auth", authority, "-nolisten", "tcp", "-nolisten", "local",
		"-dpi", strconv.Itoa(dpi), "-br", "-noreset", "-s", "0", "+extension", "GLX",
	}
	if d.compositor == nil {
		xvfb(&command, server, c.MaxSize)
	} else if err := d.compositor.prepare(&command, d.folder, d.confined, server, c.Size); err != nil {
		return errors.Join(err, theirs.Close())
	}
	d.server, err = c.Sandbox.Start(command)
	if err := errors.Join(err, theirs.Close()); err != nil {
		return err
	}
	answer := make(chan error, 1)
	go func() {
		line, err := bufio.NewReader(ready).ReadString('\n')
		if err == nil {
			d.number, err = strconv.Atoi(strings.TrimSpace(line))
		}
		answer <- err
	}()
	select {
	case err := <-answer:
		if err != nil {
			d.server.Stop(0)
			return fmt.Errorf("%w: %w%s", ErrStart, err, said)
		}
	case <-ctx.Done():
		d.server.Stop(0)
		<-answer // the pipe has ended with the server
		return fmt.Errorf("%w: %w%s", ErrStart, context.Cause(ctx), said)
	}
	if d.namespaces, err = d.server.Namespaces(); err != nil {
		return err
	}
	if !d.confined {
		sockets = socketsInside
	}
	d.socket = filepath.Join(sockets, "X"+strconv.Itoa(d.number))
	for _, socket := range []string{d.socket, d.CompositorSocket()} {
		if len(socket) > longestSocket {
			return tooDeep(c.Folder, socket)
		}
	}
	return nil
}

// xvfb completes the command of an X server that draws into memory. It starts at the largest size, because it cannot grow.
func xvfb(command *sandbox.Command, server []string, largest media.Size) {
	command.Args = append(append([]string{"Xvfb"}, server...),
		"-screen", "0", fmt.Sprintf("%vx24", largest), "-dpms", "+extension", "RANDR")
}

func tooDeep(folder, socket string) error {
	return fmt.Errorf("the session's folder %s is too deep: %s is longer than the %d octets a socket's address may have", folder, socket, longestSocket)
}

// unconfinedNumber picks a number that no other server is likely to have: the folder of sockets is everybody's there. If
// one has it all the same, its lock keeps ours from starting. In a cage any number is free.
func unconfinedNumber() int {
	const first, last = 1000, 50000 // above every desktop's, below what a TCP port could follow from
	return first + mathrand.IntN(last-first)
}

// words keeps the first of what the server says, for an error, and logs it.
type words struct {
	log *slog.Logger

	mu   sync.Mutex
	text []byte
}

func (w *words) Write(b []byte) (int, error) {
	w.log.Debug("display server", "says", strings.TrimSpace(string(b)))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, b[:min(len(b), serverWords-len(w.text))]...)
	return len(b), nil
}

// String is what was said, to be put behind an error.
func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := strings.Join(strings.Fields(string(w.text)), " ")
	if text == "" {
		return ""
	}
	return ": " + text
}
