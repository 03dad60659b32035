package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nearlight/edge/sandbox"
	"nearlight/internal/media"
)

func TestAFindingIsOneLineWithItsRemedyBehindAnArrow(t *testing.T) {
	for _, c := range []struct {
		f    finding
		want string
	}{
		{finding{works, "pages", "built in", ""}, "ok    pages              built in"},
		{finding{fails, "display", "the X server\ndid not  start", "apt-get install xvfb"}, "fail  display            the X server did not start  -> apt-get install xvfb"},
	} {
		if got := c.f.String(); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

func TestAnEncoderSaysWhatElseItCodesIn(t *testing.T) {
	full, tenBit := media.Sampling{Chroma: media.Chroma444}, media.Sampling{TenBit: true}
	for _, c := range []struct {
		samplings []media.Sampling
		want      string
	}{
		{nil, ""}, // a driver that knows nothing else
		{[]media.Sampling{{}}, "; it codes in 4:2:0 with 8 bits only"},
		{[]media.Sampling{{}, full, tenBit}, "; it codes in 4:4:4 with 8 bits, 4:2:0 with 10 bits as well"},
	} {
		if got := alsoIn(c.samplings); got != c.want {
			t.Errorf("%v: got %q, want %q", c.samplings, got, c.want)
		}
	}
}

func TestTroubleTellsWhatToDoFromWhatHappened(t *testing.T) {
	for _, c := range []struct{ said, otherwise, detail, remedy string }{
		{"no X server is installed; run: apt install xvfb", "reboot", "no X server is installed", "apt install xvfb"},
		{"no cage; in a container, allow user namespaces; or --no-sandbox", "", "no cage", "in a container, allow user namespaces; or --no-sandbox"},
		{"it hangs", "reboot", "it hangs", "reboot"},
	} {
		got := trouble(doubts, "x", errors.New(c.said), c.otherwise)
		if got.Detail != c.detail || got.Remedy != c.remedy {
			t.Errorf("%q: got %q -> %q, want %q -> %q", c.said, got.Detail, got.Remedy, c.detail, c.remedy)
		}
	}
}

func TestOnlyAFailedCheckEndsWithCode3(t *testing.T) {
	told := func(verdicts ...verdict) func(context.Context, func(finding)) {
		return func(_ context.Context, tell func(finding)) {
			for _, v := range verdicts {
				tell(finding{Verdict: v, What: "a " + string(v)})
			}
		}
	}
	for _, asJSON := range []bool{false, true} {
		var out bytes.Buffer
		if err := report(t.Context(), &out, asJSON, told(works, doubts)); err != nil {
			t.Errorf("warnings alone: %v", err)
		}
		out.Reset()
		err := report(t.Context(), &out, asJSON, told(works, fails, doubts))
		var failure *failure
		if !errors.As(err, &failure) || failure.exit != exitLacks || !strings.Contains(err.Error(), "a fail") {
			t.Errorf("a failed check: %v", err)
		}
		if asJSON {
			var got struct {
				CanRun bool `json:"edge_can_run"`
				Checks []finding
			}
			if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.CanRun || len(got.Checks) != 3 {
				t.Errorf("%s: %v", out.String(), err)
			}
		} else if lines := strings.Count(out.String(), "\n"); lines != 3 {
			t.Errorf("%d lines for 3 checks:\n%s", lines, out.String())
		}
	}
}

func settings(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestAKernelThatForbidsUserNamespacesIsNamedWithItsSwitch(t *testing.T) {
	for name, values := range map[string]map[string]string{
		"":                                 {"user.max_user_namespaces": "9000"},
		"kernel.unprivileged_userns_clone": {"kernel.unprivileged_userns_clone": "0"},
		"kernel.apparmor_restrict_unprivileged_userns": {
			"kernel.unprivileged_userns_clone": "1", "kernel.apparmor_restrict_unprivileged_userns": "1",
		},
		"user.max_user_namespaces": {"user.max_user_namespaces": "0"},
	} {
		got := checkNamespaces(settings(values))
		if name == "" && got.Verdict != works || name != "" && (got.Verdict != doubts || !strings.Contains(got.Remedy, "sysctl -w "+name+"=")) {
			t.Errorf("%v: %v", values, got)
		}
	}
}

func TestSmallSocketBuffersAreAWarningWithTheSysctlsThatMendThem(t *testing.T) {
	for _, c := range []struct {
		values map[string]string
		remedy string
	}{
		{nil, ""}, // in a network namespace of its own
		{map[string]string{"net.core.wmem_max": "4194304", "net.core.rmem_max": "4194304"}, ""},
		{map[string]string{"net.core.wmem_max": "212992", "net.core.rmem_max": "4194304"}, "sysctl -w net.core.wmem_max=4194304"},
		{map[string]string{"net.core.wmem_max": "212992", "net.core.rmem_max": "212992"}, "sysctl -w net.core.wmem_max=4194304 net.core.rmem_max=1048576"},
	} {
		got := checkSocketBuffers(settings(c.values))
		if got.Remedy != c.remedy || (got.Verdict == works) != (c.remedy == "") {
			t.Errorf("%v: %v", c.values, got)
		}
	}
}

func TestAPortIsFreeOrOursOrAStrangers(t *testing.T) {
	healthy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			_, _ = w.Write([]byte(`{"status":"ok"}`)) // the client notices
		}
	})
	ours, lan := httptest.NewServer(healthy), httptest.NewTLSServer(healthy)
	stranger := httptest.NewServer(http.NotFoundHandler())
	for _, server := range []*httptest.Server{ours, lan, stranger} {
		defer server.Close()
	}
	once, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := once.Addr().String()
	if err := once.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, address string
		verdict       verdict
		says          string
	}{
		{"free", free, works, "is free"},
		{"signaling over HTTP", ours.Listener.Addr().String(), works, "a Nearlight that is running"},
		{"signaling over HTTPS", lan.Listener.Addr().String(), works, "a Nearlight that is running"},
		{"another program", stranger.Listener.Addr().String(), doubts, "address already in use"},
		{"no port", "127.0.0.1", doubts, "missing port"},
	} {
		got := checkPort(t.Context(), c.address)
		if got.Verdict != c.verdict || !strings.Contains(got.Detail, c.says) || (got.Remedy == "") != (c.verdict == works) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// buildProgram builds this program as people run it; a test binary cannot be started as an app.
func buildProgram(t *testing.T, environment ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "nearlight")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), environment...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// examined runs doctor with an empty folder for temporary files, and shows that it leaves nothing there.
func examined(t *testing.T, program string, environment ...string) (checks map[string]finding, exit int) {
	t.Helper()
	temporary, err := os.MkdirTemp("", "nl") // short, as the address of a display's socket must be
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(temporary)
	if err := os.Chmod(temporary, 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program, "doctor", "--json", "--listen", "127.0.0.1:0", "--size", "640x360")
	command.Env = append(append(os.Environ(), "TMPDIR="+temporary), environment...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if exited := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exited) {
		t.Fatal(err)
	}
	var diagnosis struct{ Checks []finding }
	if err := json.Unmarshal(out, &diagnosis); err != nil {
		t.Fatalf("%v: %q, %q", err, out, complaint.String())
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	checks = map[string]finding{}
	for _, f := range diagnosis.Checks {
		t.Log(f)
		checks[f.What] = f
	}
	return checks, command.ProcessState.ExitCode()
}

func TestDoctorFindsThisMachineFit(t *testing.T) {
	if _, err := sandbox.Look("Xvfb", nil); err != nil {
		t.Skipf("SKIPPED %s: %v (apt-get install xvfb)", t.Name(), err)
	}
	if _, err := sandbox.Probe(t.Context()); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	program := buildProgram(t)
	checks, exit := examined(t, program)
	if exit != exitDone {
		t.Errorf("exit code %d", exit)
	}
	for _, what := range []string{"build", "encoder openh264", "sandbox", "display", "capture", "input", "drawing", "sound", "port", "app scene"} {
		if f := checks[what]; f.Verdict != works {
			t.Errorf("%s: %v", what, f)
		}
	}
	// What is missing is named with its remedy, and the rest is looked at all the same.
	checks, exit = examined(t, program, "PATH="+t.TempDir())
	if f := checks["sandbox"]; exit != exitLacks || f.Verdict != fails || !strings.Contains(f.Remedy, "install bubblewrap") {
		t.Errorf("without bubblewrap: exit code %d, %v", exit, f)
	}
	if f := checks["display"]; f.Verdict != works || !strings.Contains(f.Detail, "outside of any cage") {
		t.Errorf("without bubblewrap: %v", f)
	}
}

func TestAProgramWithoutCgoSaysThatItCanBeNoEdge(t *testing.T) {
	checks, exit := examined(t, buildProgram(t, "CGO_ENABLED=0"))
	var failed []string
	for what, f := range checks {
		if f.Verdict == fails {
			failed = append(failed, what)
		}
	}
	if f := checks["build"]; exit != exitLacks || f.Remedy != "make build" || !slices.Contains(failed, "build") || !slices.Contains(failed, "encoder") {
		t.Errorf("exit code %d, failed %v, %v", exit, failed, f)
	}
}
