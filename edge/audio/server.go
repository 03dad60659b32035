package audio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"nearlight/edge/audio/pulse"
	"nearlight/edge/sandbox"
)

const (
	// startTimeout is far above the 50 ms in which a server is up on an idle core.
	startTimeout = 10 * time.Second
	// startTick is how often a server that starts is looked at: it tells nobody that it is ready.
	startTick = 5 * time.Millisecond
	// stopGrace lets an unconfined server remove its files.
	stopGrace = time.Second
	// A server that ends, or a recording, is begun again after a pause that doubles each time, and is short again once it has lasted.
	retryFirst = 100 * time.Millisecond
	retryMost  = 10 * time.Second
	lasted     = 10 * time.Second
	// longestSocket is what a Unix socket's address holds (unix(7)), less the final zero octet.
	longestSocket = 107
)

const (
	sink    = "nearlight"
	monitor = sink + ".monitor" // PulseAudio names it so
	// Where a confined program finds the socket and the server its settings.
	socketFolderInside   = "/run/sound"
	settingsFolderInside = "/run/sound-settings"
	socketName           = "native"
)

// Config is what Start needs. All but Kind and Log must be set.
type Config struct {
	Kind     *Kind // nil is the one that Find finds
	Sandbox  *sandbox.Sandbox
	Identity sandbox.Identity // the user that the server runs as
	Folder   string           // belongs to the identity; the server makes and removes a folder of its own in it
	Log      *slog.Logger     // nil discards
}

// Server is a session's sound server, which is started anew whenever it ends.
type Server struct {
	config Config
	folder string // all of its files
	log    *slog.Logger

	cancel context.CancelFunc
	kept   sync.WaitGroup
	close  func() error

	unspoken atomic.Uint64

	mu      sync.Mutex
	process *sandbox.Process // nil while there is none
	up      chan struct{}    // closed while the server takes clients; made anew when it has ended
	isUp    bool
}

// Start makes the server's files and begins to start it; it does not wait for it.
func Start(c Config) (*Server, error) {
	if c.Kind == nil {
		found, err := Find()
		if err != nil {
			return nil, err
		}
		c.Kind = found
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: c, folder: filepath.Join(c.Folder, "sound"), log: c.Log, up: make(chan struct{})}
	if length := len(s.socket()); length > longestSocket {
		return nil, fmt.Errorf("start a sound server: the session's folder %s is too deep: a socket's address may have %d octets, not %d", c.Folder, longestSocket, length)
	}
	if err := s.makeFiles(); err != nil {
		return nil, errors.Join(fmt.Errorf("start a sound server: %w", err), os.RemoveAll(s.folder))
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.kept.Go(func() { s.keep(ctx) })
	s.close = sync.OnceValue(func() error {
		cancel()
		s.kept.Wait()
		return os.RemoveAll(s.folder)
	})
	return s, nil
}

func (s *Server) makeFiles() error {
	i, files := s.config.Identity, s.config.Kind.files(s.seen())
	err := errors.Join(
		i.MakeFolder(s.folder), i.MakeFolder(s.socketFolder()), i.MakeFolder(s.settingsFolder()), i.MakeFolder(s.stateFolder()), i.MakeFolder(s.microphoneFolder()))
	for name, content := range files {
		path := filepath.Join(s.settingsFolder(), name)
		err = errors.Join(err, i.MakeFolder(filepath.Dir(path)), i.WriteFile(path, []byte(content)))
	}
	return err
}

// seen is where the server sees its files.
func (s *Server) seen() places {
	if s.config.Sandbox.Confined() {
		return places{
			socket: filepath.Join(socketFolderInside, socketName), pipe: filepath.Join(microphoneFolderInside, pipeName),
			settings: settingsFolderInside, state: sandbox.RuntimeDir,
		}
	}
	return places{socket: s.socket(), pipe: s.pipe(), settings: s.settingsFolder(), state: s.stateFolder()}
}

func (s *Server) socketFolder() string   { return filepath.Join(s.folder, "io") }
func (s *Server) settingsFolder() string { return filepath.Join(s.folder, "set") }
func (s *Server) stateFolder() string    { return filepath.Join(s.folder, "run") }
func (s *Server) microphoneFolder() string {
	return filepath.Join(s.folder, "mic") // the app never sees it
}
func (s *Server) socket() string { return filepath.Join(s.socketFolder(), socketName) }

// Lend completes a command so that it plays on this server.
func (s *Server) Lend(c *sandbox.Command) {
	socket := s.socket()
	if s.config.Sandbox.Confined() {
		socket = filepath.Join(socketFolderInside, socketName)
		c.Binds = append(c.Binds, sandbox.Bind{Outside: s.socketFolder(), Inside: socketFolderInside})
	}
	// Libraries that would look for other ways to play are told not to: OpenAL by name; SDL finds this one first.
	c.Env = append(c.Env, "PULSE_SERVER=unix:"+socket, "ALSOFT_DRIVERS=pulse")
}

// Up waits until the server takes clients, or ctx ends.
func (s *Server) Up(ctx context.Context) error {
	s.mu.Lock()
	up := s.up
	s.mu.Unlock()
	select {
	case <-up:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// PIDs lists the server's processes, its cage's included, for measuring them.
func (s *Server) PIDs() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	return s.process.PIDs()
}

// Close ends the server and removes its files. It returns when nothing is left, and may be called more than once.
func (s *Server) Close() error { return s.close() }

// restart ends a server that is of no use, so that keep starts another.
func (s *Server) restart() {
	s.mu.Lock()
	process := s.process
	s.mu.Unlock()
	if process != nil {
		process.Stop(0)
	}
}

// keep starts the server as often as it ends, until ctx ends.
func (s *Server) keep(ctx context.Context) {
	pause := backOff{}
	for ctx.Err() == nil {
		began := time.Now()
		err := s.run(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := pause.after(time.Since(began))
		s.log.Warn("the sound server ended, another is started", "reason", err, "in", wait)
		sleep(ctx, wait)
	}
}

// run runs one server until it or ctx ends.
func (s *Server) run(ctx context.Context) error {
	for _, left := range []string{s.socket(), s.pipe()} {
		if err := os.Remove(left); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	process, err := s.config.Sandbox.Start(s.command())
	if err != nil {
		return err
	}
	defer process.Stop(s.grace())
	s.mu.Lock()
	s.process = process
	s.mu.Unlock()
	defer s.down()
	if err := s.awaitReady(ctx, process); err != nil {
		return err
	}
	s.mu.Lock()
	s.isUp = true
	close(s.up)
	s.mu.Unlock()
	s.log.Debug("the sound server is up")
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-process.Done():
		return process.Err()
	}
}

// down says that there is no server.
func (s *Server) down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process = nil
	if s.isUp {
		s.isUp, s.up = false, make(chan struct{})
	}
}

// grace is how long a server may take to end. What a cage leaves lies in the cage, or in the server's folder.
func (s *Server) grace() time.Duration {
	if s.config.Sandbox.Confined() {
		return 0
	}
	return stopGrace
}

func (s *Server) command() sandbox.Command {
	at := s.seen()
	command := sandbox.Command{
		Args: append([]string{s.config.Kind.Program()}, s.config.Kind.args(at)...),
		Env: append([]string{
			"PATH=" + sandbox.Path, "HOME=/nonexistent", "LC_ALL=C.UTF-8", "XDG_RUNTIME_DIR=" + at.state,
			"DBUS_SESSION_BUS_ADDRESS=disabled:", // it would look for a desktop's
		}, s.config.Kind.env(at)...),
		Dir: "/", Output: words{s.log}, Identity: s.config.Identity, Scratch: s.config.Folder, OnDeath: syscall.SIGTERM,
	}
	if s.config.Sandbox.Confined() {
		command.Binds = []sandbox.Bind{
			{Outside: s.socketFolder(), Inside: socketFolderInside, Writable: true}, {Outside: s.settingsFolder(), Inside: settingsFolderInside},
			{Outside: s.microphoneFolder(), Inside: microphoneFolderInside, Writable: true},
		}
	}
	return command
}

// awaitReady waits until the server takes clients and has made its source the apps' default, which is the last thing that it does: whoever came
// sooner to PipeWire might be connected to nothing.
func (s *Server) awaitReady(ctx context.Context, process *sandbox.Process) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the sound server was not ready within %v", startTimeout))
	defer cancel()
	for {
		if source, err := pulse.DefaultSource(ctx, s.socket(), clientName); err == nil && source == microphone {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-process.Done():
			return errors.Join(errors.New("the sound server ended before it was ready"), process.Err())
		case <-time.After(startTick):
		}
	}
}

// backOff is a pause that grows with each failure that comes soon.
type backOff struct{ pause time.Duration }

// after is the pause after something that went on for so long.
func (b *backOff) after(went time.Duration) time.Duration {
	if went >= lasted {
		b.pause = 0
	}
	b.pause = min(max(2*b.pause, retryFirst), retryMost)
	return b.pause
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// words logs what a server says.
type words struct{ log *slog.Logger }

func (w words) Write(b []byte) (int, error) {
	w.log.Debug("sound server", "says", string(b))
	return len(b), nil
}
