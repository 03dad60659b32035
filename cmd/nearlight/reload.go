package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how often a file that is read again is looked at.
const lookEvery = 2 * time.Second

// reloaded is what a file says, as it says it now: it is read again when it has changed. What cannot be read then, or does not parse, is
// told to the log, and what it said before stays. It is safe for concurrent use.
type reloaded[T any] struct {
	path   string
	limit  int64 // octets
	parse  func([]byte) (T, error)
	now    func() time.Time
	logger *slog.Logger

	mu     sync.Mutex
	value  T
	looked time.Time
	seen   seenFile
}

// seenFile is what tells one version of a file from the next.
type seenFile struct {
	changed time.Time
	size    int64
}

func (r *reloaded[T]) stat() (seenFile, error) {
	info, err := os.Stat(r.path)
	if err != nil {
		return seenFile{}, err
	}
	return seenFile{info.ModTime(), info.Size()}, nil
}

// open reads the file for the first time, when it has to be there and right.
func (r *reloaded[T]) open() (err error) {
	r.looked = r.now()
	if r.seen, err = r.stat(); err != nil {
		return err
	}
	r.value, err = r.read()
	return err
}

func (r *reloaded[T]) read() (value T, err error) {
	file, err := os.Open(r.path)
	if err != nil {
		return value, err
	}
	content, err := io.ReadAll(io.LimitReader(file, r.limit+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return value, err
	}
	if int64(len(content)) > r.limit {
		return value, fmt.Errorf("%s has more than %d octets", r.path, r.limit)
	}
	value, err = r.parse(content)
	if err != nil {
		return value, fmt.Errorf("%s: %w", r.path, err)
	}
	return value, nil
}

// get returns what the file says.
func (r *reloaded[T]) get() T {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.now(); now.Sub(r.looked) >= lookEvery {
		r.looked = now
		r.look()
	}
	return r.value
}

// look reads the file again if it has changed. The caller holds mu.
func (r *reloaded[T]) look() {
	seen, err := r.stat()
	if err == nil && seen == r.seen {
		return
	}
	var value T
	if err == nil {
		r.seen = seen // a file that is wrong is complained of once
		value, err = r.read()
	}
	if err != nil {
		r.logger.Warn("a file is not read again; what it said before stays", "file", r.path, "error", err)
		return
	}
	r.value = value
	r.logger.Info("a file has changed and is read again", "file", r.path)
}
