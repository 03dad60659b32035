package scene

import (
	"encoding/binary"
	"hash/fnv"
	"math"
)

// Phase is where a game stands.
//
//	Waiting --first control--> Flying --daylight gone--> Over --Restart, or long idle--> Waiting or Flying
type Phase uint8

// The phases. In Waiting the glider shows the way by itself and no clock runs.
const (
	Waiting Phase = iota
	Flying
	Over
)

// The rules.
const (
	fullDay      = 60.0 // seconds of daylight at the start, and the most there can be
	lightBonus   = 2.6  // seconds that a ring gives back at first ...
	leastBonus   = 1.1  // ... and later
	bonusFading  = 0.025
	ringPoints   = 10
	streakStep   = 4 // rings in a row that raise the multiplier
	topMultiple  = 5
	ringBoost    = 0.16
	wakeLength   = 18
	wakeTicks    = 3  // between two points of the wake
	overTicks    = 45 // an over game takes no restart by a button before this, so that a late boost does not restart it
	forgetTicks  = 20 * 120
	cameraFollow = 5.5
)

// Game is everything that a seed and the controls since then decide.
type Game struct {
	Land  Land
	Craft Craft
	Trail Trail

	Phase      Phase
	PhaseTicks uint64 // since the phase began
	Ticks      uint64 // since the game began
	Daylight   float64
	Score      int
	Best       int
	Lights     int // rings flown through
	Streak     int // in a row

	LastGain     int    // points of the last ring
	SinceLight   uint64 // ticks since then
	LastRing     Ring
	CameraYaw    float64
	CameraPitch  float64
	Wake         [2][wakeLength]Vec3 // where the wing tips were, the newest first
	sunset       float64             // what the sky shows: Daylight's share, smoothed
	seed         uint64
	restartCount uint32
}

const longAgo = 1 << 20 // ticks, when nothing has happened yet

// New starts a game.
func New(seed uint64) *Game {
	g := &Game{seed: seed, Land: NewLand(seed)}
	g.begin(Waiting)
	return g
}

// Restart begins a new round at once, on a new trail over the same land.
func (g *Game) Restart() {
	g.restartCount++
	g.begin(Flying)
}

func (g *Game) begin(phase Phase) {
	start := Vec3{0, 0, 0}
	start.Y = g.Land.Height(start.X, start.Z) + 42
	g.Craft = Craft{Position: start, Speed: cruiseSpeed, Boost: 1}
	g.Trail = newTrail(mix32(uint32(g.seed))^mix32(g.restartCount+77), start, 0, g.Land)
	g.enter(phase)
	g.Daylight, g.Score, g.Lights, g.Streak, g.LastGain = fullDay, 0, 0, 0, 0
	g.SinceLight = longAgo
	g.CameraYaw, g.CameraPitch = g.Craft.Heading, g.Craft.Pitch
	g.sunset = 1
	for side, tip := range wingTips(g.Craft) {
		for i := range g.Wake[side] {
			g.Wake[side][i] = tip
		}
	}
}

func (g *Game) enter(phase Phase) { g.Phase, g.PhaseTicks = phase, 0 }

// Start begins the round in which the player steers; without effect unless the game is Waiting.
func (g *Game) Start() {
	if g.Phase == Waiting {
		g.enter(Flying)
		g.Daylight, g.Score, g.Lights, g.Streak = fullDay, 0, 0, 0
	}
}

// MayRestart reports whether a round is over for long enough that any button may start the next.
func (g *Game) MayRestart() bool { return g.Phase == Over && g.PhaseTicks > overTicks }

// Step moves the game by one Tick.
func (g *Game) Step(controls Controls) {
	before := g.Craft
	g.Craft = before.stepped(g.effective(controls), g.Land)
	g.Ticks++
	g.PhaseTicks++
	g.SinceLight = min(g.SinceLight+1, longAgo)
	g.fly(before.Position)
	g.age()
	g.CameraYaw = wrapAngle(g.CameraYaw + wrapAngle(g.Craft.Heading-g.CameraYaw)*cameraFollow*tickSeconds)
	g.CameraPitch = follow(g.CameraPitch, g.Craft.Pitch, cameraFollow*0.8)
	if g.Ticks%wakeTicks == 0 {
		for side, tip := range wingTips(g.Craft) {
			copy(g.Wake[side][1:], g.Wake[side][:wakeLength-1])
			g.Wake[side][0] = tip
		}
	}
}

// effective is who steers: the player, or while Waiting the pilot that shows the way.
func (g *Game) effective(controls Controls) Controls {
	if g.Phase == Waiting {
		return g.Trail.Pilot(g.Craft)
	}
	return controls
}

// fly collects and misses rings.
func (g *Game) fly(from Vec3) {
	through, missed := g.Trail.crossing(from, g.Craft.Position)
	switch {
	case through >= 0:
		g.collect(through)
	case missed:
		g.Streak = 0
		g.Trail.pass(1, g.Land)
	case g.Trail.Rings[0].Center.Sub(g.Craft.Position).Len() > lostTrail:
		g.Streak = 0
		g.Trail.lay(g.Craft.Position, g.Craft.Heading, g.Land) // the lights come to the glider
	}
	if g.Craft.Scraping {
		g.Streak = 0
	}
}

func (g *Game) collect(index int) {
	g.LastRing = g.Trail.Rings[index]
	g.Trail.pass(index+1, g.Land)
	g.SinceLight = 0
	g.Craft.Boost = min(g.Craft.Boost+ringBoost, 1)
	if g.Phase == Over {
		g.LastGain = 0
		return
	}
	if index > 0 {
		g.Streak = 0
	}
	g.LastGain = ringPoints * g.Multiple()
	g.Streak++
	g.Lights++
	g.Score += g.LastGain
	g.Daylight = min(g.Daylight+max(lightBonus-bonusFading*float64(g.Lights), leastBonus), fullDay)
}

// Multiple is what a ring's points are multiplied by.
func (g *Game) Multiple() int { return min(1+g.Streak/streakStep, topMultiple) }

// age lets daylight pass and changes the phase.
func (g *Game) age() {
	switch g.Phase {
	case Flying:
		g.Daylight = max(g.Daylight-tickSeconds, 0)
		if g.Daylight == 0 {
			g.Best = max(g.Best, g.Score)
			g.enter(Over)
		}
	case Over:
		if g.PhaseTicks > forgetTicks {
			g.restartCount++
			g.begin(Waiting)
		}
	}
	g.sunset = follow(g.sunset, g.Daylight/fullDay, 0.9)
}

// wingTips are the left and the right tip in the world.
func wingTips(c Craft) [2]Vec3 {
	axes := c.Axes()
	return [2]Vec3{
		c.Position.Add(axes.transform(Vec3{-tipX, tipY, tipZ})),
		c.Position.Add(axes.transform(Vec3{tipX, tipY, tipZ})),
	}
}

// Hash condenses the state that decides the game's future and its picture: equal hashes, equal games.
func (g *Game) Hash() uint64 {
	h := fnv.New64a()
	var octets [8]byte
	put := func(values ...float64) {
		for _, v := range values {
			binary.LittleEndian.PutUint64(octets[:], math.Float64bits(v))
			h.Write(octets[:]) //nolint:errcheck // hash.Hash never returns an error
		}
	}
	point := func(v Vec3) { put(v.X, v.Y, v.Z) }
	c := g.Craft
	point(c.Position)
	put(c.Heading, c.Pitch, c.Roll, c.Yaw, c.Speed, c.Boost, c.Burning, btof(c.Scraping))
	for _, r := range g.Trail.Rings {
		point(r.Center)
		put(r.Heading)
	}
	put(float64(g.Phase), float64(g.PhaseTicks), float64(g.Ticks), g.Daylight, float64(g.Score), float64(g.Best), float64(g.Lights), float64(g.Streak))
	put(float64(g.LastGain), float64(g.SinceLight), g.CameraYaw, g.CameraPitch, g.sunset, float64(g.Trail.count), float64(g.restartCount))
	for side := range g.Wake {
		for _, p := range g.Wake[side] {
			point(p)
		}
	}
	return h.Sum64()
}
