// Package corpus renders the fixed pictures that encoders are compared on: the same content, size, count and seed give the
// same pictures on one machine and one graphics driver.
//
// A Content is what is shown; each stands for something that compresses differently:
//
//   - Scene: our own game, in flight: camera motion, gradients, fine detail far away.
//   - Text: a page of text that scrolls: hard edges, few colours, exact motion.
//   - Film: soft shapes that pan under grain that is new in every picture: noise, which no motion search finds.
//
// Nothing here is safe for concurrent use by itself; each call owns what it returns.
package corpus

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/scene"
	"nearlight/internal/scene/gles"
	"nearlight/internal/yuv"
)

// Content is a kind of picture.
type Content string

// The contents.
const (
	Scene Content = "scene"
	Text  Content = "text"
	Film  Content = "film"
)

// Contents are all of them.
func Contents() []Content { return []Content{Scene, Text, Film} }

// frameRate is the pace at which the pictures are meant to be shown.
const frameRate = 60

// Render returns so many pictures in a row, in I420. Scene needs OpenGL ES: the error then wraps gles.ErrUnavailable.
func Render(content Content, size media.Size, count int, seed uint64) ([]*media.Frame, error) {
	if err := size.Check(); err != nil {
		return nil, err
	}
	var draw func(n int, pixels []byte) error
	switch content {
	case Scene:
		return renderScene(size, count, seed)
	case Text:
		draw = newPage(size, seed).draw
	case Film:
		draw = newFilm(size, seed).draw
	default:
		return nil, fmt.Errorf("there is no content %q", content)
	}
	return convert(size, count, draw)
}

// convert makes frames of what draw paints, BGRX without gaps.
func convert(size media.Size, count int, draw func(n int, pixels []byte) error) ([]*media.Frame, error) {
	pixels := make([]byte, 4*size.Width*size.Height)
	frames := make([]*media.Frame, count)
	for n := range frames {
		if err := draw(n, pixels); err != nil {
			return nil, err
		}
		frames[n] = media.NewFrame(size)
		if err := yuv.FromBGRX(frames[n], pixels, 4*size.Width); err != nil {
			return nil, err
		}
	}
	return frames, nil
}

// renderScene flies a gentle curve through the world of the seed.
func renderScene(size media.Size, count int, seed uint64) (frames []*media.Frame, err error) {
	done := make(chan struct{})
	go func() { // OpenGL's context belongs to one thread, which ends with this goroutine
		defer close(done)
		runtime.LockOSThread()
		frames, err = drawScene(size, count, seed)
	}()
	<-done
	return frames, err
}

func drawScene(size media.Size, count int, seed uint64) (_ []*media.Frame, err error) {
	context, err := gles.OpenOffscreen()
	if err != nil {
		return nil, err
	}
	defer context.Close()
	renderer, err := gles.NewRenderer(context)
	if err != nil {
		return nil, err
	}
	defer renderer.Close()
	if err := renderer.Resize(size); err != nil {
		return nil, err
	}
	studio := scene.NewStudio()
	studio.BuildLimit = 0 // every mesh is there when it is seen
	game := scene.New(seed)
	game.Start()
	curve := scene.Controls{Turn: 0.25, Climb: 0.1}
	step := func(d time.Duration) {
		for range d / scene.Tick {
			game.Step(curve)
		}
	}
	step(2 * time.Second) // into the air
	return convert(size, count, func(_ int, pixels []byte) error {
		step(time.Second / frameRate)
		view := game.At(0, curve, scene.Pointer{})
		return errors.Join(renderer.Draw(studio.Compose(&view, size)), renderer.Read(pixels))
	})
}
