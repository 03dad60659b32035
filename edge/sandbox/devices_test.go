package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestACageIsShownEveryFileThatDrawsOnAGPUAndNoOther(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{
		"dri/renderD128", "dri/renderD129", "nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-modeset", "nvidia-caps/nvidia-cap21",
		"dri/card0", "nvidia-uvm-tools", "nvidia-caps-imex-channels", "kvm", "mem",
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var shown []string
	arguments := gpuArguments(folder)
	for n, argument := range arguments {
		if argument == "--dev-bind" {
			name, err := filepath.Rel(folder, arguments[n+1])
			if err != nil || arguments[n+1] != arguments[n+2] {
				t.Fatalf("%q is shown as %q", arguments[n+1], arguments[n+2])
			}
			shown = append(shown, name)
		}
	}
	want := []string{
		"dri/renderD128", "dri/renderD129", "nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-modeset", "nvidia-caps/nvidia-cap21",
	}
	if !slices.Equal(shown, want) {
		t.Errorf("shown are %q\nwant %q", shown, want)
	}
}

func TestAMachineWithoutAGPUShowsNothingOfOne(t *testing.T) {
	if arguments := gpuArguments(t.TempDir()); len(arguments) != 0 {
		t.Errorf("the cage gets %q", arguments)
	}
}
