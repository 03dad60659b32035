package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// probeTimeout is far above the few milliseconds that making two cages takes.
const probeTimeout = 10 * time.Second

// Probe returns the sandbox of this machine after a real run: a cage is made, and a second one that enters it, as
// every session does. It ends cages that a killed edge left half made. The error wraps ErrUnavailable and says what to do.
func Probe(ctx context.Context) (*Sandbox, error) {
	s := &Sandbox{}
	var err error
	if s.bwrap, err = exec.LookPath("bwrap"); err != nil {
		return nil, fmt.Errorf("%w: bubblewrap is not installed; run: apt install bubblewrap", ErrUnavailable)
	}
	if s.nsenter, err = exec.LookPath("nsenter"); err != nil {
		return nil, fmt.Errorf("%w: nsenter is not installed; run: apt install util-linux", ErrUnavailable)
	}
	if s.system, err = systemArguments(); err != nil {
		return nil, fmt.Errorf("%w: looking at the system's folders: %w", ErrUnavailable, err)
	}
	identity, err := IdentityFor(0)
	if err != nil {
		return nil, err
	}
	sweep()
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := s.rehearse(ctx, identity); err != nil {
		return nil, fmt.Errorf("%w: %w%s", ErrUnavailable, err, advice(err))
	}
	return s, nil
}

// rehearse makes the two cages of a session. The outer one's program waits for its input to end.
func (s *Sandbox) rehearse(ctx context.Context, identity Identity) error {
	input, hold, err := os.Pipe()
	if err != nil {
		return err
	}
	defer hold.Close()
	said := make(chan struct{}, 1)
	outer, err := s.Start(Command{
		Args: []string{"sh", "-c", "echo ready; cat <&3"}, Env: []string{"PATH=" + Path}, Identity: identity,
		Files: []*os.File{input}, Output: notify(said),
	})
	input.Close()
	if err != nil {
		return err
	}
	defer outer.Stop(0)
	select {
	case <-said:
	case <-outer.Done():
		return ended("the first cage", outer.Err())
	case <-ctx.Done():
		return fmt.Errorf("making a cage: %w", ctx.Err())
	}
	namespaces, err := outer.Namespaces()
	if err != nil {
		return err
	}
	defer namespaces.Close()
	inner, err := s.Start(Command{
		Args: []string{"true"}, Env: []string{"PATH=" + Path}, Identity: identity, Inside: namespaces,
	})
	if err != nil {
		return err
	}
	defer inner.Stop(0)
	select {
	case <-inner.Done():
		if err := inner.Err(); err != nil {
			return ended("the second cage", err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("entering a cage: %w", ctx.Err())
	}
}

func ended(what string, err error) error {
	if err == nil {
		err = errors.New("ended too early")
	}
	return fmt.Errorf("%s: %w", what, err)
}

// notify turns the first write into a message.
type notify chan<- struct{}

func (n notify) Write(b []byte) (int, error) {
	select {
	case n <- struct{}{}:
	default:
	}
	return len(b), nil
}

// advice says what to do about the reasons for which kernels refuse user namespaces.
func advice(err error) string {
	const otherwise = "; to run apps without a cage, where they see the whole machine: --no-sandbox"
	switch text := err.Error(); {
	case sysctl("kernel/unprivileged_userns_clone") == "0":
		return "; run: sysctl -w kernel.unprivileged_userns_clone=1" + otherwise
	case sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1":
		return "; run: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" + otherwise
	case sysctl("user/max_user_namespaces") == "0":
		return "; run: sysctl -w user.max_user_namespaces=10000" + otherwise
	case strings.Contains(text, "Unknown option"):
		return "; Nearlight needs bubblewrap 0.8 or newer" + otherwise
	case strings.Contains(text, "namespace"), strings.Contains(text, "uid map"), strings.Contains(text, "not permitted"), strings.Contains(text, "Permission denied"):
		return "; in a container, allow user namespaces (docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined)" + otherwise
	}
	return otherwise
}

func sysctl(name string) string {
	value, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return "" // a kernel without this switch
	}
	return strings.TrimSpace(string(value))
}
