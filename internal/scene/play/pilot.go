package play

import (
	"math"

	"nearlight/internal/media"
	"nearlight/internal/scene"
)

// Keysyms (X11/keysymdef.h); letters and digits are their Latin-1 codes.
const (
	keyLeft   = 0xff51
	keyUpward = 0xff52
	keyRight  = 0xff53
	keyDownw  = 0xff54
	keyReturn = 0xff0d
	keyShiftL = 0xffe1
	keyShiftR = 0xffe2
)

// action is what a key or button stands for, one bit each.
type action uint16

const (
	goLeft action = 1 << iota
	goRight
	goUp
	goDown
	boost
	restart
	pause
	confirm

	steering = goLeft | goRight | goUp | goDown
)

func keyAction(symbol uint32) action {
	switch symbol {
	case 'a', 'A', keyLeft:
		return goLeft
	case 'd', 'D', keyRight:
		return goRight
	case 'w', 'W', keyUpward:
		return goUp
	case 's', 'S', keyDownw:
		return goDown
	case ' ', keyShiftL, keyShiftR:
		return boost
	case 'r', 'R':
		return restart
	case 'p', 'P':
		return pause
	case keyReturn:
		return confirm
	}
	return 0
}

// How the mouse steers: it is a stick whose rest is the picture's middle.
const (
	stickDead  = 0.03 // around the middle nothing happens
	stickCurve = 1.25 // finer near the middle
	stickReach = 0.80 // full deflection at this share of the way to the rim
	meantFor   = 24   // pixels of motion before the mouse takes over, so that a stray one does not
)

// pilot turns events into controls. The last device used steers.
type pilot struct {
	size     media.Size
	held     map[uint32]action // by keysym, or by button below mouseButtons
	tapped   action            // pressed since the last picture, perhaps released already
	byMouse  bool
	x, y     float64 // the stick, -1 to 1
	lastX    int
	lastY    int
	seen     bool // a motion has come
	travel   int
	sequence uint32
	used     bool // something was done since the last picture that starts a round
}

func newPilot(size media.Size) *pilot { return &pilot{size: size, held: make(map[uint32]action)} }

// apply takes an event and returns the actions that it has just begun.
func (p *pilot) apply(e Event) (begun action) {
	p.sequence = e.Sequence
	switch e.Kind {
	case KeyDown:
		return p.press(e.Symbol, keyAction(e.Symbol))
	case KeyUp:
		delete(p.held, e.Symbol)
	case ButtonDown:
		p.point(e)
		if e.Symbol == 1 || e.Symbol == 3 {
			return p.press(e.Symbol, boost|confirm)
		}
	case ButtonUp:
		p.point(e)
		delete(p.held, e.Symbol)
	case Motion:
		p.point(e)
	case FocusLost:
		clear(p.held)
	case Resized:
		p.size = media.Size{Width: max(e.X, 1), Height: max(e.Y, 1)}
	}
	return 0
}

func (p *pilot) press(symbol uint32, a action) (begun action) {
	if a == 0 || p.held[symbol] != 0 {
		return 0
	}
	p.held[symbol] = a
	p.tapped |= a
	if a&steering != 0 {
		p.byMouse, p.travel = false, 0
	}
	p.used = p.used || a&(steering|boost) != 0
	return a
}

// point moves the stick.
func (p *pilot) point(e Event) {
	if p.seen {
		p.travel += abs(e.X-p.lastX) + abs(e.Y-p.lastY)
	}
	p.seen, p.lastX, p.lastY = true, e.X, e.Y
	p.x = min(max(2*float64(e.X)/float64(p.size.Width)-1, -1), 1)
	p.y = min(max(1-2*float64(e.Y)/float64(p.size.Height), -1), 1)
	if p.travel >= meantFor {
		p.used = p.used || !p.byMouse
		p.byMouse = true
	}
}

// controls are what the player asks for now.
func (p *pilot) controls() scene.Controls {
	now := p.tapped
	for _, a := range p.held {
		now |= a
	}
	c := scene.Controls{Boost: now&boost != 0}
	if p.byMouse && now&steering == 0 {
		c.Turn, c.Climb = deflection(p.x), deflection(p.y)
		return c
	}
	c.Turn = direction(now, goRight, goLeft)
	c.Climb = direction(now, goUp, goDown)
	return c
}

func (p *pilot) pointer() scene.Pointer { return scene.Pointer{Shown: p.byMouse, X: p.x, Y: p.y} }

// drawn forgets what was only to last for one picture.
func (p *pilot) drawn() { p.tapped, p.used = 0, false }

func direction(now, positive, negative action) (v float64) {
	if now&positive != 0 {
		v++
	}
	if now&negative != 0 {
		v--
	}
	return v
}

func deflection(v float64) float64 {
	size := (math.Abs(v) - stickDead) / (stickReach - stickDead)
	if size <= 0 {
		return 0
	}
	return math.Copysign(math.Pow(min(size, 1), stickCurve), v)
}

func abs(v int) int { return max(v, -v) }
