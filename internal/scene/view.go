package scene

import (
	"math"
	"time"
)

// View is a game at one instant between two ticks. It holds no pointers into the game.
type View struct {
	Game     Game     // as of the last tick, but for Craft, which is where the glider is at this instant
	Controls Controls // as they are now; the glider's control surfaces show them at once
	Time     float64  // seconds since the game began
	Eye      Vec3
	Facing   Axes
	FieldV   float64 // the vertical field of view
	Pointer  Pointer // where the mouse points, for the overlay
	Paused   bool    // the overlay says how to go on
}

// Pointer is the mouse as a stick: where it points, -1 to 1 each, right and up.
type Pointer struct {
	Shown bool
	X, Y  float64
}

const (
	fieldOfView   = 0.98
	boostField    = 0.20
	cameraBehind  = 12.5
	cameraAbove   = 3.6
	cameraLook    = 0.06 // how far above the glider's axis it looks, so that horizon and glider share the picture
	cameraRoll    = 0.30
	eyeClearance  = 2.5
	surfaceThrow  = 0.55 // how far a control surface turns
	reactingPitch = 0.035
	reactingRoll  = 0.10
)

// At is what the camera sees since after the last tick, while the player holds controls. The glider is taken part of the
// way to the next tick under these very controls, so the picture trails neither the clock nor the player's hand.
func (g *Game) At(since time.Duration, controls Controls, pointer Pointer) View {
	t := clamp(float64(since)/float64(Tick), 0, 1)
	controls = controls.bounded()
	v := View{Game: *g, Controls: g.effective(controls), Pointer: pointer}
	v.Game.Craft = between(g.Craft, g.Craft.stepped(v.Controls, g.Land), t)
	v.Time = (float64(g.Ticks) + t) * tickSeconds
	c := v.Game.Craft

	yaw := g.CameraYaw + wrapAngle(c.Heading-g.CameraYaw)*cameraFollow*tickSeconds*t
	pitch := lerp(g.CameraPitch, c.Pitch, cameraFollow*0.8*tickSeconds*t)
	v.Eye = c.Position.Sub(direction(yaw, pitch*0.75).Scale(cameraBehind + 2.5*c.Burning)).Add(Vec3{0, cameraAbove, 0})
	v.Eye.Y = max(v.Eye.Y, g.Land.Height(v.Eye.X, v.Eye.Z)+eyeClearance)
	v.Facing = attitude(yaw, pitch*0.8-cameraLook, c.Roll*cameraRoll)
	v.FieldV = fieldOfView + boostField*c.Burning
	return v
}

// shown is the glider's attitude as drawn: it leans into the controls at once, before the flight follows.
func (v *View) shown() Axes {
	c := v.Game.Craft
	return attitude(c.Heading+0.05*v.Controls.Turn, c.Pitch+reactingPitch*v.Controls.Climb, c.Roll+reactingRoll*v.Controls.Turn)
}

// bob is a slow wave, for what floats.
func (v *View) bob(rate, phase float64) float64 { return math.Sin(v.Time*rate + phase) }
