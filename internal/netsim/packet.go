package netsim

import "time"

// ECN is the two bits of the IP header that say whether a packet may be marked, and whether it was (RFC 3168 section 5).
type ECN uint8

// The code points of the ECN field. ECT1 asks for the low-latency queue of DualPI2 (RFC 9331 section 4.1).
const (
	NotECT ECN = iota // congestion is told by loss
	ECT1
	ECT0
	CE // congestion was experienced
)

// Middlebox is what a path does to packets whose ECN field asks for something (RFC 6679 section 7.2.2 lists what was met).
type Middlebox uint8

// What a path does.
const (
	ECNPasses Middlebox = iota
	// ECNBleached makes every packet NotECT before it comes to the queue.
	ECNBleached
	// ECNDropped loses packets that are not NotECT.
	ECNDropped
)

// Packet is one packet that crosses a Link. The first fields are the sender's, the last two the link's.
type Packet struct {
	// Data is the payload. The link copies it on Send; what Receive hands out is valid until the next Receive. A simulation
	// that only counts may leave it empty and give a Size.
	Data []byte
	// Size is how many octets the packet takes on the link. 0 means the length of Data and Config.Headers.
	Size int
	ECN  ECN
	// Flow and ID are carried as they are: for example which of several flows, and which packet of it.
	Flow int
	ID   uint64

	Sent    time.Duration // when it was handed to the link
	Arrived time.Duration // when it came out

	entered time.Duration // when it entered the queue
	bulk    int           // 1 and up: belongs to Config.Bulk[bulk-1], and is virtual
	marked  bool          // by the queue
}
