//go:build cgo

package fakedriver_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nearlight/encoder/nvenc/fakedriver"
)

func TestTheDoubleKeepsStrictBooks(t *testing.T) {
	folder := t.TempDir()
	if err := fakedriver.Build(folder); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	program := filepath.Join(folder, "misuse")
	arguments := append([]string{"-Wall", "-o", program, "testdata/misuse.c"}, strings.Fields(os.Getenv("CFLAGS"))...)
	arguments = append(arguments, "-L"+folder, "-l:libcuda.so.1", "-l:libnvidia-encode.so.1", "-Wl,-rpath,"+folder)
	gcc := exec.Command("gcc", arguments...)
	if said, err := gcc.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	said, err := exec.Command(program).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	lines := strings.Split(string(said), "\n")
	for what, want := range map[string]string{
		"allocate without a context":               "cuMemAllocPitch without a current context",
		"open without a version":                   "NvEncOpenEncodeSessionEx of version 0",
		"a buffer before initializing":             "buffers_create_output before NvEncInitializeEncoder",
		"4:2:2, which is an error and no misuse":   "",
		"4:4:4 in High":                            "chroma format 3 with 8 bits in a profile of another",
		"4:2:0 in High 4:4:4":                      "chroma format 1 with 8 bits in a profile of another",
		"4:4:4 on a device without":                "chroma format 3 with 8 bits where the capabilities have none",
		"begin":                                    "",
		"encode without the context":               "NvEncEncodePicture without the session's context",
		"lock before encoding":                     "NvEncLockBitstream of a buffer that is empty",
		"encode from a locked buffer":              "NvEncEncodePicture with a buffer that is unknown, locked or not yet taken",
		"encode in another format":                 "NvEncEncodePicture of 320x180, format 0x1",
		"the same time stamp again":                "NvEncEncodePicture with a time stamp that is not newer",
		"encode before the last one is taken":      "NvEncEncodePicture with a buffer that is unknown, locked or not yet taken",
		"encode into a locked buffer":              "NvEncEncodePicture with a buffer that is unknown, locked or not yet taken",
		"unlock twice":                             "NvEncUnlockBitstream of a buffer that is not locked",
		"register more than there is":              "NvEncRegisterResource of memory that does not hold 320x720",
		"register 10 bits in a stream of 8":        "NvEncRegisterResource in format 0x10000, which is not the stream's",
		"encode what is registered and not mapped": "NvEncEncodePicture with a buffer that is unknown, locked or not yet taken",
		"unmap before locking":                     "NvEncUnmapInputResource before NvEncLockBitstream",
		"unregister after freeing":                 "NvEncUnregisterResource after its memory was freed",
		"invalidate what was never coded":          "NvEncInvalidateRefFrames of picture 99",
		"destroy with buffers, unflushed":          "NvEncDestroyEncoder without the end of the stream before",
		"destroy twice":                            "NvEncDestroyEncoder of a session that is not open",
		"register an image twice":                  "cuGraphicsEGLRegisterImage of an image that is registered",
		"map an image":                             "cuGraphicsMapResources of an EGL image, which is not mapped",
		"unregister an image twice":                "cuGraphicsUnregisterResource of what is not registered",
		"release before an image is unregistered":  "cuDevicePrimaryCtxRelease with 1 graphics resources still registered",
		"release twice":                            "cuDevicePrimaryCtxRelease without a share",
	} {
		found := ""
		for _, line := range lines {
			if rest, is := strings.CutPrefix(line, what+": "); is {
				found = rest
			}
		}
		if want == "" && found != "nothing" || want != "" && !strings.HasPrefix(found, "misuse: "+want) {
			t.Errorf("%s: the double says %q, want %q", what, found, want)
		}
	}
	if t.Failed() {
		t.Logf("all:\n%s", said)
	}
}
