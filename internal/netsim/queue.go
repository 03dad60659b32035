package netsim

import (
	"fmt"
	"time"
)

// Queue is how packets wait for the bottleneck: DropTail, CoDel or DualPI2.
type Queue interface {
	check() error
	// queue makes an empty queue before a bottleneck of the given rate. What it drops after having taken it goes to dropped.
	queue(rate Rate, dropped func(Packet)) queue
}

type queue interface {
	// push takes a packet that comes at p.entered, or reports that there is no room.
	push(p Packet) bool
	// pop returns the packet that is carried next, if any is left after what the queue drops.
	pop(now time.Duration) (Packet, bool)
	len() int
}

// DefaultQueueOctets is 1000 packets of 1500 octets: the length of the queue that Linux gives an Ethernet card.
const DefaultQueueOctets = 1000 * 1500

// mtu is the packet that a queue always has room to wait for, in CoDel's and DualPI2's sense.
const mtu = 1500

func checkOctets(octets int) error {
	if octets < 0 {
		return fmt.Errorf("a queue of %d octets: give 0 or more", octets)
	}
	return nil
}

// fifo is packets in order, bounded by their octets.
type fifo struct {
	packets ring[Packet]
	octets  int
	limit   int
}

func newFIFO(limit int) fifo {
	if limit == 0 {
		limit = DefaultQueueOctets
	}
	return fifo{limit: limit}
}

func (f *fifo) fits(p *Packet) bool { return f.octets+p.Size <= f.limit }

func (f *fifo) push(p Packet) {
	f.octets += p.Size
	f.packets.push(p)
}

func (f *fifo) pop() Packet {
	p := f.packets.pop()
	f.octets -= p.Size
	return p
}

func (f *fifo) len() int { return f.packets.count }

// waited returns how long the oldest packet has been there.
func (f *fifo) waited(now time.Duration) time.Duration {
	if f.packets.count == 0 {
		return 0
	}
	return now - f.packets.at(0).entered
}
