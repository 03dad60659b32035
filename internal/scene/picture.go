package scene

import (
	"cmp"
	"math"
	"slices"

	"nearlight/internal/media"
)

// Picture is one frame, ready for a renderer. Positions of solids and glows are relative to the eye. It is valid until
// its Studio composes the next.
//
// Draw Dome (opaque, without depth) and Sky (blended) first, then Solids (opaque, flat, back faces culled), which alone
// write depth, then Glows and Overlay (blended). Whether Sky and Overlay are depth tested makes no difference. Blended
// colours are premultiplied.
type Picture struct {
	Light    Light
	Backdrop RGB     // where nothing is drawn, as in the slits between near and far ground
	Time     float64 // seconds, moves the water
	View     Mat4    // for Solids and Glows: eye-relative world to clip space
	SkyView  Mat4    // for Dome and Sky: directions to clip space at the far plane
	FlatView Mat4    // for Overlay: pixels from the top left corner to clip space
	Solids   []Solid // the nearest first
	Dome     Canvas  // fills what no solid will
	Sky      Canvas  // sun and stars
	Glows    Canvas
	Overlay  Canvas
}

// Solid is a mesh and where it stands.
type Solid struct {
	Mesh  *Mesh
	Model Mat4
	far   float64
}

// FullReach is how far the eye sees when nothing is saved, in metres.
const FullReach = 1350.0

const (
	nearPlane   = 1.0
	fineReach   = 290.0
	faintReach  = 860.0 // at full reach
	leastReach  = 0.45
	hazeAtReach = 1.9 // exp(-1.9^2) = 3 % of a colour is left where the ground ends
	narrowest   = 1.25
	keepChunks  = 700
	cloudCell   = 520.0
	cloudShare  = 0.55
	cloudDrift  = 2.4
)

// Studio composes pictures. Its zero value is not usable; see NewStudio.
type Studio struct {
	// Reach is how far to see, as a share of FullReach, from 0.45 to 1: the knob that saves time.
	Reach float64
	// BuildLimit is how many pieces of ground one picture may build; 0 is no limit. What is missing shows later.
	BuildLimit int

	picture Picture
	pen     pen
	chunks  map[chunkKey]*Mesh
	wanted  []wantedChunk
	glider  *Mesh
	elevons [2]*Mesh
	hoop    *Mesh
	next    *Mesh
	clouds  [4]*Mesh
}

type wantedChunk struct {
	key    chunkKey
	corner Vec3 // relative to the eye
	far    float64
}

// NewStudio returns a studio with its models built.
func NewStudio() *Studio {
	s := &Studio{Reach: 1, BuildLimit: 1, chunks: make(map[chunkKey]*Mesh), pen: pen{font: newFont()}, glider: glider()}
	s.elevons = [2]*Mesh{elevon(-1), elevon(1)}
	s.hoop, s.next = hoop(rose), hoop(gold)
	for i := range s.clouds {
		s.clouds[i] = cloud(uint32(i) * 7919)
	}
	return s
}

// Prepare builds everything that a picture from this view needs, so that the next pictures build little.
func (s *Studio) Prepare(v *View, size media.Size) {
	limit := s.BuildLimit
	s.BuildLimit = 0
	s.Compose(v, size)
	s.BuildLimit = limit
}

// Compose makes the picture of a view.
func (s *Studio) Compose(v *View, size media.Size) *Picture {
	p := &s.picture
	lens, reach := s.light(p, v, size)
	p.Solids = p.Solids[:0]
	s.placeCraft(p, v)
	s.placeGround(p, v, lens, reach)
	s.placeRings(p, v, lens)
	s.placeClouds(p, v, lens, reach)
	slices.SortFunc(p.Solids, func(a, b Solid) int { return cmp.Compare(a.far, b.far) })
	paintDome(&p.Dome, v, lens, &p.Light)
	paintSky(&p.Sky, v, lens, &p.Light)
	paintGlows(&p.Glows, v)
	s.paintOverlay(&p.Overlay, v, lens, size)
	return p
}

// light sets all of a picture that depends on the eye and the time of day alone.
func (s *Studio) light(p *Picture, v *View, size media.Size) (_ lens, reach float64) {
	s.Reach = clamp(s.Reach, leastReach, 1)
	reach = FullReach * s.Reach
	p.Light = lightAt(v.Game.sunset)
	p.Light.Haze = hazeAtReach / reach
	p.Time = v.Time
	p.Backdrop = p.Light.Sky(Vec3{-v.Facing.Back.X, 0, -v.Facing.Back.Z}.Unit())
	lens := newLens(v, size, reach)
	p.View, p.SkyView, p.FlatView = lens.view(), lens.skyView(), flatView(size)
	return lens, reach
}

func (s *Studio) placeCraft(p *Picture, v *View) {
	axes := v.shown()
	at := v.Game.Craft.Position.Sub(v.Eye)
	p.Solids = append(p.Solids, Solid{Mesh: s.glider, Model: axes.at(at)})
	for i, side := range [2]float64{-1, 1} {
		angle := surfaceThrow * clamp(v.Controls.Climb+side*v.Controls.Turn, -1, 1)
		sin, cos := math.Sincos(angle)
		hinge := at.Add(axes.transform(Vec3{0, 0.09, hingeZ}))
		turned := Axes{Right: axes.Right, Up: axes.Up.Scale(cos).Sub(axes.Back.Scale(sin)), Back: axes.Back.Scale(cos).Add(axes.Up.Scale(sin))}
		p.Solids = append(p.Solids, Solid{Mesh: s.elevons[i], Model: turned.at(hinge)})
	}
}

// placeGround picks the chunks that the eye can see.
func (s *Studio) placeGround(p *Picture, v *View, lens lens, reach float64) {
	s.wanted = s.wanted[:0]
	const tall, radius = Ceiling / 2, chunkSize*0.75 + 10
	x0, x1 := int(math.Floor((v.Eye.X-reach)/chunkSize)), int(math.Floor((v.Eye.X+reach)/chunkSize))
	z0, z1 := int(math.Floor((v.Eye.Z-reach)/chunkSize)), int(math.Floor((v.Eye.Z+reach)/chunkSize))
	for z := z0; z <= z1; z++ {
		for x := x0; x <= x1; x++ {
			corner := Vec3{float64(x)*chunkSize - v.Eye.X, -v.Eye.Y, float64(z)*chunkSize - v.Eye.Z}
			flat := math.Hypot(corner.X+chunkSize/2, corner.Z+chunkSize/2)
			if flat-radius > reach || !lens.sees(corner.Add(Vec3{chunkSize / 2, tall, chunkSize / 2}), radius+tall/2) {
				continue
			}
			level := fine
			if flat > faintReach*s.Reach {
				level = faint
			} else if flat > fineReach {
				level = coarse
			}
			s.wanted = append(s.wanted, wantedChunk{chunkKey{x, z, level}, corner, flat})
		}
	}
	slices.SortFunc(s.wanted, func(a, b wantedChunk) int { return cmp.Compare(a.far, b.far) })
	built := 0
	for _, w := range s.wanted {
		mesh := s.chunks[w.key]
		if mesh == nil && (s.BuildLimit == 0 || built < s.BuildLimit) {
			mesh = v.Game.Land.chunk(w.key)
			s.chunks[w.key] = mesh
			built++
		}
		for level := faint; mesh == nil && level >= fine; level-- { // any level is better than a hole
			mesh = s.chunks[chunkKey{w.key.x, w.key.z, level}]
		}
		if mesh == nil || !lens.sees(w.corner.Add(mesh.Center), mesh.Radius) {
			continue
		}
		p.Solids = append(p.Solids, Solid{mesh, placed(unitX, unitY, unitZ, w.corner), max(w.far-chunkSize/2, 20)})
	}
	s.forget(v.Eye, reach)
}

var unitX, unitY, unitZ = Vec3{1, 0, 0}, Vec3{0, 1, 0}, Vec3{0, 0, 1}

// forget drops the ground far behind once there is much of it.
func (s *Studio) forget(eye Vec3, reach float64) {
	if len(s.chunks) < keepChunks {
		return
	}
	for key := range s.chunks {
		if math.Hypot(float64(key.x)*chunkSize-eye.X, float64(key.z)*chunkSize-eye.Z) > reach+2*chunkSize {
			delete(s.chunks, key)
		}
	}
}

func (s *Studio) placeRings(p *Picture, v *View, lens lens) {
	for i := range v.Game.Trail.Rings {
		r := &v.Game.Trail.Rings[i]
		at := r.Center.Sub(v.Eye)
		if !lens.sees(at, RingRadius+1) {
			continue
		}
		mesh := s.hoop
		if i == 0 {
			mesh = s.next
		}
		p.Solids = append(p.Solids, Solid{mesh, attitude(r.Heading, 0, 0.25*v.Time).at(at), at.Len()})
	}
}

// placeClouds hangs clouds into a slowly drifting grid.
func (s *Studio) placeClouds(p *Picture, v *View, lens lens, reach float64) {
	drift := cloudDrift * v.Time
	seed := v.Game.Land.seed + 1301
	x0, x1 := int(math.Floor((v.Eye.X-drift-reach)/cloudCell)), int(math.Floor((v.Eye.X-drift+reach)/cloudCell))
	z0, z1 := int(math.Floor((v.Eye.Z-reach)/cloudCell)), int(math.Floor((v.Eye.Z+reach)/cloudCell))
	for z := z0; z <= z1; z++ {
		for x := x0; x <= x1; x++ {
			d := dice(lattice(seed, x, z))
			if d.between(0, 1) > cloudShare {
				continue
			}
			at := Vec3{
				(float64(x)+d.between(0.1, 0.9))*cloudCell + drift,
				d.between(255, 330),
				(float64(z) + d.between(0.1, 0.9)) * cloudCell,
			}.Sub(v.Eye)
			mesh := s.clouds[int(d.next())&3]
			if math.Hypot(at.X, at.Z) > reach || !lens.sees(at, mesh.Radius) {
				continue
			}
			p.Solids = append(p.Solids, Solid{mesh, attitude(d.between(0, 6), 0, 0).at(at), at.Len()})
		}
	}
}
