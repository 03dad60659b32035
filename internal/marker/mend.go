package marker

import (
	"encoding/binary"
	"math/bits"
)

const (
	// mendableRow0 is how many of row 0's may.
	mendableRow0 = 2
	cells        = 8 * octetCount
)

// syndromes are what each cell, being wrong, changes in the difference of the checksums, in reading order.
var syndromes = func() (all [cells]uint32) {
	sound := octetsOf(Stamp{})
	for i := range all {
		wrong := sound
		wrong.flip(i)
		all[i] = wrong.difference()
	}
	return all
}()

// mend puts right what is wrong in one cell or two, and reports whether that is all that was. Any two blocks differ in at least 7 cells of rows 1 to 8 (CRC-32 over 96 bits: Koopman,
// "32-Bit Cyclic Redundancy Codes for Internet Applications", DSN 2002), so that up to four wrong ones never make another stamp.
func mend(o *octets) bool {
	difference := o.difference()
	if difference == 0 {
		return true
	}
	for i, one := range syndromes {
		if difference == one {
			o.flip(i)
			return true
		}
	}
	for i, one := range syndromes {
		for j, other := range syndromes[i+1:] {
			if difference == one^other {
				o.flip(i)
				o.flip(i + 1 + j)
				return true
			}
		}
	}
	return false
}

// difference is between the checksum that is said and what it should be.
func (o *octets) difference() uint32 { return checksum(o) ^ binary.BigEndian.Uint32(o[summedOctets:]) }

func (o *octets) flip(cell int) { o[cell/8] ^= 0x80 >> (cell % 8) }

// alternating reports whether row 0 is the one that each block has.
func alternating(row uint16) bool { return bits.OnesCount16(row^row0) <= mendableRow0 }
