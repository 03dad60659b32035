package edge

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"nearlight/edge/display"
	"nearlight/internal/media"
)

// warmScreen is a display that waits for its session, so that a player does not wait for an X server to start. There
// is at most one: it is made anew as soon as it was taken.
type warmScreen struct {
	making sync.Mutex // held while a display is started or taken: a slot has one at a time

	mu     sync.Mutex
	screen *screen
	number int           // its slot
	wanted chan struct{} // a hint, of capacity 1
}

func (w *warmScreen) hint() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wanted == nil {
		w.wanted = make(chan struct{}, 1)
	}
	return w.wanted
}

// wake says that a slot may be free for a warm display.
func (w *warmScreen) wake() {
	select {
	case w.hint() <- struct{}{}:
	default:
	}
}

// slot is the slot whose display is warm, -1 for none.
func (w *warmScreen) slot() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.screen == nil {
		return -1
	}
	return w.number
}

// take returns the warm display of a slot, nil when it has none.
func (w *warmScreen) take(slot int) *screen {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.screen == nil || w.number != slot {
		return nil
	}
	s := w.screen
	w.screen = nil
	return s
}

func (w *warmScreen) put(slot int, s *screen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.screen, w.number = s, slot
}

func (w *warmScreen) close() error {
	if s := w.take(w.slot()); s != nil {
		return s.close()
	}
	return nil
}

// keepWarm keeps one display warm for the next session until ctx ends. That a display cannot be had ends the node: no
// session could run.
func (n *Node) keepWarm(ctx context.Context) error {
	n.warm.wake()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.warm.hint():
		}
		if err := n.warmUp(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// warmUp starts a display for a free slot, unless one is warm or no slot is free. A session that takes the slot meanwhile
// waits for it.
func (n *Node) warmUp(ctx context.Context) error {
	n.warm.making.Lock()
	defer n.warm.making.Unlock()
	slot := n.freeSlot()
	if slot < 0 || n.warm.slot() >= 0 {
		return nil
	}
	s, err := n.openScreen(ctx, slot, n.config.Size, n.logger)
	if err != nil {
		return err
	}
	n.warm.put(slot, s)
	n.ready.warmed()
	return nil
}

func (n *Node) freeSlot() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Index(n.slots, false)
}

// takeScreen returns the display of a slot that the caller has taken: the warm one, or a new one.
func (n *Node) takeScreen(ctx context.Context, slot int, size media.Size, logger *slog.Logger) (*screen, error) {
	defer n.warm.wake()
	n.warm.making.Lock()
	defer n.warm.making.Unlock()
	if s := n.warm.take(slot); s != nil {
		err := s.resize(size)
		if err == nil {
			return s, nil
		}
		if errors.Is(err, display.ErrCannotGrow) {
			logger.Info("the display that was prepared is too small", "wanted", size)
		} else {
			logger.Warn("the display that was prepared is of no use", "error", err)
		}
		if err := s.close(); err != nil {
			return nil, err
		}
	}
	return n.openScreen(ctx, slot, size, logger)
}

func (n *Node) openScreen(ctx context.Context, slot int, size media.Size, logger *slog.Logger) (*screen, error) {
	s, err := openScreen(ctx, screenConfig{
		kind: n.config.Display, sandbox: n.config.Sandbox, slot: slot, folder: n.config.Folder, size: size, maxSize: n.config.MaxSize,
		frameRate: n.config.FrameRate, chroma: n.config.Chroma, stamp: n.config.Stamp, audio: n.config.Audio, nvidia: n.config.NVIDIA, logger: logger,
	})
	if err != nil {
		return nil, err
	}
	drawnOn := s.gpu()
	n.drawnOn.Store(&drawnOn)
	return s, nil
}
