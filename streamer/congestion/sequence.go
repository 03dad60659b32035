package congestion

// Unwrapper extends 16-bit sequence numbers, which wrap, to numbers that do not. Its zero value is ready. One each for what was
// sent and what is reported would drift apart after a long silence, so a connection has one for both.
type Unwrapper struct {
	last  int64
	begun bool
}

// Extend returns the number nearest to the last one whose low 16 bits are sequence (RFC 3711 section 3.3.1 does the same).
func (u *Unwrapper) Extend(sequence uint16) int64 {
	if !u.begun {
		u.begun, u.last = true, int64(sequence)
		return u.last
	}
	extended := u.last + int64(int16(sequence-uint16(u.last)))
	u.last = max(u.last, extended)
	return extended
}
