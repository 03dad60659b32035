//go:build cgo

package nvenc_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nearlight/encoder"
	"nearlight/encoder/nvenc"
	"nearlight/encoder/nvenc/fakedriver"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

var base = encoder.Config{Size: media.Size{Width: 320, Height: 180}, Bitrate: media.Mbps}

func TestEachReasonNotToEncodeIsToldApart(t *testing.T) {
	d := load(t)
	sentinels := []error{
		cuda.ErrNoLibrary, cuda.ErrNotALibrary, cuda.ErrNoDevice, cuda.ErrDeviceLost,
		nvenc.ErrNoEncoder, nvenc.ErrSessionLimit, nvenc.ErrOutOfMemory, nvenc.ErrDriverTooOld,
	}
	for _, c := range []struct {
		fault fakedriver.Fault
		want  error
		text  string
	}{
		{fakedriver.NoDevice, cuda.ErrNoDevice,
			"nvenc: encoder unavailable: no such NVIDIA GPU: cuInit: CUDA_ERROR_NO_DEVICE (100)"},
		{fakedriver.NoEncoder, nvenc.ErrNoEncoder,
			"nvenc: encoder unavailable: this GPU has no such encoder: Double of a GPU 0 offers no NVENC, as data-centre GPUs such as A100 and " +
				"H100 have none (NvEncOpenEncodeSessionEx: NV_ENC_ERR_UNSUPPORTED_DEVICE (2)); encode in software, or on another GPU"},
		{fakedriver.SessionLimit, nvenc.ErrSessionLimit,
			"nvenc: encoder unavailable: all encode sessions of this GPU are taken: Double of a GPU 0 (the driver calls it " +
				"NvEncOpenEncodeSessionEx: NV_ENC_ERR_OUT_OF_MEMORY (10), with 7168 MiB free); end another program that encodes, or run fewer sessions"},
		{fakedriver.SessionLimitKey, nvenc.ErrSessionLimit,
			"nvenc: encoder unavailable: all encode sessions of this GPU are taken: Double of a GPU 0 (NvEncOpenEncodeSessionEx: " +
				"NV_ENC_ERR_INCOMPATIBLE_CLIENT_KEY (21)); end another program that encodes, or run fewer sessions"},
		{fakedriver.OutOfMemory, nvenc.ErrOutOfMemory,
			"nvenc: encoder unavailable: the GPU's memory is full: Double of a GPU 0 has 20 of 8192 MiB free (NvEncOpenEncodeSessionEx: " +
				"NV_ENC_ERR_OUT_OF_MEMORY (10)); end another program that uses it"},
		{fakedriver.OutOfBuffers, nvenc.ErrOutOfMemory,
			"nvenc: encoder unavailable: the GPU's memory is full: NvEncCreateBitstreamBuffer: NV_ENC_ERR_OUT_OF_MEMORY (10): no memory for a bitstream"},
		{fakedriver.DriverTooOld, nvenc.ErrDriverTooOld,
			"nvenc: encoder unavailable: NVIDIA's driver is too old: it speaks NVENC API 10.0, this program needs " + nvenc.API() + "; install driver "},
	} {
		d.Inject(c.fault, 0)
		e, err := device().H264(base)
		if e != nil || !errors.Is(err, encoder.ErrUnavailable) || errors.Is(err, encoder.ErrUnsupported) {
			t.Errorf("%s: %v, %v", c.fault, e, err)
			continue
		}
		// The driver that is needed follows from the headers that this build had; Debian's are of API 11.1.
		text := c.text
		if c.fault == fakedriver.DriverTooOld && nvenc.API() == "11.1" {
			text += "470.57.02 or newer"
		}
		if !strings.HasPrefix(err.Error(), text) || c.fault != fakedriver.DriverTooOld && err.Error() != text {
			t.Errorf("%s says\n%v, want\n%v", c.fault, err, text)
		}
		for _, sentinel := range sentinels {
			if is := errors.Is(err, sentinel); is != (sentinel == c.want) {
				t.Errorf("%s: errors.Is %q: %v", c.fault, sentinel, is)
			}
		}
	}
}

func TestAMissingOrWrongLibraryIsToldApart(t *testing.T) {
	load(t)
	with := func(files map[string]string) string {
		folder := t.TempDir()
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return folder
	}
	copyOf := func(name string) string {
		content, err := os.ReadFile(filepath.Join(double.Folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	path, err := exec.Command("gcc", "-print-file-name=libm.so.6").Output()
	if err != nil {
		t.Fatal(err)
	}
	mathLibrary, err := os.ReadFile(strings.TrimSpace(string(path)))
	if err != nil {
		t.Fatal(err)
	}
	const cudaName, encodeName = "libcuda.so.1", "libnvidia-encode.so.1"
	for _, c := range []struct {
		reason, folder string
		want           error
		names          string
	}{
		{"an empty folder", with(nil), cuda.ErrNoLibrary, cudaName},
		{"a folder that is not there", "/nonexistent", cuda.ErrNoLibrary, cudaName},
		{"text for libcuda", with(map[string]string{cudaName: "not a library"}), cuda.ErrNotALibrary, cudaName},
		{"half a libcuda", with(map[string]string{cudaName: copyOf(cudaName)[:5000]}), cuda.ErrNotALibrary, cudaName},
		{"another library for libcuda", with(map[string]string{cudaName: string(mathLibrary)}), cuda.ErrNotALibrary, "cuInit"},
		{"no libnvidia-encode", with(map[string]string{cudaName: copyOf(cudaName)}), cuda.ErrNoLibrary, encodeName},
		{"text for libnvidia-encode", with(map[string]string{cudaName: copyOf(cudaName), encodeName: "\x7fELF"}), cuda.ErrNotALibrary, encodeName},
		{"libcuda for libnvidia-encode", with(map[string]string{cudaName: copyOf(cudaName), encodeName: copyOf(cudaName)}), cuda.ErrNotALibrary, encodeName},
	} {
		e, err := nvenc.Device{Libraries: c.folder}.H264(base)
		if e != nil || !errors.Is(err, encoder.ErrUnavailable) || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%s: %v, %v", c.reason, e, err)
		}
	}
	if _, err := (nvenc.Device{Libraries: double.Folder, Ordinal: 2}).H264(base); !errors.Is(err, cuda.ErrNoDevice) {
		t.Errorf("the third of two GPUs: got %v, want cuda.ErrNoDevice", err)
	}
}

// run opens an encoder, and closes it when the test is over.
func run(t *testing.T, open func(encoder.Config) (encoder.Encoder, error), config encoder.Config) encoder.Encoder {
	t.Helper()
	e, err := open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func discard(media.Slice) error { return nil }

func TestALostDeviceStaysLost(t *testing.T) {
	d := load(t)
	e := run(t, device().H264, base)
	d.Inject(fakedriver.DeviceLost, 3)
	frame := media.NewFrame(base.Size)
	for n := range 5 {
		_, err := e.Encode(frame, encoder.Request{}, discard)
		if n < 3 && err != nil {
			t.Fatalf("picture %d: %v", n, err)
		}
		if n >= 3 && (!errors.Is(err, cuda.ErrDeviceLost) || err.Error() != "nvenc: the GPU was lost: NvEncEncodePicture: NV_ENC_ERR_DEVICE_NOT_EXIST (5): the device is gone") {
			t.Errorf("picture %d: %v", n, err)
		}
	}
	if err := e.Reconfigure(encoder.Reconfiguration{Bitrate: 2 * media.Mbps}); !errors.Is(err, cuda.ErrDeviceLost) {
		t.Errorf("Reconfigure: %v", err)
	}
	if _, err := e.Invalidate(1, 2); !errors.Is(err, cuda.ErrDeviceLost) {
		t.Errorf("Invalidate: %v", err)
	}
	d.Inject(fakedriver.None, 0)
	again := run(t, device().H264, base) // a new one works once the device is back
	if result, err := again.Encode(frame, encoder.Request{}, discard); err != nil || !result.Keyframe {
		t.Errorf("after the device came back: %+v, %v", result, err)
	}
}

func TestASlowOrBusyDeviceOnlyTakesTime(t *testing.T) {
	d := load(t)
	e := run(t, device().H264, base)
	frame := media.NewFrame(base.Size)
	for fault, least := range map[fakedriver.Fault]time.Duration{fakedriver.Slow: 200 * time.Millisecond, fakedriver.Busy: 3 * time.Millisecond} {
		d.Inject(fault, 1)
		for n := range 3 {
			began := time.Now()
			if _, err := e.Encode(frame, encoder.Request{}, discard); err != nil {
				t.Fatalf("%s, picture %d: %v", fault, n, err)
			}
			if took := time.Since(began); n == 1 && took < least {
				t.Errorf("%s: %v, want at least %v", fault, took, least)
			}
		}
	}
}

func TestWhatTheDeviceLacksIsRefusedByName(t *testing.T) {
	d := load(t)
	d.Inject(fakedriver.Fixed, 0)
	for recovery, names := range map[encoder.Recovery]string{
		encoder.RecoverByReferences: "Double of a GPU 0 cannot invalidate references", encoder.RecoverByRefresh: "Double of a GPU 0 has no intra refresh",
	} {
		config := base
		config.Recovery = recovery
		if _, err := device().H264(config); !errors.Is(err, encoder.ErrUnsupported) || !strings.Contains(err.Error(), names) {
			t.Errorf("recovery %d: %v", recovery, err)
		}
	}
	config := base
	config.MaxSize = media.Size{Width: 640, Height: 360}
	e := run(t, device().H264, config)
	if e.Capabilities().LiveResize {
		t.Error("LiveResize is claimed")
	}
	faster := 1
	for _, change := range []encoder.Reconfiguration{
		{Size: media.Size{Width: 640, Height: 360}}, {Bitrate: 2 * media.Mbps}, {FrameRate: 30}, {Speed: &faster},
	} {
		if err := e.Reconfigure(change); !errors.Is(err, encoder.ErrUnsupported) {
			t.Errorf("%+v: %v", change, err)
		}
	}
	if _, err := e.Encode(media.NewFrame(base.Size), encoder.Request{}, discard); err != nil {
		t.Errorf("after refused changes: %v", err)
	}
	if _, err := device().AV1(base); !nvenc.HasAV1 && !errors.Is(err, encoder.ErrUnavailable) {
		t.Errorf("AV1: %v", err)
	}
}

func TestARefusedPresetLeavesTheStreamAsItWas(t *testing.T) {
	d := load(t)
	e := run(t, device().H264, base)
	d.Inject(fakedriver.FixedPreset, 0)
	faster := 3
	err := e.Reconfigure(encoder.Reconfiguration{Speed: &faster, Bitrate: 2 * media.Mbps})
	if !errors.Is(err, encoder.ErrUnsupported) {
		t.Fatalf("got %v, want encoder.ErrUnsupported", err)
	}
	frame := media.NewFrame(base.Size)
	for n := range 3 {
		if result, err := e.Encode(frame, encoder.Request{}, discard); err != nil || result.Keyframe != (n == 0) {
			t.Errorf("picture %d: %+v, %v", n, result, err)
		}
	}
	if err := e.Reconfigure(encoder.Reconfiguration{Bitrate: 2 * media.Mbps}); err != nil {
		t.Errorf("the rate alone: %v", err)
	}
}

func TestBadRatesAndSizesAreRefused(t *testing.T) {
	load(t)
	for _, open := range []func(encoder.Config) (encoder.Encoder, error){device().H264, device().HEVC} {
		e := run(t, open, base)
		for name, change := range map[string]encoder.Reconfiguration{
			"-1 bit/s": {Bitrate: -1}, "10 Gbit/s": {Bitrate: 10_000 * media.Mbps}, "1000 frames/s": {FrameRate: 1000},
		} {
			if err := e.Reconfigure(change); !errors.Is(err, encoder.ErrUnsupported) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := e.Reconfigure(encoder.Reconfiguration{}); err != nil {
			t.Errorf("rate 0, which keeps: %v", err)
		}
		for name, config := range map[string]encoder.Config{
			"10 Gbit/s": {Size: base.Size, Bitrate: 10_000 * media.Mbps},
			"too small": {Size: media.Size{Width: 64, Height: 32}},
		} {
			if _, err := open(config); !errors.Is(err, encoder.ErrUnsupported) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, size := range map[string]media.Size{"nothing": {}, "huge": {Width: 100_000, Height: 100_000}} {
			if _, err := open(encoder.Config{Size: size}); !errors.Is(err, media.ErrSize) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
