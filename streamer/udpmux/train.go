package udpmux

import (
	"net/netip"

	"nearlight/internal/media"
)

// A train is at most so long: what fits the kernel's largest send by segments, 64 of them, three times. A longer one leaves in parts.
const (
	trainPackets = 192
	trainBytes   = 256 << 10
)

// train is packets to one destination that leave together. The packets lie in one buffer one after the other, so that a
// run of equally long ones, whose last may be shorter, is a piece of it that the kernel cuts (UDP_SEGMENT).
type train struct {
	socket  *socket
	to      netip.AddrPort
	ecn     ecn
	buffer  []byte // of capacity trainBytes
	packets []piece
	sent    int // packets that left
	system  system
}

// piece is a packet's place in the buffer.
type piece struct {
	from, to int
	left     media.Instant // when the kernel was given it
}

// ecn is the two ECN bits of an IP header (RFC 3168 section 5).
type ecn byte

// ect1 says that the sender answers to congestion marks as RFC 9331 asks.
const ect1 ecn = 1

func newTrain() *train {
	t := &train{buffer: make([]byte, 0, trainBytes), packets: make([]piece, 0, trainPackets)}
	t.system.init(t)
	return t
}

func (t *train) clear() { t.buffer, t.packets, t.sent = t.buffer[:0], t.packets[:0], 0 }

func (t *train) empty() bool { return len(t.packets) == 0 }

// begin sets where the packets go that are added next.
func (t *train) begin(s *socket, to netip.AddrPort, mark ecn) { t.socket, t.to, t.ecn = s, to, mark }

// fits reports whether a packet may be added.
func (t *train) fits(s *socket, to netip.AddrPort, mark ecn, data []byte) bool {
	return t.empty() || t.socket == s && t.to == to && t.ecn == mark && len(t.packets) < trainPackets && len(t.buffer)+len(data) <= trainBytes
}

func (t *train) add(data []byte) {
	from := len(t.buffer)
	t.buffer = append(t.buffer, data...)
	t.packets = append(t.packets, piece{from: from, to: len(t.buffer)})
}

func (t *train) packet(n int) []byte { return t.buffer[t.packets[n].from:t.packets[n].to] }

// run returns the end of the longest run of packets from first on that the kernel can cut from one buffer.
func (t *train) run(first, most int) int {
	size := t.packets[first].to - t.packets[first].from
	end := first + 1
	for end < len(t.packets) && end-first < most && t.packets[end].to-t.packets[first].from <= largestRun {
		length := t.packets[end].to - t.packets[end].from
		if length > size {
			break
		}
		end++
		if length < size {
			break // only the last one may be shorter
		}
	}
	return end
}

// largestRun is what one send may hold at most: a UDP datagram's own limit over IPv4, though it leaves in parts.
const largestRun = 65507

// departed records that packets up to end have left, of which the kernel was given all at one instant.
func (t *train) departed(end int, at media.Instant) {
	bytes := t.packets[end-1].to - t.packets[t.sent].from
	t.socket.sent(end-t.sent, bytes, nil)
	for ; t.sent < end; t.sent++ {
		t.packets[t.sent].left = at
	}
}

// sendOneByOne sends what has not left without any help from the kernel.
func (t *train) sendOneByOne() error {
	for t.sent < len(t.packets) {
		at := media.Now()
		if _, err := t.socket.UDPConn.WriteToUDPAddrPort(t.packet(t.sent), t.to); err != nil {
			t.socket.sent(0, 0, err)
			return err
		}
		t.departed(t.sent+1, at)
	}
	return nil
}
