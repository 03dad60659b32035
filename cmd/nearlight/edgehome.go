package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"nearlight/edge/leaselog"
	"nearlight/internal/identity"
	"nearlight/internal/identity/keystore"
)

// Files of an edge's own in its folder.
const (
	edgeKeyName  = "edge.key" // of an edge without a wallet: its private key, 64 hexadecimal digits, as `wallet import` reads it
	edgeLockName = "edge.lock"
)

// edgeHome is an edge's folder, open: who the edge is, and which leases it has signed.
type edgeHome struct {
	path   string
	key    *identity.Key
	leases *leaselog.Log
	lock   *os.File
	made   *ownFolder // nil when the owner named one
}

// openHome opens the folder of an edge, or makes one that goes with it where none is named. wallet is the edge's key where its owner keeps that
// elsewhere; nil means the folder's, which is made where there is none.
func (f *edgeFlags) openHome(wallet *identity.Key, logger *slog.Logger) (_ *edgeHome, err error) {
	if f.slots < 1 || f.slots > maxSlots {
		return nil, usage("--slots %d: want 1 to %d", f.slots, maxSlots)
	}
	if wallet != nil && f.folder == "" {
		return nil, usage("--wallet needs --folder FOLDER, the same one each time: an edge remembers there which leases its key has signed, so that it signs none twice")
	}
	h := &edgeHome{path: f.folder}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if h.path == "" {
		if h.made, err = makeFolder(logger); err != nil {
			return nil, err
		}
		h.path = h.made.path
	}
	if h.path, err = filepath.Abs(h.path); err != nil { // displays and apps find it from folders of their own
		return nil, fmt.Errorf("find the edge's folder: %w", err)
	}
	if err := os.MkdirAll(h.path, 0o711); err != nil {
		return nil, fmt.Errorf("make the edge's folder: %w", err)
	}
	if h.lock, err = os.OpenFile(filepath.Join(h.path, edgeLockName), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("open the edge's folder: %w", err)
	}
	if err := unix.Flock(int(h.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, usage("another edge uses the folder %s; give each its own with --folder", h.path)
	}
	if h.key = wallet; h.key == nil {
		if h.key, err = ownKey(filepath.Join(h.path, edgeKeyName), "edge"); err != nil {
			return nil, err
		}
	}
	if h.leases, err = leaselog.Open(h.path, f.slots, h.key.Address()); errors.Is(err, leaselog.ErrOtherEdge) {
		return nil, usage("--folder: %w", err)
	}
	return h, err
}

// ownKey reads the key of an edge or a checker, and makes one where there is none.
func ownKey(name, whose string) (*identity.Key, error) {
	switch _, err := os.Stat(name); {
	case err == nil:
		key, err := keystore.SecretOf(name)
		if err != nil {
			return nil, fmt.Errorf("read the %s's key %s: %w; remove it, and the %[1]s makes another and is another %[1]s", whose, name, err)
		}
		return key, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read the %s's key: %w", whose, err)
	}
	key, err := identity.NewKey()
	if err != nil {
		return nil, err
	}
	return key, leaselog.WriteFile(name, append(hex.AppendEncode(nil, key.Secret()), '\n'))
}

// close may be called again.
func (h *edgeHome) close() error {
	if h == nil {
		return nil
	}
	var err error
	if h.leases != nil {
		err = h.leases.Close()
	}
	if h.lock != nil {
		err = errors.Join(err, h.lock.Close())
	}
	err = errors.Join(err, h.made.close())
	h.leases, h.lock, h.made = nil, nil, nil
	return err
}
