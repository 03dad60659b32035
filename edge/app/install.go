package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Errors that callers branch on.
var (
	// ErrNotRoot reports that installing needs rights which the edge does not have; the message holds the command.
	ErrNotRoot = errors.New("installing needs root")
	// ErrInstall reports that the package manager failed; the message holds its words.
	ErrInstall = errors.New("could not be installed")
)

const (
	// lockTimeout is how long apt-get waits for another package manager to finish.
	lockTimeout = 2 * time.Minute
	// cancelGrace lets apt-get end what must not be cut in half.
	cancelGrace = time.Minute
	// downloadShare of the percents is for the download, the rest for unpacking and configuring.
	downloadShare = 50
)

// Installer installs apps by apt-get, one at a time. Its zero value is ready for use.
type Installer struct {
	// Program stands in for apt-get in tests; empty means apt-get, as root only.
	Program string

	one sync.Mutex
}

// Progress is told how far an installation is, from 0 to 100, and what it is doing. It is called from one goroutine.
type Progress func(percent int, line string)

// Install brings the app's package. It tells progress until it returns; ctx gives up, which leaves the system as the
// package manager leaves it when it is interrupted.
func (i *Installer) Install(ctx context.Context, d Description, progress Progress) error {
	if d.Package == "" {
		return fmt.Errorf("%s %w: it is not in a package", d.Title, ErrInstall)
	}
	program := i.Program
	if program == "" {
		program = "apt-get"
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s %w: this system has no apt-get; install %s with its own package manager", d.Title, ErrInstall, d.Package)
		}
		if os.Geteuid() != 0 {
			return fmt.Errorf("%s: %w; run: sudo apt-get install %s", d.Title, ErrNotRoot, d.Package)
		}
	}
	i.one.Lock()
	defer i.one.Unlock()
	if d.Installed() {
		progress(100, d.Title+" is installed")
		return nil
	}
	progress(0, "Looking for "+d.Package)
	err := apt(ctx, program, progress, "install", "--yes", "--no-install-recommends", "--", d.Package)
	if err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "Unable to locate package") {
		// A machine that was just set up, an image for example, has no list of packages yet.
		progress(0, "Fetching the list of packages")
		if err = apt(ctx, program, progress, "update"); err == nil {
			err = apt(ctx, program, progress, "install", "--yes", "--no-install-recommends", "--", d.Package)
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s %w: %w", d.Title, ErrInstall, err)
	case !d.Installed():
		return fmt.Errorf("%s %w: package %s has no program %s", d.Title, ErrInstall, d.Package, d.Program)
	}
	progress(100, d.Title+" is installed")
	return nil
}

// apt runs apt-get and follows what it reports on its status descriptor.
func apt(ctx context.Context, program string, progress Progress, arguments ...string) error {
	status, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer status.Close()
	options := []string{
		"-q", "-o", "APT::Status-Fd=3", "-o", "Dpkg::Use-Pty=0", "-o", fmt.Sprintf("DPkg::Lock::Timeout=%.0f", lockTimeout.Seconds()),
		"-o", "Dpkg::Options::=--force-confold",
	}
	said := &Output{}
	cmd := exec.CommandContext(ctx, program, append(options, arguments...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = said, said, []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the edge, which decides
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = cancelGrace
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return err
	}
	follow(status, progress)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.Join(complaints(said), " "))
	}
	return nil
}

// complaints are apt-get's own errors, or its last lines when it gave none.
func complaints(said *Output) (lines []string) {
	for _, line := range said.Last(keptLines) {
		if strings.HasPrefix(line, "E: ") {
			lines = append(lines, strings.TrimPrefix(line, "E: "))
		}
	}
	if lines == nil {
		lines = said.Last(3)
	}
	return lines
}

// follow reads apt-get's status lines until they end.
func follow(status io.Reader, progress Progress) {
	last := 0
	for lines := bufio.NewScanner(status); lines.Scan(); {
		percent, text, ok := parseStatus(lines.Text())
		if !ok {
			continue
		}
		last = max(last, percent) // it counts anew for each of its phases
		progress(last, text)
	}
}

// parseStatus reads a line of APT::Status-Fd (apt's doc/progress-reporting.md): dlstatus while downloading, pmstatus
// while unpacking and configuring, each as kind:item:percent:text.
func parseStatus(line string) (percent int, text string, ok bool) {
	fields := strings.SplitN(line, ":", 4)
	if len(fields) != 4 {
		return 0, "", false
	}
	share, err := strconv.ParseFloat(fields[2], 64)
	if err != nil || !(share >= 0 && share <= 100) {
		return 0, "", false
	}
	text = clean([]byte(fields[3]))
	switch fields[0] {
	case "dlstatus":
		return int(share * downloadShare / 100), text, true
	case "pmstatus":
		return downloadShare + int(share*(100-downloadShare)/100), text, true
	}
	return 0, "", false
}
