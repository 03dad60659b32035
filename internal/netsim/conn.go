package netsim

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Conn is a net.PacketConn of a Network. It has the methods by which pion reads and writes without allocating as well. It
// is safe for concurrent use.
type Conn struct {
	network *Network
	side    int
	index   int
	address netip.AddrPort
	arrived chan struct{} // holds a token when something is there to be read

	mu       sync.Mutex
	backlog  ring[datagram]
	free     [][]byte
	deadline time.Time
	closed   bool
	changed  chan struct{} // closed, and replaced, when one of the two above changes
}

type datagram struct {
	data []byte
	from netip.AddrPort
	ecn  ECN
}

var _ net.PacketConn = (*Conn)(nil)

// put reports whether there was room.
func (c *Conn) put(data []byte, from netip.AddrPort, ecn ECN) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return true
	}
	if c.backlog.count == connBacklog {
		return false
	}
	var buffer []byte
	if n := len(c.free); n > 0 {
		buffer, c.free = c.free[n-1], c.free[:n-1]
	}
	c.backlog.push(datagram{append(buffer[:0], data...), from, ecn})
	c.notify()
	return true
}

func (c *Conn) notify() {
	select {
	case c.arrived <- struct{}{}:
	default:
	}
}

// ReadFromAddrPort reads one datagram. What does not fit into data is cut off.
func (c *Conn) ReadFromAddrPort(data []byte) (int, netip.AddrPort, error) {
	n, from, _, err := c.ReadECN(data)
	return n, from, err
}

// ReadECN is ReadFromAddrPort that tells what a datagram's ECN field was when it came.
func (c *Conn) ReadECN(data []byte) (int, netip.AddrPort, ECN, error) {
	for {
		n, from, ecn, err := c.take(data)
		if !errors.Is(err, errNothing) {
			return n, from, ecn, err
		}
		c.wait()
	}
}

// errNothing says that nothing has come yet, and nothing speaks against waiting.
var errNothing = errors.New("nothing to read")

func (c *Conn) take(data []byte) (n int, from netip.AddrPort, ecn ECN, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return 0, from, NotECT, c.failed("read", net.ErrClosed)
	case !c.deadline.IsZero() && !time.Now().Before(c.deadline):
		return 0, from, NotECT, c.failed("read", os.ErrDeadlineExceeded)
	case c.backlog.count == 0:
		return 0, from, NotECT, errNothing
	}
	d := c.backlog.pop()
	n = copy(data, d.data)
	c.free = append(c.free, d.data)
	if c.backlog.count > 0 {
		c.notify() // there may be other readers
	}
	return n, d.from, d.ecn, nil
}

// wait returns when it is worth another try.
func (c *Conn) wait() {
	c.mu.Lock()
	changed := c.changed
	var late <-chan time.Time
	if !c.deadline.IsZero() {
		timer := time.NewTimer(time.Until(c.deadline))
		defer timer.Stop()
		late = timer.C
	}
	c.mu.Unlock()
	select {
	case <-c.arrived:
	case <-changed:
	case <-late:
	}
}

// ReadFrom is ReadFromAddrPort for net.PacketConn.
func (c *Conn) ReadFrom(data []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromAddrPort(data)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteToAddrPort sends one datagram, which is copied. It never waits.
func (c *Conn) WriteToAddrPort(data []byte, to netip.AddrPort) (int, error) {
	return c.WriteECN(data, to, NotECT)
}

// WriteECN is WriteToAddrPort with an ECN field.
func (c *Conn) WriteECN(data []byte, to netip.AddrPort, ecn ECN) (int, error) {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return 0, c.failed("write", net.ErrClosed)
	}
	c.network.send(c, data, to, ecn)
	return len(data), nil
}

// WriteTo is WriteToAddrPort for net.PacketConn; the address is a *net.UDPAddr.
func (c *Conn) WriteTo(data []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, c.failed("write", fmt.Errorf("%v is no UDP address", to))
	}
	address := udp.AddrPort()
	return c.WriteToAddrPort(data, netip.AddrPortFrom(address.Addr().Unmap(), address.Port()))
}

func (c *Conn) failed(operation string, err error) error {
	return &net.OpError{Op: operation, Net: "udp", Addr: c.LocalAddr(), Err: err}
}

// LocalAddr returns the address that the conn was opened with.
func (c *Conn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.address) }

// Close ends reads that wait and frees the address. What is under way to the conn is lost.
func (c *Conn) Close() error {
	c.network.mu.Lock()
	if c.network.sides[c.side][c.address] == c {
		delete(c.network.sides[c.side], c.address)
	}
	c.network.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.failed("close", net.ErrClosed)
	}
	c.closed = true
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

// SetDeadline is SetReadDeadline: writes never wait.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline ends reads at t, those that wait included; the zero time means never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

// SetWriteDeadline has nothing to do: writes never wait.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }
