package netsim

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Network is two sides joined by a pair of links, within one process: a test gives its peers Conns of either side where they
// would have UDP sockets. All conns of a side share the link to the other one. There is no way between conns of one side.
//
// Time is package time's, so that it is simulated within testing/synctest. Outside, packets are up to a few milliseconds
// late, as Go's timers are; a Relay is exact.
type Network struct {
	start time.Time
	wake  chan struct{} // holds a token when something was sent

	mu    sync.Mutex
	ways  [2]*Link // from near to far, and back
	sides [2]map[netip.AddrPort]*Conn
	conns []*Conn // Packet.Flow is from<<16 | to, of these
	batch []Packet

	unroutable, overrun uint64
}

// NetworkStats is what a network has seen: the links, and what went astray besides.
type NetworkStats struct {
	Out, Back Counters // from near to far, and from far to near
	// Unroutable counts packets to an address that no conn of the other side has, Overrun those that came while a conn had
	// connBacklog packets unread.
	Unroutable, Overrun uint64
}

const (
	connBacklog = 256     // packets that wait to be read: about what a UDP socket's usual 208 KiB hold
	maxConns    = 1 << 16 // that Packet.Flow can tell apart
)

// NewNetwork makes a network whose near side reaches the far one over out, and is reached over back. Nothing moves before
// Run.
func NewNetwork(out, back Config) (*Network, error) {
	n := &Network{start: time.Now(), wake: make(chan struct{}, 1)}
	for i, config := range []Config{out, back} {
		way, err := NewLink(config)
		if err != nil {
			return nil, err
		}
		n.ways[i], n.sides[i] = way, map[netip.AddrPort]*Conn{}
	}
	return n, nil
}

// Near opens a conn of the near side. The address is a name only, that nothing else of that side has.
func (n *Network) Near(address netip.AddrPort) (*Conn, error) { return n.open(0, address) }

// Far opens a conn of the far side.
func (n *Network) Far(address netip.AddrPort) (*Conn, error) { return n.open(1, address) }

func (n *Network) open(side int, address netip.AddrPort) (*Conn, error) {
	address = netip.AddrPortFrom(address.Addr().Unmap(), address.Port())
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case !address.IsValid():
		return nil, fmt.Errorf("open a conn: %v is no address", address)
	case n.sides[side][address] != nil:
		return nil, fmt.Errorf("open a conn: %v is taken", address)
	case len(n.conns) == maxConns:
		return nil, fmt.Errorf("open a conn: there were %d already", maxConns)
	}
	c := &Conn{network: n, side: side, index: len(n.conns), address: address, arrived: make(chan struct{}, 1), changed: make(chan struct{})}
	n.conns = append(n.conns, c)
	n.sides[side][address] = c
	return c, nil
}

// Run carries packets until ctx ends, and returns its error.
func (n *Network) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if at, due := n.deliver(); due {
			timer.Reset(at - time.Since(n.start))
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-n.wake:
		}
	}
}

// deliver hands out what has arrived, and says when something next will.
func (n *Network) deliver() (at time.Duration, due bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at = never
	for _, way := range n.ways {
		n.batch = way.Receive(time.Since(n.start), n.batch[:0])
		for _, p := range n.batch {
			if !n.conns[p.Flow&(maxConns-1)].put(p.Data, n.conns[p.Flow>>16].address, p.ECN) {
				n.overrun++
			}
		}
		if next, any := way.Next(); any {
			at, due = min(at, next), true
		}
	}
	return at, due
}

// send does as UDP does: nobody says what becomes of a packet.
func (n *Network) send(from *Conn, data []byte, to netip.AddrPort, ecn ECN) {
	n.mu.Lock()
	defer n.mu.Unlock()
	target := n.sides[1-from.side][to]
	if target == nil {
		n.unroutable++
		return
	}
	n.ways[from.side].Send(time.Since(n.start), Packet{Data: data, ECN: ecn, Flow: from.index<<16 | target.index})
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Stats returns what the network has seen up to now.
func (n *Network) Stats() NetworkStats {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Since(n.start)
	return NetworkStats{n.ways[0].Counters(now), n.ways[1].Counters(now), n.unroutable, n.overrun}
}
