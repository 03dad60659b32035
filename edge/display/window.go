package display

import (
	"encoding/binary"

	"nearlight/internal/media"
)

// rectangle is where a window lies on the screen.
type rectangle struct {
	x, y int
	size media.Size
}

// window is what the keeper knows of one of the app's windows.
type window struct {
	asked      media.Size // by the app
	at         rectangle  // where it was put last
	hints      sizeHints
	aside      bool // a dialog or the like, shown in its own size over the others
	fullscreen bool // asked for by _NET_WM_STATE
	takesFocus bool // WM_TAKE_FOCUS is to be sent
	noInput    bool // WM_HINTS says that the server shall not give it the focus
}

// place decides where a window lies on a screen. What asked for the whole screen gets it; an ordinary window gets it
// too, as far as its largest size allows; what stays smaller is centred, and what is larger starts at the corner.
func (w *window) place(screen media.Size) rectangle {
	size := screen
	switch {
	case w.fullscreen:
	case w.aside:
		size = w.asked
	default:
		if w.hints.max.Width > 0 {
			size.Width = min(size.Width, w.hints.max.Width)
		}
		if w.hints.max.Height > 0 {
			size.Height = min(size.Height, w.hints.max.Height)
		}
		size.Width, size.Height = max(size.Width, w.hints.min.Width), max(size.Height, w.hints.min.Height)
	}
	return rectangle{max(0, (screen.Width-size.Width)/2), max(0, (screen.Height-size.Height)/2), size}
}

// sizeHints are the bounds that an app sets for a window; zero where it sets none.
type sizeHints struct{ min, max media.Size }

// largestWindow is the largest side a window can have, by the width of the protocol's fields.
const largestWindow = 1<<15 - 1

// parseSizeHints reads the property WM_NORMAL_HINTS (ICCCM 4.1.2.3): flags, four obsolete fields, then smallest and
// largest width and height, 32 bits each. What does not parse is no hint.
func parseSizeHints(property []byte) sizeHints {
	const (
		hasMin = 1 << 4
		hasMax = 1 << 5
	)
	if len(property) < 9*4 {
		return sizeHints{}
	}
	field := func(n int) int {
		value := int32(binary.LittleEndian.Uint32(property[4*n:]))
		return int(min(max(value, 0), largestWindow))
	}
	var hints sizeHints
	flags := binary.LittleEndian.Uint32(property)
	if flags&hasMin != 0 {
		hints.min = media.Size{Width: field(5), Height: field(6)}
	}
	if flags&hasMax != 0 {
		hints.max = media.Size{Width: field(7), Height: field(8)}
	}
	return hints
}

// refusesInput reads the property WM_HINTS (ICCCM 4.1.2.4): whether it says that the window takes no input focus.
func refusesInput(property []byte) bool {
	const hasInput = 1 << 0
	return len(property) >= 8 && binary.LittleEndian.Uint32(property)&hasInput != 0 && binary.LittleEndian.Uint32(property[4:]) == 0
}

// words32 reads a property of 32-bit values: atoms or windows.
func words32(property []byte) []uint32 {
	values := make([]uint32, 0, len(property)/4)
	for ; len(property) >= 4; property = property[4:] {
		values = append(values, binary.LittleEndian.Uint32(property))
	}
	return values
}

// octets32 is the property that words32 reads.
func octets32(values ...uint32) []byte {
	property := make([]byte, 0, 4*len(values))
	for _, value := range values {
		property = binary.LittleEndian.AppendUint32(property, value)
	}
	return property
}
