package gpu

import (
	"context"
	"fmt"
	"time"
)

// closePatience is how long Close waits for a question under way: one that takes longer than this is
// held by a card in trouble, and nobody should wait for that at the end of a program.
const closePatience = 2 * time.Second

// driver is what asks NVML. One goroutine at a time calls it.
type driver interface {
	inventory() (Inventory, error)
	shutdown() error
}

// Library is NVIDIA's management library, open. A process opens one at a time, because the binding keeps its symbols in
// variables of its own package.
type Library struct {
	driver driver
	turn   chan struct{} // holds one token: who has it may use driver and closed
	closed bool
}

func newLibrary(d driver) *Library {
	l := &Library{driver: d, turn: make(chan struct{}, 1)}
	l.turn <- struct{}{}
	return l
}

// within opens a library, or lets go of it as soon as it is open where nobody waits for it any more.
func within(ctx context.Context, open func() (*Library, error)) (*Library, error) {
	type result struct {
		library *Library
		err     error
	}
	opened := make(chan result)
	go func() {
		library, err := open()
		select {
		case opened <- result{library, err}:
		case <-ctx.Done():
			if library != nil {
				_ = library.Close() // its caller has been told that it got none
			}
		}
	}()
	select {
	case r := <-opened:
		return r.library, r.err
	case <-ctx.Done():
		return nil, unanswered(ctx)
	}
}

// Query looks at every card. A card that cannot be read is in the inventory with its Err. Errors wrap ErrNone when no card
// is left, ErrUnanswered when ctx ended first, ErrClosed, or what is wrong with the driver.
func (l *Library) Query(ctx context.Context) (Inventory, error) {
	if err := l.take(ctx); err != nil {
		return Inventory{}, err
	}
	if l.closed {
		l.turn <- struct{}{}
		return Inventory{}, ErrClosed
	}
	type answer struct {
		inventory Inventory
		err       error
	}
	answered := make(chan answer, 1) // a late answer has nobody waiting
	go func() {
		defer func() { l.turn <- struct{}{} }()
		inventory, err := l.driver.inventory()
		answered <- answer{inventory, err}
	}()
	select {
	case a := <-answered:
		return a.inventory, a.err
	case <-ctx.Done():
		return Inventory{}, unanswered(ctx)
	}
}

// Close lets go of the library. It waits for a question under way, and where that hangs in the driver it leaves the library
// to the end of the process and returns an error that wraps ErrUnanswered. It may be called more than once.
func (l *Library) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	if err := l.take(ctx); err != nil {
		return err
	}
	defer func() { l.turn <- struct{}{} }()
	if l.closed {
		return nil
	}
	l.closed = true
	return l.driver.shutdown()
}

func (l *Library) take(ctx context.Context) error {
	if ctx.Err() != nil {
		return unanswered(ctx)
	}
	select {
	case <-l.turn:
		return nil
	case <-ctx.Done():
		return unanswered(ctx)
	}
}

func unanswered(ctx context.Context) error {
	return fmt.Errorf("%w: %w; look at `nvidia-smi` and `dmesg | grep -i nvrm`: where they show a card in trouble, reboot", ErrUnanswered, context.Cause(ctx))
}
