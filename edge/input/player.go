package input

import (
	"sync"
	"time"

	"nearlight/streamer/control"
)

// xButton is X's number of each DOM button: left, middle, right, back, forward.
var xButton = [5]byte{1, 2, 3, 8, 9}

// X's buttons for one notch of the wheel.
const (
	wheelUp, wheelDown    = 4, 5
	wheelLeft, wheelRight = 6, 7
)

// Player is one connection's input.
type Player struct {
	in       *Injector
	leaving  sync.Once
	left     chan struct{} // closed by Leave
	guard    guard
	newest   struct{ move, turn, held, change uint32 } // sequences; move counts Buttons with a place, change Key, Button and Release
	place    struct{ x, y uint16 }                     // of newest.move
	locked   bool                                      // the newest motion was a Turn: the pointer has no place of its own
	x, y     turned
	across   wheel
	along    wheel
	keys     [256]latch
	buttons  [len(xButton)]latch
	departed bool // guarded by in.mu, as are all fields but the first three
}

// Join begins a connection, whose sequence numbers and totals start anew: until its first input, no input is the last.
func (in *Injector) Join() *Player {
	p := &Player{in: in, left: make(chan struct{}), guard: newGuard()}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.announced.seq != 0 && !in.closed {
		in.begin(p, 0)
		in.last.Store(0)
	}
	return p
}

// Malformed counts a message that did not parse.
func (p *Player) Malformed() { p.in.counters.drop(Malformed) }

// Leave lets go of all that this player pressed, within a second even if the display hangs. Messages that come later
// are dropped. It may be called more than once.
func (p *Player) Leave() {
	p.leaving.Do(func() { close(p.left) })
	patiently(p.depart)
}

func (p *Player) depart() {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	if p.departed {
		return
	}
	p.departed = true
	p.letGo()
}

// LetGo releases all that this player holds, of whom nothing is heard: what a finger did meanwhile cannot be known. It holds again
// what a later message says is held. It returns within a second even if the display hangs.
func (p *Player) LetGo() {
	patiently(func() {
		p.in.mu.Lock()
		defer p.in.mu.Unlock()
		if !p.departed {
			p.letGo()
		}
	})
}

// letGo tells the display that nothing is held. The caller holds in.mu.
func (p *Player) letGo() {
	if p.in.closed {
		return
	}
	for code := range p.keys {
		if p.keys[code].down {
			p.keys[code].down = false
			p.in.key(keycode(code), false)
		}
	}
	for b := range p.buttons {
		if p.buttons[b].down {
			p.buttons[b].down = false
			p.in.button(xButton[b], false)
		}
	}
}

// Handle injects m and reports whether it is input at all (an Ack or a Ping is not). It returns as soon as the display
// has been told, which takes microseconds; only a long Text of many different characters waits for free keycodes, and a
// display that hangs holds up input (nothing else) until it goes on or is gone.
func (p *Player) Handle(m control.Message) bool {
	switch m := m.(type) {
	case *control.Text:
		p.typeText(m)
		return true
	case *control.Move, *control.Turn, *control.Held, *control.Key, *control.Button, *control.Wheel, *control.Release:
	default:
		return false
	}
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	if p.departed || p.in.closed {
		p.in.counters.drop(Late)
		return true
	}
	now := time.Now()
	switch m := m.(type) {
	case *control.Move:
		p.move(m, now)
	case *control.Turn:
		p.turn(m, now)
	case *control.Held:
		p.held(m, now)
	case *control.Key:
		p.key(m, now)
	case *control.Button:
		p.button(m, now)
	case *control.Wheel:
		p.wheel(m, now)
	case *control.Release:
		p.release(m)
	}
	return true
}

// injected marks seq as the last input, after the display was told of it: a picture captured in between claims too
// little rather than too much.
func (p *Player) injected(seq uint32) {
	p.in.counters.injected.Add(1)
	p.in.last.Store(seq)
}

func (p *Player) moveTo(x, y uint16) {
	width, height := p.in.Size()
	p.in.x.moveTo(pixel(x, width), pixel(y, height))
}

func (p *Player) move(m *control.Move, now time.Time) {
	if m.Seq <= p.newest.move || m.Seq < p.newest.turn {
		p.in.counters.drop(Stale)
		return
	}
	if !p.guard.motion.AllowN(now, 1) {
		p.in.counters.drop(TooFast)
		return
	}
	p.newest.move, p.place.x, p.place.y, p.locked = m.Seq, m.X, m.Y, false
	p.in.begin(p, m.Seq)
	p.moveTo(m.X, m.Y)
	p.injected(m.Seq)
}

func (p *Player) turn(m *control.Turn, now time.Time) {
	if m.Seq <= p.newest.turn {
		p.in.counters.drop(Stale)
		return
	}
	if !p.guard.motion.AllowN(now, 1) {
		p.in.counters.drop(TooFast)
		return
	}
	p.newest.turn = m.Seq
	dx, okX := p.x.advance(m.DX)
	dy, okY := p.y.advance(m.DY)
	if m.Seq < p.newest.move { // the lock has ended; where the pointer is, it was told since
		p.in.counters.drop(Stale)
		return
	}
	p.locked = true
	if !okX || !okY {
		p.in.counters.drop(Excess)
	}
	if dx == 0 && dy == 0 {
		return
	}
	p.in.begin(p, m.Seq)
	p.in.x.moveBy(dx, dy)
	p.injected(m.Seq)
}

func (p *Player) key(m *control.Key, now time.Time) {
	p.newest.change = m.Seq
	code, ok := p.keycode(m.Code)
	if !ok {
		p.in.counters.drop(Unknown)
		return
	}
	if m.Down && !p.keys[code].down && !p.guard.press.AllowN(now, 1) {
		p.in.counters.drop(TooFast)
		return
	}
	if p.keys[code].tell(m.Seq, m.Down) {
		p.in.begin(p, m.Seq)
		p.in.key(code, m.Down)
		p.injected(m.Seq)
	}
}

// keycode is X's number of a physical key.
func (p *Player) keycode(evdev uint16) (keycode, bool) {
	code := int(evdev) + evdevOffset
	if code >= len(p.in.physical) || !p.in.physical[code] {
		return 0, false
	}
	return keycode(code), true
}

func (p *Player) button(m *control.Button, now time.Time) {
	p.newest.change = m.Seq
	if int(m.Button) >= len(xButton) {
		p.in.counters.drop(Unknown)
		return
	}
	l := &p.buttons[m.Button]
	if m.Down && !l.down && !p.guard.press.AllowN(now, 1) {
		p.in.counters.drop(TooFast)
		return
	}
	placed := m.At && m.Seq > p.newest.turn // under a lock that began since, a place would throw the view around
	if placed {
		p.in.begin(p, m.Seq)
		p.moveTo(m.X, m.Y)
		if m.Seq > p.newest.move {
			p.newest.move, p.place.x, p.place.y, p.locked = m.Seq, m.X, m.Y, false
		} else {
			// A Move that was sent later came earlier: click where the player did, then go on where the pointer is.
			defer p.moveTo(p.place.x, p.place.y)
		}
	}
	if l.tell(m.Seq, m.Down) {
		p.in.begin(p, m.Seq)
		p.in.button(xButton[m.Button], m.Down)
	} else if !placed {
		return
	}
	p.injected(m.Seq)
}

func (p *Player) wheel(m *control.Wheel, now time.Time) {
	dx, okX := p.across.turn(m.DX, now)
	dy, okY := p.along.turn(m.DY, now)
	if !okX || !okY {
		p.in.counters.drop(Excess)
	}
	if dx == 0 && dy == 0 {
		return
	}
	if !p.guard.notch.AllowN(now, max(dx, -dx)+max(dy, -dy)) {
		p.in.counters.drop(TooFast)
		return
	}
	p.in.begin(p, m.Seq)
	p.click(dx, wheelLeft, wheelRight)
	p.click(dy, wheelUp, wheelDown)
	p.injected(m.Seq)
}

// click turns the wheel by notches: less than 0 with one button, more with the other.
func (p *Player) click(notches int, less, more byte) {
	number := more
	if notches < 0 {
		number, notches = less, -notches
	}
	for range notches {
		p.in.button(number, true)
		p.in.button(number, false)
	}
}

func (p *Player) release(m *control.Release) {
	p.newest.change = m.Seq
	changed := false
	for code := range p.keys {
		if p.keys[code].tell(m.Seq, false) {
			p.in.begin(p, m.Seq)
			p.in.key(keycode(code), false)
			changed = true
		}
	}
	for b := range p.buttons {
		if p.buttons[b].tell(m.Seq, false) {
			p.in.begin(p, m.Seq)
			p.in.button(xButton[b], false)
			changed = true
		}
	}
	if changed {
		p.injected(m.Seq)
	}
}

// held makes good what control has not told yet, or what the browser never noticed.
func (p *Player) held(m *control.Held, now time.Time) {
	if m.Seq <= p.newest.held || m.Seq < p.newest.change {
		p.in.counters.drop(Stale)
		return
	}
	if !p.guard.held.AllowN(now, 1) {
		p.in.counters.drop(TooFast)
		return
	}
	p.newest.held = m.Seq
	var want [256]bool
	for _, evdev := range m.Keys {
		if code, ok := p.keycode(evdev); ok {
			want[code] = true
		} else {
			p.in.counters.drop(Unknown)
		}
	}
	changed := false
	for code := range p.keys {
		l := &p.keys[code]
		if want[code] && !l.down && !p.guard.press.AllowN(now, 1) {
			p.in.counters.drop(TooFast)
			continue
		}
		if l.repair(m.Seq, want[code]) {
			p.in.begin(p, m.Seq)
			p.in.key(keycode(code), want[code])
			changed = true
		}
	}
	for b := range p.buttons {
		down := m.Buttons>>b&1 == 1
		// A press needs its place, which only Button tells; under pointer lock there is none.
		if down && !p.buttons[b].down && (!p.locked || !p.guard.press.AllowN(now, 1)) {
			continue
		}
		if p.buttons[b].repair(m.Seq, down) {
			p.in.begin(p, m.Seq)
			p.in.button(xButton[b], down)
			changed = true
		}
	}
	if changed {
		p.injected(m.Seq)
	}
}
