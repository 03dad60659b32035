package edge

import (
	"log/slog"
	"testing"

	"golang.org/x/sys/unix"
)

// policy is the calling thread's scheduling policy.
func policy() (uint32, error) {
	attributes, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return 0, err
	}
	return attributes.Policy, nil
}

func TestARealtimeThreadIsOneAndTheOthersAreNot(t *testing.T) {
	allowed := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}
	if err := unix.SchedSetAttr(0, &allowed, 0); err != nil {
		t.Skipf("this machine does not let threads set their scheduling: %v", err)
	}
	got, err := onRealtimeThread(slog.New(slog.NewTextHandler(t.Output(), nil)), policy)
	if err != nil {
		t.Fatal(err)
	}
	if got != unix.SCHED_RR {
		t.Skipf("this user may not use real time: policy %d", got)
	}
	if got, err := policy(); err != nil || got != unix.SCHED_NORMAL {
		t.Errorf("the caller's policy is %d, error %v, want it left as it was", got, err)
	}
}
