package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"nearlight/edge/capture"
	"nearlight/internal/alarm"
	"nearlight/internal/media"
)

// playback is a screen that shows fixed pictures, a new one every so often, forwards and backwards.
type playback struct {
	pictures []*media.Frame
	interval time.Duration
	alarm    *alarm.Alarm
	closed   atomic.Bool

	began media.Instant // when the first was shown; 0 before
	shown int64         // number of the last one
	frame media.Frame

	mu    sync.Mutex
	taken []drawnPicture
}

// drawnPicture is one that the pipeline took.
type drawnPicture struct {
	at      media.Instant
	picture *media.Frame
}

var _ capture.Source = (*playback)(nil)

func newPlayback(pictures []*media.Frame, framesPerSecond int) (*playback, error) {
	a, err := alarm.New()
	if err != nil {
		return nil, err
	}
	return &playback{pictures: pictures, interval: time.Second / time.Duration(framesPerSecond), alarm: a, shown: -1}, nil
}

// Next implements capture.Source.
func (p *playback) Next(ctx context.Context, _ time.Duration) (*media.Frame, error) {
	if p.began == 0 {
		p.began = media.Now()
	}
	stop := context.AfterFunc(ctx, p.alarm.Wake)
	defer stop()
	for {
		if p.closed.Load() {
			return nil, fmt.Errorf("%w: closed", capture.ErrGone)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		newest := int64(media.Now().Sub(p.began) / p.interval)
		if newest > p.shown {
			p.shown = newest
			return p.show(newest), nil
		}
		if err := p.alarm.SleepUntil(p.drawn(p.shown + 1)); err != nil {
			return nil, err
		}
	}
}

// drawn is when a picture is drawn.
func (p *playback) drawn(number int64) media.Instant {
	return p.began.Add(time.Duration(number) * p.interval)
}

func (p *playback) show(number int64) *media.Frame {
	count := int64(len(p.pictures))
	index := number % (2*count - 2)
	if index >= count {
		index = 2*count - 2 - index
	}
	at := p.drawn(number)
	p.frame = *p.pictures[index]
	p.frame.Times = media.StageTimes{Damaged: at, GrabBegun: at, Grabbed: at, Converted: media.Now()}
	p.mu.Lock()
	p.taken = append(p.taken, drawnPicture{at, p.pictures[index]})
	p.mu.Unlock()
	return &p.frame
}

// drawing is what the pipeline has taken so far.
func (p *playback) drawing() []drawnPicture {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]drawnPicture(nil), p.taken...)
}

// forget drops what was taken so far.
func (p *playback) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken = p.taken[:0]
}

// SetFrameRate implements capture.Source. The pictures keep their pace.
func (*playback) SetFrameRate(int) {}

// Size implements capture.Source.
func (p *playback) Size() media.Size { return p.pictures[0].Visible }

// Close implements capture.Source.
func (p *playback) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	return p.alarm.Close()
}
