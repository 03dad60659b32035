package scene

import (
	"math"
	"strconv"

	"nearlight/internal/media"
)

// The overlay is laid out on a picture 720 units high and keeps clear of the top left corner, where a marker may sit.
const overlayHeight = 720.0

const (
	titleSeconds = 6.0
	fadeSeconds  = 0.9
	gainSeconds  = 1.1
	hurrySeconds = 10.0
)

var (
	paper  = RGB{1.00, 0.97, 0.90}
	yellow = RGB{1.00, 0.84, 0.45}
	ember  = RGB{1.00, 0.50, 0.32}
)

// board is the overlay being painted.
type board struct {
	*Canvas
	pen           *pen
	v             *View
	width, height float64
	unit          float64 // pixels of one overlay unit
}

func (s *Studio) paintOverlay(c *Canvas, v *View, lens lens, size media.Size) {
	c.reset()
	b := &board{Canvas: c, pen: &s.pen, v: v, width: float64(size.Width), height: float64(size.Height)}
	b.unit = min(b.height/overlayHeight, b.width/900)
	playing := btof(v.Game.Phase == Flying)
	if v.Game.Phase == Flying {
		b.daylight(smoothstep(0, 0.5, b.phaseSeconds()))
		b.score()
		b.gain()
		b.pointer()
	}
	if v.Game.Phase != Over {
		b.guide(lens)
	}
	b.boost(playing)
	if v.Paused {
		b.text("Paused", b.width/2, b.height*0.46, middle, 34, paper, 1)
		b.text("press any key to go on", b.width/2, b.height*0.46+38*b.unit, middle, 14, yellow, 1)
		return
	}
	switch v.Game.Phase {
	case Waiting:
		b.title(1, true)
	case Flying:
		if v.Game.Ticks < uint64(titleSeconds/tickSeconds) || v.Game.PhaseTicks == v.Game.Ticks {
			b.title(1-smoothstep(0.2, fadeSeconds+0.2, b.phaseSeconds()), false)
		} else {
			b.title(1-smoothstep(0, fadeSeconds, b.phaseSeconds()), false)
		}
	case Over:
		b.farewell(smoothstep(0.3, 1.2, b.phaseSeconds()))
	}
}

func (b *board) phaseSeconds() float64 { return float64(b.v.Game.PhaseTicks) * tickSeconds }

func (b *board) text(text string, x, y float64, at align, height float64, colour RGB, alpha float64) {
	b.pen.write(b.Canvas, text, x, y, at, lettering{height: height * b.unit, weight: 0.115, colour: colour, alpha: alpha, plate: height < 18})
}

// itoa formats without allocating until the string is made, which the compiler keeps on the stack here.
func itoa(n int) string { return strconv.Itoa(n) }

// daylight is the bar at the top: what is left of the day.
func (b *board) daylight(alpha float64) {
	left := b.v.Game.Daylight
	colour := yellow
	if left < hurrySeconds {
		colour = yellow.mix(ember, 0.5+0.5*b.v.bob(7, 0))
	}
	middleX, y := b.width/2, 34*b.unit
	half := 150 * b.unit
	share := left / fullDay
	b.bar(middleX-half, middleX+half, y, 5*b.unit, share, colour, alpha)
	sun := middleX - half + 2*half*share
	b.disc(Vec3{sun, y, 0}, unitX, unitY, 17*b.unit, colour.light(0.8*alpha), 14)
	b.ring(sun, y, 6*b.unit, 5*b.unit, paper.over(alpha))
	b.text(itoa(int(math.Ceil(left))), middleX, y+42*b.unit, middle, 20, paper.mix(colour, 0.4), alpha)
}

// bar is a track from x0 to x1 that is filled to a share.
func (b *board) bar(x0, x1, y, thickness, share float64, colour RGB, alpha float64) {
	line := func(from, to, thickness, feather float64, colour [4]uint8) {
		b.stroke([]point2{{from, y}, {to, y}}, thickness, feather, colour)
	}
	line(x0, x1, thickness, 4*b.unit, inkShadow.over(0.38*alpha))
	line(x0, x1, thickness*0.5, 1, paper.over(0.30*alpha))
	if share > 0.004 {
		line(x0, lerp(x0, x1, share), thickness*0.8, 1, colour.over(0.95*alpha))
	}
}

// ring is a circle drawn as a stroke.
func (b *board) ring(x, y, radius, width float64, colour [4]uint8) {
	const sides = 20
	var points [sides + 1]point2
	for k := range sides {
		s, c := math.Sincos(2 * math.Pi * float64(k) / sides)
		points[k] = point2{x + c*radius, y + s*radius}
	}
	points[sides] = points[0]
	b.stroke(points[:], width, 1, colour)
}

func (b *board) score() {
	g := &b.v.Game
	x, y := b.width-36*b.unit, 58*b.unit
	pop := 1 - smoothstep(0, 0.35, float64(g.SinceLight)*tickSeconds)
	b.text(itoa(g.Score), x, y, right, 34+5*pop, paper.mix(yellow, pop), 1)
	b.text(itoa(g.Lights)+" lights", x, y+26*b.unit, right, 12, paper, 0.85)
	if multiple := g.Multiple(); multiple > 1 {
		b.text("×"+itoa(multiple), x, y+60*b.unit, right, 22, yellow, 1)
	}
}

// gain floats up where a ring was.
func (b *board) gain() {
	age := float64(b.v.Game.SinceLight) * tickSeconds
	if age > gainSeconds || b.v.Game.LastGain == 0 {
		return
	}
	t := age / gainSeconds
	b.text("+"+itoa(b.v.Game.LastGain), b.width/2, b.height*(0.40-0.07*t), middle, 26, yellow, 1-t*t)
}

// boost is the bar at the bottom, which hides while it is full.
func (b *board) boost(playing float64) {
	c := b.v.Game.Craft
	alpha := playing * (0.25 + 0.75*max(smoothstep(0.995, 0.9, c.Boost), c.Burning))
	if alpha <= 0 {
		return
	}
	y, half := b.height-34*b.unit, 80*b.unit
	colour := rose.mix(ember, c.Burning)
	b.bar(b.width/2-half, b.width/2+half, y, 6*b.unit, c.Boost, colour, alpha)
	b.text("boost", b.width/2-half-14*b.unit, y+5*b.unit, right, 10, paper, alpha*0.9)
}

// pointer shows where the mouse steers to.
func (b *board) pointer() {
	p := b.v.Pointer
	if !p.Shown {
		return
	}
	x, y := b.width/2*(1+p.X), b.height/2*(1-p.Y)
	b.ring(x, y, 13*b.unit, 2.6*b.unit, inkShadow.over(0.35))
	b.ring(x, y, 13*b.unit, 1.4*b.unit, paper.over(0.9))
	b.ring(x, y, 1.6*b.unit, 1.6*b.unit, paper.over(0.9))
}

// guide points to the next ring from the rim of the picture when the ring is out of sight.
func (b *board) guide(lens lens) {
	x, y, depth := lens.project(b.v.Game.Trail.Rings[0].Center.Sub(b.v.Eye))
	if depth > 0 && math.Abs(x) < 0.94 && math.Abs(y) < 0.92 {
		return
	}
	angle := math.Atan2(y*b.height, x*b.width)
	if depth < 0 && math.Abs(angle+math.Pi/2) < 1 { // behind: point aside rather than down
		angle = math.Copysign(0.2, -x) + btof(x < 0)*math.Pi
	}
	s, c := math.Sincos(angle)
	reach := min(0.86*b.width/2/max(math.Abs(c), 1e-3), 0.74*b.height/2/max(math.Abs(s), 1e-3))
	cx, cy := b.width/2+c*reach, b.height/2-s*reach
	pulse := (15 + 2*b.v.bob(6, 0)) * b.unit
	var points [3]point2
	for k, turn := range [3]float64{2.3, 0, -2.3} {
		s, c := math.Sincos(angle + turn)
		points[k] = point2{cx + c*pulse, cy - s*pulse}
	}
	b.stroke(points[:], 7*b.unit, 3*b.unit, inkShadow.over(0.35))
	b.stroke(points[:], 4*b.unit, 1, yellow.over(0.95))
}

func (b *board) title(alpha float64, inviting bool) {
	if alpha <= 0 {
		return
	}
	y := b.height * 0.27
	b.pen.write(b.Canvas, "Nearlight", b.width/2, y, middle, lettering{height: 58 * b.unit, weight: 0.075, spacing: 2.2, colour: paper, alpha: alpha})
	b.text("follow the lights", b.width/2, y+44*b.unit, middle, 15, paper, alpha*0.95)
	if inviting {
		breath := 0.75 + 0.25*b.v.bob(2.4, 0)
		b.text("WASD or mouse · space boosts", b.width/2, b.height-48*b.unit, middle, 13, yellow, alpha*breath)
	}
}

func (b *board) farewell(alpha float64) {
	g := &b.v.Game
	y := b.height * 0.30
	b.text("The sun has set", b.width/2, y, middle, 34, paper, alpha)
	b.text(itoa(g.Score), b.width/2, y+92*b.unit, middle, 60, yellow, alpha)
	b.text(itoa(g.Lights)+" lights · best "+itoa(g.Best), b.width/2, y+130*b.unit, middle, 15, paper, alpha)
	if g.MayRestart() {
		b.text("R or click to fly again", b.width/2, b.height-48*b.unit, middle, 14, yellow, alpha*(0.75+0.25*b.v.bob(2.4, 0)))
	}
}
