package udpmux

import (
	"errors"
	"io"
	"net"
	"net/netip"

	"github.com/pion/ice/v4"
)

// lastingMux gives sessions ends of the sockets whose closing is not fatal to who writes to them at that moment. An ICE restart
// closes them while the connection goes on: data channels, which take an error of the socket for their own end, would end the
// connection for a packet that was in the way.
type lastingMux struct{ ice.UDPMux }

// GetConn implements ice.UDPMux.
func (m lastingMux) GetConn(ufrag string, address net.Addr) (net.PacketConn, error) {
	conn, err := m.UDPMux.GetConn(ufrag, address)
	if err != nil {
		return nil, err
	}
	direct, is := conn.(ice.AddrPortReaderWriter)
	if !is {
		return nil, errors.Join(errors.New("the ICE agent's sockets are slow ones"), conn.Close())
	}
	return &lastingConn{PacketConn: conn, AddrPortReaderWriter: direct}, nil
}

// lastingConn loses what is written to it once it is closed, as a network without a way does. Reading ends with it as usual.
type lastingConn struct {
	net.PacketConn
	ice.AddrPortReaderWriter
}

// WriteTo implements net.PacketConn.
func (c *lastingConn) WriteTo(data []byte, to net.Addr) (int, error) {
	n, err := c.PacketConn.WriteTo(data, to)
	return lost(data, n, err)
}

// WriteToAddrPort implements ice.AddrPortReaderWriter.
func (c *lastingConn) WriteToAddrPort(data []byte, to netip.AddrPort) (int, error) {
	n, err := c.AddrPortReaderWriter.WriteToAddrPort(data, to)
	return lost(data, n, err)
}

func lost(data []byte, n int, err error) (int, error) {
	if errors.Is(err, io.ErrClosedPipe) {
		return len(data), nil
	}
	return n, err
}
