//go:build cgo

package edge

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"nearlight/edge/capture"
	"nearlight/edge/capture/capturetest"
	"nearlight/encoder"
	"nearlight/encoder/nvenc/fakedriver"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
	"nearlight/internal/yuv"
)

// onDouble is a context of a double of CUDA; the test fails for what is done wrong, or held when it ends.
func onDouble(t *testing.T) *cuda.Context {
	t.Helper()
	folder := t.TempDir()
	if err := fakedriver.Build(folder); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	d, err := fakedriver.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	gpu, err := cuda.Retain(folder, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := gpu.Close(); err != nil {
			t.Error(err)
		}
		for _, line := range d.Report() {
			t.Error(line)
		}
	})
	return gpu
}

// surfaced is a frame on the GPU that shows noise, and the same frame in host memory.
func surfaced(t *testing.T, gpu *cuda.Context, visible media.Size) (onGPU, want *media.Frame) {
	t.Helper()
	coded := visible.Even()
	pixels := make([]byte, 4*coded.Width*coded.Height)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range pixels {
		pixels[i] = byte(random.Uint32())
	}
	picture, err := gpu.NewPicture(cuda.Linear, cuda.BGRA, coded)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { picture.Close() })
	want = media.NewFrame(visible)
	if err := errors.Join(picture.Write(pixels, 4*coded.Width, nil), yuv.FromBGRX(want, pixels, 4*coded.Width)); err != nil {
		t.Fatal(err)
	}
	return &media.Frame{Visible: visible, Coded: coded, Surface: picture}, want
}

func samePlanes(a, b *media.Frame) bool {
	return bytes.Equal(a.Y.Data, b.Y.Data) && bytes.Equal(a.U.Data, b.U.Data) && bytes.Equal(a.V.Data, b.V.Data)
}

func TestAPictureLandsAsThePlanesItWouldHaveBeen(t *testing.T) {
	gpu := onDouble(t)
	var log strings.Builder
	l := landing{logger: slog.New(slog.NewTextHandler(&log, nil))}
	defer l.close()
	for _, size := range []media.Size{{Width: 64, Height: 48}, {Width: 67, Height: 49}, {Width: 320, Height: 180}} {
		onGPU, want := surfaced(t, gpu, size)
		full := *onGPU
		if err := l.land(&full, media.Chroma444, "x264"); err != nil || full.CheckIn(media.Chroma444) != nil {
			t.Errorf("in 4:4:4: %v, %v", err, full.CheckIn(media.Chroma444))
		}
		for range 3 {
			f := *onGPU
			if err := l.land(&f, media.Chroma420, "x264"); err != nil || f.Surface != nil || f.Check() != nil || !samePlanes(&f, want) {
				t.Fatalf("%v: %v, surface %v, equal %v", size, err, f.Surface, samePlanes(&f, want))
			}
			if err := l.land(&f, media.Chroma420, "x264"); err != nil || !samePlanes(&f, want) {
				t.Errorf("a frame that has landed is not left alone: %v", err)
			}
		}
	}
	if said := strings.Count(log.String(), "pictures leave the GPU"); said != 1 {
		t.Errorf("said %d times: %s", said, log.String())
	}
	if err := errors.Join(l.close(), l.close()); err != nil {
		t.Error(err)
	}
}

func TestAPictureLandsInItsOrderOfColours(t *testing.T) {
	gpu := onDouble(t)
	size := media.Size{Width: 64, Height: 48}
	onGPU, want := surfaced(t, gpu, size)
	pixels := make([]byte, 4*size.Width*size.Height)
	if err := onGPU.Surface.(*cuda.Picture).Read(pixels, 4*size.Width, nil); err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(pixels); at += 4 {
		pixels[at], pixels[at+2] = pixels[at+2], pixels[at]
	}
	redFirst, err := gpu.NewPicture(cuda.Linear, cuda.RGBA, size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { redFirst.Close() })
	l := landing{logger: slog.New(slog.DiscardHandler)}
	defer l.close()
	f := media.Frame{Visible: size, Coded: size, Surface: redFirst}
	if err := errors.Join(redFirst.Write(pixels, 4*size.Width, nil), l.land(&f, media.Chroma420, "x264")); err != nil || !samePlanes(&f, want) {
		t.Errorf("%v, equal %v", err, samePlanes(&f, want))
	}
}

type elsewhere struct{}

func (elsewhere) Place() string { return "another world" }

func TestAPictureOutOfReachIsNamed(t *testing.T) {
	l := landing{logger: slog.New(slog.DiscardHandler)}
	err := l.land(&media.Frame{Surface: elsewhere{}}, media.Chroma420, "x264")
	if !errors.Is(err, media.ErrFrame) || !strings.Contains(err.Error(), "another world") {
		t.Errorf("got %v", err)
	}
}

func TestLandingCostsNoAllocation(t *testing.T) {
	onGPU, _ := surfaced(t, onDouble(t), media.Size{Width: 320, Height: 180})
	l := landing{logger: slog.New(slog.DiscardHandler)}
	defer l.close()
	var f media.Frame
	if n := testing.AllocsPerRun(30, func() {
		f = *onGPU
		if err := l.land(&f, media.Chroma420, "x264"); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%.1f allocations a picture", n)
	}
}

// hardware shows a picture on a GPU whenever the screen that it is changes.
type hardware struct {
	capture.Source
	shown media.Frame
}

func (h *hardware) Next(ctx context.Context, idle time.Duration) (*media.Frame, error) {
	f, err := h.Source.Next(ctx, idle)
	if err != nil {
		return nil, err
	}
	shown := h.shown
	shown.Still, shown.Times = f.Still, f.Times
	return &shown, nil
}

func TestAnEncoderInMemoryTakesOverFromOneOnTheGPUWithinTheSameFrame(t *testing.T) {
	onGPU, _ := surfaced(t, onDouble(t), media.Size{Width: 640, Height: 360})
	spare := &scriptedEncoder{qp: 10}
	b := newBenchOn(t, func(s capture.Source) capture.Source { return &hardware{s, *onGPU} },
		encoder.Candidate{Name: "spare", Codec: media.H264, Open: func(encoder.Config) (encoder.Encoder, error) { return spare, nil }})
	b.encoder.qp, b.encoder.surfaces = 10, true
	b.source.Change(40)
	receive(t, b.drawn, "the note that the app has drawn")
	b.pipeline.watch(b.peer)
	receive(t, b.frames, "the first frame")
	b.encoder.mu.Lock()
	if b.encoder.onGPU == 0 || b.encoder.inMemory != 0 {
		t.Errorf("the first encoder was given %d pictures on the GPU and %d in memory", b.encoder.onGPU, b.encoder.inMemory)
	}
	b.encoder.fail = errors.New("device lost")
	b.encoder.mu.Unlock()
	b.source.Change(200)
	receive(t, b.frames, "a frame of the encoder that took over")
	spare.mu.Lock()
	defer spare.mu.Unlock()
	if spare.inMemory == 0 || spare.onGPU != 0 {
		t.Errorf("the other encoder was given %d pictures on the GPU and %d in memory", spare.onGPU, spare.inMemory)
	}
}

func TestOnlyWhoCannotReadItOnTheGPUGetsAPictureInMemory(t *testing.T) {
	size := media.Size{Width: 320, Height: 180}
	onGPU, want := surfaced(t, onDouble(t), size)
	config, err := encoder.Config{Size: size}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		reason   string
		surfaces bool
		size     media.Size
		lands    bool
	}{
		{"hardware reads it where it lies", true, size, false},
		{"a software encoder does not", false, size, true},
		{"nor does the scaler", true, media.Size{Width: 240, Height: 136}, true},
	} {
		work := &scriptedEncoder{surfaces: c.surfaces}
		choice := &encoder.Choice{Candidate: encoder.Candidate{Name: "scripted", Codec: media.H264}, Encoder: work}
		p := newPipeline(capturetest.New(size), choice, config, slog.New(slog.DiscardHandler))
		f := *onGPU
		err := p.reach(&f, c.size)
		if landed := f.Surface == nil; err != nil || landed != c.lands || landed && !samePlanes(&f, want) {
			t.Errorf("%s: landed %v, %v", c.reason, landed, err)
		}
		drawn := false
		p.drawn = func() { drawn = true }
		if err := p.look(onGPU); err != nil || !drawn || onGPU.Surface == nil {
			t.Errorf("%s: what is on the GPU is not seen: %v", c.reason, err)
		}
		if err := errors.Join(p.encoding.close(), p.landing.close()); err != nil {
			t.Error(err)
		}
	}
}
