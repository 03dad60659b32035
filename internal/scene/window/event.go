package window

// kind is what an event is about. The numbers are display.h's.
type kind int32

const (
	keyDown kind = 1 + iota
	keyUp
	buttonDown
	buttonUp
	motion
	focusLost
	resized
	exposed
	hidden
	shown
	closed
)

// event is one thing that the display said.
type event struct {
	kind     kind
	symbol   uint32 // keys: the keysym; buttons: the number
	time     uint32 // the server's clock, ms
	sequence uint32 // the last announced input that this event or an earlier one was
	x, y     int
}

// withoutRepeats drops the pairs of release and press by which a display repeats a held key: they bear the same time. It
// works in place.
func withoutRepeats(events []event) []event {
	kept := events[:0]
	for i := 0; i < len(events); i++ {
		e := events[i]
		if e.kind == keyUp && i+1 < len(events) {
			if next := events[i+1]; next.kind == keyDown && next.symbol == e.symbol && next.time == e.time {
				i++
				continue
			}
		}
		kept = append(kept, e)
	}
	return kept
}
