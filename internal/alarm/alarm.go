// Package alarm is a sleep until an instant, to a few microseconds, that anybody can end: Go's own timers come up to a
// millisecond late, which is long for what has to happen within a frame.
//
// One goroutine sleeps; everybody may wake it.
package alarm

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"nearlight/internal/media"
)

// Alarm is one sleeper's.
type Alarm struct {
	fd      int
	watched [1]unix.PollFd
	timeout unix.Timespec
	rung    [8]byte // what the eventfd counted
}

// New makes an alarm, which takes a descriptor.
func New() (*Alarm, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	return &Alarm{fd: fd, watched: [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}}, nil
}

// Wake ends a sleep, or the next one. It may be called from anywhere until Close.
func (a *Alarm) Wake() {
	one := [8]byte{1}
	if _, err := unix.Write(a.fd, one[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
		panic("an eventfd takes a write: " + err.Error())
	}
}

// Never is an instant to sleep until that does not come.
const Never = media.Instant(1<<63 - 1)

// SleepUntil returns at an instant, or sooner: after Wake, or for no reason. It holds its thread, so that it is woken as soon as the
// kernel can.
func (a *Alarm) SleepUntil(due media.Instant) error {
	var timeout *unix.Timespec
	if due != Never {
		a.timeout = unix.NsecToTimespec(int64(max(due.Sub(media.Now()), 0)))
		timeout = &a.timeout
	}
	switch n, err := unix.Ppoll(a.watched[:], timeout, nil); {
	case errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("ppoll: %w", err)
	case n == 0:
		return nil
	}
	if _, err := unix.Read(a.fd, a.rung[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("eventfd: %w", err)
	}
	return nil
}

// Close gives the descriptor back.
func (a *Alarm) Close() error { return unix.Close(a.fd) }
