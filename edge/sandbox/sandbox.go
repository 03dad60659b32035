// Package sandbox answers one question: how does a program of a session run so that it reaches nothing but its own
// session, and leaves nothing behind?
//
// A cage is one run of bubblewrap: the system read-only, a private home, no network, no privileges, only the folders
// that the Command names. A session has two. The first holds the X server and owns the namespaces; the second holds the
// app and is entered through the first (Command.Inside), so that MIT-SHM works between them, and because process
// namespaces nest: when the first cage ends, the kernel ends everything in the second, however it forked.
//
//	edge ── bwrap ── init ── Xvfb                      first cage:  user, ipc, pid, net, mount, uts
//	  │               ·
//	  └─ nsenter ── unshare ── bwrap ── init ── app    second cage: ipc of the first, pid within the first's, the rest its own
//
// The edge holds both by PR_SET_PDEATHSIG, which fires when the *thread* that forked ends: each program is started and
// awaited on an operating system thread of its own (Process).
//
// A root edge runs both cages as an unprivileged user of the session's slot (Identity).
//
// Everything here may be used from several goroutines.
package sandbox

import (
	"errors"
	"os"
	"strconv"
)

// Errors that callers branch on.
var (
	// ErrUnavailable reports that this machine cannot confine programs; the message says why and what to do.
	ErrUnavailable = errors.New("apps cannot be confined on this machine")
	// ErrNotStarted reports that a program never ran: it is missing, not executable, or its cage could not be made.
	ErrNotStarted = errors.New("could not be started")
)

// Sandbox is a way to run programs on this machine: confined (Probe) or not (Disabled).
type Sandbox struct {
	bwrap, nsenter string // programs; empty when not confined
	system         []string
}

// Disabled runs programs unconfined, as --no-sandbox asks: they see the whole system and the network, but still run as
// the slot's user when the edge is root, in a session of their own, and end with the edge.
func Disabled() *Sandbox { return &Sandbox{} }

// Confined reports whether programs run in cages.
func (s *Sandbox) Confined() bool { return s.bwrap != "" }

// Path is where programs are looked up, inside and outside a cage; Debian keeps games in /usr/games.
const Path = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"

// Home is the player's home folder as a confined program sees it. Commands bind a folder of the session there.
const Home = "/home/player"

// RuntimeDir is XDG_RUNTIME_DIR as a confined program sees it.
const RuntimeDir = "/run/player"

// Bind shows a file or folder of the machine inside a cage.
type Bind struct {
	Outside  string
	Inside   string // empty means the same path as Outside
	Writable bool
}

func (b Bind) inside() string {
	if b.Inside == "" {
		return b.Outside
	}
	return b.Inside
}

// Namespaces are those of a running cage, held by descriptor, so that they cannot be mistaken for another process's.
// Close lets go of them.
type Namespaces struct{ user, ipc, pid *os.File }

func openNamespaces(pid int) (*Namespaces, error) {
	folder := "/proc/" + strconv.Itoa(pid) + "/ns/"
	n := &Namespaces{}
	for name, file := range map[string]**os.File{"user": &n.user, "ipc": &n.ipc, "pid": &n.pid} {
		opened, err := os.Open(folder + name)
		if err != nil {
			return nil, errors.Join(err, n.Close())
		}
		*file = opened
	}
	return n, nil
}

// Close lets go of the namespaces; what runs in them goes on.
func (n *Namespaces) Close() error {
	var errs []error
	for _, file := range []*os.File{n.user, n.ipc, n.pid} {
		if file != nil {
			errs = append(errs, file.Close())
		}
	}
	return errors.Join(errs...)
}
