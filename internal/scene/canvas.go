package scene

import "math"

// Blend is a corner of a smooth, blended triangle. The colour is premultiplied: alpha 0 adds light, alpha 255 covers.
type Blend struct {
	Position [3]float32
	Colour   [4]uint8
}

// Canvas is a list of blended triangles in drawing order. Reused from picture to picture.
type Canvas struct {
	Vertices []Blend
	Indices  []uint16
	scratch  []float64
}

func (c *Canvas) reset() { c.Vertices, c.Indices = c.Vertices[:0], c.Indices[:0] }

// clear is nothing: it neither adds nor covers.
var clear4 = [4]uint8{}

// corner adds a vertex and returns its index.
func (c *Canvas) corner(p Vec3, colour [4]uint8) uint16 {
	c.Vertices = append(c.Vertices, Blend{[3]float32{float32(p.X), float32(p.Y), float32(p.Z)}, colour})
	return uint16(len(c.Vertices) - 1)
}

func (c *Canvas) triangle(i, j, k uint16) { c.Indices = append(c.Indices, i, j, k) }

func (c *Canvas) quad(i, j, k, l uint16) { c.Indices = append(c.Indices, i, j, k, i, k, l) }

// rect covers a rectangle of pixels.
func (c *Canvas) rect(x0, y0, x1, y1 float64, colour [4]uint8) {
	c.quad(
		c.corner(Vec3{x0, y0, 0}, colour), c.corner(Vec3{x1, y0, 0}, colour),
		c.corner(Vec3{x1, y1, 0}, colour), c.corner(Vec3{x0, y1, 0}, colour),
	)
}

// disc fades from its middle to nothing at radius; the axes span its plane.
func (c *Canvas) disc(center, right, up Vec3, radius float64, middle [4]uint8, sides int) {
	hub := c.corner(center, middle)
	first := uint16(len(c.Vertices))
	for k := range sides {
		s, co := math.Sincos(2 * math.Pi * float64(k) / float64(sides))
		c.corner(center.Add(right.Scale(co*radius)).Add(up.Scale(s*radius)), clear4)
	}
	for k := range sides {
		c.triangle(hub, first+uint16(k), first+uint16((k+1)%sides))
	}
}

// point2 is a place in a picture, in pixels from its top left corner.
type point2 struct{ x, y float64 }

// stroke draws a line through points with mitred joints and edges that fade over feather pixels on both sides.
func (c *Canvas) stroke(points []point2, width, feather float64, colour [4]uint8) {
	closed := len(points) > 2 && points[0] == points[len(points)-1]
	if closed {
		points = points[:len(points)-1]
	}
	n := len(points)
	if n < 2 {
		return
	}
	first := uint16(len(c.Vertices))
	half, thin, rows := width/2, width <= 2*feather, uint16(4)
	if thin { // a ridge does for a core
		rows = 3
	}
	for i := range n {
		previous, next := points[max(i-1, 0)], points[min(i+1, n-1)]
		if closed {
			previous, next = points[(i+n-1)%n], points[(i+1)%n]
		}
		nx, ny, scale := mitre(previous, points[i], next)
		across := func(at float64, colour [4]uint8) {
			c.corner(Vec3{points[i].x + nx*at*scale, points[i].y + ny*at*scale, 0}, colour)
		}
		across(-half-feather, clear4)
		if thin {
			across(0, colour)
		} else {
			across(-half, colour)
			across(half, colour)
		}
		across(half+feather, clear4)
	}
	segments := n - 1
	if closed {
		segments = n
	}
	for i := range segments {
		a, b := first+rows*uint16(i), first+rows*uint16((i+1)%n)
		for k := range rows - 1 {
			c.quad(a+k, b+k, b+k+1, a+k+1)
		}
	}
}

// mitre is the normal of the joint at b and how much farther it lies than a side's own.
func mitre(a, b, c point2) (nx, ny, scale float64) {
	n1x, n1y := normal2(a, b)
	n2x, n2y := normal2(b, c)
	if a == b {
		n1x, n1y = n2x, n2y
	}
	if b == c {
		n2x, n2y = n1x, n1y
	}
	nx, ny = n1x+n2x, n1y+n2y
	l := math.Hypot(nx, ny)
	if l < 1e-6 {
		return n1x, n1y, 1
	}
	nx, ny = nx/l, ny/l
	return nx, ny, 1 / max(nx*n1x+ny*n1y, 0.45) // a sharp joint is cut short
}

func normal2(a, b point2) (x, y float64) {
	dx, dy := b.x-a.x, b.y-a.y
	l := math.Hypot(dx, dy)
	if l == 0 {
		return 0, 0
	}
	return -dy / l, dx / l
}
