package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"nearlight/edge/sandbox"
	"nearlight/edge/sandbox/sandboxtest"
)

// actProbe turns the test's binary into a program that probes and prints the error.
const actProbe = "NEARLIGHT_TEST_PROBE"

func TestMain(m *testing.M) {
	if os.Getenv(actProbe) != "" {
		_, err := sandbox.Probe(context.Background())
		fmt.Println(errors.Is(err, sandbox.ErrUnavailable), err)
		return
	}
	goleak.VerifyTestMain(m)
}

func TestProbeSaysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := sandbox.Probe(t.Context())
	if !errors.Is(err, sandbox.ErrUnavailable) || !strings.Contains(err.Error(), "run: apt install bubblewrap") {
		t.Errorf("got %v", err)
	}
}

func TestProbeSaysThatUserNamespacesAreForbidden(t *testing.T) {
	sandboxtest.Probe(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// In a user namespace that may have no further ones.
	probe := exec.Command("bwrap", "--unshare-user", "--uid", "1000", "--disable-userns", "--dev-bind", "/", "/", "--setenv", actProbe, "1", program)
	output, err := probe.CombinedOutput()
	if said := string(output); err != nil || !strings.HasPrefix(said, "true ") || !strings.Contains(said, "namespace") || !strings.Contains(said, "--no-sandbox") {
		t.Errorf("it says %q, %v", said, err)
	}
}
