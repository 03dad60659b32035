package scene

import (
	"testing"

	"pgregory.net/rapid"
)

func TestAMeshKeepsEveryFacetWithItsColourOnTheLastCorner(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		grid := rapid.IntRange(0, 3) // few places, so that corners are shared
		point := func(name string) Vec3 {
			return Vec3{float64(grid.Draw(t, name)), float64(grid.Draw(t, name)), float64(grid.Draw(t, name))}
		}
		m := &mesher{}
		for i := range rapid.IntRange(1, 40).Draw(t, "facets") {
			m.triangle(point("a"), point("b"), point("c"), RGB{float64(i) / 255, 0, 0})
		}
		mesh := m.build()
		if len(mesh.Indices) != 3*len(m.facets) {
			t.Fatalf("%d indices for %d facets", len(mesh.Indices), len(m.facets))
		}
		for i := range m.facets {
			f := &m.facets[i]
			corner := func(k int) Vec3 { return mesh.Vertices[mesh.Indices[3*i+k]].at() }
			turned := false
			for first := range 3 {
				turned = turned || corner(0) == f.corners[first] && corner(1) == f.corners[(first+1)%3] && corner(2) == f.corners[(first+2)%3]
			}
			if !turned {
				t.Fatalf("facet %d became %v %v %v from %v", i, corner(0), corner(1), corner(2), f.corners)
			}
			if owner := mesh.Vertices[mesh.Indices[3*i+2]]; owner.Colour[0] != uint8(i) {
				t.Fatalf("facet %d has the colour of facet %d", i, owner.Colour[0])
			}
		}
		for i := range mesh.Vertices {
			if mesh.Vertices[i].at().Sub(mesh.Center).Len() > mesh.Radius+1e-6 {
				t.Fatal("a vertex lies outside the sphere")
			}
		}
	})
}

func TestGroundNeedsAboutOneVertexATriangle(t *testing.T) {
	land := NewLand(1)
	for level := fine; level <= faint; level++ {
		mesh := land.chunk(chunkKey{1, -2, level})
		if triangles := len(mesh.Indices) / 3; len(mesh.Vertices) > triangles*3/2+8 {
			t.Errorf("level %d: %d vertices for %d triangles", level, len(mesh.Vertices), triangles)
		}
	}
}

func TestNeighbouringChunksMeet(t *testing.T) {
	land := NewLand(3)
	for level := fine; level <= faint; level++ {
		edge := func(key chunkKey, x float64) map[Vec3]bool {
			points := map[Vec3]bool{}
			n := chunkCells >> level
			i := key.x*chunkCells + int(x/cellSize)
			for j := range n + 1 {
				p := land.corner(i, key.z*chunkCells+j<<level, float64(key.x)*chunkSize, float64(key.z)*chunkSize)
				p.X += float64(key.x) * chunkSize
				points[p] = true
			}
			return points
		}
		left, right := edge(chunkKey{0, 0, level}, chunkSize), edge(chunkKey{1, 0, level}, 0)
		for p := range left {
			if !right[p] {
				t.Fatalf("level %d: %v is not on the neighbour's edge", level, p)
			}
		}
	}
}

func TestModelsFaceOutwards(t *testing.T) {
	for name, mesh := range map[string]*Mesh{"cloud": cloud(1), "glider": glider()} {
		outward := 0
		for i := 0; i < len(mesh.Indices); i += 3 {
			a, b, c := mesh.Vertices[mesh.Indices[i]].at(), mesh.Vertices[mesh.Indices[i+1]].at(), mesh.Vertices[mesh.Indices[i+2]].at()
			if b.Sub(a).Cross(c.Sub(a)).Dot(a.Add(b).Add(c).Scale(1.0/3).Sub(mesh.Center)) > 0 {
				outward++
			}
		}
		if triangles := len(mesh.Indices) / 3; outward < triangles*2/3 {
			t.Errorf("%s: %d of %d triangles face outwards", name, outward, triangles)
		}
	}
}

func TestEveryRuneOfTheOverlayHasAGlyph(t *testing.T) {
	f := newFont()
	for _, r := range "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 +-.,!/:×·'" {
		if _, known := f[r]; !known {
			t.Errorf("no glyph for %q", r)
		}
	}
}
