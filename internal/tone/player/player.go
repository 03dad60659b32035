// Package player plays tones and clicks as an ordinary client of the sound server that PULSE_SERVER names, for tests of sound.
package player

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/jfreymuth/pulse"

	"nearlight/internal/media"
	"nearlight/internal/tone"
)

const (
	latency = 10 * time.Millisecond // that it asks the server for, as games that mind do
	retry   = 100 * time.Millisecond
	look    = 20 * time.Millisecond // how often it looks whether it still plays
	// forgotten is how long a server may ask for nothing, before it is taken to be gone: the client does not always tell.
	forgotten = time.Second
)

// Config says what is played. Its zero value is a tone of no frequency: silence.
type Config struct {
	Hertz  float64
	Clicks bool          // click instead, whenever the monotonic clock passes tone.ClickEvery
	Length time.Duration // after which it is silent; 0 for never
	Log    io.Writer     // told when there is no sound
}

// Run plays until ctx ends, and begins again whenever the server comes back.
func Run(ctx context.Context, c Config) error {
	fill := source(c)
	for {
		err := play(ctx, fill)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Fprintln(c.Log, "no sound:", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retry):
		}
	}
}

// source makes what is played, whenever the server asks for more.
func source(c Config) func([]int16) {
	if c.Clicks {
		return clicker()
	}
	began, played := time.Now(), 0
	return func(samples []int16) {
		if c.Length > 0 && time.Since(began) > c.Length {
			clear(samples)
			return
		}
		tone.Fill(samples, c.Hertz, played)
		played += len(samples) / tone.Channels
	}
}

// clicker begins a click in what is asked for first after the clock's half second.
func clicker() func([]int16) {
	last, into := media.Now()/media.Instant(tone.ClickEvery), tone.Rate // far behind the end of any click
	return func(samples []int16) {
		if now := media.Now() / media.Instant(tone.ClickEvery); now != last {
			last, into = now, 0
		}
		tone.FillClick(samples, into)
		into += len(samples) / tone.Channels
	}
}

// play plays until ctx ends or the server does.
func play(ctx context.Context, fill func([]int16)) error {
	client, err := pulse.NewClient(pulse.ClientApplicationName("toneapp"))
	if err != nil {
		return err
	}
	defer client.Close()
	var asked atomic.Int64 // media.Instant
	asked.Store(int64(media.Now()))
	stream, err := client.NewPlayback(pulse.Int16Reader(func(samples []int16) (int, error) {
		asked.Store(int64(media.Now()))
		samples = samples[:len(samples)/tone.Channels*tone.Channels]
		fill(samples)
		return len(samples), nil
	}), pulse.PlaybackStereo, pulse.PlaybackSampleRate(tone.Rate), pulse.PlaybackLatency(latency.Seconds()))
	if err != nil {
		return err
	}
	if err := start(stream); err != nil {
		return err
	}
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			if !stream.Running() || media.Now().Sub(media.Instant(asked.Load())) > forgotten {
				return errors.Join(errors.New("the stream ended"), stream.Error())
			}
		}
	}
}

// start begins a stream. The client panics where the server has gone since it made the stream.
func start(stream *pulse.PlaybackStream) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("the stream ended before it began: %v", reason)
		}
	}()
	stream.Start()
	return nil
}
