package fec

import (
	"encoding/binary"
	"fmt"
)

// Bounds of a Restorer.
const (
	keptPackets = 512 // of the stream; a power of two
	keptRepairs = 32
	maxPacket   = 1 << 11
)

// Restorer makes missing packets of one stream again. The zero value is ready. One goroutine uses it.
type Restorer struct {
	packets [keptPackets][]byte // by sequence number modulo
	repairs [keptRepairs]repair
	next    int
}

// repair is a repair packet that waits for what it protects.
type repair struct {
	ssrc      uint32
	sequences []uint16
	head      [8]byte
	body      []byte
}

// Media takes a packet of the stream, which is copied: a whole one, with zeros where the sender protected zeros. It returns
// a packet that can be made again now, nil for none.
func (r *Restorer) Media(packet []byte) []byte {
	if len(packet) < rtpHeader || len(packet) > maxPacket {
		return nil
	}
	slot := &r.packets[binary.BigEndian.Uint16(packet[2:])%keptPackets]
	*slot = append((*slot)[:0], packet...)
	return r.restore()
}

// Repair takes a repair packet's payload. It returns a packet that can be made again now, nil for none.
func (r *Restorer) Repair(payload []byte) ([]byte, error) {
	read, err := parse(payload)
	if err != nil {
		return nil, err
	}
	r.repairs[r.next] = read
	r.next = (r.next + 1) % keptRepairs
	return r.restore(), nil
}

// restore looks for a repair packet all of whose packets but one are there.
func (r *Restorer) restore() []byte {
	for i := range r.repairs {
		repair := &r.repairs[i]
		if len(repair.sequences) == 0 {
			continue
		}
		missing, at := 0, uint16(0)
		for _, sequence := range repair.sequences {
			if !r.has(repair.ssrc, sequence) {
				missing, at = missing+1, sequence
			}
		}
		if missing > 1 {
			continue
		}
		restored := []byte(nil)
		if missing == 1 {
			restored = r.make(repair, at)
		}
		repair.sequences = nil // it has done what it could
		if restored != nil {
			slot := &r.packets[at%keptPackets]
			*slot = append((*slot)[:0], restored...)
			return restored
		}
	}
	return nil
}

func (r *Restorer) has(ssrc uint32, sequence uint16) bool {
	packet := r.packets[sequence%keptPackets]
	return len(packet) >= rtpHeader && binary.BigEndian.Uint16(packet[2:]) == sequence && binary.BigEndian.Uint32(packet[8:]) == ssrc
}

// make is the packet that a repair packet comes to without the others; nil where that is none.
func (r *Restorer) make(repair *repair, sequence uint16) []byte {
	head, body := repair.head, append([]byte(nil), repair.body...)
	for _, other := range repair.sequences {
		if other != sequence {
			head, body = fold(head, body, r.packets[other%keptPackets])
		}
	}
	length := int(binary.BigEndian.Uint16(head[2:]))
	if length > len(body) || length > maxPacket-rtpHeader {
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
func parse(payload []byte) (repair, error) {
	if len(payload) < fixed+firstMask {
		return repair{}, ErrShort
	}
	if len(payload) > maxPacket || payload[0]>>6 != 0 || payload[8] != 1 {
		return repair{}, fmt.Errorf("%w: %d octets, flags %d, %d streams", ErrForm, len(payload), payload[0]>>6, payload[8])
	}
	read := repair{ssrc: binary.BigEndian.Uint32(payload[12:])}
	copy(read.head[:], payload)
	base := binary.BigEndian.Uint16(payload[16:])
	at, offset, last := fixed, 0, false
	for _, part := range [...]struct{ octets, bits int }{{firstMask, 15}, {secondMask, 31}, {thirdMask, 63}} {
		if last {
			break
		}
		if len(payload) < at+part.octets {
			return repair{}, ErrShort
		}
		var mask uint64
		for _, octet := range payload[at : at+part.octets] {
			mask = mask<<8 | uint64(octet)
		}
		last = mask>>part.bits&1 == 1
		for bit := range part.bits {
			if mask>>(part.bits-1-bit)&1 == 1 {
				read.sequences = append(read.sequences, base+uint16(offset+bit))
			}
		}
		at, offset = at+part.octets, offset+part.bits
	}
	if !last {
		return repair{}, fmt.Errorf("%w: a mask without end", ErrForm)
	}
	read.body = append([]byte(nil), payload[at:]...)
	return read, nil
}
