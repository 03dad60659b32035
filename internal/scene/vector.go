package scene

import "math"

// Vec3 is a point or a direction in the world.
type Vec3 struct{ X, Y, Z float64 }

// Add returns v + w.
func (v Vec3) Add(w Vec3) Vec3 { return Vec3{v.X + w.X, v.Y + w.Y, v.Z + w.Z} }

// Sub returns v - w.
func (v Vec3) Sub(w Vec3) Vec3 { return Vec3{v.X - w.X, v.Y - w.Y, v.Z - w.Z} }

// Scale returns v times k.
func (v Vec3) Scale(k float64) Vec3 { return Vec3{v.X * k, v.Y * k, v.Z * k} }

// Dot returns the scalar product.
func (v Vec3) Dot(w Vec3) float64 { return v.X*w.X + v.Y*w.Y + v.Z*w.Z }

// Cross returns the vector product.
func (v Vec3) Cross(w Vec3) Vec3 {
	return Vec3{v.Y*w.Z - v.Z*w.Y, v.Z*w.X - v.X*w.Z, v.X*w.Y - v.Y*w.X}
}

// Len returns v's length.
func (v Vec3) Len() float64 { return math.Sqrt(v.Dot(v)) }

// Unit returns v scaled to length 1; a zero v stays zero.
func (v Vec3) Unit() Vec3 {
	if l := v.Len(); l > 0 {
		return v.Scale(1 / l)
	}
	return v
}

// Lerp returns the point that lies t of the way from v to w.
func (v Vec3) Lerp(w Vec3, t float64) Vec3 { return v.Add(w.Sub(v).Scale(t)) }

// Finite reports whether no coordinate is infinite or not a number.
func (v Vec3) Finite() bool { return finite(v.X) && finite(v.Y) && finite(v.Z) }

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

func lerp(a, b, t float64) float64 { return a + (b-a)*t }

func clamp(v, low, high float64) float64 { return min(max(v, low), high) }

// smoothstep goes from 0 to 1 while v goes from low to high, level at both ends.
func smoothstep(low, high, v float64) float64 {
	t := clamp((v-low)/(high-low), 0, 1)
	return t * t * (3 - 2*t)
}

// wrapAngle brings a into [-pi, pi].
func wrapAngle(a float64) float64 { return math.Remainder(a, 2*math.Pi) }

// direction is the unit vector of a heading and a pitch.
func direction(heading, pitch float64) Vec3 {
	sinH, cosH := math.Sincos(heading)
	sinP, cosP := math.Sincos(pitch)
	return Vec3{sinH * cosP, sinP, -cosH * cosP}
}

// Mat4 is a column-major matrix, as OpenGL takes it.
type Mat4 [16]float32

// placed is the model matrix whose columns are the given axes and position. Positions are relative to the camera, so
// that single precision suffices however far the glider has come.
func placed(x, y, z, at Vec3) Mat4 {
	return Mat4{
		float32(x.X), float32(x.Y), float32(x.Z), 0,
		float32(y.X), float32(y.Y), float32(y.Z), 0,
		float32(z.X), float32(z.Y), float32(z.Z), 0,
		float32(at.X), float32(at.Y), float32(at.Z), 1,
	}
}

// Axes is an orthonormal frame: Right, Up, and Back, which points away from where it looks.
type Axes struct{ Right, Up, Back Vec3 }

// attitude turns a craft to its heading, pitch and roll (positive rolls to the right).
func attitude(heading, pitch, roll float64) Axes {
	forward := direction(heading, pitch)
	sinH, cosH := math.Sincos(heading)
	level := Vec3{cosH, 0, sinH}
	upright := level.Cross(forward)
	sinR, cosR := math.Sincos(roll)
	return Axes{
		Right: level.Scale(cosR).Sub(upright.Scale(sinR)),
		Up:    upright.Scale(cosR).Add(level.Scale(sinR)),
		Back:  forward.Scale(-1),
	}
}

// at places a mesh that is modelled in these axes.
func (a Axes) at(position Vec3) Mat4 { return placed(a.Right, a.Up, a.Back, position) }

// transform turns p from these axes into the world's.
func (a Axes) transform(p Vec3) Vec3 {
	return a.Right.Scale(p.X).Add(a.Up.Scale(p.Y)).Add(a.Back.Scale(p.Z))
}
