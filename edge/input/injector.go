package input

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jezek/xgb"
)

// PropertyName is the root window's property that holds the sequence number of the input being injected.
const PropertyName = "_NEARLIGHT_INPUT"

// Errors that callers branch on.
var (
	ErrGone   = errors.New("input display is gone")
	ErrKeymap = errors.New("the display's keymap is not evdev's")
)

// hangTimeout bounds how long Close and Leave wait for a display that no longer answers; what is then still held ends
// with it.
const hangTimeout = time.Second

// Config says how an Injector behaves; its zero value is good.
type Config struct {
	Logger *slog.Logger // told the first error of the display and no more; nil discards
	// Last is kept at the sequence of the input that was injected last, for whoever captures; nil keeps it for LastInput alone.
	Last *atomic.Uint32
	// Tap is how long a key or button stays down at the least: ShortestTap, or 0 for exactly as long as the player says.
	Tap time.Duration
}

// Injector makes input in one display.
type Injector struct {
	x        display
	server   *xserver // the same as x; nil where x is no X server
	logger   *slog.Logger
	physical [256]bool // keycodes that a physical key sends

	last     *atomic.Uint32
	size     atomic.Uint64 // width<<32 | height
	counters counters
	closing  sync.Once
	done     chan struct{} // closed by Close, before anything is let go

	mu        sync.Mutex
	closed    bool
	typist    *typist
	announced announced
	keys      [256]contact // by keycode
	buttons   [10]contact  // by X's number
	tap       time.Duration
}

// New makes an injector that owns conn: nobody else may read its events, and Close closes it. The error wraps ErrKeymap
// when keys would come out as others; start the display with its default keymap then (xkb-data installed, rules evdev).
func New(conn *xgb.Conn, config Config) (*Injector, error) {
	server, err := connect(conn)
	if err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	width, height, err := server.size()
	if err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	physical, free, err := server.keys()
	if err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	in := newInjector(server, physical, free, config)
	in.server = server
	in.SetSize(width, height)
	return in, nil
}

func newInjector(x display, physical [256]bool, free []keycode, config Config) *Injector {
	logger := config.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	last := config.Last
	if last == nil {
		last = new(atomic.Uint32)
	}
	return &Injector{x: x, physical: physical, logger: logger, last: last, tap: config.Tap, typist: newTypist(free), done: make(chan struct{})}
}

// Run drains what the display sends (its errors, its new sizes) until it is gone, ctx ends or Close is called; in all
// three cases the injector is closed when Run returns. The error wraps ErrGone, is ctx's, or is nil after Close.
func (in *Injector) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, in.Close)
	defer stop()
	if in.server == nil { // a target does not go before its injector
		<-in.done
		in.Close()
		return ctx.Err()
	}
	in.server.watch(in.SetSize, func(err error) {
		if in.counters.errors.Add(1) == 1 {
			in.logger.Warn("display refused an input; further errors are only counted", "error", err)
		}
	})
	select {
	case <-in.done:
		in.Close() // waits for the one under way
		return ctx.Err()
	default:
		in.Close()
		return fmt.Errorf("%w: the X server hung up", ErrGone)
	}
}

// SetSize tells the screen's size now, in pixels. Run follows the display's own news; this is for a caller that knows
// earlier. What X cannot have as a screen is ignored.
func (in *Injector) SetSize(width, height int) {
	if width < 1 || height < 1 || width > math.MaxInt16 || height > math.MaxInt16 {
		return
	}
	in.size.Store(uint64(width)<<32 | uint64(height))
}

// Size is the screen's size as last told.
func (in *Injector) Size() (width, height int) {
	size := in.size.Load()
	return int(size >> 32), int(size & math.MaxUint32)
}

// LastInput is the sequence of the input that was injected last, 0 for none yet: what a picture captured now may
// answer. It is not always the highest: a delayed key comes after newer motion.
func (in *Injector) LastInput() uint32 { return in.last.Load() }

// Stats counts what came in.
func (in *Injector) Stats() Stats { return in.counters.stats() }

// Close lets go of everything and closes the connection to the display, within a second even if that hangs. It may be
// called more than once.
func (in *Injector) Close() {
	in.closing.Do(func() { close(in.done) })
	patiently(in.shut)
}

// patiently runs do, and returns without it when the display does not let it end within hangTimeout; do ends with the display then.
func patiently(do func()) {
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		do()
	}()
	select {
	case <-finished:
	case <-time.After(hangTimeout):
	}
}

func (in *Injector) shut() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return
	}
	in.closed = true
	for code := range in.keys {
		in.letGo(&in.keys[code], func(down bool) { in.x.key(keycode(code), down) })
	}
	for number := range in.buttons {
		in.letGo(&in.buttons[number], func(down bool) { in.x.button(byte(number), down) })
	}
	if in.server != nil {
		in.server.conn.Close()
	}
}

// announced is what the root window's property names: an input of a player, or none.
type announced struct {
	player *Player
	seq    uint32
}

// begin announces the input whose events follow. The caller holds mu, as for the methods below.
func (in *Injector) begin(p *Player, seq uint32) {
	if now := (announced{p, seq}); in.announced != now {
		in.announced = now
		in.x.announce(seq)
	}
}

// key presses or releases a keycode for one of its holders.
func (in *Injector) key(code keycode, down bool) {
	in.set(&in.keys[code], down, in.tap, func(down bool) { in.x.key(code, down) })
}

// button does the same for a button. A notch of the wheel is an event in itself, whose length means nothing.
func (in *Injector) button(number byte, down bool) {
	tap := in.tap
	if wheelUp <= number && number <= wheelRight {
		tap = 0
	}
	in.set(&in.buttons[number], down, tap, func(down bool) { in.x.button(number, down) })
}
