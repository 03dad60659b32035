package gles_test

import (
	"errors"
	"flag"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/scene"
	"nearlight/internal/scene/gles"
)

var picturesTo = flag.String("pictures", "", "a folder to write the test's pictures to, to be looked at")

var hd = media.Size{Width: 1280, Height: 720}

// easel is a game with everything that draws it off screen.
type easel struct {
	game     *scene.Game
	studio   *scene.Studio
	renderer *gles.Renderer
	size     media.Size
}

func newEasel(t testing.TB, seed uint64, size media.Size) *easel {
	t.Helper()
	return newEaselOn(t, gles.Adapter{}, seed, size)
}

func newEaselOn(t testing.TB, adapter gles.Adapter, seed uint64, size media.Size) *easel {
	t.Helper()
	runtime.LockOSThread()
	context, err := gles.OpenOn(adapter)
	if errors.Is(err, gles.ErrUnavailable) {
		t.Skipf("SKIPPED: nothing was drawn: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	renderer, err := gles.NewRenderer(context)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		renderer.Close()
		context.Close()
		runtime.UnlockOSThread()
	})
	if err := renderer.Resize(size); err != nil {
		t.Fatal(err)
	}
	studio := scene.NewStudio()
	studio.BuildLimit = 0
	return &easel{scene.New(seed), studio, renderer, size}
}

// picture draws the game as it is while the player holds controls.
func (e *easel) picture(t testing.TB, controls scene.Controls, pointer scene.Pointer) *image.RGBA {
	t.Helper()
	view := e.game.At(scene.Tick/2, controls, pointer)
	if err := e.renderer.Draw(e.studio.Compose(&view, e.size)); err != nil {
		t.Fatal(err)
	}
	img := image.NewRGBA(image.Rect(0, 0, e.size.Width, e.size.Height))
	if err := e.renderer.Read(img.Pix); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(img.Pix); i += 4 {
		img.Pix[i], img.Pix[i+2], img.Pix[i+3] = img.Pix[i+2], img.Pix[i], 255
	}
	return img
}

// play steps the game while controls are held.
func (e *easel) play(d time.Duration, controls scene.Controls) {
	for range d / scene.Tick {
		e.game.Step(controls)
	}
}

func save(t testing.TB, name string, img image.Image) {
	t.Helper()
	if *picturesTo == "" {
		return
	}
	f, err := os.Create(filepath.Join(*picturesTo, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}

// spread is the standard deviation of the pictures' luma, a measure of how much there is to see.
func spread(img *image.RGBA) float64 {
	var sum, squares, n float64
	for i := 0; i < len(img.Pix); i += 4 {
		luma := 0.299*float64(img.Pix[i]) + 0.587*float64(img.Pix[i+1]) + 0.114*float64(img.Pix[i+2])
		sum, squares, n = sum+luma, squares+luma*luma, n+1
	}
	return math.Sqrt(squares/n - sum/n*sum/n)
}

// differing counts pixels that differ visibly.
func differing(a, b *image.RGBA) (n int) {
	for i := 0; i < len(a.Pix); i += 4 {
		for k := range 3 {
			if math.Abs(float64(a.Pix[i+k])-float64(b.Pix[i+k])) > 12 {
				n++
				break
			}
		}
	}
	return n
}

func TestEveryPhaseShowsAPicture(t *testing.T) {
	e := newEasel(t, 1, hd)
	shown := func(name string, controls scene.Controls, pointer scene.Pointer) {
		img := e.picture(t, controls, pointer)
		save(t, name, img)
		if s := spread(img); s < 12 {
			t.Errorf("%s: luma varies by %.1f only", name, s)
		}
	}
	shown("waiting", scene.Controls{}, scene.Pointer{})
	e.play(9*time.Second, scene.Controls{})
	shown("waiting-later", scene.Controls{}, scene.Pointer{})
	e.game.Start()
	e.play(time.Second/2, scene.Controls{Turn: 0.6, Climb: 0.2})
	shown("flying", scene.Controls{Turn: 0.6, Climb: 0.2}, scene.Pointer{Shown: true, X: 0.3, Y: 0.1})
	for range 25 * 120 {
		e.game.Step(e.game.Trail.Pilot(e.game.Craft))
	}
	shown("flying-later", scene.Controls{}, scene.Pointer{})
	e.play(2*time.Second, scene.Controls{Turn: -0.7, Boost: true})
	shown("boosting", scene.Controls{Turn: -0.7, Boost: true}, scene.Pointer{})
	e.play(3*time.Second, scene.Controls{Climb: -1})
	shown("skimming", scene.Controls{}, scene.Pointer{})
	e.play(3*time.Second, scene.Controls{Climb: 1})
	shown("climbing", scene.Controls{}, scene.Pointer{})
	for e.game.Phase == scene.Flying {
		e.game.Step(e.game.Trail.Pilot(scene.Craft{}))
	}
	e.play(2*time.Second, scene.Controls{Climb: 0.1})
	shown("over", scene.Controls{}, scene.Pointer{})
}

func TestAControlShowsInTheVeryNextPicture(t *testing.T) {
	e := newEasel(t, 3, hd)
	e.game.Start()
	e.play(3*time.Second, scene.Controls{})
	still := e.picture(t, scene.Controls{}, scene.Pointer{})
	if n := differing(still, e.picture(t, scene.Controls{}, scene.Pointer{})); n != 0 {
		t.Fatalf("the same view drawn twice differs in %d pixels", n)
	}
	for name, controls := range map[string]scene.Controls{
		"left": {Turn: -1}, "right": {Turn: 1}, "up": {Climb: 1}, "down": {Climb: -1},
		"boost": {Boost: true},
	} {
		if n := differing(still, e.picture(t, controls, scene.Pointer{})); n < 100 {
			t.Errorf("%s changes %d pixels", name, n)
		}
	}
	here := e.picture(t, scene.Controls{}, scene.Pointer{Shown: true})
	if n := differing(here, e.picture(t, scene.Controls{}, scene.Pointer{Shown: true, X: 0.02})); n < 50 {
		t.Errorf("13 pixels of motion change %d pixels", n)
	}
}

func TestPicturesOfAnySizeAreDrawn(t *testing.T) {
	e := newEasel(t, 5, hd)
	for _, size := range []media.Size{{Width: 16, Height: 16}, {Width: 641, Height: 359}, {Width: 540, Height: 960}, {Width: 1920, Height: 1080}} {
		if err := e.renderer.Resize(size); err != nil {
			t.Fatal(err)
		}
		e.size = size
		img := e.picture(t, scene.Controls{}, scene.Pointer{})
		save(t, "size-"+size.String(), img)
		if s := spread(img); s < 10 {
			t.Errorf("%v: luma varies by %.1f only", size, s)
		}
	}
	if err := e.renderer.Resize(media.Size{Width: 1, Height: 1}); !errors.Is(err, media.ErrSize) {
		t.Errorf("1x1: %v", err)
	}
}

// BenchmarkPicture is one frame at 1280x720 as it goes to an X server: stepped, composed, drawn and read back.
func BenchmarkPicture(b *testing.B) {
	e := newEasel(b, 1, hd)
	e.studio.BuildLimit = 1
	b.Log(e.renderer.Target().Driver)
	pixels := make([]byte, 4*hd.Width*hd.Height)
	before := processTime()
	frames := 0
	var triangles int
	for b.Loop() {
		e.game.Step(scene.Controls{})
		e.game.Step(scene.Controls{})
		view := e.game.At(scene.Tick/2, scene.Controls{}, scene.Pointer{})
		picture := e.studio.Compose(&view, e.size)
		if err := e.renderer.Draw(picture); err != nil {
			b.Fatal(err)
		}
		if err := e.renderer.Read(pixels); err != nil {
			b.Fatal(err)
		}
		for i := range picture.Solids {
			triangles += len(picture.Solids[i].Mesh.Indices) / 3
		}
		frames++
	}
	b.ReportMetric(float64((processTime()-before).Microseconds())/1000/float64(frames), "cpu-ms/op")
	b.ReportMetric(float64(triangles)/float64(frames), "triangles/op")
}
