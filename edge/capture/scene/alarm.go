package scene

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"nearlight/internal/media"
)

// alarm is a sleep until an instant, to the microsecond, that anybody can end. Go's own timers come up to a millisecond late.
type alarm struct {
	fd      int
	watched [1]unix.PollFd
	timeout unix.Timespec
	rung    [8]byte // what the eventfd counted
}

func newAlarm() (*alarm, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	return &alarm{fd: fd, watched: [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}}, nil
}

// wake ends a sleep, or the next one. It may be called from anywhere until close.
func (a *alarm) wake() {
	one := [8]byte{1}
	if _, err := unix.Write(a.fd, one[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
		panic("an eventfd takes a write: " + err.Error())
	}
}

// never is an instant to sleep until that does not come.
const never = media.Instant(1<<63 - 1)

// sleepUntil returns at an instant, or sooner: after wake, or for no reason.
func (a *alarm) sleepUntil(due media.Instant) error {
	var timeout *unix.Timespec
	if due != never {
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

func (a *alarm) close() error { return unix.Close(a.fd) }
