package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"nearlight/edge/capture/scene"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

// offscreenPatience bounds the wait for a picture, whose shaders may have to be compiled.
const offscreenPatience = 5 * time.Second

// checkOffscreen draws our own scene without a display, as --display offscreen does: on the first NVIDIA GPU, or else where it can be.
func (d *doctor) checkOffscreen(ctx context.Context) finding {
	const what = "display offscreen"
	config := scene.Config{Size: media.Size(d.size), FrameRate: d.fps, Logger: slog.New(slog.DiscardHandler)}
	var passedOver error
	if gpu, err := cuda.Retain(d.nvidia, 0); err == nil {
		config.GPU = gpu
		drawn, err := drawOffscreen(ctx, config)
		if closed := gpu.Close(); err == nil {
			err = closed
		}
		if err == nil {
			return finding{works, what, drawn + ", and stays there for NVENC", ""}
		}
		passedOver, config.GPU = err, nil
	}
	drawn, err := drawOffscreen(ctx, config)
	switch {
	case err != nil && d.display.offscreen():
		return trouble(fails, what, err, glPackages)
	case err != nil:
		return trouble(doubts, what, err, glPackages)
	case passedOver != nil:
		return trouble(doubts, what, fmt.Errorf("%s, not by the NVIDIA GPU: %w", drawn, passedOver), "")
	}
	return finding{works, what, drawn, ""}
}

// drawOffscreen takes a few pictures, and says what draws them and how long they take.
func drawOffscreen(ctx context.Context, config scene.Config) (_ string, err error) {
	source, err := scene.Open(config)
	if err != nil {
		return "", err
	}
	defer func() {
		if closed := source.Close(); err == nil {
			err = closed
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, offscreenPatience)
	defer cancel()
	const pictures = 5
	var brought time.Duration
	for range pictures {
		f, err := source.Next(ctx, 0)
		if err != nil {
			return "", err
		}
		brought += f.Times.Converted.Sub(f.Times.GrabBegun)
	}
	return fmt.Sprintf("our own scene is drawn by %s, handed over in %s", source.Target().Driver, shown(brought/pictures)), nil
}
