package fec

import (
	"encoding/binary"
	"fmt"
)

// Bounds of a Restorer.
const (
	keptPackets = 512 // of the stream; a power of two
	keptRepairs = 64
	maxPacket   = 1 << 11
)

// Restorer makes missing packets of one stream again: all that can be, one by one, where each may complete the next. The zero value is
// ready. One goroutine uses it.
type Restorer struct {
	packets [keptPackets][]byte // by sequence number modulo
	repairs [keptRepairs]repair
	next    int
	solved  int // repairs of which exactly one packet is missing
}

// repair is a repair packet that waits for what it protects.
type repair struct {
	waits   bool
	missing int // of what it protects
	ssrc    uint32
	base    uint16
	mask    mask
	head    [8]byte
	body    []byte
}

// mask says which packets are protected, by their distance from the base.
type mask [(MaxSpan + 63) / 64]uint64

func (m *mask) set(at int)      { m[at/64] |= 1 << (at % 64) }
func (m *mask) has(at int) bool { return m[at/64]>>(at%64)&1 == 1 }

// Media takes a packet of the stream, which is copied: a whole one, with zeros where the sender protected zeros. Restored returns what it
// completes.
func (r *Restorer) Media(packet []byte) {
	if len(packet) >= rtpHeader && len(packet) <= maxPacket {
		r.keep(packet)
	}
}

// Repair takes a repair packet's payload, which is copied. Restored returns what it completes.
func (r *Restorer) Repair(payload []byte) error {
	slot := &r.repairs[r.next]
	if slot.waits && slot.missing == 1 {
		r.solved--
	}
	slot.waits = false
	if err := slot.parse(payload); err != nil {
		return err
	}
	r.next = (r.next + 1) % keptRepairs
	for at := range MaxSpan {
		if slot.mask.has(at) && !r.has(slot.ssrc, slot.base+uint16(at)) {
			slot.missing++
		}
	}
	if slot.waits = slot.missing > 0; slot.waits && slot.missing == 1 {
		r.solved++
	}
	return nil
}

// Restored returns a packet that can be made again now, nil for none. It is called until there is none: one packet may complete others.
// What it returns is the caller's.
func (r *Restorer) Restored() []byte {
	for i := range r.repairs {
		if r.solved == 0 {
			return nil
		}
		slot := &r.repairs[i]
		if !slot.waits || slot.missing != 1 {
			continue
		}
		slot.waits = false // it does now what it can
		r.solved--
		if restored := r.restore(slot); restored != nil {
			r.keep(restored)
			return restored
		}
	}
	return nil
}

// keep remembers a packet, and tells the repair packets that wait for it.
func (r *Restorer) keep(packet []byte) {
	sequence, ssrc := binary.BigEndian.Uint16(packet[2:]), binary.BigEndian.Uint32(packet[8:])
	if r.has(ssrc, sequence) {
		return
	}
	slot := &r.packets[sequence%keptPackets]
	*slot = append((*slot)[:0], packet...)
	for i := range r.repairs {
		repair := &r.repairs[i]
		at := int(sequence - repair.base)
		if !repair.waits || repair.ssrc != ssrc || at >= MaxSpan || !repair.mask.has(at) {
			continue
		}
		repair.missing--
		switch repair.missing {
		case 1:
			r.solved++
		case 0:
			r.solved--
			repair.waits = false
		}
	}
}

func (r *Restorer) has(ssrc uint32, sequence uint16) bool {
	packet := r.packets[sequence%keptPackets]
	return len(packet) >= rtpHeader && binary.BigEndian.Uint16(packet[2:]) == sequence && binary.BigEndian.Uint32(packet[8:]) == ssrc
}

// restore is the one packet that a repair packet misses; nil where it comes to none, or where others are gone again, which were so long
// ago that newer ones took their places.
func (r *Restorer) restore(repair *repair) []byte {
	head, body := repair.head, append([]byte(nil), repair.body...)
	sequence, missing := uint16(0), 0
	for at := range MaxSpan {
		if !repair.mask.has(at) {
			continue
		}
		other := repair.base + uint16(at)
		if !r.has(repair.ssrc, other) {
			sequence, missing = other, missing+1
			continue
		}
		head, body = fold(head, body, r.packets[other%keptPackets])
	}
	length := int(binary.BigEndian.Uint16(head[2:]))
	if missing != 1 || length > len(body) || length > maxPacket-rtpHeader {
		return nil
	}
	packet := make([]byte, rtpHeader, rtpHeader+length)
	const version = 2
	packet[0], packet[1] = head[0]&0x3f|version<<6, head[1]
	binary.BigEndian.PutUint16(packet[2:], sequence)
	copy(packet[4:], head[4:8])
	binary.BigEndian.PutUint32(packet[8:], repair.ssrc)
	return append(packet, body[:length]...)
}

// parse reads a repair packet's payload.
func (r *repair) parse(payload []byte) error {
	if len(payload) < fixed+firstMask {
		return ErrShort
	}
	if len(payload) > maxPacket || payload[0]>>6 != 0 || payload[8] != 1 {
		return fmt.Errorf("%w: %d octets, flags %d, %d streams", ErrForm, len(payload), payload[0]>>6, payload[8])
	}
	*r = repair{ssrc: binary.BigEndian.Uint32(payload[12:]), base: binary.BigEndian.Uint16(payload[16:]), body: r.body[:0]}
	copy(r.head[:], payload)
	at, offset, last := fixed, 0, false
	for _, part := range [...]struct{ octets, bits int }{{firstMask, 15}, {secondMask, 31}, {thirdMask, 63}} {
		if last {
			break
		}
		if len(payload) < at+part.octets {
			return ErrShort
		}
		var bits uint64
		for _, octet := range payload[at : at+part.octets] {
			bits = bits<<8 | uint64(octet)
		}
		last = bits>>part.bits&1 == 1
		for bit := range part.bits {
			if bits>>(part.bits-1-bit)&1 == 1 {
				r.mask.set(offset + bit)
			}
		}
		at, offset = at+part.octets, offset+part.bits
	}
	if !last {
		return fmt.Errorf("%w: a mask without end", ErrForm)
	}
	r.body = append(r.body, payload[at:]...)
	return nil
}
