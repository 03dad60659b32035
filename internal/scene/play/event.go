package play

// Kind is what an event is about. The numbers are window's display.h's.
type Kind int32

// The kinds. Closed ends nothing by itself.
const (
	KeyDown Kind = 1 + iota
	KeyUp
	ButtonDown
	ButtonUp
	Motion
	FocusLost // everything is let go of
	Resized
	Exposed
	Hidden
	Shown
	Closed
)

// Event is one thing that a display, or who takes its place, has said.
type Event struct {
	Kind     Kind
	Symbol   uint32 // keys: the keysym; buttons: X's number
	Time     uint32 // the display's clock, ms; only WithoutRepeats looks at it
	Sequence uint32 // the last announced input that this event or an earlier one was
	X, Y     int    // where the pointer is, in pixels; Resized: the new size
}

// WithoutRepeats drops the pairs of release and press by which a display repeats a held key: they bear the same time. It
// works in place.
func WithoutRepeats(events []Event) []Event {
	kept := events[:0]
	for i := 0; i < len(events); i++ {
		e := events[i]
		if e.Kind == KeyUp && i+1 < len(events) {
			if next := events[i+1]; next.Kind == KeyDown && next.Symbol == e.Symbol && next.Time == e.Time {
				i++
				continue
			}
		}
		kept = append(kept, e)
	}
	return kept
}
