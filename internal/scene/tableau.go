package scene

import (
	"cmp"
	"math"
	"slices"

	"nearlight/internal/media"
)

// Tableau is a picture that nobody plays: where the eye is, how late it is, and what hangs in the air. Equal tableaux make equal
// pictures, whatever a studio has composed before, as long as all were of one land and its BuildLimit is 0.
type Tableau struct {
	Land                 Land
	Eye                  Vec3
	Heading, Pitch, Roll float64
	Daylight             float64 // the share of the day that is left, 1 to 0
	Time                 float64 // seconds: moves water and clouds
	Props                []Prop
}

// Prop is one of the game's models, anywhere.
type Prop struct {
	Model                PropModel
	At                   Vec3
	Heading, Pitch, Roll float64
}

// PropModel is what a prop looks like.
type PropModel uint8

// The models.
const (
	PropGlider PropModel = iota
	PropHoop
	PropGoldHoop
	PropModels
)

func (s *Studio) prop(m PropModel) *Mesh {
	switch m {
	case PropHoop:
		return s.hoop
	case PropGoldHoop:
		return s.next
	}
	return s.glider
}

// ComposeTableau makes the picture of a tableau. All props are drawn, whether they are seen or not.
func (s *Studio) ComposeTableau(t *Tableau, size media.Size) *Picture {
	v := View{Game: Game{Land: t.Land, sunset: t.Daylight}, Time: t.Time, Eye: t.Eye, Facing: attitude(t.Heading, t.Pitch, t.Roll), FieldV: fieldOfView}
	p := &s.picture
	lens, reach := s.light(p, &v, size)
	p.Solids = p.Solids[:0]
	for i := range t.Props {
		prop := &t.Props[i]
		at := prop.At.Sub(t.Eye)
		p.Solids = append(p.Solids, Solid{s.prop(prop.Model), attitude(prop.Heading, prop.Pitch, prop.Roll).at(at), at.Len()})
	}
	s.placeGround(p, &v, lens, reach)
	s.placeClouds(p, &v, lens, reach)
	slices.SortFunc(p.Solids, func(a, b Solid) int { return cmp.Compare(a.far, b.far) })
	paintDome(&p.Dome, &v, lens, &p.Light)
	paintSky(&p.Sky, &v, lens, &p.Light)
	p.Glows.reset()
	p.Overlay.reset()
	return p
}

// Gather builds the ground that can be seen from anywhere within radius of a place, so that no picture from there has to.
func (s *Studio) Gather(land Land, center Vec3, radius float64) {
	reach := FullReach * clamp(s.Reach, leastReach, 1)
	faintFrom := faintReach * clamp(s.Reach, leastReach, 1)
	most := reach + radius + chunkSize
	for z := int(math.Floor((center.Z - most) / chunkSize)); float64(z)*chunkSize < center.Z+most; z++ {
		for x := int(math.Floor((center.X - most) / chunkSize)); float64(x)*chunkSize < center.X+most; x++ {
			far := math.Hypot((float64(x)+0.5)*chunkSize-center.X, (float64(z)+0.5)*chunkSize-center.Z)
			for level, between := range [...][2]float64{fine: {0, fineReach}, coarse: {fineReach, faintFrom}, faint: {faintFrom, most}} {
				key := chunkKey{x, z, level}
				if far+radius >= between[0] && far-radius <= between[1] && s.chunks[key] == nil {
					s.chunks[key] = land.chunk(key)
				}
			}
		}
	}
}
