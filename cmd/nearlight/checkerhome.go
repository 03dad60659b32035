package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"nearlight/checker/vrf"
	"nearlight/edge/leaselog"
	"nearlight/internal/identity"
)

// Files of a checker's own in its folder, beside the journal of checker/duty.
const (
	checkerKeyName  = "checker.key" // of a checker without a wallet, as edgeKeyName
	drawKeyName     = "draw.key"    // the seed of the key that it is drawn by, 64 hexadecimal digits
	checkerLockName = "checker.lock"
	addressName     = "address" // the checker's, for whoever looks into the folder without its key
)

// checkerHome is a checker's folder, open.
type checkerHome struct {
	checkerKeys
	path string
	lock *os.File
}

// openCheckerHome opens a checker's folder, or makes it. A key is made where there is none and no wallet is named.
func openCheckerHome(ctx context.Context, path string, wallet walletFlags) (_ *checkerHome, err error) {
	if path == "" {
		return nil, usage("--folder is missing: where the checker keeps its keys and its journal, so that it goes on where it was stopped")
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the checker's folder: %w", err)
	}
	h := &checkerHome{path: path}
	if h.lock, err = os.OpenFile(filepath.Join(path, checkerLockName), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("open the checker's folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if err := unix.Flock(int(h.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, usage("another checker uses the folder %s; give each its own with --folder", path)
	}
	if wallet.file != "" {
		h.key, err = wallet.open(ctx)
	} else {
		h.key, err = ownKey(filepath.Join(path, checkerKeyName), "checker")
	}
	if err != nil {
		return nil, err
	}
	if h.draw, err = drawKey(filepath.Join(path, drawKeyName)); err != nil {
		return nil, err
	}
	return h, leaselog.WriteFile(filepath.Join(path, addressName), []byte(h.key.Address().String()+"\n"))
}

// checkerAddress is the address of the checker of a folder.
func checkerAddress(folder string) (identity.Address, error) {
	text, err := os.ReadFile(filepath.Join(folder, addressName))
	if err != nil {
		return identity.Address{}, fmt.Errorf("the checker's address: %w", err)
	}
	return identity.ParseAddress(strings.TrimSpace(string(text)))
}

// drawKey reads the key that a checker is drawn by, and makes one where there is none.
func drawKey(name string) (*vrf.PrivateKey, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		key, seed := vrf.Generate()
		return key, leaselog.WriteFile(name, append(hex.AppendEncode(nil, seed[:]), '\n'))
	}
	if err != nil {
		return nil, fmt.Errorf("read the key that the checker is drawn by: %w", err)
	}
	var seed [vrf.SeedSize]byte
	if digits := strings.TrimSpace(string(text)); len(digits) != hex.EncodedLen(len(seed)) {
		err = fmt.Errorf("it has %d characters", len(digits))
	} else {
		_, err = hex.Decode(seed[:], []byte(digits))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: want the %d hexadecimal digits of a seed: %w; remove it, and the checker makes another, which needs another licence", name, hex.EncodedLen(len(seed)), err)
	}
	return vrf.NewPrivateKey(seed), nil
}

// owner is the checker's own address where no other is named.
func (h *checkerHome) owner(text string) (identity.Address, error) {
	if text == "" {
		return h.key.Address(), nil
	}
	owner, err := identity.ParseAddress(text)
	if err != nil {
		return owner, usage("--owner %s: %w", text, err)
	}
	return owner, nil
}

func (h *checkerHome) close() error { return h.lock.Close() }
