package scene

import "math"

// The dome's elevations are denser where its colour changes quickly.
var domeElevations = [...]float64{0, 0.025, 0.06, 0.10, 0.15, 0.21, 0.29, 0.39, 0.52, 0.70, 0.95, 1.25, math.Pi / 2}

const (
	domeSteps = 16
	sunRadius = 0.050
	sunHalo   = 0.22
	starCount = 70
)

// paintDome paints the part of the dome that shows.
func paintDome(c *Canvas, v *View, lens lens, light *Light) {
	c.reset()
	forward := v.Facing.Back.Scale(-1)
	yaw := math.Atan2(forward.X, -forward.Z)
	// The corners of the picture lie farthest aside; looking up or down widens the span further.
	span := min(math.Atan(math.Hypot(1/lens.x, 1/lens.y))+0.25+0.6*math.Abs(forward.Y), math.Pi)
	// Below the horizon it reaches as far as the ground does not.
	elevations := append(c.scratch[:0], -math.Atan2(v.Eye.Y+20, lens.reach))
	elevations = append(elevations, domeElevations[:]...)
	c.scratch = elevations
	for _, elevation := range elevations {
		for step := range domeSteps + 1 {
			d := direction(yaw+span*(2*float64(step)/domeSteps-1), elevation)
			c.corner(d, light.Sky(d).over(1))
		}
	}
	const row = domeSteps + 1
	for band := range len(elevations) - 1 {
		for step := range domeSteps {
			i := uint16(band*row + step)
			c.quad(i, i+1, i+row+1, i+row)
		}
	}
}

// paintSky paints stars and sun.
func paintSky(c *Canvas, v *View, lens lens, light *Light) {
	c.reset()
	paintStars(c, v, lens)
	paintSun(c, v, light)
}

// paintSun paints disc and halo; the ground is drawn over what has set.
func paintSun(c *Canvas, v *View, light *Light) {
	day := v.Game.sunset
	right := light.Sun.Cross(unitY).Unit()
	up := right.Cross(light.Sun)
	c.disc(light.Sun, right, up, sunHalo, light.Glow.light(0.30+0.35*day), 24)
	const sides = 28
	colour := RGB{1, 0.62, 0.36}.mix(RGB{1, 0.95, 0.78}, smoothstep(0.1, 0.9, day))
	rim := func(radius float64, colour [4]uint8) uint16 {
		first := uint16(len(c.Vertices))
		for k := range sides {
			s, co := math.Sincos(2 * math.Pi * float64(k) / sides)
			c.corner(light.Sun.Add(right.Scale(co*radius)).Add(up.Scale(s*radius)), colour)
		}
		return first
	}
	inner, outer := rim(sunRadius, colour.over(1)), rim(sunRadius*1.07, clear4)
	for k := range uint16(sides) {
		next := (k + 1) % sides
		c.quad(inner+k, inner+next, outer+next, outer+k)
		if k > 0 && k+1 < sides {
			c.triangle(inner, inner+k, inner+k+1)
		}
	}
}

// paintStars lights them one by one as the day ends.
func paintStars(c *Canvas, v *View, lens lens) {
	night := smoothstep(0.5, 0.02, v.Game.sunset)
	if night <= 0 {
		return
	}
	d := dice(v.Game.Land.seed + 4242)
	for range starCount {
		at := direction(d.between(-math.Pi, math.Pi), d.between(0.12, 1.2))
		strength, size := d.between(0.2, 0.9), d.between(0.0016, 0.0030)
		twinkle := 0.8 + 0.2*v.bob(3, strength*40)
		if lens.sees(at.Scale(100), 1) {
			c.disc(at, v.Facing.Right, v.Facing.Up, size*1.6, RGB{1, 0.95, 0.9}.light(clamp(night*1.6-strength*0.6, 0, 1)*twinkle), 4)
		}
	}
}
