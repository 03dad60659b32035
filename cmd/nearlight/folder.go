package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// folderPrefix begins the name of an edge's own folder, below the temporary one.
const folderPrefix = "nearlight-edge-"

// folderLock is a file in it that its edge holds locked: one that nobody holds is of an edge that was killed.
const folderLock = "lock"

// ownFolder is a folder of an edge's own. Close removes it.
type ownFolder struct {
	path string
	lock *os.File
}

// makeFolder makes one, and removes those that killed edges of this user left: players' homes are in them.
func makeFolder(logger *slog.Logger) (_ *ownFolder, err error) {
	if err := sweepFolders(logger); err != nil {
		return nil, err
	}
	f := &ownFolder{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("make a folder for sessions: %w", err), f.close())
		}
	}()
	if f.path, err = os.MkdirTemp("", folderPrefix); err != nil {
		return nil, err
	}
	// It gets its name once it is locked: whoever sweeps meanwhile must not find it free.
	if f.lock, err = os.CreateTemp(f.path, folderLock); err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, os.NewSyscallError("flock", err)
	}
	if err := os.Rename(f.lock.Name(), filepath.Join(f.path, folderLock)); err != nil {
		return nil, err
	}
	return f, os.Chmod(f.path, 0o711) // sessions' users pass through, and see nothing
}

func (f *ownFolder) close() error {
	if f == nil || f.path == "" {
		return nil
	}
	err := os.RemoveAll(f.path)
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
	}
	return err
}

// sweepFolders removes what killed edges of this user left.
func sweepFolders(logger *slog.Logger) error {
	folders, err := filepath.Glob(filepath.Join(os.TempDir(), folderPrefix+"*"))
	if err != nil {
		return fmt.Errorf("look for folders that were left: %w", err)
	}
	for _, folder := range folders {
		if !abandoned(folder) {
			continue
		}
		if err := os.RemoveAll(folder); err != nil {
			logger.Warn("a folder that a killed edge left cannot be removed", "folder", folder, "error", err)
			continue
		}
		logger.Info("removed what a killed edge left", "folder", folder)
	}
	return nil
}

// abandoned reports whether a folder is this user's and its edge is gone.
func abandoned(folder string) bool {
	info, err := os.Lstat(folder)
	if err != nil || !info.IsDir() {
		return false
	}
	if status, ok := info.Sys().(*syscall.Stat_t); !ok || int(status.Uid) != os.Geteuid() {
		return false
	}
	lock, err := os.OpenFile(filepath.Join(folder, folderLock), os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return false // an edge may just be making it
	}
	defer lock.Close()
	return unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}
