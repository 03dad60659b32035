//go:build cgo

package cuda_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"nearlight/encoder/nvenc/fakedriver"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

// noise is rows of a stride that hold a picture of size.
func noise(size media.Size, stride int) []byte {
	data := make([]byte, stride*size.Height)
	for i := range data {
		data[i] = byte(i*13 + i/stride*7)
	}
	return data
}

// tight are the same rows without gaps.
func tight(data []byte, size media.Size, stride int) (rows []byte) {
	for y := range size.Height {
		rows = append(rows, data[y*stride:][:4*size.Width]...)
	}
	return rows
}

func TestAnEGLImageIsReadWhereItLies(t *testing.T) {
	d := load(t)
	c := retain(t, 0)
	for _, row := range []struct {
		image  fakedriver.Image
		format cuda.Format
		kind   cuda.Kind
	}{
		{fakedriver.Image{}, cuda.BGRA, cuda.Array},
		{fakedriver.Image{RedFirst: true}, cuda.RGBA, cuda.Array},
		{fakedriver.Image{Pitched: true, Stride: 256}, cuda.BGRA, cuda.Linear},
	} {
		stride := max(row.image.Stride, 4*size.Width)
		row.image.Size, row.image.Pixels = size, noise(size, stride)
		handle, forget := d.Image(row.image)
		defer forget()
		for range 2 { // it can be imported again once it was closed
			p, err := c.ImportImage(handle, row.format, size)
			if err != nil {
				t.Fatal(err)
			}
			if p.Kind() != row.kind || p.Format() != row.format || p.Size() != size {
				t.Errorf("a picture of %v %v in %v", p.Size(), p.Format(), p.Kind())
			}
			copied, err := c.NewPicture(cuda.Linear, row.format, size)
			if err != nil {
				t.Fatal(err)
			}
			want, direct, got := tight(row.image.Pixels, size, stride), make([]byte, 4*size.Width*size.Height), make([]byte, 4*size.Width*size.Height)
			if err := errors.Join(p.Read(direct, 4*size.Width, nil), copied.CopyFrom(p), copied.Wait(), copied.Read(got, 4*size.Width, nil)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(direct, want) || !bytes.Equal(got, want) {
				t.Errorf("%v in %v: other bytes came back", row.format, row.kind)
			}
			if err := errors.Join(copied.Close(), p.Close(), p.Close()); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestAnEGLImageThatIsNotThePictureIsRefused(t *testing.T) {
	d := load(t)
	c := retain(t, 0)
	plain := fakedriver.Image{Size: size, Pixels: noise(size, 4*size.Width)}
	with := func(change func(i *fakedriver.Image)) fakedriver.Image {
		i := plain
		change(&i)
		return i
	}
	for reason, image := range map[string]fakedriver.Image{
		"of several planes":          with(func(i *fakedriver.Image) { i.Planes = 2 }),
		"not of four bytes a pixel":  with(func(i *fakedriver.Image) { i.Channels = 1 }),
		"of another order of colour": with(func(i *fakedriver.Image) { i.RedFirst = true }),
		"of another size": with(func(i *fakedriver.Image) {
			i.Size, i.Pixels = media.Size{Width: 64, Height: 18}, noise(media.Size{Width: 64, Height: 18}, 256)
		}),
	} {
		handle, forget := d.Image(image)
		if p, err := c.ImportImage(handle, cuda.BGRA, size); p != nil || !errors.Is(err, media.ErrFrame) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", reason, err)
		}
		forget() // the double says so if it is still registered
	}
	handle, forget := d.Image(plain)
	defer forget()
	for reason, refused := range map[string]func() (*cuda.Picture, error){
		"NV12": func() (*cuda.Picture, error) { return c.ImportImage(handle, cuda.NV12, size) },
		"odd": func() (*cuda.Picture, error) {
			return c.ImportImage(handle, cuda.BGRA, media.Size{Width: 33, Height: 18})
		},
		"none": func() (*cuda.Picture, error) { return c.ImportImage(nil, cuda.BGRA, size) },
	} {
		if p, err := refused(); p != nil || err == nil {
			t.Errorf("%s: %v, %v", reason, p, err)
		}
	}
}

func TestADriverThatSharesNoEGLImagesSaysSo(t *testing.T) {
	d := load(t)
	c := retain(t, 0)
	handle, forget := d.Image(fakedriver.Image{Size: size, Pixels: noise(size, 4*size.Width)})
	defer forget()
	d.Inject(fakedriver.NoImages, 0)
	if p, err := c.ImportImage(handle, cuda.BGRA, size); p != nil || !errors.Is(err, cuda.ErrNoImages) ||
		!strings.Contains(err.Error(), "cuGraphicsEGLRegisterImage: CUDA_ERROR_NOT_SUPPORTED (801)") {
		t.Errorf("got %v", err)
	}
}

func TestAnEGLImageThatGoesFirstIsSeen(t *testing.T) {
	d := load(t)
	c := retain(t, 0)
	handle, forget := d.Image(fakedriver.Image{Size: size, Pixels: noise(size, 4*size.Width)})
	p, err := c.ImportImage(handle, cuda.BGRA, size)
	if err != nil {
		t.Fatal(err)
	}
	forget()
	if said := strings.Join(d.Report(), "; "); !strings.Contains(said, "misuse: an EGL image is destroyed that is registered with CUDA") {
		t.Errorf("the double says %q", said)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// Once the double is loaded its name stands for it, whatever the folder; so the test runs itself again.
func TestADriverWithoutEGLImagesIsGoodForTheRest(t *testing.T) {
	double.Need(t)
	const child = "CUDA_TEST_CHILD"
	if os.Getenv(child) == "" {
		again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		again.Env = append(os.Environ(), child+"=1", "CFLAGS="+os.Getenv("CFLAGS")+" -DWITHOUT_EGL_IMAGES")
		if said, err := again.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, said)
		}
		return
	}
	d := load(t)
	c := retain(t, 0)
	handle, forget := d.Image(fakedriver.Image{Size: size, Pixels: noise(size, 4*size.Width)})
	defer forget()
	if p, err := c.ImportImage(handle, cuda.BGRA, size); p != nil || !errors.Is(err, cuda.ErrNoImages) || !strings.Contains(err.Error(), "no cuGraphicsEGLRegisterImage") {
		t.Errorf("got %v", err)
	}
	p, err := c.NewPicture(cuda.Linear, cuda.BGRA, size)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
