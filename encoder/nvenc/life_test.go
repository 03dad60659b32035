//go:build cgo

package nvenc_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"nearlight/encoder"
	"nearlight/encoder/encodertest"
	"nearlight/encoder/nvenc"
	"nearlight/encoder/nvenc/fakedriver"
	"nearlight/internal/media"
)

// The loader reads LD_LIBRARY_PATH once, when the process starts; so the test runs itself again.
func TestTheLoaderFindsTheLibraries(t *testing.T) {
	load(t)
	if os.Getenv(folderVariable) != "" {
		e := run(t, nvenc.Device{}.H264, base)
		if _, err := e.Encode(media.NewFrame(base.Size), encoder.Request{}, discard); err != nil {
			t.Error(err)
		}
		return
	}
	again := exec.Command(os.Args[0], "-test.run=^TestTheLoaderFindsTheLibraries$", "-test.v")
	log := filepath.Join(t.TempDir(), "log")
	again.Env = append(os.Environ(), folderVariable+"="+double.Folder, "LD_LIBRARY_PATH="+double.Folder, "FAKEDRIVER_LOG="+log)
	if said, err := again.CombinedOutput(); err != nil || !strings.Contains(string(said), "--- PASS") {
		t.Errorf("%v: %s", err, said)
	}
	again.Env = append(again.Environ(), "FAKEDRIVER_FAULT=no-nvenc")
	again = &exec.Cmd{Path: again.Path, Args: again.Args, Env: again.Env}
	if said, err := again.CombinedOutput(); err == nil || !strings.Contains(string(said), nvenc.ErrNoEncoder.Error()) {
		t.Errorf("with a fault from the environment: %v: %s", err, said)
	}
}

// Once the double is loaded its name stands for it; so this test runs itself again as well.
func TestAMachineWithoutTheDriverSaysSo(t *testing.T) {
	if os.Getenv(folderVariable) == "" {
		again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		again.Env = append(os.Environ(), folderVariable+"=none")
		if said, err := again.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, said)
		}
		return
	}
	e, err := nvenc.Device{}.H264(base)
	if err == nil {
		e.Close()
		t.Skip("SKIPPED: this machine has NVENC")
	}
	if !errors.Is(err, encoder.ErrUnavailable) {
		t.Errorf("got %v, want encoder.ErrUnavailable", err)
	}
}

func TestOpeningOverAndOverLeavesNothingBehind(t *testing.T) {
	d := load(t)
	config := base
	config.MaxSize = media.Size{Width: 640, Height: 360}
	for n := range 50 {
		e, err := device().H264(config)
		if err != nil {
			t.Fatal(err)
		}
		frame := media.NewFrame(base.Size)
		for range n % 3 {
			if _, err := e.Encode(frame, encoder.Request{}, discard); err != nil {
				t.Fatal(err)
			}
		}
		if n%2 == 0 {
			if err := e.Reconfigure(encoder.Reconfiguration{Size: config.MaxSize}); err != nil {
				t.Fatal(err)
			}
		}
		if held := d.Report(); len(held) == 0 {
			t.Fatal("the double says that nothing is held, with an encoder open")
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if held := d.Report(); len(held) > 0 {
			t.Fatalf("after %d: %v", n+1, held)
		}
	}
}

func TestFailedOpeningsLeaveNothingBehind(t *testing.T) {
	d := load(t)
	for _, fault := range []fakedriver.Fault{
		fakedriver.NoDevice, fakedriver.NoEncoder, fakedriver.SessionLimit, fakedriver.SessionLimitKey, fakedriver.OutOfMemory,
		fakedriver.OutOfBuffers, fakedriver.DriverTooOld,
	} {
		d.Inject(fault, 0)
		for range 3 {
			if _, err := device().HEVC(base); err == nil {
				t.Errorf("%s: no error", fault)
			}
		}
		if held := d.Report(); len(held) > 0 {
			t.Errorf("%s: %v", fault, held)
		}
	}
}

// Sessions share the device's context, and goroutines wander from thread to thread between frames.
func TestSessionsRunBesideEachOther(t *testing.T) {
	load(t)
	var group sync.WaitGroup
	for n := range 4 {
		group.Go(func() {
			open := device().H264
			if n%2 == 1 {
				open = device().HEVC
			}
			e, err := open(base)
			if err != nil {
				t.Error(err)
				return
			}
			scene, frame := encodertest.NewScene(base.Size, uint64(n)), media.NewFrame(base.Size)
			for picture := range 30 {
				scene.Draw(frame, picture)
				if _, err := e.Encode(frame, encoder.Request{}, discard); err != nil {
					t.Errorf("session %d, picture %d: %v", n, picture, err)
				}
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}
