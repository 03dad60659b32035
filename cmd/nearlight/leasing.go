package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"nearlight/edge"
	"nearlight/edge/leaselog"
	"nearlight/signaling/lease"
)

// Files of an edge's own in its folder.
const (
	edgeKeyName  = "edge.key" // the seed of the key that signs leases, 32 octets
	edgeLockName = "edge.lock"
)

// leasing is what an edge gives its slots away by, open.
type leasing struct {
	edge.Leasing
	lock *os.File
}

// openLeasing opens an edge's key and its log of leases, and makes them in a new folder.
func openLeasing(folder string, slots int) (_ *leasing, err error) {
	if err := os.MkdirAll(folder, 0o711); err != nil {
		return nil, fmt.Errorf("make the edge's folder: %w", err)
	}
	l := &leasing{}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.lock, err = os.OpenFile(filepath.Join(folder, edgeLockName), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("open the edge's folder: %w", err)
	}
	if err := unix.Flock(int(l.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, usage("another edge uses the folder %s; give each its own with --folder", folder)
	}
	key, err := edgeKey(filepath.Join(folder, edgeKeyName))
	if err != nil {
		return nil, err
	}
	if l.Signer, err = lease.NewEd25519Signer(key); err != nil {
		return nil, err
	}
	// The instance is a secret that lasts as long as the key, and says nothing of it.
	sum := sha256.Sum256(append([]byte("nearlight instance "), key.Seed()...))
	l.Instance = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])
	if l.Log, err = leaselog.Open(folder, slots); err != nil {
		return nil, err
	}
	return l, nil
}

// edgeKey reads the edge's key, and makes one where there is none.
func edgeKey(name string) (ed25519.PrivateKey, error) {
	seed, err := os.ReadFile(name)
	if err == nil && len(seed) == ed25519.SeedSize {
		return ed25519.NewKeyFromSeed(seed), nil
	}
	if err == nil {
		return nil, fmt.Errorf("the edge's key %s has %d octets, not %d; remove it, and the edge makes another and is another edge", name, len(seed), ed25519.SeedSize)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the edge's key: %w", err)
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	return key, leaselog.WriteFile(name, key.Seed())
}

func (l *leasing) close() error {
	if l == nil {
		return nil
	}
	var err error
	if l.Log != nil {
		err = l.Log.Close()
	}
	if l.lock != nil {
		err = errors.Join(err, l.lock.Close())
	}
	return err
}
