package gles_test

import (
	"time"

	"golang.org/x/sys/unix"
)

// processTime is the CPU time that all threads of this process have used.
func processTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
