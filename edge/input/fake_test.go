package input

import (
	"fmt"
	"sync"
	"testing"

	"nearlight/streamer/control"
)

// recorder is a display that writes down what it is told and checks what a real one takes for granted.
type recorder struct {
	t       testing.TB
	log     []string
	seqs    []uint32
	down    map[keycode]bool
	pressed map[byte]bool
	x, y    int
	symbols map[keycode]keysym
	typed   []rune // presses of mapped keycodes
}

func newRecorder(t testing.TB) *recorder {
	return &recorder{t: t, down: map[keycode]bool{}, pressed: map[byte]bool{}, symbols: map[keycode]keysym{}}
}

func (r *recorder) note(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

func (r *recorder) announce(seq uint32) { r.seqs = append(r.seqs, seq) }

func (r *recorder) key(code keycode, down bool) {
	if r.down[code] == down || code < evdevOffset {
		r.t.Errorf("key %d told twice that it is down=%v", code, down)
	}
	r.down[code] = down
	if symbol, mapped := r.symbols[code]; mapped {
		if down {
			r.typed = append(r.typed, rune(symbol&0xffffff))
		}
		return
	}
	r.note("key %d %v", int(code)-evdevOffset, down)
}

func (r *recorder) button(number byte, down bool) {
	if r.pressed[number] == down || number < 1 || number > 9 {
		r.t.Errorf("button %d told twice that it is down=%v", number, down)
	}
	r.pressed[number] = down
	r.note("button %d %v at %d,%d", number, down, r.x, r.y)
}

func (r *recorder) moveTo(x, y int16) {
	if x < 0 || y < 0 {
		r.t.Errorf("moved to %d,%d", x, y)
	}
	r.x, r.y = int(x), int(y)
	r.note("to %d,%d", x, y)
}

func (r *recorder) moveBy(dx, dy int16) {
	r.x, r.y = r.x+int(dx), r.y+int(dy)
	r.note("by %d,%d", dx, dy)
}

func (r *recorder) remap(first keycode, symbols []keysym) {
	for i, s := range symbols {
		r.symbols[first+keycode(i)] = s
	}
}

// held counts what is down.
func (r *recorder) held() (n int) {
	for _, down := range r.down {
		if down {
			n++
		}
	}
	for _, down := range r.pressed {
		if down {
			n++
		}
	}
	return n
}

// fakeKeys are the physical keys of an evdev display and a few free keycodes.
var fakeKeys = sync.OnceValues(func() (physical [256]bool, free []keycode) {
	for _, code := range control.Keys() {
		physical[code+evdevOffset] = true
	}
	for code := 8; code < 256 && len(free) < 8; code++ {
		if !physical[code] {
			free = append(free, keycode(code))
		}
	}
	return physical, free
})

// newFake is an injector of a 1280x720 display that is a recorder.
func newFake(t testing.TB) (*Injector, *recorder) {
	r := newRecorder(t)
	physical, free := fakeKeys()
	in := newInjector(r, physical, free, Config{})
	in.SetSize(1280, 720)
	return in, r
}
