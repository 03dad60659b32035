//go:build cgo

package cuda_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"nearlight/encoder/nvenc/fakedriver"
	"nearlight/encoder/nvenc/fakedriver/fakedrivertest"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

// double is what the tests run against.
var double fakedrivertest.Setup

func TestMain(m *testing.M) { os.Exit(double.Run(m, "", fakedriver.Build)) }

// load skips the test where there is no double, and has it fail for whatever was done wrong or is held at its end.
func load(t *testing.T) *fakedriver.Double {
	t.Helper()
	return double.Load(t)
}

func retain(t *testing.T, device int) *cuda.Context {
	t.Helper()
	c, err := cuda.Retain(double.Folder, device)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestDevicesAreListed(t *testing.T) {
	d := load(t)
	devices, err := cuda.Devices(double.Folder)
	if err != nil || len(devices) != 2 {
		t.Fatalf("%v, %v", devices, err)
	}
	if g := devices[1]; g.Ordinal != 1 || g.Name != "Double of a GPU 1" || g.UUID == devices[0].UUID || g.Memory != 8<<30 {
		t.Errorf("got %+v", g)
	}
	d.Inject(fakedriver.NoDevice, 0)
	if _, err := cuda.Devices(double.Folder); !errors.Is(err, cuda.ErrNoDevice) || err.Error() != "no such NVIDIA GPU: cuInit: CUDA_ERROR_NO_DEVICE (100)" {
		t.Errorf("without a GPU: %v", err)
	}
}

// Once the double is loaded its name stands for it, whatever the folder; so the test runs itself again.
func TestAMachineWithoutTheDriverSaysSo(t *testing.T) {
	const child = "CUDA_TEST_CHILD"
	if os.Getenv(child) == "" {
		again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		again.Env = append(os.Environ(), child+"=1")
		said, err := again.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s", err, said)
		}
		return
	}
	if _, err := cuda.Retain(t.TempDir(), 0); !errors.Is(err, cuda.ErrNoLibrary) {
		t.Errorf("an empty folder: got %v, want cuda.ErrNoLibrary", err)
	}
	c, err := cuda.Retain("", 0)
	if err == nil {
		c.Close()
		t.Skip("SKIPPED: this machine has the driver")
	}
	if !errors.Is(err, cuda.ErrNoLibrary) && !errors.Is(err, cuda.ErrNoDevice) {
		t.Errorf("this machine: got %v", err)
	}
}

func TestAContextIsSharedAndBound(t *testing.T) {
	load(t)
	a, b := retain(t, 0), retain(t, 0)
	if free, total, err := a.Memory(); err != nil || free <= 0 || total < free {
		t.Errorf("memory: %d of %d, %v", free, total, err)
	}
	if b.Version() < 11000 {
		t.Errorf("version %d", b.Version())
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Memory(); !errors.Is(err, cuda.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	ran := false
	if err := b.Do(func() error { ran = true; return nil }); err != nil || !ran {
		t.Errorf("Do: %v, ran %v", err, ran)
	}
	if err := b.Do(func() error { return os.ErrInvalid }); err != os.ErrInvalid {
		t.Errorf("Do returned %v", err)
	}
	if _, err := cuda.Retain(double.Folder, -1); !errors.Is(err, cuda.ErrNoDevice) {
		t.Errorf("device -1: %v", err)
	}
}

var size = media.Size{Width: 34, Height: 18}

func TestWhatIsWrittenIsRead(t *testing.T) {
	load(t)
	c := retain(t, 0)
	stream, err := c.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for _, kind := range []cuda.Kind{cuda.Linear, cuda.Array} {
		for format, bytesOf := range map[cuda.Format]int{cuda.NV12: 34 * 18 * 3 / 2, cuda.BGRA: 34 * 18 * 4} {
			p, err := c.NewPicture(kind, format, size)
			if err != nil {
				t.Fatal(err)
			}
			data, err := c.NewPinnedMemory(bytesOf)
			if err != nil {
				t.Fatal(err)
			}
			for i := range data.Data {
				data.Data[i] = byte(i * 7)
			}
			stride, got := 34, make([]byte, bytesOf)
			if format == cuda.BGRA {
				stride *= 4
			}
			if err := errors.Join(p.Write(data.Data, stride, stream), stream.Wait(), p.Read(got, stride, nil)); err != nil {
				t.Errorf("%v in %v: %v", format, kind, err)
			}
			if !bytes.Equal(got, data.Data) {
				t.Errorf("%v in %v: other bytes came back", format, kind)
			}
			for reason, short := range map[string]error{
				"a byte too few": p.Read(got[:bytesOf-1], stride, nil), "rows too short": p.Read(got, stride-1, nil), "nothing": p.Write(nil, stride, nil),
			} {
				if !errors.Is(short, media.ErrFrame) {
					t.Errorf("%s: got %v, want media.ErrFrame", reason, short)
				}
			}
			for range 2 {
				if err := errors.Join(p.Close(), data.Close()); err != nil {
					t.Error(err)
				}
			}
			if err := p.Read(got, stride, nil); !errors.Is(err, cuda.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
	}
}

func TestATextureIsReadWhereItLies(t *testing.T) {
	d := load(t)
	c := retain(t, 0)
	pixels := make([]byte, 4*size.Width*size.Height)
	for i := range pixels {
		pixels[i] = byte(i * 3)
	}
	d.Texture(5, size, pixels)
	p, err := c.ImportTexture(5, 0x0de1, size)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	got := make([]byte, len(pixels))
	if err := p.Read(got, 4*size.Width, nil); err != nil || !bytes.Equal(got, pixels) {
		t.Errorf("read: %v, equal %v", err, bytes.Equal(got, pixels))
	}
	if p.Place() != "texture of GPU 0 (Double of a GPU 0)" {
		t.Errorf("it lies in %q", p.Place())
	}
	if _, err := c.ImportTexture(6, 0x0de1, size); err == nil || !strings.Contains(err.Error(), "cuGraphicsGLRegisterImage: CUDA_ERROR_INVALID_VALUE (1)") {
		t.Errorf("a texture that is not there: %v", err)
	}
}

func TestATextureIsCopiedOnTheGPU(t *testing.T) {
	d := load(t)
	c, other := retain(t, 0), retain(t, 1)
	pixels := make([]byte, 4*size.Width*size.Height)
	for i := range pixels {
		pixels[i] = byte(i * 5)
	}
	d.Texture(7, size, pixels)
	texture, err := c.ImportTexture(7, 0x0de1, size)
	if err != nil {
		t.Fatal(err)
	}
	defer texture.Close()
	picture := func(c *cuda.Context, kind cuda.Kind, format cuda.Format, size media.Size) *cuda.Picture {
		p, err := c.NewPicture(kind, format, size)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p
	}
	p := picture(c, cuda.Linear, cuda.BGRA, size)
	got := bytes.Repeat([]byte{1}, len(pixels))
	if err := errors.Join(p.CopyFrom(texture), p.Read(got, 4*size.Width, nil)); err != nil || !bytes.Equal(got, pixels) {
		t.Errorf("copied: %v, equal %v", err, bytes.Equal(got, pixels))
	}
	for reason, to := range map[string]*cuda.Picture{
		"of another size":    picture(c, cuda.Linear, cuda.BGRA, media.Size{Width: 32, Height: 18}),
		"of another format":  picture(c, cuda.Linear, cuda.NV12, size),
		"that is an array":   picture(c, cuda.Array, cuda.RGBA, size),
		"of another context": picture(other, cuda.Linear, cuda.BGRA, size),
	} {
		if err := to.CopyFrom(texture); !errors.Is(err, media.ErrFrame) {
			t.Errorf("to a picture %s: %v, want media.ErrFrame", reason, err)
		}
	}
}

func TestPicturesThatCannotBeAreRefused(t *testing.T) {
	load(t)
	c := retain(t, 0)
	for reason, refused := range map[string]func() (*cuda.Picture, error){
		"odd": func() (*cuda.Picture, error) {
			return c.NewPicture(cuda.Linear, cuda.NV12, media.Size{Width: 33, Height: 18})
		},
		"none": func() (*cuda.Picture, error) { return c.NewPicture(cuda.Linear, cuda.NV12, media.Size{}) },
		"huge": func() (*cuda.Picture, error) {
			return c.NewPicture(cuda.Array, cuda.NV12, media.Size{Width: 1 << 20, Height: 2})
		},
		"formatted": func() (*cuda.Picture, error) { return c.NewPicture(cuda.Linear, 9, size) },
		"a texture": func() (*cuda.Picture, error) { return c.NewPicture(cuda.Texture, cuda.RGBA, size) },
	} {
		if p, err := refused(); err == nil || p != nil {
			t.Errorf("%s: %v, %v", reason, p, err)
		}
	}
}

func TestAContextStaysOpenForWhatWasMadeInIt(t *testing.T) {
	load(t)
	c := retain(t, 0)
	for what, create := range map[string]func() (io.Closer, error){
		"picture": func() (io.Closer, error) { return c.NewPicture(cuda.Array, cuda.BGRA, size) },
		"stream":  func() (io.Closer, error) { return c.NewStream() },
		"memory":  func() (io.Closer, error) { return c.NewPinnedMemory(64) },
	} {
		made, err := create()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); !errors.Is(err, cuda.ErrInUse) || !strings.Contains(err.Error(), "still in use: 1 pictures") {
			t.Errorf("closed before its %s: %v", what, err)
		}
		if _, _, err := c.Memory(); err != nil {
			t.Errorf("it is no longer good for the %s: %v", what, err)
		}
		if err := made.Close(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhoKnowsAPictureIsToldBeforeItGoes(t *testing.T) {
	load(t)
	c := retain(t, 0)
	p, err := c.NewPicture(cuda.Linear, cuda.NV12, size)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	p.BeforeClose(func() {
		told++
		if p.Pointer() == nil {
			t.Error("the memory is gone already")
		}
	})
	forget := p.BeforeClose(func() { t.Error("told though it had been taken back") })
	forget()
	if err := errors.Join(p.Close(), p.Close()); err != nil || told != 1 {
		t.Errorf("told %d times, %v", told, err)
	}
}

func TestMisuseOfAStreamIsSeen(t *testing.T) {
	d := load(t)
	near, far := retain(t, 0), retain(t, 1)
	stream, err := near.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	p, err := far.NewPicture(cuda.Linear, cuda.NV12, size)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var failed *cuda.Error
	if err := p.Write(make([]byte, 34*27), 34, stream); !errors.As(err, &failed) || failed.Call != "cuMemcpy2D" || failed.Code != 400 {
		t.Errorf("got %v", err)
	}
	if said := strings.Join(d.Report(), "; "); !strings.Contains(said, "misuse: cuMemcpy2DAsync on a stream of another context") {
		t.Errorf("the double says %q", said)
	}
}
