package media

import "golang.org/x/sys/unix"

// Now reads CLOCK_MONOTONIC.
func Now() Instant {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic("clock_gettime(CLOCK_MONOTONIC) cannot fail on Linux: " + err.Error())
	}
	return Instant(t.Nano())
}
