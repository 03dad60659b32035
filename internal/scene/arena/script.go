package arena

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"time"

	"nearlight/internal/scene"
)

// Task is what is to be drawn, but for what nobody knows yet.
type Task struct {
	Seed    uint32
	Objects uint16 // in each picture
}

// Nonce is what nobody knows before it is typed.
type Nonce uint32

// How the eye moves. It turns all the time, so that no two pictures are alike, and never so fast that an encoder cannot follow: at
// 0.25 to 0.45 radians a second a picture of 640 columns moves by 3 to 6 of them in a thirtieth of a second.
const (
	yard      = 60.0 // metres: its way begins within so much of the middle, each way
	sway      = 40.0 // ... and leads so far to either side
	lowest    = 14.0 // over the ground
	leastTurn = 0.25
	mostTurn  = 0.45

	hoops = 0.08 // of the objects: they hide much and have little detail; the rest are gliders
)

// Radius is how far from the middle of the land the eye can be, in metres.
const Radius = yard*math.Sqrt2 + sway

// Script is what a task and a nonce decide.
type Script struct {
	start         scene.Vec3
	course, pace  float64 // the direction it moves in, and how fast
	heading, turn float64
	pitch, nod    float64
	roll          float64
	props         []motion
	tableau       scene.Tableau
}

// motion is how an object moves.
type motion struct {
	prop  scene.Prop
	spin  [3]float64 // heading, pitch, roll: radians a second
	drift scene.Vec3
}

// stream is a sequence of random numbers.
type stream struct{ source *rand.ChaCha8 }

func (s stream) between(low, high float64) float64 {
	return low + (high-low)*float64(s.source.Uint64()>>11)/(1<<53)
}

// either is a number of that size, or its negative.
func (s stream) either(low, high float64) float64 {
	v := s.between(low, high)
	if s.source.Uint64()&1 == 0 {
		return -v
	}
	return v
}

// Script makes the script of a nonce. No part of it can be had without the nonce: all of it comes from one hash.
func (t Task) Script(n Nonce) *Script {
	message := []byte("nearlight arena 1\x00")
	message = binary.BigEndian.AppendUint32(message, t.Seed)
	message = binary.BigEndian.AppendUint16(message, t.Objects)
	message = binary.BigEndian.AppendUint32(message, uint32(n))
	random := stream{rand.NewChaCha8(sha256.Sum256(message))}
	land := t.Land()
	s := &Script{}
	s.start = scene.Vec3{X: random.between(-yard, yard), Y: random.between(8, 45), Z: random.between(-yard, yard)}
	s.start.Y += land.Height(s.start.X, s.start.Z) + lowest
	s.course, s.pace = random.between(-math.Pi, math.Pi), random.between(6, 16)
	s.heading, s.turn = random.between(-math.Pi, math.Pi), random.either(leastTurn, mostTurn)
	s.pitch, s.nod = random.between(-0.22, 0.06), random.either(0.02, 0.06)
	s.roll = random.between(-0.25, 0.25)
	s.tableau = scene.Tableau{Land: land, Daylight: random.between(0.3, 1), Props: make([]scene.Prop, t.Objects)}
	s.props = make([]motion, t.Objects)
	for i := range s.props {
		s.props[i] = hung(random, s.start, s.heading+0.3*s.turn)
	}
	return s
}

// hung is an object somewhere before the eye.
func hung(random stream, eye scene.Vec3, heading float64) motion {
	bearing := heading + random.between(-0.85, 0.85)
	// As many near as far by the picture that they fill, none so near that it fills all.
	distance := 18 / math.Sqrt(random.between(0.02, 0.9))
	at := scene.Vec3{X: math.Sin(bearing) * distance, Y: random.between(-0.32, 0.36) * distance, Z: -math.Cos(bearing) * distance}
	m := motion{prop: scene.Prop{At: eye.Add(at)}}
	if random.between(0, 1) < hoops {
		m.prop.Model = scene.PropHoop + scene.PropModel(random.between(0, 2))
	}
	m.prop.Heading, m.prop.Pitch, m.prop.Roll = random.between(-math.Pi, math.Pi), random.between(-1, 1), random.between(-math.Pi, math.Pi)
	for i := range m.spin {
		m.spin[i] = random.between(-0.8, 0.8)
	}
	m.drift = scene.Vec3{X: random.between(-3, 3), Y: random.between(-1, 1), Z: random.between(-3, 3)}
	return m
}

// Land is where it all happens.
func (t Task) Land() scene.Land { return scene.NewLand(uint64(t.Seed)) }

// At is what is seen so long after the nonce was taken, valid until the next call.
func (s *Script) At(since time.Duration) *scene.Tableau {
	at := min(max(since, 0), MaxSince).Seconds()
	t := &s.tableau
	along := sway * math.Sin(s.pace/sway*at)
	t.Eye = s.start.Add(scene.Vec3{X: math.Sin(s.course) * along, Z: -math.Cos(s.course) * along})
	t.Eye.Y = max(t.Eye.Y, t.Land.Height(t.Eye.X, t.Eye.Z)+lowest)
	t.Heading = s.heading + s.turn*at
	t.Pitch = s.pitch + s.nod*math.Sin(1.3*at)
	t.Roll = s.roll + s.nod*math.Sin(0.9*at)
	t.Time = at
	for i := range s.props {
		m := &s.props[i]
		prop := m.prop
		prop.At = prop.At.Add(m.drift.Scale(at))
		prop.Heading += m.spin[0] * at
		prop.Pitch += m.spin[1] * at
		prop.Roll += m.spin[2] * at
		t.Props[i] = prop
	}
	return t
}
