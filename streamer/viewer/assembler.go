package viewer

import (
	"fmt"
	"time"

	"github.com/pion/rtp"

	"nearlight/internal/media"
	"nearlight/streamer/dependency"
)

// Bounds of the assembler. A packet that is missing for longer than patience, or that so many have overtaken, is given
// up: the frame it belongs to and all that refer to it are lost. Where the packets tell which frames each needs, it goes on sooner: as
// soon as a later frame is there that needs nothing of what is missing.
const (
	reorderWindow = 1024                   // packets; a power of two
	patience      = 350 * time.Millisecond // longer than repeats are sent for
	maxAccessUnit = 16 << 20               // bytes; no real frame is larger
)

// AccessUnit is one coded frame as it came from the network. Data is valid until the next call of the assembler.
type AccessUnit struct {
	Codec       media.Codec
	Data        []byte // H.264 and HEVC: Annex B; AV1: OBUs that tell their sizes
	RTP         uint32
	FirstPacket media.Instant // when its first packet to come came
	LastPacket  media.Instant
	Packets     int

	complete bool
	keyframe func(unit []byte) bool
	place    place // of its first packet
}

// Keyframe reports whether decoding can start at the unit.
func (u *AccessUnit) Keyframe() bool { return u.keyframe(u.Data) }

// assembler puts packets in order and joins them into access units. It is pure: arrival times are handed to it. One
// goroutine uses it.
type assembler struct {
	packets [reorderWindow]arrived // by sequence number modulo the window
	next    uint16                 // first sequence number not yet consumed
	started bool
	newest  uint16
	gapFrom media.Instant // since when next is missing, 0 when it is not

	dependencyID uint8 // of the dependency descriptor; 0 when not negotiated
	dependencies dependency.Reader
	delivered    delivered

	format       format
	depacketizer depacketizer // new for each access unit
	unit         AccessUnit
	broken       bool // a packet of the current access unit is lost

	received, lost int // since counts was asked last
}

type arrived struct {
	packet *rtp.Packet
	at     media.Instant
	place  place
}

func newAssembler(f format) *assembler {
	a := &assembler{format: f}
	a.reset()
	return a
}

// push takes one packet. Duplicates and packets from before what was consumed are dropped.
func (a *assembler) push(p *rtp.Packet, at media.Instant) {
	if !a.started {
		a.started, a.next, a.newest = true, p.SequenceNumber, p.SequenceNumber
	}
	ahead := int16(p.SequenceNumber - a.next)
	if ahead < 0 {
		return
	}
	if int16(p.SequenceNumber-a.newest) > 0 {
		a.newest = p.SequenceNumber
	}
	for int16(p.SequenceNumber-a.next) >= reorderWindow {
		a.giveUp()
	}
	slot := &a.packets[p.SequenceNumber%reorderWindow]
	if slot.packet == nil {
		*slot = arrived{packet: p, at: at}
		a.received++
		if a.dependencyID != 0 {
			slot.place = placeOf(&a.dependencies, p.GetExtension(a.dependencyID))
		}
	}
}

// pop returns the next whole access unit. It returns nil, false when more packets are needed, and nil, true when something was
// lost for good, so that the caller asks for a keyframe.
func (a *assembler) pop(now media.Instant) (*AccessUnit, bool, error) {
	for a.started {
		slot := &a.packets[a.next%reorderWindow]
		if slot.packet == nil {
			if a.next == a.newest+1 { // nothing is missing
				a.gapFrom = 0
				return nil, false, nil
			}
			if a.gapFrom == 0 {
				a.gapFrom = now
			}
			if a.skip() {
				continue
			}
			if now.Sub(a.gapFrom) < patience {
				return nil, false, nil
			}
			a.giveUp()
			continue
		}
		a.gapFrom = 0
		took := *slot
		*slot = arrived{}
		a.next++
		done, err := a.take(took.packet, took.at, took.place)
		if err != nil {
			return nil, false, err
		}
		if !done {
			continue
		}
		if a.broken || a.unit.place.known && !a.delivered.decodable(a.unit.place) {
			a.reset()
			return nil, true, nil
		}
		if a.unit.place.known {
			a.delivered.add(a.unit.place.frame)
		}
		return &a.unit, false, nil
	}
	return nil, false, nil
}

func (a *assembler) giveUp() {
	a.packets[a.next%reorderWindow] = arrived{}
	a.next++
	a.lost++
	a.broken = true
}

// counts is how many packets came, repeated and restored ones among them, and how many were given up, since it was asked last.
func (a *assembler) counts() (received, lost int) {
	received, lost = a.received, a.lost
	a.received, a.lost = 0, 0
	return received, lost
}

func (a *assembler) reset() {
	a.unit = AccessUnit{Codec: a.format.codec, Data: a.unit.Data[:0], keyframe: a.format.keyframe}
	a.broken = false
	a.depacketizer = a.format.depacketizer()
}

// take adds one packet, in order, and reports whether it ends the access unit.
func (a *assembler) take(p *rtp.Packet, at media.Instant, where place) (bool, error) {
	if a.unit.Packets > 0 && (a.unit.RTP != p.Timestamp || a.unit.complete) {
		broken := a.broken // the end of the unit before, or the beginning of this one: neither can be decoded from
		a.reset()
		a.broken = broken
	}
	if a.unit.Packets == 0 {
		a.unit.RTP, a.unit.FirstPacket, a.unit.place = p.Timestamp, at, where
		a.broken = a.broken || where.unclear || where.known && !where.first
	}
	a.unit.Packets++
	a.unit.LastPacket = max(a.unit.LastPacket, at)
	a.unit.FirstPacket = min(a.unit.FirstPacket, at)
	if len(p.Payload) > 0 && !a.broken {
		part, err := a.depacketizer.Unmarshal(p.Payload)
		if err != nil {
			return false, fmt.Errorf("packet %d: %w", p.SequenceNumber, err)
		}
		if len(a.unit.Data)+len(part) > maxAccessUnit {
			return false, fmt.Errorf("access unit larger than %d bytes", maxAccessUnit)
		}
		a.unit.Data = append(a.unit.Data, part...)
	}
	a.unit.complete = p.Marker
	return p.Marker, nil
}
