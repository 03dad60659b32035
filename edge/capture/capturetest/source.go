// Package capturetest is a screen whose changes a test decides.
package capturetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"nearlight/edge/capture"
	"nearlight/internal/media"
)

// Source is a capture.Source that shows what Change was called with. It follows the contract: the newest picture wins, an
// unchanged one comes back after idle. Its methods may be called from anywhere.
type Source struct {
	changed chan struct{} // of capacity 1
	gone    chan struct{}

	mu        sync.Mutex
	frame     *media.Frame
	frameRate int
	closed    bool
}

var _ capture.Source = (*Source)(nil)

// New makes a black screen of the given size that has not changed yet.
func New(size media.Size) *Source {
	return &Source{changed: make(chan struct{}, 1), gone: make(chan struct{}), frame: media.NewFrame(size)}
}

// Change paints the screen in stripes of the given luma and its complement: something is shown.
func (s *Source) Change(luma byte) {
	s.mu.Lock()
	frame := media.NewFrame(s.frame.Visible) // the last one is still lent out
	for i := range frame.Y.Data {
		frame.Y.Data[i] = luma
		if i/frame.Y.Stride%16 < 8 {
			frame.Y.Data[i] = 255 - luma
		}
	}
	s.frame = frame
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Resize replaces the screen by a black one of another size.
func (s *Source) Resize(size media.Size) {
	s.mu.Lock()
	s.frame = media.NewFrame(size)
	s.mu.Unlock()
	s.Change(16)
}

// FrameRate is what SetFrameRate was called with last.
func (s *Source) FrameRate() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frameRate
}

// Next implements capture.Source.
func (s *Source) Next(ctx context.Context, idle time.Duration) (*media.Frame, error) {
	var over <-chan time.Time
	if idle > 0 {
		timer := time.NewTimer(idle)
		defer timer.Stop()
		over = timer.C
	}
	still := false
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.gone:
		return nil, fmt.Errorf("%w: closed", capture.ErrGone)
	case <-s.changed:
	case <-over:
		still = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := media.Now()
	frame := *s.frame
	frame.Still = still
	frame.Times = media.StageTimes{Damaged: now, GrabBegun: now, Grabbed: now, Converted: now}
	return &frame, nil
}

// SetFrameRate implements capture.Source; the rate is not enforced.
func (s *Source) SetFrameRate(rate int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frameRate = rate
}

// Size implements capture.Source.
func (s *Source) Size() media.Size {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frame.Visible
}

// Close implements capture.Source.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.gone)
	}
	return nil
}
