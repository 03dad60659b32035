package scene

import (
	"math"

	"nearlight/internal/media"
)

// lens is a camera's projection. Points are relative to the eye.
type lens struct {
	facing     Axes
	x, y       float64 // 1 / tan of half the field, each way
	reach, far float64
	sideX, upY float64 // lengths that turn a distance in view space into one from the frustum's planes
}

func newLens(v *View, size media.Size, reach float64) lens {
	aspect := float64(size.Width) / float64(size.Height)
	y := 1 / math.Tan(v.FieldV/2)
	if aspect < narrowest {
		y *= aspect / narrowest // an upright picture sees more above and below, not less beside
	}
	x := y / aspect
	return lens{facing: v.Facing, x: x, y: y, reach: reach, far: reach + 2*chunkSize, sideX: math.Hypot(x, 1), upY: math.Hypot(y, 1)}
}

// sees reports whether a sphere reaches into the picture.
func (l *lens) sees(center Vec3, radius float64) bool {
	x, y, z := center.Dot(l.facing.Right), center.Dot(l.facing.Up), -center.Dot(l.facing.Back)
	return z > nearPlane-radius &&
		math.Abs(x)*l.x-z < radius*l.sideX &&
		math.Abs(y)*l.y-z < radius*l.upY
}

// project returns where in the picture a point shows, -1 to 1 each way, and its depth, which is negative behind the eye.
func (l *lens) project(p Vec3) (x, y, depth float64) {
	depth = -p.Dot(l.facing.Back)
	w := max(math.Abs(depth), 1e-3)
	return p.Dot(l.facing.Right) * l.x / w, p.Dot(l.facing.Up) * l.y / w, depth
}

func (l *lens) view() Mat4 {
	return l.matrix(-(l.far+nearPlane)/(l.far-nearPlane), -2*l.far*nearPlane/(l.far-nearPlane))
}

// skyView puts everything before the far plane, however near it is.
func (l *lens) skyView() Mat4 { return l.matrix(-0.5, 0) }

// matrix projects; clip z is depth * -back + shift.
func (l *lens) matrix(depth, shift float64) Mat4 {
	r, u, b := l.facing.Right.Scale(l.x), l.facing.Up.Scale(l.y), l.facing.Back
	return Mat4{
		float32(r.X), float32(u.X), float32(b.X * depth), float32(-b.X),
		float32(r.Y), float32(u.Y), float32(b.Y * depth), float32(-b.Y),
		float32(r.Z), float32(u.Z), float32(b.Z * depth), float32(-b.Z),
		0, 0, float32(shift), 0,
	}
}

// flatView maps pixels to clip space, nearer than everything else.
func flatView(size media.Size) Mat4 {
	return Mat4{
		2 / float32(size.Width), 0, 0, 0,
		0, -2 / float32(size.Height), 0, 0,
		0, 0, 1, 0,
		-1, 1, -1, 1,
	}
}
