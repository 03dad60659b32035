package input

// latch is what is known of one key or button of a player, told by two channels: control brings every change once and
// in order but perhaps late (a lost packet holds up all that follow), motion brings the whole state (Held), now or never.
//
// A repair is a change that Held told first. Its own message is still on its way, unless the player's browser never
// noticed the change; it must not be taken for a second one when it comes. So a latch counts the changes that control
// still owes, and forgets them as soon as control has brought something newer than the repair.
type latch struct {
	down     bool
	repaired uint32 // sequence of the newest Held that changed this latch
	owed     uint8  // changes older than that, known from Held and not yet told by control
}

// tell takes a change from control and reports whether the display must be told.
func (l *latch) tell(seq uint32, down bool) bool {
	if seq > l.repaired {
		l.owed = 0
	} else if l.owed > 0 {
		l.owed--
		return false
	}
	changed := l.down != down
	l.down = down
	return changed
}

// repair takes the state from a Held and reports whether the display must be told.
func (l *latch) repair(seq uint32, down bool) bool {
	if l.down == down {
		return false
	}
	l.down, l.repaired = down, seq
	if l.owed < 255 {
		l.owed++
	}
	return true
}
