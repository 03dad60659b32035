package x264

import (
	"bytes"
	"errors"
	"fmt"
)

// x264 numbers pictures in as few bits as a stream without losses needs: frame_num goes round every 16 pictures. libavcodec, and with
// it Chromium, loses count of the order of pictures when the one that goes round is among those that a player never gets, and then shows
// nothing until it goes round again. So where references may be lost, numbers are made wider: by a whole octet, which moves
// what follows them without changing its bits.
const widerBy = 8 // bits

// NAL unit types (ITU-T H.264 table 7-1).
const (
	nalSlice    = 1
	nalIDR      = 5
	nalSPS      = 7
	nalTypeMask = 0x1f
)

// errNumbers reports a stream that is not what x264 is known to make.
var errNumbers = errors.New("picture numbers cannot be made wider")

// numbers makes them wider in one stream. Its memory is reused from picture to picture.
type numbers struct {
	width int // of frame_num as x264 writes it, by the newest sequence parameter set; 0 before the first
	out   []byte
	plain []byte
	wide  []byte
}

// widen rewrites a piece of an access unit, which is the given one since its keyframe. The result is valid until the next call.
func (n *numbers) widen(piece []byte, number int64) ([]byte, error) {
	n.out = n.out[:0]
	startCode := []byte{0, 0, 1}
	begin := bytes.Index(piece, startCode)
	for begin >= 0 {
		begin += len(startCode)
		nal := piece[begin:]
		if len(nal) == 0 {
			break
		}
		n.out = append(n.out, 0, 0, 0, 1)
		switch nal[0] & nalTypeMask {
		case nalSlice, nalIDR: // the last one of a piece: it is not searched for another
			return n.out, n.slice(nal, number)
		}
		end := bytes.Index(nal, startCode)
		begin = -1
		if end >= 0 {
			begin = len(piece) - len(nal) + end
			nal = bytes.TrimRight(nal[:end], "\x00") // of a longer start code: no NAL unit ends in a zero
		}
		if len(nal) == 0 {
			return nil, fmt.Errorf("%w: an empty NAL unit", errNumbers)
		}
		if nal[0]&nalTypeMask != nalSPS {
			n.out = append(n.out, nal...)
		} else if err := n.sequence(nal); err != nil {
			return nil, err
		}
	}
	return n.out, nil
}

// sequence rewrites a sequence parameter set (section 7.3.2.1.1): the width of numbers, and that some may be missing.
func (n *numbers) sequence(nal []byte) error {
	n.plain, _ = unescape(n.plain[:0], nal, len(nal))
	b := bits{of: n.plain, at: 8}
	profile := b.take(8)
	b.skip(16)
	b.golomb() // seq_parameter_set_id
	const high444 = 244
	if profile == high444 {
		if chroma := b.golomb(); chroma == 3 {
			b.skip(1)
		}
		b.golomb()
		b.golomb()
		b.skip(1)
		if b.take(1) != 0 {
			return fmt.Errorf("%w: it has scaling matrices", errNumbers)
		}
	}
	widthAt := b.at
	width := int(b.golomb()) + 4
	afterWidth := b.at
	order := b.golomb()
	b.golomb() // max_num_ref_frames
	gapsAt := b.at
	end := 8*len(n.plain) - 1
	for end > gapsAt && n.plain[end/8]>>(7-end%8)&1 == 0 { // back to the stop bit
		end--
	}
	if order != 2 || width+widerBy > 16 || gapsAt >= end || b.beyond {
		return fmt.Errorf("%w: order type %d, numbers of %d bits", errNumbers, order, width)
	}
	n.width = width
	w := bitsInto{to: n.wide[:0]}
	w.copy(n.plain, 0, widthAt)
	w.golomb(uint32(width + widerBy - 4))
	w.copy(n.plain, afterWidth, gapsAt)
	w.put(1, 1) // gaps_in_frame_num_value_allowed_flag
	w.copy(n.plain, gapsAt+1, end)
	w.put(1, 1) // stop bit
	n.wide = w.to
	n.out = escape(n.out, n.wide)
	return nil
}

// slice rewrites a slice's number (section 7.3.3).
func (n *numbers) slice(nal []byte, number int64) error {
	const atLeast = 16 // octets: more than what precedes the number
	var taken int
	n.plain, taken = unescape(n.plain[:0], nal, atLeast)
	b := bits{of: n.plain, at: 8}
	b.golomb() // first_mb_in_slice
	b.golomb() // slice_type
	b.golomb() // pic_parameter_set_id
	at := b.at
	if low := b.take(n.width); n.width == 0 || b.beyond || int64(low) != number&(1<<n.width-1) {
		return fmt.Errorf("%w: picture %d has number %d of %d bits", errNumbers, number, low, n.width)
	}
	w := bitsInto{to: n.wide[:0]}
	w.copy(n.plain, 0, at)
	w.put(uint32(number&(1<<(n.width+widerBy)-1)), n.width+widerBy)
	w.copy(n.plain, b.at, 8*len(n.plain))
	n.wide = w.to
	n.out = append(escape(n.out, n.wide), nal[taken:]...)
	return nil
}

// unescape appends so many octets of a NAL unit and some more, without what prevents start codes (section 7.4.1.1), and returns how many
// it took: up to one that is no zero, so that what follows stays as it is whatever becomes of them.
func unescape(to, nal []byte, atLeast int) (plain []byte, taken int) {
	zeros := 0
	for taken < len(nal) && (taken < atLeast || to[len(to)-1] == 0 || zeros > 0) {
		octet := nal[taken]
		taken++
		if zeros >= 2 && octet == 3 {
			zeros = 0
			continue
		}
		to = append(to, octet)
		if zeros++; octet != 0 {
			zeros = 0
		}
	}
	return to, taken
}

// escape is unescape's reverse.
func escape(to, plain []byte) []byte {
	zeros := 0
	for _, octet := range plain {
		if zeros >= 2 && octet <= 3 {
			to = append(to, 3)
			zeros = 0
		}
		to = append(to, octet)
		if zeros++; octet != 0 {
			zeros = 0
		}
	}
	return to
}

// bits reads, the most significant bit first. Behind the end there are zeros.
type bits struct {
	of     []byte
	at     int
	beyond bool
}

func (b *bits) take(count int) (value uint32) {
	for range count {
		value <<= 1
		if b.at < 8*len(b.of) {
			value |= uint32(b.of[b.at/8] >> (7 - b.at%8) & 1)
		} else {
			b.beyond = true
		}
		b.at++
	}
	return value
}

func (b *bits) skip(count int) { b.at += count }

// golomb takes an unsigned Exp-Golomb number (section 9.1).
func (b *bits) golomb() uint32 {
	zeros := 0
	for zeros < 31 && b.take(1) == 0 {
		zeros++
	}
	return 1<<zeros - 1 + b.take(zeros)
}

// bitsInto writes; the last octet is filled up with zeros.
type bitsInto struct {
	to   []byte
	free int
}

func (w *bitsInto) put(value uint32, count int) {
	for count > 0 {
		if w.free == 0 {
			w.to, w.free = append(w.to, 0), 8
		}
		n := min(count, w.free)
		w.free -= n
		count -= n
		w.to[len(w.to)-1] |= byte(value >> count & (1<<n - 1) << w.free)
	}
}

func (w *bitsInto) golomb(value uint32) {
	width := 0
	for (value+1)>>(width+1) != 0 {
		width++
	}
	w.put(0, width)
	w.put(value+1, width+1)
}

// copy appends bits from one position up to another.
func (w *bitsInto) copy(of []byte, from, to int) {
	b := bits{of: of, at: from}
	for b.at < to {
		count := min(8, to-b.at)
		w.put(b.take(count), count)
	}
}
