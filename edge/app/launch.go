package app

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"nearlight/edge/audio"
	"nearlight/edge/display"
	"nearlight/edge/sandbox"
)

// ownInside is where a confined session finds this very program.
const ownInside = "/run/nearlight/nearlight"

// Surroundings are what an app runs in.
type Surroundings struct {
	Sandbox  *sandbox.Sandbox
	Identity sandbox.Identity
	Display  *display.Display
	Audio    *audio.Server // nil for silence
	// Folder belongs to the identity. The player's home is in it; whoever made the folder removes it after the session.
	Folder string
	// Own is the path of this program, for descriptions that run it; empty means that of the running process.
	Own string
}

// Process is a running app.
//
//	Launch ── running ── Done: Err and Ending say how it ended
type Process struct {
	title   string
	process *sandbox.Process
	output  *Output
}

// Launch starts an app. An error that wraps sandbox.ErrNotStarted says that it could not; the same may be known only
// later, by Err.
func Launch(d Description, in Surroundings) (*Process, error) {
	home := filepath.Join(in.Folder, "home")
	if err := in.Identity.MakeFolder(home); err != nil {
		return nil, fmt.Errorf("making the player's home: %w", err)
	}
	p := &Process{title: d.Title, output: &Output{}}
	command := sandbox.Command{
		Binds: []sandbox.Bind{{Outside: home, Inside: sandbox.Home, Writable: true}},
		GPU:   true, Output: p.output, Identity: in.Identity, Scratch: in.Folder,
	}
	homeSeen, runtimeSeen := sandbox.Home, sandbox.RuntimeDir
	if !in.Sandbox.Confined() {
		homeSeen, runtimeSeen = home, filepath.Join(in.Folder, "runtime")
		command.Dir = home
		if err := in.Identity.MakeFolder(runtimeSeen); err != nil {
			return nil, fmt.Errorf("making the runtime folder: %w", err)
		}
	}
	size := in.Display.Size()
	fill := strings.NewReplacer("{width}", strconv.Itoa(size.Width), "{height}", strconv.Itoa(size.Height), "{home}", homeSeen).Replace
	for _, file := range d.Files {
		if err := in.Identity.Seed(home, file.Path, []byte(fill(file.Content))); err != nil {
			return nil, fmt.Errorf("preparing the player's home: %w", err)
		}
	}
	arguments, extra := d.Arguments, []map[string]string{d.Environment}
	if d.WithoutGPU != nil && !sandbox.HasGPU() {
		arguments, extra = d.WithoutGPU.Arguments, append(extra, d.WithoutGPU.Environment)
	}
	command.Env = environment(homeSeen, runtimeSeen)
	if in.Audio != nil {
		in.Audio.Lend(&command)
	} else {
		command.Env = append(command.Env, silence...)
	}
	for _, variables := range extra {
		for _, name := range slices.Sorted(maps.Keys(variables)) {
			command.Env = append(command.Env, name+"="+variables[name])
		}
	}
	program, err := locate(d, in, &command)
	if err != nil {
		return nil, fmt.Errorf("%s %w: %w", d.Title, sandbox.ErrNotStarted, err)
	}
	command.Args = []string{program}
	for _, argument := range arguments {
		command.Args = append(command.Args, fill(argument))
	}
	in.Display.Lend(&command)
	if p.process, err = in.Sandbox.Start(command); err != nil {
		return nil, err
	}
	return p, nil
}

// silence keeps apps without a sound server from looking for one.
var silence = []string{"SDL_AUDIODRIVER=dummy", "ALSOFT_DRIVERS=null"}

// environment is what every app gets.
func environment(home, runtime string) []string {
	return []string{
		"PATH=" + sandbox.Path, "HOME=" + home, "USER=player", "LOGNAME=player", "LANG=C.UTF-8", "XDG_RUNTIME_DIR=" + runtime,
		"SDL_VIDEODRIVER=x11", "GDK_BACKEND=x11", "QT_QPA_PLATFORM=xcb",
		// A game that loses the focus for a moment stays full screen.
		"SDL_VIDEO_MINIMIZE_ON_FOCUS_LOSS=0",
	}
}

// locate finds the program and completes the command with what it needs to see of it: its own folder, read-only, when
// it is given by a path outside of the system's folders.
func locate(d Description, in Surroundings, c *sandbox.Command) (string, error) {
	if d.Own {
		own := in.Own
		if own == "" {
			var err error
			if own, err = os.Executable(); err != nil {
				return "", err
			}
		}
		if !in.Sandbox.Confined() {
			return own, nil
		}
		c.Binds = append(c.Binds, sandbox.Bind{Outside: own, Inside: ownInside})
		return ownInside, nil
	}
	if !strings.Contains(d.Program, "/") {
		if !d.Installed() {
			return "", errors.New("not installed" + installHint(d))
		}
		return d.Program, nil
	}
	path, err := filepath.Abs(d.Program)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("%s: no such file", path)
	case err != nil:
		return "", err
	case info.IsDir():
		return "", fmt.Errorf("%s is a folder", path)
	case info.Mode()&0o111 == 0:
		return "", fmt.Errorf("%s is not executable; run: chmod +x %[1]s", path)
	}
	if !in.Sandbox.Confined() {
		return path, nil
	}
	c.Dir = filepath.Dir(path)
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	for _, file := range []string{path, target} {
		show(c, file)
	}
	if !slices.ContainsFunc(c.Binds, func(b sandbox.Bind) bool { return b.Outside == c.Dir }) && !system(path) {
		c.Dir = "" // only the file is shown
	}
	return path, nil
}

func installHint(d Description) string {
	if d.Package == "" {
		return ""
	}
	return "; run: apt install " + d.Package
}

// show binds a file's folder, or the file alone where the folder holds much else.
func show(c *sandbox.Command, file string) {
	bind := sandbox.Bind{Outside: filepath.Dir(file)}
	if broad(bind.Outside) {
		bind.Outside = file
	}
	if !system(file) && !slices.Contains(c.Binds, bind) {
		c.Binds = append(c.Binds, bind)
	}
}

// system reports whether every cage shows the path already.
func system(path string) bool {
	for _, folder := range []string{"/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/etc/"} {
		if strings.HasPrefix(path, folder) {
			return true
		}
	}
	return false
}

// broad reports whether a folder is a place for everything rather than an app's own: an app that was put into it does
// not get to read the rest.
func broad(folder string) bool {
	if home, err := os.UserHomeDir(); err == nil && folder == home {
		return true
	}
	return filepath.Dir(folder) == "/" || filepath.Dir(folder) == "/home" || folder == "/var/tmp" || folder == "/var/lib"
}

// Done is closed when the app and everything that it started has ended.
func (p *Process) Done() <-chan struct{} { return p.process.Done() }

// Err says, after Done, how the app ended: nil for status 0, a *sandbox.ExitError, or an error that wraps
// sandbox.ErrNotStarted.
func (p *Process) Err() error { return p.process.Err() }

// Ending says, after Done, how the app ended, as a sentence for its player.
func (p *Process) Ending() string {
	switch err := p.Err(); {
	case err != nil:
		return fmt.Sprintf("%s %v", p.title, err)
	default:
		return fmt.Sprintf("%s ended after %s", p.title, sandbox.Seconds(p.process.Lived()))
	}
}

// LastLines returns the last n lines that the app wrote to its standard output and error, safe to show.
func (p *Process) LastLines(n int) []string { return p.output.Last(n) }

// PIDs lists the app's processes, its cage's included, for measuring them.
func (p *Process) PIDs() []int { return p.process.PIDs() }

// Stop asks the app to end, ends it when grace is over, and returns when nothing of it is left.
func (p *Process) Stop(grace time.Duration) { p.process.Stop(grace) }
