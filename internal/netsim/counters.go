package netsim

import "time"

// Counters is what a link has seen since its beginning. At every instant, of the packets that were handed to it,
//
//	Sent + Duplicated = Delivered + LostRandom + LostQueue + LostAQM + LostFull + Pending
//
// and the same holds for Bulk by itself. Octets are those that the packets take on the link (Packet.Size).
type Counters struct {
	Flows // of the packets that were handed to the link

	Duplicated uint64
	Reordered  uint64 // held back until they were overtaken
	LostFull   uint64 // for want of memory (Config.MaxPending); if it is not 0, the link is not what it should be

	Bulk Flows // of the virtual packets of Config.Bulk

	// QueueDelay is how long packets waited before they began to be carried, those of Bulk included.
	QueueDelay Histogram

	// Carried is how many octets passed the bottleneck, those of Bulk included; Capacity how many could have. A utilisation
	// between two instants is the quotient of the differences. Both are 0 without a Rate.
	Carried, Capacity int64
	At                time.Duration // up to which instant this counts
}

// Flows counts packets of one kind.
type Flows struct {
	Sent, SentOctets           uint64
	Delivered, DeliveredOctets uint64
	LostRandom                 uint64 // by Config.Loss
	LostQueue                  uint64 // refused: the queue was full
	LostAQM                    uint64 // taken and dropped by the queue's algorithm
	Marked                     uint64 // CE was set by the queue
	Pending                    uint64 // still under way
}

// Utilisation is the share of the rate that was used, 0 without a Rate.
func (c *Counters) Utilisation() float64 {
	if c.Capacity == 0 {
		return 0
	}
	return float64(c.Carried) / float64(c.Capacity)
}
