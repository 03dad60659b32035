package edge

import (
	"log/slog"
	"runtime"

	"golang.org/x/sys/unix"
)

// realtimePriority is the lowest there is: above every ordinary thread, below whatever else asks for real time.
const realtimePriority = 1

// becomeRealtime moves the calling goroutine to a thread of its own that runs before every ordinary one, and whose
// children (an encoder's slice threads) do so too. A frame's work takes a few milliseconds of each frame's time, and each
// millisecond that it waits for a processor is seen. The thread ends with the goroutine.
//
// It takes CAP_SYS_NICE or an RLIMIT_RTPRIO of 1; without them the thread stays an ordinary one, and the log says so once
// a session.
func becomeRealtime(logger *slog.Logger) {
	runtime.LockOSThread() // never unlocked: the runtime ends such a thread rather than reuse it
	attributes := unix.SchedAttr{Policy: unix.SCHED_RR, Priority: realtimePriority}
	attributes.Size = unix.SizeofSchedAttr
	if err := unix.SchedSetAttr(0, &attributes, 0); err != nil {
		logger.Debug("frames are made at ordinary priority; to change that, run as root or allow real time (ulimit -r 1)", "error", err)
	}
}

// onRealtimeThread runs do on a thread as becomeRealtime makes it, for the threads that do starts.
func onRealtimeThread[T any](logger *slog.Logger, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result)
	go func() {
		becomeRealtime(logger)
		value, err := do()
		done <- result{value, err}
	}()
	r := <-done
	return r.value, r.err
}
