package scene

import "math"

// The glider, in its own axes: x to the right, y up, -z forward.
const (
	tipX, tipY, tipZ = 4.7, 0.42, 1.75
	hingeZ           = 1.55
)

var (
	ivory  = RGB{0.97, 0.93, 0.86}
	cream  = RGB{0.90, 0.83, 0.74}
	coral  = RGB{0.93, 0.38, 0.27}
	shade  = RGB{0.36, 0.34, 0.46}
	canopy = RGB{0.16, 0.30, 0.40}
	gold   = RGB{1.00, 0.80, 0.40}
)

// glider is the body without its control surfaces.
func glider() *Mesh {
	m := &mesher{}
	nose, hump, tail := Vec3{0, 0.02, -3.3}, Vec3{0, 0.62, -0.55}, Vec3{0, 0.16, 2.3}
	keel, glass := Vec3{0, -0.42, 0.1}, Vec3{0, 0.46, -1.7}
	for _, side := range [2]float64{-1, 1} {
		at := func(x, y, z float64) Vec3 { return Vec3{side * x, y, z} }
		out := func(a, b, c Vec3, colour RGB) {
			if side > 0 {
				m.triangle(a, b, c, colour)
			} else {
				m.triangle(a, c, b, colour)
			}
		}
		front, back := at(0.62, 0.06, -1.0), at(0.7, 0.08, hingeZ)
		knee, elbow := at(2.9, 0.3, 0.45), at(2.7, 0.28, hingeZ)
		tip, tipEnd := at(tipX, tipY, tipZ-0.45), at(tipX-0.15, tipY+0.05, tipZ+0.25)
		// above
		out(nose, glass, front, ivory)
		out(glass, hump, front, canopy)
		out(hump, back, front, ivory)
		out(hump, tail, back, cream)
		out(front, back, elbow, ivory)
		out(front, elbow, knee, cream)
		out(knee, elbow, tipEnd, coral)
		out(knee, tipEnd, tip, coral)
		// below
		out(nose, front, keel, shade)
		out(front, back, keel, shade)
		out(back, tail, keel, shade)
		out(front, elbow, back, shade)
		out(front, knee, elbow, shade)
		out(knee, tipEnd, elbow, coral.scale(0.7))
		out(knee, tip, tipEnd, coral.scale(0.7))
		// a fin at the tip
		fin := at(tipX+0.15, tipY+0.95, tipZ+0.45)
		out(tip, tipEnd, fin, coral)
		out(tip, fin, tipEnd, coral.scale(0.85))
	}
	m.glow(0.30) // it stays readable against the light
	return m.build()
}

// elevon is a control surface on its hinge at the origin, from x = 0.7 to 2.7 and mirrored for the left wing.
func elevon(side float64) *Mesh {
	m := &mesher{}
	a, b := Vec3{0.75 * side, 0, 0}, Vec3{2.65 * side, 0.2, 0}
	c, d := Vec3{2.5 * side, 0.2, 0.62}, Vec3{0.85 * side, 0, 0.72}
	if side > 0 {
		m.quad(a, d, c, b, coral)
		m.quad(a, b, c, d, shade)
	} else {
		m.quad(a, b, c, d, coral)
		m.quad(a, d, c, b, shade)
	}
	m.glow(0.30)
	return m.build()
}

// hoop is a ring to fly through, facing along z.
func hoop(colour RGB) *Mesh {
	const segments, sides, thickness = 14, 3, 0.55
	m := &mesher{}
	at := func(k, side int) Vec3 {
		sinK, cosK := math.Sincos(2 * math.Pi * float64(k) / segments)
		sinS, cosS := math.Sincos(2 * math.Pi * (float64(side)/sides + 0.25))
		r := RingRadius + thickness*sinS
		return Vec3{cosK * r, sinK * r, thickness * cosS}
	}
	for k := range segments {
		for side := range sides {
			m.quad(at(k, side), at(k+1, side), at(k+1, side+1), at(k, side+1), colour)
		}
	}
	m.glow(1)
	return m.build()
}

// cloud is a few squashed boulders of vapour.
func cloud(seed uint32) *Mesh {
	m := &mesher{}
	d := dice(seed)
	blobs := 3 + int(d.next()%2)
	for k := range blobs {
		size := d.between(16, 30)
		center := Vec3{(float64(k) - float64(blobs-1)/2) * 30 * d.between(0.8, 1.1), d.between(-3, 6), d.between(-14, 14)}
		boulder(m, center, Vec3{size * 1.3, size * 0.46, size}, seed+uint32(k))
	}
	m.glow(0.30)
	return m.build()
}

// boulder is an icosahedron, squashed and dented.
func boulder(m *mesher, center, size Vec3, seed uint32) {
	const g = 1.618033988749895
	corners := [12]Vec3{
		{-1, g, 0}, {1, g, 0}, {-1, -g, 0}, {1, -g, 0}, {0, -1, g}, {0, 1, g},
		{0, -1, -g}, {0, 1, -g}, {g, 0, -1}, {g, 0, 1}, {-g, 0, -1}, {-g, 0, 1},
	}
	d := dice(seed)
	for i, c := range corners {
		c = c.Unit().Scale(d.between(0.82, 1.12))
		if c.Y < -0.3 {
			c.Y = -0.3 // clouds are flat below
		}
		corners[i] = center.Add(Vec3{c.X * size.X, c.Y * size.Y, c.Z * size.Z})
	}
	for _, f := range [20][3]int{
		{0, 11, 5}, {0, 5, 1}, {0, 1, 7}, {0, 7, 10}, {0, 10, 11}, {1, 5, 9}, {5, 11, 4}, {11, 10, 2}, {10, 7, 6}, {7, 1, 8},
		{3, 9, 4}, {3, 4, 2}, {3, 2, 6}, {3, 6, 8}, {3, 8, 9}, {4, 9, 5}, {2, 4, 11}, {6, 2, 10}, {8, 6, 7}, {9, 8, 1},
	} {
		m.triangle(corners[f[0]], corners[f[1]], corners[f[2]], RGB{0.98, 0.88, 0.84})
	}
}
