package scene

import "math"

// Land is the ground of one seed: islands in a shallow sea whose level is 0. It is a value and safe to share.
type Land struct{ seed uint32 }

// Ceiling bounds the ground's height; the glider flies over everything.
const Ceiling = 170.0

// NewLand returns the land of a seed.
func NewLand(seed uint64) Land { return Land{mix32(uint32(seed) ^ mix32(uint32(seed>>32)+0x5eed))} }

// Sizes of what the land is made of, in metres.
const (
	islandSize   = 780.0
	ridgeSize    = 330.0
	hillSize     = 150.0
	meadowSize   = 120.0
	islandHeight = 120.0
)

// Height is the ground's height above the sea, 0 where there is sea.
func (l Land) Height(x, z float64) float64 {
	island := fractal(l.seed, x/islandSize, z/islandSize, 3) + 0.02
	if island <= -0.12 {
		return 0
	}
	ridge := 1 - math.Abs(fractal(l.seed+101, x/ridgeSize, z/ridgeSize, 2))*1.7
	hills := fractal(l.seed+211, x/hillSize, z/hillSize, 2)
	inland := smoothstep(-0.05, 0.45, island)
	h := island*islandHeight*0.55 + inland*(ridge*ridge*ridge*72+hills*16)
	if h <= 0 {
		return 0
	}
	return min(h*h/(h+9), Ceiling) // beaches rise slowly
}

// Colours of the ground, linear in neither sense: they are what looks right under the light of Palette.
var (
	sand      = RGB{0.88, 0.74, 0.52}
	meadow    = RGB{0.50, 0.56, 0.24}
	straw     = RGB{0.74, 0.64, 0.30}
	moss      = RGB{0.30, 0.44, 0.22}
	rock      = RGB{0.54, 0.43, 0.40}
	paleRock  = RGB{0.70, 0.58, 0.52}
	snow      = RGB{0.98, 0.92, 0.90}
	shallow   = RGB{0.16, 0.52, 0.52}
	deepWater = RGB{0.05, 0.24, 0.36}
)

// tint is the colour of a facet of ground with the given centre and slope (the normal's y).
func (l Land) tint(x, z, height, slope float64) RGB {
	grain := 0.94 + 0.12*unit(lattice(l.seed+7, int(math.Floor(x)), int(math.Floor(z))))
	fields := fractal(l.seed+307, x/meadowSize, z/meadowSize, 2)
	colour := meadow.mix(straw, smoothstep(-0.1, 0.5, fields)).mix(moss, smoothstep(0.1, 0.6, -fields))
	colour = sand.mix(colour, smoothstep(2.5, 6, height))
	stone := rock.mix(paleRock, smoothstep(40, 90, height))
	colour = colour.mix(stone, max(smoothstep(0.80, 0.66, slope), smoothstep(58, 82, height)))
	colour = colour.mix(snow, smoothstep(84, 100, height)*smoothstep(0.5, 0.7, slope))
	return colour.scale(grain)
}

// wooded is how likely a tree stands at a place, 0 to 1.
func (l Land) wooded(x, z float64) float64 {
	return smoothstep(0.0, 0.5, fractal(l.seed+401, x/190, z/190, 2)+0.12)
}
