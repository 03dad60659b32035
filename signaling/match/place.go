package match

import (
	"math"
)

// Kilometres is a distance on the ground.
type Kilometres float64

// Place is a point on the Earth, in degrees: latitude north, longitude east.
type Place struct {
	Latitude, Longitude float64
}

// Near is a place that is known roughly, as a database of addresses knows it.
type Near struct {
	Place
	Uncertainty Kilometres
}

const (
	earthRadius  Kilometres = 6371
	halfTheEarth            = earthRadius * math.Pi
)

// Unknown is the distance when nobody knows it.
const Unknown Kilometres = -1

// valid reports whether p is on the Earth.
func (p Place) valid() bool {
	return math.Abs(p.Latitude) <= 90 && math.Abs(p.Longitude) <= 360 // false for what is not a number
}

// Distance is the way from one place to the other along the ground, Unknown when one of them is not on the Earth.
func Distance(a, b Place) Kilometres {
	if !a.valid() || !b.valid() {
		return Unknown
	}
	return a.vector().chord(b.vector()).ground()
}

// vector is a point on the unit sphere. Distances between such points are straight, chords; they grow with those on the
// ground, and need no trigonometry.
type vector struct{ x, y, z float32 }

type chord float32

func (p Place) vector() vector {
	latitude, longitude := p.Latitude*math.Pi/180, p.Longitude*math.Pi/180
	return vector{
		float32(math.Cos(latitude) * math.Cos(longitude)), float32(math.Cos(latitude) * math.Sin(longitude)), float32(math.Sin(latitude)),
	}
}

func (v vector) place() Place {
	return Place{math.Asin(float64(min(max(v.z, -1), 1))) * 180 / math.Pi, math.Atan2(float64(v.y), float64(v.x)) * 180 / math.Pi}
}

func (v vector) chord(w vector) chord {
	x, y, z := v.x-w.x, v.y-w.y, v.z-w.z
	return chord(math.Sqrt(float64(x*x + y*y + z*z)))
}

func (c chord) ground() Kilometres {
	return 2 * earthRadius * Kilometres(math.Asin(min(float64(c)/2, 1)))
}

// chord is the straight way between two points that are k apart on the ground.
func (k Kilometres) chord() chord {
	if !(k > 0) {
		return 0
	}
	return chord(2 * math.Sin(float64(min(k, halfTheEarth)/earthRadius)/2))
}

// The cells of the index: a quadtree on each of the six faces of the cube around the Earth, down to placeLevels; side by side
// on a face, they are at most 3.2 km wide at the last one. A key goes on below that with bits of a hash of the edge's identity, so that
// ten thousand edges in one building are divided as well. An edge without a place is on a seventh face, by the hash alone.
const (
	faces       = 7
	nowhere     = 6
	placeLevels = 12
	levels      = 30 // below the face
)

// key is a path through the cells: 3 bits for the face, then 2 for each level.
type key uint64

// digit is the child to take below a node of the depth: 0 is the root.
func (k key) digit(depth int) int {
	if depth == 0 {
		return int(k >> 61)
	}
	return int(k>>(61-2*depth)) & 3
}

func placedKey(v vector, hash uint64) key {
	face, a, b := v.face()
	i, j := steps(a), steps(b)
	k := key(face) << 61
	for level := 1; level <= placeLevels; level++ {
		bit := placeLevels - level
		k |= key(i>>bit&1<<1|j>>bit&1) << (61 - 2*level)
	}
	return k | key(hash>>(3+2*placeLevels))
}

func unplacedKey(hash uint64) key { return nowhere<<61 | key(hash>>3) }

// face says where on the cube a point is: which face, and where on it, from -1 to 1.
func (v vector) face() (face int, a, b float32) {
	x, y, z := abs(v.x), abs(v.y), abs(v.z)
	switch {
	case x >= y && x >= z:
		return side(v.x, 0), v.y / x, v.z / x
	case y >= z:
		return side(v.y, 2), v.x / y, v.z / y
	default:
		return side(v.z, 4), v.x / z, v.y / z
	}
}

func side(along float32, face int) int {
	if along < 0 {
		return face + 1
	}
	return face
}

func abs(f float32) float32 { return math.Float32frombits(math.Float32bits(f) &^ (1 << 31)) }

func steps(a float32) uint32 {
	return uint32(min(max(int((a+1)/2*(1<<placeLevels)), 0), 1<<placeLevels-1))
}

// cell is the part of the Earth below a node.
type cell struct {
	face, depth uint8
	i, j        uint16
}

// child is the cell below c that a digit leads to.
func (c cell) child(digit int) cell {
	switch {
	case c.depth == 0:
		return cell{face: uint8(digit), depth: 1}
	case int(c.depth) <= placeLevels:
		return cell{face: c.face, depth: c.depth + 1, i: c.i<<1 | uint16(digit>>1), j: c.j<<1 | uint16(digit&1)}
	}
	c.depth++
	return c
}

// reach is a point and how far from it what is in the cell can be at most. On the cube it is half a diagonal, and a point comes no
// farther from another by being moved from the cube onto the sphere inside it.
func (c cell) reach() (centre vector, radius chord) {
	level := min(int(c.depth)-1, placeLevels)
	width := float32(1) / float32(uint32(1)<<level) // half a side
	a, b := float32(2*uint32(c.i)+1)*width-1, float32(2*uint32(c.j)+1)*width-1
	along := float32(1)
	if c.face&1 == 1 {
		along = -1
	}
	var on vector
	switch c.face >> 1 {
	case 0:
		on = vector{along, a, b}
	case 1:
		on = vector{a, along, b}
	default:
		on = vector{a, b, along}
	}
	length := float32(math.Sqrt(float64(1 + a*a + b*b)))
	return vector{on.x / length, on.y / length, on.z / length}, chord(width*math.Sqrt2) + rounding
}

// rounding is more than what arithmetic in 32 bits can be wrong by.
const rounding chord = 1e-6

// hashOf spreads names over 64 bits: FNV-1a, then a finalizer that moves every bit.
func hashOf(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return mix(h)
}

func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// bitOf gives a name one of 64 bits. Two names may share one: whoever finds the bit looks at the names.
func bitOf(name string) uint64 { return 1 << (hashOf(name) & 63) }

func bitsOf(names []string) (set uint64) {
	for _, name := range names {
		set |= bitOf(name)
	}
	return set
}
