package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// FirstUID is the user of slot 0 under a root edge; slot n runs as FirstUID+n. The range 60578 to 61183 is one that
// distributions leave unassigned (systemd, "Users, Groups, UIDs and GIDs on systemd systems"), and it stays below
// 65536, so that it exists in containers with a narrow id map.
const (
	FirstUID = 60600
	maxSlots = 61183 - FirstUID + 1
)

// Identity is the user that a session's programs run as.
type Identity struct {
	UID, GID int
	// Groups are supplementary: those of the GPUs' device files where there are any, else none.
	Groups []int
}

// IdentityFor returns the user for a slot: one of its own under a root edge, otherwise the edge's own user.
func IdentityFor(slot int) (Identity, error) {
	if os.Geteuid() != 0 {
		return Identity{UID: os.Geteuid(), GID: os.Getegid()}, nil
	}
	if slot < 0 || slot >= maxSlots {
		return Identity{}, fmt.Errorf("slot %d: an edge has slots 0 to %d", slot, maxSlots-1)
	}
	return Identity{UID: FirstUID + slot, GID: FirstUID + slot, Groups: gpuGroups(devices)}, nil
}

// foreign reports whether processes of this identity need another user than the edge's.
func (i Identity) foreign() bool { return i.UID != os.Geteuid() }

func (i Identity) credential() *syscall.Credential {
	if !i.foreign() {
		return nil
	}
	groups := make([]uint32, len(i.Groups))
	for n, group := range i.Groups {
		groups[n] = uint32(group)
	}
	return &syscall.Credential{Uid: uint32(i.UID), Gid: uint32(i.GID), Groups: groups}
}

// MakeFolder creates the folder, and those above it that are missing, for this identity alone. Folders above it that
// are created may be passed through by anyone, and listed by nobody but the edge. What is there already must be a
// folder: a link that a session's program left is not followed.
func (i Identity) MakeFolder(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		info, found := os.Lstat(path)
		if found != nil || !info.IsDir() {
			return err
		}
	}
	return i.own(path)
}

// WriteFile makes a file that this identity alone may read and write, in place of one that is there.
func (i Identity) WriteFile(path string, content []byte) error {
	return i.Seed(filepath.Dir(path), filepath.Base(path), content)
}

// Seed makes a file below folder, and the folders to it, for this identity. Programs of a session may have written to
// folder: links in it that lead out of it are refused.
func (i Identity) Seed(folder, path string, content []byte) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	parts := strings.Split(filepath.Clean(path), string(filepath.Separator))
	for n := 1; n < len(parts); n++ {
		above := filepath.Join(parts[:n]...)
		if err := root.Mkdir(above, 0o700); err != nil {
			if os.IsExist(err) {
				continue
			}
			return err
		}
		if i.foreign() {
			if err := root.Lchown(above, i.UID, i.GID); err != nil {
				return err
			}
		}
	}
	if err := root.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	file, err := root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if i.foreign() {
		err = errors.Join(err, file.Chown(i.UID, i.GID))
	}
	return errors.Join(err, file.Close())
}

func (i Identity) own(path string) error {
	if !i.foreign() {
		return nil
	}
	return os.Lchown(path, i.UID, i.GID)
}

// barrier returns the first folder above path that this identity may not pass through, or "" when it reaches path. A path that is not
// absolute is looked for from the folder that this program is in.
func (i Identity) barrier(path string) (string, error) {
	if !i.foreign() {
		return "", nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for at := "/"; ; {
		var stat unix.Stat_t
		if unix.Stat(at, &stat) == nil && stat.Mode&unix.S_IFMT == unix.S_IFDIR && !i.mayEnter(&stat) {
			return at, nil
		}
		rest := strings.TrimPrefix(strings.TrimPrefix(path, at), "/")
		if rest == "" {
			return "", nil
		}
		next, _, _ := strings.Cut(rest, "/")
		at = filepath.Join(at, next)
	}
}

func (i Identity) mayEnter(folder *unix.Stat_t) bool {
	switch {
	case int(folder.Uid) == i.UID:
		return folder.Mode&0o100 != 0
	case int(folder.Gid) == i.GID:
		return folder.Mode&0o010 != 0
	}
	return folder.Mode&0o001 != 0
}
