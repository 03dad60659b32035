package scene

// RGB is a colour as a screen shows it, 0 to 1 each.
type RGB struct{ R, G, B float64 }

func (c RGB) mix(d RGB, t float64) RGB {
	return RGB{lerp(c.R, d.R, t), lerp(c.G, d.G, t), lerp(c.B, d.B, t)}
}

func (c RGB) scale(k float64) RGB { return RGB{c.R * k, c.G * k, c.B * k} }

func (c RGB) add(d RGB) RGB { return RGB{c.R + d.R, c.G + d.G, c.B + d.B} }

// octet rounds a colour component.
func octet(v float64) uint8 { return uint8(clamp(v, 0, 1)*255 + 0.5) }

// over is c as a premultiplied octet colour that covers alpha of what is behind it.
func (c RGB) over(alpha float64) [4]uint8 {
	return [4]uint8{octet(c.R * alpha), octet(c.G * alpha), octet(c.B * alpha), octet(alpha)}
}

// light is c as a premultiplied octet colour that is added to what is behind it.
func (c RGB) light(strength float64) [4]uint8 {
	colour := c.over(strength)
	colour[3] = 0
	return colour
}
