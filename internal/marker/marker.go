package marker

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"nearlight/internal/media"
)

// The block's measures, in pixels.
const (
	Cell    = 8
	Columns = 16
	Rows    = 9
	Width   = Columns * Cell
	Height  = Rows * Cell
)

// Size is the smallest picture that a marker fits in.
var Size = media.Size{Width: Width, Height: Height}

// Errors that Decode returns.
var (
	// ErrAbsent reports a picture without a marker: too small, or its first row is not the alternating one.
	ErrAbsent = errors.New("no marker in the picture")
	// ErrChecksum reports a marker that is torn or blurred beyond reading.
	ErrChecksum = errors.New("marker's checksum does not match")
)

// Stamp is what a marker says.
type Stamp struct {
	Micros  uint64 // CLOCK_MONOTONIC in microseconds, modulo 2^48 (8.9 years)
	Input   uint32 // sequence of the last input answered, 0 for none
	Counter uint16 // grows by one with every picture, and wraps
}

const microsMask = 1<<48 - 1

// New makes the stamp of a picture that shows the given instant.
func New(shown media.Instant, input uint32, counter uint16) Stamp {
	return Stamp{Micros: uint64(shown) / 1000 & microsMask, Input: input, Counter: counter}
}

// Instant is the instant that the stamp shows, to the microsecond: of all that look alike modulo 2^48 us, the one
// nearest to now.
func (s Stamp) Instant(now media.Instant) media.Instant {
	here := uint64(now) / 1000
	ahead := int64((s.Micros-here)<<16) >> 16 // the difference modulo 2^48, sign extended
	return media.Instant((int64(here) + ahead) * 1000)
}

const (
	octetCount   = (Rows - 1) * Columns / 8
	summedOctets = octetCount - crc32.Size
)

// octets are rows 1 to 8 of a block, most significant bit first.
type octets [octetCount]byte

func octetsOf(s Stamp) (o octets) {
	binary.BigEndian.PutUint64(o[:], s.Micros<<16) // the last two octets are overwritten below
	binary.BigEndian.PutUint32(o[6:], s.Input)
	binary.BigEndian.PutUint16(o[10:], s.Counter)
	binary.BigEndian.PutUint32(o[summedOctets:], checksum(&o))
	return o
}

// checksum is CRC-32 over the octets before it. It goes through the table itself because crc32.ChecksumIEEE, called
// through a function pointer, would move the octets to the heap with every frame.
func checksum(o *octets) uint32 {
	crc := ^uint32(0)
	for _, octet := range o[:summedOctets] {
		crc = crc32.IEEETable[byte(crc)^octet] ^ crc>>8
	}
	return ^crc
}

func parse(o octets) (Stamp, error) {
	if !mend(&o) {
		return Stamp{}, ErrChecksum
	}
	return Stamp{
		Micros:  binary.BigEndian.Uint64(o[:]) >> 16,
		Input:   binary.BigEndian.Uint32(o[6:]),
		Counter: binary.BigEndian.Uint16(o[10:]),
	}, nil
}

// row0 is the alternating row as bits, the leftmost cell most significant.
const row0 = 0xaaaa

// rowBits are row r's 16 cells, the leftmost most significant.
func rowBits(o *octets, r int) uint16 {
	if r == 0 {
		return row0
	}
	return binary.BigEndian.Uint16(o[2*(r-1):])
}
