//go:build cgo

package fakefbc_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nearlight/edge/capture/nvfbc/fakefbc"
)

func TestTheDoubleKeepsStrictBooks(t *testing.T) {
	folder := t.TempDir()
	if err := fakefbc.Build(folder); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	program := filepath.Join(folder, "misuse")
	arguments := append([]string{"-Wall", "-o", program, "testdata/misuse.c"}, strings.Fields(os.Getenv("CFLAGS"))...)
	arguments = append(arguments, "-L"+folder, "-l:libnvidia-fbc.so.1", "-l:libcuda.so.1", "-lpthread", "-Wl,-rpath,"+folder)
	if said, err := exec.Command("gcc", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	said, err := exec.Command(program).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	lines := strings.Split(string(said), "\n")
	for what, want := range map[string]string{ // code and complaint
		"an old API":                        "1 misuse: NvFBCCreateInstance for API 101",
		"begin":                             "0 nothing",
		"a handle without a version":        "1 misuse: NvFBCCreateHandle with a structure of version 00000000",
		"share with CUDA without a context": "13 misuse: NvFBCCreateCaptureSession for CUDA without a current context",
		"grab without a session":            "9 misuse: NvFBCToCudaGrabFrame before a capture session of its type was set up",
		"direct capture without push model": "0 misuse: direct capture without push model, or with the cursor",
		"a second session":                  "9 misuse: NvFBCCreateCaptureSession before the last one was destroyed",
		"grab before setting up":            "9 misuse: NvFBCToCudaGrabFrame before a capture session of its type was set up",
		"set up":                            "0 nothing",
		"grab":                              "0 nothing",
		"bind on another thread":            "15 misuse: NvFBCBindContext while another thread has it",
		"grab on another thread":            "15 misuse: NvFBCToCudaGrabFrame on a thread that the context is not bound to",
		"release on another thread":         "15 misuse: NvFBCReleaseContext on another thread",
		"release":                           "0 nothing",
		"grab when released":                "15 misuse: NvFBCToCudaGrabFrame on a thread that the context is not bound to",
		"grab without CUDA's context":       "13 misuse: NvFBCToCudaGrabFrame without a current CUDA context",
		"destroy the handle first":          "0 misuse: NvFBCDestroyHandle with its capture session",
		"destroy it twice":                  "5 misuse: NvFBCDestroyHandle of a handle that is not open",
	} {
		found := "no such line"
		for _, line := range lines {
			if rest, is := strings.CutPrefix(line, what+": "); is {
				found = rest
			}
		}
		if found != want {
			t.Errorf("%s: the double says %q, want %q", what, found, want)
		}
	}
	if t.Failed() {
		t.Logf("all:\n%s", said)
	}
}
