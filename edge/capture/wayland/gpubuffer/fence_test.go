//go:build linux && cgo

package gpubuffer

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/internal/scene/gles"
)

// A pipe stands for a DMA-BUF: it is readable once somebody has written, as that is once its fence is passed.
func TestAPictureIsWaitedForAndNotForEver(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	b := &Buffer{waiting: []unix.PollFd{{Fd: int32(read.Fd()), Events: unix.POLLIN}}}
	began := time.Now()
	if err := b.await(); !errors.Is(err, gles.ErrStalled) || time.Since(began) < patience {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	go func() {
		time.Sleep(10 * time.Millisecond) // most likely it is waited for by now; if not, it is found ready
		_, _ = write.Write([]byte{1})
		_ = write.Close()
	}()
	if err := b.await(); err != nil {
		t.Errorf("once it is complete: %v", err)
	}
	closed := &Buffer{waiting: []unix.PollFd{{Fd: 1 << 20, Events: unix.POLLIN}}}
	if err := closed.await(); !errors.Is(err, gles.ErrStalled) {
		t.Errorf("a descriptor that is not open: %v", err)
	}
}
