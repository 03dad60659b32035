package nvenc

import (
	"testing"
	"testing/fstest"
)

func TestTheVersionNamesDriverAndGPUs(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for _, c := range []struct {
		reason string
		driver fstest.MapFS
		want   string
	}{
		{"no driver", fstest.MapFS{}, ""},
		{"a file that says nothing", fstest.MapFS{"version": file("GCC version: gcc version 12.2.0 (Debian)\n")}, ""},
		{"NVIDIA's module, one GPU", fstest.MapFS{
			"version":                       file("NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.57.02  Tue Jul 13 16:14:05 UTC 2021\nGCC version:  gcc version 10.2.1\n"),
			"gpus/0000:01:00.0/information": file("Model: \t\t NVIDIA GeForce RTX 3060\nIRQ:   \t\t 142\n"),
		}, "470.57.02, NVIDIA GeForce RTX 3060"},
		{"the open module, two GPUs", fstest.MapFS{
			"version":                       file("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  560.35.03  Release Build  (dvs-builder@U16)\n"),
			"gpus/0000:01:00.0/information": file("Model: \t\t NVIDIA L4\n"),
			"gpus/0000:02:00.0/information": file("Model: \t\t NVIDIA A10\n"),
		}, "560.35.03, NVIDIA A10, NVIDIA L4"},
		{"a new version of two numbers", fstest.MapFS{"version": file("NVRM version: NVIDIA UNIX x86_64 Kernel Module  595.10  Thu\n")}, "595.10"},
	} {
		if got := version(c.driver); got != c.want {
			t.Errorf("%s: got %q, want %q", c.reason, got, c.want)
		}
	}
}
