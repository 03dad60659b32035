package streamer

import "nearlight/internal/media"

// loggedPackets is how many packets wait for the player's report on them: half a second at 80 Mbit/s. A power of two.
const loggedPackets = 4096

// sentPacket is what is remembered of a packet until the player reports on it.
type sentPacket struct {
	number   int64 // transport-wide; the packet carries the low 16 bits
	ssrc     uint32
	sequence uint16
	repeat   bool
	padding  bool // a repeat that nobody asked for
	repair   bool
	audio    bool
	ect      bool          // it says that it is ECN-capable
	frame    int64         // that it belongs to, but for audio
	size     int           // octets, as the network carries them in UDP
	at       media.Instant // when it left; 0 until then
}

// sentLog numbers the packets of a connection, whatever their streams, and remembers when each left
// (draft-holmer-rmcat-transport-wide-cc-extensions-01). Its owner guards it.
type sentLog struct {
	packets [loggedPackets]sentPacket
	next    int64
	waiting int64 // the first packet whose departure is not known; next for none
	told    int64 // the first packet that settled has not returned yet
	last    media.Instant
}

// add numbers a packet that is about to leave, of so many octets before encryption.
func (l *sentLog) add(p sentPacket) {
	p.number = l.next
	l.packets[l.next%loggedPackets] = p
	l.next++
}

// departed records when a packet left. Packets leave in the order in which they were added.
func (l *sentLog) departed(ssrc uint32, sequence uint16, size int, at media.Instant) {
	for number := l.waiting; number != l.next; number++ {
		if p := &l.packets[number%loggedPackets]; p.ssrc == ssrc && p.sequence == sequence && p.at == 0 {
			p.at, p.size = at, size
			l.note(p)
			if number == l.waiting {
				l.waiting++
			}
			return
		}
	}
}

// assume takes packets whose departure nobody reported to have left at the instant given.
func (l *sentLog) assume(at media.Instant) {
	for ; l.waiting != l.next; l.waiting++ {
		if p := &l.packets[l.waiting%loggedPackets]; p.at == 0 {
			p.at = at
			l.note(p)
		}
	}
}

// settled returns the next packet whose departure is known, in the order of sending; nil when there is none.
func (l *sentLog) settled() *sentPacket {
	if l.told == l.waiting {
		return nil
	}
	l.told = max(l.told, l.waiting-loggedPackets)
	p := &l.packets[l.told%loggedPackets]
	l.told++
	return p
}

// note remembers when the newest packet of the picture left.
func (l *sentLog) note(p *sentPacket) {
	if !p.audio {
		l.last = p.at
	}
}

// newest is when the last packet of the picture left.
func (l *sentLog) newest() media.Instant { return l.last }
