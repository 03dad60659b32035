package scene

import "math"

// The ground is made in square chunks of three levels, finer near the camera. Grid points are shifted at random so that no
// grid shows; each level uses every second point of the finer one, so that neighbours of one level meet.
const (
	chunkSize  = 240.0
	cellSize   = 20.0
	chunkCells = int(chunkSize / cellSize)
	cellJitter = 5.6
	fine       = 0
	coarse     = 1
	faint      = 2
)

// chunkKey names one chunk's mesh.
type chunkKey struct{ x, z, level int }

// corner is the grid point (i, j), relative to the chunk's corner at (x0, z0), which is where on the world's grid it starts.
func (l Land) corner(i, j int, x0, z0 float64) Vec3 {
	h := lattice(l.seed+911, i, j)
	x := float64(i)*cellSize + cellJitter*signed(h)
	z := float64(j)*cellSize + cellJitter*signed(mix32(h+1))
	return Vec3{x - x0, l.Height(x, z), z - z0}
}

// chunk builds the ground of one chunk, relative to its corner.
func (l Land) chunk(key chunkKey) *Mesh {
	stride := 1 << key.level
	n := chunkCells / stride
	x0, z0 := float64(key.x)*chunkSize, float64(key.z)*chunkSize
	points := make([]Vec3, (n+1)*(n+1))
	for j := range n + 1 {
		for i := range n + 1 {
			points[j*(n+1)+i] = l.corner(key.x*chunkCells+i*stride, key.z*chunkCells+j*stride, x0, z0)
		}
	}
	if key.level == fine {
		meetCoarser(points, n)
	}
	m := &mesher{facets: make([]facet, 0, 2*n*n+64)}
	for j := range n {
		for i := range n {
			a, b := points[j*(n+1)+i], points[j*(n+1)+i+1]
			d, c := points[(j+1)*(n+1)+i], points[(j+1)*(n+1)+i+1]
			if (i+j)&1 == 0 {
				l.ground(m, a, d, c, x0, z0)
				l.ground(m, a, c, b, x0, z0)
			} else {
				l.ground(m, a, d, b, x0, z0)
				l.ground(m, b, d, c, x0, z0)
			}
		}
	}
	if key.level < faint {
		l.plant(m, key, x0, z0)
	}
	return m.build()
}

// meetCoarser moves every odd point of the chunk's rim to the middle of its neighbours, so that it meets a coarse
// chunk without a gap. Where a coarse chunk meets a faint one the haze hides what little gap there is.
func meetCoarser(points []Vec3, n int) {
	row := n + 1
	for k := 1; k < n; k += 2 {
		for _, rim := range [4][3]int{
			{k, k - 1, k + 1}, {n*row + k, n*row + k - 1, n*row + k + 1},
			{k * row, (k - 1) * row, (k + 1) * row}, {k*row + n, (k-1)*row + n, (k+1)*row + n},
		} {
			points[rim[0]] = points[rim[1]].Lerp(points[rim[2]], 0.5)
		}
	}
}

// ground adds one facet of land or sea.
func (l Land) ground(m *mesher, a, b, c Vec3, x0, z0 float64) {
	f := facet{corners: [3]Vec3{a, b, c}}
	middle := f.middle()
	if a.Y == 0 && b.Y == 0 && c.Y == 0 {
		f.water = true
		x, z := middle.X+x0, middle.Z+z0
		f.colour = deepWater.mix(shallow, l.shoaling(x, z)).scale(0.9 + 0.2*unit(lattice(l.seed+5, int(x), int(z))))
	} else {
		f.colour = l.tint(middle.X+x0, middle.Z+z0, middle.Y, f.normal().Y)
	}
	m.facets = append(m.facets, f)
}

// shoaling is how near the shore a place of the sea is, 0 to 1, by the height of the ground around it.
func (l Land) shoaling(x, z float64) float64 {
	const reach = 26
	around := l.Height(x+reach, z) + l.Height(x-reach, z) + l.Height(x, z+reach) + l.Height(x, z-reach)
	return clamp(around/9, 0, 1)
}

// plant sets trees where the land is wooded, neither steep, high nor wet.
func (l Land) plant(m *mesher, key chunkKey, x0, z0 float64) {
	for j := range chunkCells {
		for i := range chunkCells {
			d := dice(lattice(l.seed+607, key.x*chunkCells+i, key.z*chunkCells+j))
			x := x0 + (float64(i)+d.between(0, 1))*cellSize
			z := z0 + (float64(j)+d.between(0, 1))*cellSize
			chance, size, shade := d.between(0, 1), d.between(0.75, 1.35), d.between(0, 1)
			if chance > 0.7*l.wooded(x, z) || (key.level > fine && (i+j)&1 == 0) { // half as many from afar
				continue
			}
			h := l.Height(x, z)
			if h < 4 || h > 62 || math.Abs(l.Height(x+5, z)-h)+math.Abs(l.Height(x, z+5)-h) > 6 {
				continue
			}
			tree(m, Vec3{x - x0, h - 1.5, z - z0}, size, shade, key.level > fine)
		}
	}
}

var (
	pine  = RGB{0.16, 0.33, 0.22}
	olive = RGB{0.36, 0.42, 0.18}
	amber = RGB{0.76, 0.45, 0.18}
)

// tree adds a conifer of two tiers, or of one from afar.
func tree(m *mesher, foot Vec3, size, shade float64, afar bool) {
	colour := pine.mix(olive, shade)
	if shade > 0.86 {
		colour = amber
	}
	turn := shade * 6
	if afar {
		spike(m, foot, 4.6*size, 13*size, 3, turn, colour)
		return
	}
	spike(m, foot.Add(Vec3{0, 1.2, 0}), 3.9*size, 8*size, 4, turn, colour)
	spike(m, foot.Add(Vec3{0, 5.2 * size, 0}), 2.8*size, 7*size, 4, turn+0.8, colour.scale(1.12))
}

// spike adds a pyramid without its base.
func spike(m *mesher, foot Vec3, radius, height float64, sides int, turn float64, colour RGB) {
	top := foot.Add(Vec3{0, height, 0})
	at := func(k int) Vec3 {
		s, c := math.Sincos(turn + 2*math.Pi*float64(k)/float64(sides))
		return foot.Add(Vec3{c * radius, 0, s * radius})
	}
	for k := range sides {
		m.triangle(at((k+1)%sides), at(k), top, colour)
	}
}
