package sandbox

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Command is a program and what it may see.
type Command struct {
	Args []string // the program and its arguments
	Env  []string // its whole environment, NAME=value
	Dir  string   // working folder as the program sees it; empty means Home, or the root when Home is not bound
	// Binds are shown in a cage; without one they are what the program is expected to use.
	Binds []Bind
	// Inside enters the namespaces of another cage; nil makes new ones.
	Inside *Namespaces
	// GPU shows the GPUs' device files, where the machine has any.
	GPU bool
	// Files are inherited as descriptors 3 and up.
	Files []*os.File
	// Output receives what the program writes to its standard output and error; nil discards it. Writes come from one
	// goroutine.
	Output io.Writer
	// Identity is the user it runs as.
	Identity Identity
	// Scratch is a folder that the identity owns. A root edge needs it to bind folders that the identity cannot reach.
	Scratch string
	// OnDeath is the signal that an unconfined program gets when the edge dies; 0 means SIGKILL, which a cage always
	// gets.
	OnDeath syscall.Signal
}

// hostname is the machine's name inside a cage, by which sweep knows cages as well.
const hostname = "nearlight"

// temporaryBytes bounds what a program may write to each of /tmp and /var/tmp, which are memory.
const temporaryBytes = 512 << 20

// systemArguments show the machine's programs and libraries, read-only. Folders that a merged /usr turned into
// symbolic links stay links.
func systemArguments() ([]string, error) {
	args := []string{"--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc"}
	for _, folder := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		info, err := os.Lstat(folder)
		switch {
		case os.IsNotExist(err):
		case err != nil:
			return nil, err
		case info.Mode()&os.ModeSymlink != 0:
			target, err := os.Readlink(folder)
			if err != nil {
				return nil, err
			}
			args = append(args, "--symlink", target, folder)
		default:
			args = append(args, "--ro-bind", folder, folder)
		}
	}
	return append(args,
		"--ro-bind-try", "/opt", "/opt",
		"--ro-bind-try", "/var/cache/fontconfig", "/var/cache/fontconfig",
	), nil
}

// cageArguments is bubblewrap's command line for c, without the program itself. The descriptors name the ends of
// pipes: report takes the number of the cage's first process, accounts and groups give the two files.
func (s *Sandbox) cageArguments(c Command, report, accounts, groups int) []string {
	// --dev would make bubblewrap nest a second user namespace, after which no other cage can join the first one's ipc
	// namespace; the few devices are bound one by one in a cage that others enter.
	args := []string{
		"--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--hostname", hostname,
		"--new-session", "--die-with-parent", "--clearenv",
	}
	if c.Inside == nil {
		args = append(args, "--unshare-ipc", "--info-fd", strconv.Itoa(report))
	} else {
		// No report: inside another cage, processes are not counted as they are for the edge.
		args = append(args, "--disable-userns")
	}
	args = append(args, s.system...)
	args = append(args,
		"--ro-bind-data", strconv.Itoa(accounts), "/etc/passwd", "--ro-bind-data", strconv.Itoa(groups), "/etc/group",
		"--proc", "/proc", "--size", strconv.Itoa(temporaryBytes), "--perms", "1777", "--tmpfs", "/tmp",
		"--size", strconv.Itoa(temporaryBytes), "--perms", "1777", "--tmpfs", "/var/tmp",
		"--perms", "0700", "--tmpfs", RuntimeDir, "--symlink", "/run", "/var/run")
	if c.Inside == nil {
		args = append(args, "--tmpfs", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm")
		for _, device := range []string{"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"} {
			args = append(args, "--dev-bind", device, device)
		}
	} else {
		args = append(args, "--dev", "/dev")
	}
	if c.GPU {
		args = append(args, gpuArguments(devices)...)
	}
	for _, bind := range c.Binds {
		how := "--ro-bind"
		if bind.Writable {
			how = "--bind"
		}
		args = append(args, how, bind.Outside, bind.inside())
	}
	args = append(args, "--remount-ro", "/")
	for _, variable := range c.Env {
		name, value, _ := strings.Cut(variable, "=")
		args = append(args, "--setenv", name, value)
	}
	return append(args, "--chdir", c.workingFolder(), "--")
}

func (c Command) workingFolder() string {
	if c.Dir != "" {
		return c.Dir
	}
	for _, bind := range c.Binds {
		if bind.inside() == Home {
			return Home
		}
	}
	return "/"
}

// enterArguments is the command line that enters another cage, up to the program that it runs there; the descriptors
// are those of its namespaces. unshare gives bubblewrap a /proc that counts processes as it does: bubblewrap looks its
// child up there, and the machine's /proc would show it another process, or none.
func enterArguments(user, ipc, pid int) []string {
	at := func(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
	return []string{
		"--preserve-credentials", "--user=" + at(user), "--ipc=" + at(ipc), "--pid=" + at(pid), "--",
		"unshare", "--user", "--map-current-user", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--",
	}
}

// stageArguments wraps a command line, for a root edge, so that folders which the session's user could not reach are
// bound where it can, in a mount namespace that ends with the command; only then is the user dropped.
func stageArguments(i Identity, stages []Bind, args []string) []string {
	script := `while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit; shift 2; done; shift; exec "$@"`
	line := []string{"unshare", "--mount", "--propagation", "slave", "sh", "-c", script, "sh"}
	for _, stage := range stages {
		line = append(line, stage.Outside, stage.Inside)
	}
	line = append(line, "--", "setpriv", "--reuid", strconv.Itoa(i.UID), "--regid", strconv.Itoa(i.GID))
	if len(i.Groups) == 0 {
		line = append(line, "--clear-groups")
	} else {
		list := ""
		for n, group := range i.Groups {
			if n > 0 {
				list += ","
			}
			list += strconv.Itoa(group)
		}
		line = append(line, "--groups", list)
	}
	return append(append(line, "--pdeathsig", "KILL", "--"), args...)
}

// accountFiles are /etc/passwd and /etc/group of a cage: root, nobody and the player. Programs that ask who they are
// would otherwise find no answer for a slot's user.
func accountFiles(i Identity) (accounts, groups string) {
	accounts = "root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
	groups = "root:x:0:\nnogroup:x:65534:\n"
	if i.UID != 0 {
		accounts += fmt.Sprintf("player:x:%d:%d:Player:%s:/bin/sh\n", i.UID, i.GID, Home)
		groups += fmt.Sprintf("player:x:%d:\n", i.GID)
	}
	return accounts, groups
}

// stage gives each bind that the identity cannot reach a path below scratch that it can, creating what is mounted upon.
func stage(i Identity, scratch string, binds []Bind) (staged, stages []Bind, err error) {
	staged = append([]Bind(nil), binds...)
	for n, bind := range binds {
		barrier, err := i.barrier(filepath.Dir(bind.Outside))
		switch {
		case err != nil:
			return nil, nil, err
		case barrier == "":
			continue
		case scratch == "":
			return nil, nil, barred(bind.Outside, barrier, i)
		}
		info, err := os.Stat(bind.Outside)
		if err != nil {
			return nil, nil, err
		}
		folder := filepath.Join(scratch, "stage")
		target := filepath.Join(folder, strconv.Itoa(n))
		err = i.MakeFolder(folder)
		if err == nil && info.IsDir() {
			err = i.MakeFolder(target)
		} else if err == nil {
			err = i.WriteFile(target, nil)
		}
		if err != nil {
			return nil, nil, err
		}
		stages = append(stages, Bind{Outside: bind.Outside, Inside: target})
		staged[n].Outside, staged[n].Inside = target, bind.inside()
	}
	return staged, stages, nil
}
