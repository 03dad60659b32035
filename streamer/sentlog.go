package streamer

import "nearlight/internal/media"

// loggedPackets is how many packets wait for the player's report on them: half a second at 80 Mbit/s. A power of two.
const loggedPackets = 4096

// sentPacket is what is remembered of a packet until the player reports on it.
type sentPacket struct {
	number    uint16 // transport-wide
	sequence  uint16
	ssrc      uint32
	timestamp uint32        // of its frame
	size      int           // octets, as the network carries them in UDP
	at        media.Instant // when it left; 0 until then
}

// sentLog numbers the packets of a connection, whatever their streams, and remembers when each left
// (draft-holmer-rmcat-transport-wide-cc-extensions-01). Its owner guards it.
type sentLog struct {
	packets [loggedPackets]sentPacket
	next    uint16
	waiting uint16 // the first packet whose departure is not known; next for none
	last    media.Instant
}

// add numbers a packet that is about to leave, of so many octets before encryption.
func (l *sentLog) add(ssrc uint32, sequence uint16, timestamp uint32, size int) {
	l.packets[l.next%loggedPackets] = sentPacket{number: l.next, sequence: sequence, ssrc: ssrc, timestamp: timestamp, size: size}
	l.next++
}

// departed records when a packet left. Packets leave in the order in which they were added.
func (l *sentLog) departed(ssrc uint32, sequence uint16, size int, at media.Instant) {
	for number := l.waiting; number != l.next; number++ {
		if p := &l.packets[number%loggedPackets]; p.ssrc == ssrc && p.sequence == sequence && p.at == 0 {
			p.at, p.size = at, size
			if number == l.waiting {
				l.waiting++
			}
			l.last = at
			return
		}
	}
}

// assume takes packets whose departure nobody reported to have left at the instant given.
func (l *sentLog) assume(at media.Instant) {
	for ; l.waiting != l.next; l.waiting++ {
		if p := &l.packets[l.waiting%loggedPackets]; p.at == 0 {
			p.at, l.last = at, at
		}
	}
}

// newest is when the last packet left.
func (l *sentLog) newest() media.Instant { return l.last }

// find returns a packet by its transport-wide number, nil when it is not known any more.
func (l *sentLog) find(number uint16) *sentPacket {
	p := &l.packets[number%loggedPackets]
	if p.number != number || p.at == 0 {
		return nil
	}
	return p
}
