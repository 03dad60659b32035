package scene

import (
	"math"
	"time"
)

// Tick is the fixed step of the simulation. It is half a frame at 60 fps, so that a short tap is not lost.
const Tick = time.Second / 120

const tickSeconds = 1.0 / 120

// Controls are what the player asks for. Values outside the ranges are brought into them.
type Controls struct {
	Turn  float64 // -1 (left) to 1 (right)
	Climb float64 // -1 (down) to 1 (up)
	Boost bool
}

func (c Controls) bounded() Controls {
	if math.IsNaN(c.Turn) {
		c.Turn = 0
	}
	if math.IsNaN(c.Climb) {
		c.Climb = 0
	}
	c.Turn, c.Climb = clamp(c.Turn, -1, 1), clamp(c.Climb, -1, 1)
	return c
}

// How the glider flies: tuned by hand until a turn feels prompt, a dive pays and a touch of the ground forgives.
const (
	cruiseSpeed = 38.0
	boostSpeed  = 66.0
	MinSpeed    = 24.0 // metres a second
	MaxSpeed    = 80.0

	turnRate = 1.25 // radians a second at full deflection
	maxPitch = 0.62
	maxRoll  = 1.05
	turnAgility,
	pitchAgility,
	rollAgility = 7.0, 4.5, 7.5 // how fast each follows its target, per second

	diveGain      = 17.0 // how much speed a full dive adds
	speedAgility  = 1.1
	boostAgility  = 3.2
	boostDrain    = 0.42 // of the whole, a second
	boostRecovery = 0.07

	Clearance     = 3.2 // the least height above ground or sea
	cushion       = 9.0 // below this height the air carries more
	MaxAltitude   = 230.0
	scrapeSlowing = 0.985 // of the speed, a tick
)

// Craft is the glider's state.
type Craft struct {
	Position Vec3
	Heading  float64 // -pi to pi
	Pitch    float64
	Roll     float64 // positive: the right wing is low
	Yaw      float64 // rate of turn, radians a second
	Speed    float64
	Boost    float64 // what is left to burn, 0 to 1
	Burning  float64 // how much the boost shows, 0 to 1
	Scraping bool    // in touch with ground or sea
}

// Forward is the direction of flight.
func (c Craft) Forward() Vec3 { return direction(c.Heading, c.Pitch) }

// Axes is the glider's attitude.
func (c Craft) Axes() Axes { return attitude(c.Heading, c.Pitch, c.Roll) }

// follow moves v towards target at a rate per second.
func follow(v, target, rate float64) float64 { return v + (target-v)*min(rate*tickSeconds, 1) }

// stepped is the craft one tick later.
func (c Craft) stepped(controls Controls, land Land) Craft {
	controls = controls.bounded()
	burning := controls.Boost && c.Boost > 0
	c.Burning = follow(c.Burning, btof(burning), 8)
	if burning {
		c.Boost = max(c.Boost-boostDrain*tickSeconds, 0)
	} else {
		c.Boost = min(c.Boost+boostRecovery*tickSeconds, 1)
	}

	c.Yaw = follow(c.Yaw, controls.Turn*turnRate, turnAgility)
	c.Heading = wrapAngle(c.Heading + c.Yaw*tickSeconds)
	c.Roll = follow(c.Roll, controls.Turn*maxRoll, rollAgility)
	pitch := controls.Climb * maxPitch
	if over := c.Position.Y - (MaxAltitude - 40); over > 0 {
		pitch = min(pitch, maxPitch*(1-over/20)) // the air thins: level off, then come down
	}
	c.Pitch = follow(c.Pitch, pitch, pitchAgility)

	speed, agility := cruiseSpeed-diveGain*math.Sin(c.Pitch), speedAgility
	if burning {
		speed, agility = boostSpeed-diveGain*math.Sin(c.Pitch), boostAgility
	}
	c.Speed = clamp(follow(c.Speed, speed, agility), MinSpeed, MaxSpeed)
	c.Position = c.Position.Add(c.Forward().Scale(c.Speed * tickSeconds))
	return c.kept(land)
}

// kept holds the craft between the ground and the top of the air.
func (c Craft) kept(land Land) Craft {
	ground := land.Height(c.Position.X, c.Position.Z)
	height := c.Position.Y - ground
	if height < cushion && c.Pitch < 0 {
		c.Pitch = follow(c.Pitch, 0, 14*(1-max(height, 0)/cushion))
	}
	c.Scraping = height < Clearance
	if c.Scraping {
		c.Position.Y = ground + Clearance
		c.Pitch = max(c.Pitch, follow(c.Pitch, 0.16, 10))
		c.Speed = max(c.Speed*scrapeSlowing, MinSpeed)
	}
	c.Position.Y = min(c.Position.Y, MaxAltitude)
	return c
}

// between is the craft part of the way from a to b, one tick apart.
func between(a, b Craft, t float64) Craft {
	b.Position = a.Position.Lerp(b.Position, t)
	b.Heading = a.Heading + wrapAngle(b.Heading-a.Heading)*t
	b.Pitch = lerp(a.Pitch, b.Pitch, t)
	b.Roll = lerp(a.Roll, b.Roll, t)
	b.Yaw = lerp(a.Yaw, b.Yaw, t)
	b.Speed = lerp(a.Speed, b.Speed, t)
	b.Burning = lerp(a.Burning, b.Burning, t)
	return b
}

func btof(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
