package location

import (
	"math"
	"time"
)

// Kilometres is a distance on the ground.
type Kilometres float64

// Speed is a speed in kilometres per millisecond, one way.
type Speed float64

const (
	// Vacuum is the speed of light, by the definition of the metre. What goes by radio or by satellite comes close to it.
	Vacuum Speed = 299.792458
	// Fibre is two thirds of it, some 200 km per ms, or 100 km for each millisecond of a round trip: what CBG and those after it take for light in fibre. In straight glass it would be
	// 2 % more (a group index of 1.468, as ITU-T G.652 fibres have), but no cable is straight and no router takes no time: of the cables that are known, one that was laid to be the fastest
	// takes 58.95 ms from New York to London and back (Hibernia Express, 2015), which is 94.5 km for each.
	Fibre = Vacuum * 2 / 3
)

// Place is a point on the Earth, in degrees: latitude north, longitude east.
type Place struct {
	Latitude, Longitude float64
}

// valid reports whether p is on the Earth. What is not a number is not.
func (p Place) valid() bool {
	return math.Abs(p.Latitude) <= 90 && math.Abs(p.Longitude) <= 180
}

// The Earth is a sphere here (its mean radius by the IUGG), which makes distances up to 0.56 % longer than on the ellipsoid: WGS 84 is curved most where a meridian crosses the
// equator, with a radius of 6335.4 km. What excludes a place allows for that.
const (
	earthRadius  = 6371.0088
	halfTheEarth = Kilometres(earthRadius * math.Pi)
	oblate       = 1.0057
)

// Distance is the way from one place to the other along the ground, or not a number where one of them is not on the Earth.
func Distance(a, b Place) Kilometres {
	if !a.valid() || !b.valid() {
		return Kilometres(math.NaN())
	}
	return a.vector().distance(b.vector())
}

// reach is how far light gets in half of a round trip.
func reach(trip time.Duration, light Speed) Kilometres {
	return Kilometres(milliseconds(trip) / 2 * float64(light))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// vector is a point on the unit sphere.
type vector struct{ x, y, z float64 }

func (p Place) vector() vector {
	latitude, longitude := p.Latitude*math.Pi/180, p.Longitude*math.Pi/180
	return vector{math.Cos(latitude) * math.Cos(longitude), math.Cos(latitude) * math.Sin(longitude), math.Sin(latitude)}
}

func (v vector) place() Place {
	return Place{math.Asin(min(max(v.z, -1), 1)) * 180 / math.Pi, math.Atan2(v.y, v.x) * 180 / math.Pi}
}

// distance is along the ground. The chord is exact for near points too, where the arc cosine of a product is not.
func (v vector) distance(w vector) Kilometres {
	x, y, z := v.x-w.x, v.y-w.y, v.z-w.z
	return Kilometres(2 * earthRadius * math.Asin(min(math.Sqrt(x*x+y*y+z*z)/2, 1)))
}

func (v vector) times(f float64) vector { return vector{v.x * f, v.y * f, v.z * f} }
func (v vector) plus(w vector) vector   { return vector{v.x + w.x, v.y + w.y, v.z + w.z} }
func (v vector) cross(w vector) vector {
	return vector{v.y*w.z - v.z*w.y, v.z*w.x - v.x*w.z, v.x*w.y - v.y*w.x}
}
func (v vector) unit() vector { return v.times(1 / math.Sqrt(v.x*v.x+v.y*v.y+v.z*v.z)) }

// compass is two directions on the ground at a point, at right angles. Which ones does not matter: what goes into all directions asks for it.
type compass struct{ at, ahead, aside vector }

func (v vector) compass() compass {
	axis := vector{z: 1}
	if math.Abs(v.z) > 0.9 { // no direction comes of the axis through a pole at that pole
		axis = vector{x: 1}
	}
	ahead := axis.cross(v).unit()
	return compass{v, ahead, v.cross(ahead)}
}

// going is the point so far away into a direction, in radians.
func (c compass) going(direction float64, by Kilometres) vector {
	sin, cos := math.Sincos(direction)
	far, near := math.Sincos(float64(by) / earthRadius)
	return c.at.times(near).plus(c.ahead.times(cos * far)).plus(c.aside.times(sin * far)).unit()
}
