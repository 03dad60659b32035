package scene

// Light is the sky and the sun of one instant. Renderer and scene compute the same sky from it: see Sky.
type Light struct {
	Sun      Vec3 // the direction to it
	Sunlight RGB  // on a facet that faces the sun
	Skylight RGB  // from above
	Bounce   RGB  // from below
	Zenith   RGB
	Warm     RGB     // the horizon under the sun
	Far      RGB     // the horizon opposite
	Glow     RGB     // around the sun
	Haze     float64 // per metre: at a distance d, about exp(-(d Haze)^2) of a colour is left
}

// SkyFalloff is how quickly the horizon's colour gives way to the zenith's.
const SkyFalloff = 1.5

var (
	afternoon = Light{
		Sunlight: RGB{1.16, 0.82, 0.48}, Skylight: RGB{0.58, 0.57, 0.66}, Bounce: RGB{0.44, 0.36, 0.38},
		Zenith: RGB{0.30, 0.47, 0.74}, Warm: RGB{1.00, 0.77, 0.48}, Far: RGB{0.80, 0.70, 0.72}, Glow: RGB{0.22, 0.15, 0.06},
	}
	sundown = Light{
		Sunlight: RGB{0.98, 0.46, 0.26}, Skylight: RGB{0.42, 0.37, 0.56}, Bounce: RGB{0.32, 0.23, 0.32},
		Zenith: RGB{0.15, 0.18, 0.42}, Warm: RGB{0.98, 0.48, 0.30}, Far: RGB{0.46, 0.37, 0.54}, Glow: RGB{0.26, 0.12, 0.04},
	}
	nightfall = Light{
		Sunlight: RGB{0.34, 0.22, 0.30}, Skylight: RGB{0.25, 0.26, 0.46}, Bounce: RGB{0.15, 0.13, 0.24},
		Zenith: RGB{0.06, 0.08, 0.24}, Warm: RGB{0.62, 0.30, 0.36}, Far: RGB{0.21, 0.20, 0.38}, Glow: RGB{0.14, 0.05, 0.04},
	}
)

const (
	sunHeading = 0.12
	sunHigh    = 0.24
	sunLow     = -0.10
)

// lightAt is the light when a share of the day is left, 1 to 0.
func lightAt(day float64) Light {
	day = clamp(day, 0, 1)
	from, to, t := sundown, afternoon, smoothstep(0.35, 0.95, day)
	if day < 0.35 {
		from, to, t = nightfall, sundown, smoothstep(0, 0.35, day)
	}
	return Light{
		Sun:      direction(sunHeading, lerp(sunLow, sunHigh, day)),
		Sunlight: from.Sunlight.mix(to.Sunlight, t),
		Skylight: from.Skylight.mix(to.Skylight, t),
		Bounce:   from.Bounce.mix(to.Bounce, t),
		Zenith:   from.Zenith.mix(to.Zenith, t),
		Warm:     from.Warm.mix(to.Warm, t),
		Far:      from.Far.mix(to.Far, t),
		Glow:     from.Glow.mix(to.Glow, t),
	}
}

// Sky is the sky's colour in a direction. The shaders compute the same. There are no powers or exponentials in it, because
// llvmpipe would compile long polynomials for them each time it starts.
func (l *Light) Sky(d Vec3) RGB {
	toSun := max(d.Dot(l.Sun), 0)
	horizon := l.Far.mix(l.Warm, toSun*toSun)
	low := 1 / (1 + SkyFalloff*max(d.Y, 0))
	fourth := toSun * toSun * toSun * toSun
	sixteenth := fourth * fourth * fourth * fourth
	return horizon.mix(l.Zenith, 1-low*low*low).add(l.Glow.scale(sixteenth * fourth))
}
