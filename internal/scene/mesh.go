package scene

// Vertex is a corner of an opaque, flat-shaded mesh.
type Vertex struct {
	Position [3]float32
	Normal   [3]int8 // 127 is 1
	Wave     int8    // above 0: water, which ripples and mirrors the sky
	Colour   [3]uint8
	Glow     uint8 // how much of the colour shines by itself, 255 is all
}

// Mesh is a list of triangles, counterclockwise from outside. The last vertex of each triangle decides its colour
// (OpenGL's provoking vertex), so facets share corners without sharing a shade. Immutable once built.
type Mesh struct {
	Vertices []Vertex
	Indices  []uint16
	Center   Vec3 // of a sphere around everything
	Radius   float64
}

// facet is one triangle before its corners are shared.
type facet struct {
	corners [3]Vec3
	colour  RGB
	glow    float64
	water   bool
}

// mesher collects facets.
type mesher struct{ facets []facet }

// triangle adds a facet; seen from outside its corners go round counterclockwise.
func (m *mesher) triangle(a, b, c Vec3, colour RGB) {
	m.facets = append(m.facets, facet{corners: [3]Vec3{a, b, c}, colour: colour})
}

// quad adds two facets.
func (m *mesher) quad(a, b, c, d Vec3, colour RGB) {
	m.triangle(a, b, c, colour)
	m.triangle(a, c, d, colour)
}

// glow makes all facets so far shine by themselves.
func (m *mesher) glow(strength float64) {
	for i := range m.facets {
		m.facets[i].glow = strength
	}
}

// build shares corners: each facet owns one vertex, which carries its normal and colour, and borrows the other two
// from whoever has a vertex there. That makes about one vertex a triangle instead of three.
func (m *mesher) build() *Mesh {
	mesh := &Mesh{
		Vertices: make([]Vertex, 0, len(m.facets)+16),
		Indices:  make([]uint16, 0, 3*len(m.facets)),
	}
	anyAt := make(map[Vec3]uint16, len(m.facets))
	owned := make([]uint16, len(m.facets))
	last := make([]int, len(m.facets)) // which corner is the provoking one
	for i := range m.facets {
		f := &m.facets[i]
		for corner, p := range f.corners {
			if !has(anyAt, p) {
				last[i] = corner // own a corner where nobody has a vertex yet
				break
			}
		}
		owned[i] = uint16(len(mesh.Vertices))
		mesh.Vertices = append(mesh.Vertices, f.vertex(last[i]))
		if p := f.corners[last[i]]; !has(anyAt, p) {
			anyAt[p] = owned[i]
		}
	}
	for i := range m.facets {
		f := &m.facets[i]
		for step := 1; step <= 2; step++ {
			corner := (last[i] + step) % 3
			index, taken := anyAt[f.corners[corner]]
			if !taken {
				index = uint16(len(mesh.Vertices))
				mesh.Vertices = append(mesh.Vertices, f.vertex(corner))
				anyAt[f.corners[corner]] = index
			}
			mesh.Indices = append(mesh.Indices, index)
		}
		mesh.Indices = append(mesh.Indices, owned[i])
	}
	mesh.bound()
	return mesh
}

func has(at map[Vec3]uint16, p Vec3) bool {
	_, found := at[p]
	return found
}

func (f *facet) vertex(corner int) Vertex {
	p := f.corners[corner]
	n := f.normal()
	v := Vertex{
		Position: [3]float32{float32(p.X), float32(p.Y), float32(p.Z)},
		Normal:   [3]int8{int8(n.X * 127), int8(n.Y * 127), int8(n.Z * 127)},
		Colour:   [3]uint8{octet(f.colour.R), octet(f.colour.G), octet(f.colour.B)},
		Glow:     octet(f.glow),
	}
	if f.water {
		v.Wave = 127
	}
	return v
}

func (f *facet) normal() Vec3 {
	return f.corners[1].Sub(f.corners[0]).Cross(f.corners[2].Sub(f.corners[0])).Unit()
}

func (f *facet) middle() Vec3 {
	return f.corners[0].Add(f.corners[1]).Add(f.corners[2]).Scale(1.0 / 3)
}

func (mesh *Mesh) bound() {
	if len(mesh.Vertices) == 0 {
		return
	}
	low, high := mesh.Vertices[0].at(), mesh.Vertices[0].at()
	for i := range mesh.Vertices {
		p := mesh.Vertices[i].at()
		low = Vec3{min(low.X, p.X), min(low.Y, p.Y), min(low.Z, p.Z)}
		high = Vec3{max(high.X, p.X), max(high.Y, p.Y), max(high.Z, p.Z)}
	}
	mesh.Center = low.Lerp(high, 0.5)
	mesh.Radius = high.Sub(low).Len() / 2
}

func (v *Vertex) at() Vec3 {
	return Vec3{float64(v.Position[0]), float64(v.Position[1]), float64(v.Position[2])}
}
