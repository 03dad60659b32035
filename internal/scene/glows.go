package scene

import "math"

var (
	amberLight = RGB{1.0, 0.62, 0.22}
	roseLight  = RGB{0.95, 0.45, 0.35}
	rose       = RGB{1.0, 0.72, 0.60}
	white      = RGB{1, 1, 1}
)

const (
	pillarHeight = 90.0
	burstSeconds = 0.55
	wakeWidth    = 0.16
)

// paintGlows paints what shines, relative to the eye: shadow, halos, the pillar over the next ring, bursts and wake.
func paintGlows(c *Canvas, v *View) {
	c.reset()
	paintShadow(c, v)
	right := v.Facing.Right
	for i := range v.Game.Trail.Rings {
		at := v.Game.Trail.Rings[i].Center.Sub(v.Eye)
		near := smoothstep(45, 110, at.Len()) * smoothstep(900, 500, at.Len())
		if near <= 0 {
			continue
		}
		axes := attitude(v.Game.Trail.Rings[i].Heading, 0, 0)
		if i == 0 {
			paintHalo(c, at, axes, 1.45, amberLight.light(near*(0.46+0.08*v.bob(4, 0))))
			paintPillar(c, at, right, near)
			continue
		}
		paintHalo(c, at, axes, 1.3, roseLight.light(near*0.30))
	}
	paintBurst(c, v)
	paintWake(c, v)
}

// paintShadow darkens the ground under the glider, the more the nearer it is.
func paintShadow(c *Canvas, v *View) {
	at, land := v.Game.Craft.Position, v.Game.Land
	ground := land.Height(at.X, at.Z)
	strength := 0.45 * smoothstep(70, 4, at.Y-ground) * smoothstep(0, 0.3, v.Game.sunset+0.15)
	if strength <= 0.01 {
		return
	}
	const reach = 4
	east := Vec3{reach, land.Height(at.X+reach, at.Z) - ground, 0}.Unit()
	south := Vec3{0, land.Height(at.X, at.Z+reach) - ground, reach}.Unit()
	c.disc(Vec3{at.X, ground + 0.9, at.Z}.Sub(v.Eye), east, south, 5.5, inkShadow.over(strength), 12)
}

func paintPillar(c *Canvas, at, right Vec3, strength float64) {
	side := right.Scale(0.9)
	foot, top := at.Add(Vec3{0, RingRadius, 0}), at.Add(Vec3{0, RingRadius + pillarHeight, 0})
	colour := amberLight.light(0.5 * strength)
	a, b, t := c.corner(foot, colour), c.corner(foot.Add(side), clear4), c.corner(top, clear4)
	d := c.corner(foot.Sub(side), clear4)
	c.triangle(a, b, t)
	c.triangle(d, a, t)
}

// paintBurst lets a ring that was flown through flare up.
func paintBurst(c *Canvas, v *View) {
	age := float64(v.Game.SinceLight) * tickSeconds
	if age > burstSeconds {
		return
	}
	t := age / burstSeconds
	r := v.Game.LastRing
	axes := attitude(r.Heading, 0, 0)
	at := r.Center.Sub(v.Eye)
	colour := gold.light(0.7 * (1 - t) * (1 - t))
	c.band(at, axes, RingRadius*(1+0.5*t), RingRadius*(1.15+1.6*t), colour)
}

// paintHalo is the light around a hoop, inwards and outwards.
func paintHalo(c *Canvas, at Vec3, axes Axes, reach float64, colour [4]uint8) {
	c.band(at, axes, RingRadius, RingRadius*reach, colour)
	c.band(at, axes, RingRadius, RingRadius*(1.6-0.6*reach), colour)
}

// band is a ring of light that fades from one radius to the other.
func (c *Canvas) band(at Vec3, axes Axes, from, to float64, colour [4]uint8) {
	const sides = 14
	first := uint16(len(c.Vertices))
	for k := range sides {
		s, co := math.Sincos(2 * math.Pi * float64(k) / sides)
		spoke := axes.Right.Scale(co).Add(axes.Up.Scale(s))
		c.corner(at.Add(spoke.Scale(from)), colour)
		c.corner(at.Add(spoke.Scale(to)), clear4)
	}
	for k := range uint16(sides) {
		a, b := first+2*k, first+2*((k+1)%sides)
		c.quad(a, b, b+1, a+1)
	}
}

// paintWake draws the ribbons behind the wing tips, brighter in a turn and under boost.
func paintWake(c *Canvas, v *View) {
	craft := v.Game.Craft
	strength := clamp(0.10+0.35*math.Abs(craft.Yaw)/turnRate+0.6*craft.Burning, 0, 0.8)
	axes := v.shown()
	for side, points := range v.Game.Wake {
		x := tipX * (2*float64(side) - 1)
		points[0] = craft.Position.Add(axes.transform(Vec3{x, tipY + 0.05, tipZ + 0.3})) // it starts where the tip is now
		first := uint16(len(c.Vertices))
		for i, p := range points {
			age := float64(i) / (wakeLength - 1)
			width := v.Facing.Up.Scale(wakeWidth * (1 + 2*age))
			colour := rose.light(strength * (1 - age) * (1 - age))
			p = p.Sub(v.Eye)
			c.corner(p.Add(width), clear4)
			c.corner(p, colour)
			c.corner(p.Sub(width), clear4)
		}
		for i := range uint16(wakeLength - 1) {
			a := first + 3*i
			c.quad(a, a+1, a+4, a+3)
			c.quad(a+1, a+2, a+5, a+4)
		}
	}
}
