package input

import "time"

// ShortestTap is how long a game sees a key or button down at the least. A network may deliver a press and its release
// together, and a game that looks at the keyboard once a frame, at 26 frames per second as SuperTux does on a processor,
// would then see neither. Fingers take longer, so that only taps which would be lost are made longer.
const ShortestTap = 50 * time.Millisecond

// contact is one keycode's or button's state in the display. The injector's mutex guards it.
//
//	up ── press ──> down ── release ──> up          when it was down for long enough
//	                  └──── release ──> lifting ──> up   when the rest of the tap is over, or at the next press
type contact struct {
	holders uint8 // players who press it
	since   time.Time
	lifting *time.Timer // nil unless only the tap's rest keeps it down
}

// set presses or releases a contact for one of its holders; tell tells the display. The caller holds mu.
func (in *Injector) set(c *contact, down bool, tap time.Duration, tell func(down bool)) {
	if down {
		c.holders++
		if c.holders > 1 {
			return
		}
		in.lift(c, tell)
		tell(true)
		if tap > 0 {
			c.since = time.Now()
		}
		return
	}
	c.holders--
	if c.holders > 0 {
		return
	}
	rest := tap - time.Since(c.since)
	if tap == 0 || rest <= 0 {
		tell(false)
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(rest, func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		if c.lifting == timer {
			in.lift(c, tell)
		}
	})
	c.lifting = timer
}

// lift ends the rest of a tap, if there is one. The caller holds mu.
func (in *Injector) lift(c *contact, tell func(down bool)) {
	if c.lifting != nil {
		c.lifting.Stop()
		c.lifting = nil
		tell(false)
	}
}

// letGo releases a contact whoever holds it.
func (in *Injector) letGo(c *contact, tell func(down bool)) {
	in.lift(c, tell)
	if c.holders > 0 {
		c.holders = 0
		tell(false)
	}
}
