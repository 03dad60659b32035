package scene

import "math"

// Ring is one light to fly through: a hoop that faces Heading.
type Ring struct {
	Center  Vec3
	Heading float64
}

// Measures of the trail.
const (
	RingRadius  = 9.5
	ringsAhead  = 9
	ringGrace   = 2.5 // flying by this close outside still counts
	lostTrail   = 420.0
	firstRing   = 170.0
	ringNearest = 95.0
	ringFarest  = 150.0
	ringBend    = 0.62 // the sharpest turn from ring to ring
	ringLow     = 13.0 // least height over the ground
	ringHigh    = 40.0
	ringClimb   = 26.0 // most difference in height from ring to ring
)

// Trail is the rings ahead; the first is the next to fly through.
type Trail struct {
	Rings [ringsAhead]Ring
	count uint32 // rings placed so far
	seed  uint32
}

// newTrail lays a trail that starts ahead of a place and heading.
func newTrail(seed uint32, from Vec3, heading float64, land Land) Trail {
	t := Trail{seed: seed}
	t.lay(from, heading, land)
	return t
}

// lay places all rings anew, the first straight ahead.
func (t *Trail) lay(from Vec3, heading float64, land Land) {
	flat := direction(heading, 0).Scale(firstRing)
	at := from.Add(flat)
	at.Y = t.height(at, from.Y, 0.4, land)
	t.Rings[0] = Ring{at, heading}
	t.count++
	for i := 1; i < len(t.Rings); i++ {
		t.Rings[i] = t.after(t.Rings[i-1], land)
	}
}

// pass drops the first n rings and places as many at the end.
func (t *Trail) pass(n int, land Land) {
	for range n {
		copy(t.Rings[:], t.Rings[1:])
		t.Rings[ringsAhead-1] = t.after(t.Rings[ringsAhead-2], land)
	}
}

// after places the ring that follows another.
func (t *Trail) after(r Ring, land Land) Ring {
	d := dice(t.seed ^ mix32(t.count))
	t.count++
	bend := d.between(-ringBend, ringBend)
	distance := d.between(ringNearest, ringFarest)
	// It lies half the bend off the last ring's axis and faces the whole bend, as on an arc.
	at := r.Center.Add(direction(r.Heading+bend/2, 0).Scale(distance))
	at.Y = t.height(at, r.Center.Y, d.between(0, 1), land)
	return Ring{at, wrapAngle(r.Heading + bend)}
}

// height is how high a ring stands: over the ground, and within reach of the last one unless the ground forbids it.
func (t *Trail) height(at Vec3, last, share float64, land Land) float64 {
	ground := land.Height(at.X, at.Z)
	wanted := clamp(ground+lerp(ringLow, ringHigh, share), last-ringClimb, last+ringClimb)
	return max(wanted, ground+ringLow)
}

// crossing says which ring a move from a to b flew through and which plane of the next one it passed beside.
func (t *Trail) crossing(a, b Vec3) (through int, missed bool) {
	for i := range t.Rings {
		if t.Rings[i].crossed(a, b, RingRadius+ringGrace) {
			return i, false
		}
	}
	return -1, t.Rings[0].crossed(a, b, lostTrail)
}

// crossed reports whether the move from a to b goes through the ring's plane within radius of its center, either way.
func (r Ring) crossed(a, b Vec3, radius float64) bool {
	normal := direction(r.Heading, 0)
	before, after := a.Sub(r.Center).Dot(normal), b.Sub(r.Center).Dot(normal)
	if (before < 0) == (after < 0) {
		return false
	}
	return a.Lerp(b, before/(before-after)).Sub(r.Center).Len() <= radius
}

// Pilot is what a good pilot would do to fly through the next ring.
func (t *Trail) Pilot(c Craft) Controls {
	r := t.Rings[0]
	to := r.Center.Sub(c.Position)
	// Aim in front of the ring along its axis while far, so as to pass it square.
	aim := to.Sub(direction(r.Heading, 0).Scale(0.35 * max(to.Len()-20, 0)))
	bearing := math.Atan2(aim.X, -aim.Z)
	climb := math.Atan2(to.Y, math.Hypot(to.X, to.Z))
	return Controls{
		Turn:  clamp(2.2*wrapAngle(bearing-c.Heading)-0.5*c.Yaw, -1, 1),
		Climb: clamp(1.9*climb, -1, 1),
	}
}
