package play

// symbols are the keysyms of the keys that mean something here, by the kernel's code (linux/input-event-codes.h), on a US
// layout: what an X display would make of them.
var symbols = map[uint16]uint32{
	17: 'w', 30: 'a', 31: 's', 32: 'd', 19: 'r', 25: 'p', 57: ' ', 28: keyReturn, 42: keyShiftL, 54: keyShiftR,
	103: keyUpward, 105: keyLeft, 106: keyRight, 108: keyDownw,
}

// Symbol is the keysym of a physical key, for who has no display to ask; 0 for a key that means nothing here.
func Symbol(evdev uint16) uint32 { return symbols[evdev] }
