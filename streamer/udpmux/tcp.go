package udpmux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/pion/ice/v4"
)

// tcpMux has a listener for each family of addresses that there are; pion's own asks all listeners for every address.
type tcpMux struct {
	four, six *ice.TCPMuxDefault // nil where there is no address of the family
}

var _ ice.TCPMux = (*tcpMux)(nil)

// openTCP listens where locals are: on all interfaces of a family, or on its one address.
func openTCP(config Config, locals []netip.Addr, egress *egress, counters *counters) (*tcpMux, error) {
	m := &tcpMux{}
	for _, local := range locals {
		mux, network, everywhere := &m.four, "tcp4", netip.IPv4Unspecified()
		if local.Is6() {
			mux, network, everywhere = &m.six, "tcp6", netip.IPv6Unspecified()
		}
		if *mux != nil {
			continue
		}
		if config.Address.IsUnspecified() {
			local = everywhere
		}
		listener, err := net.ListenTCP(network, net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, config.Port)))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open TCP port %d on %v for media: %w", config.Port, local, err), m.Close())
		}
		*mux = ice.NewTCPMuxDefault(ice.TCPMuxParams{
			Listener: &streamListener{listener, egress, counters, tcpPatience}, Logger: config.Loggers.NewLogger("tcpmux"), ReadBufferSize: tcpReadQueue,
		})
	}
	return m, nil
}

// errNoListener keeps an address at which nothing listens from being offered.
var errNoListener = errors.New("no TCP port at this address")

// GetConnByUfrag implements ice.TCPMux.
func (m *tcpMux) GetConnByUfrag(ufrag string, isIPv6 bool, local net.IP) (net.PacketConn, error) {
	mux := m.four
	if isIPv6 {
		mux = m.six
	}
	if mux == nil {
		return nil, errNoListener
	}
	if at, is := mux.LocalAddr().(*net.TCPAddr); is && !at.IP.IsUnspecified() && !at.IP.Equal(local) {
		return nil, errNoListener
	}
	return mux.GetConnByUfrag(ufrag, isIPv6, local)
}

// RemoveConnByUfrag implements ice.TCPMux.
func (m *tcpMux) RemoveConnByUfrag(ufrag string) {
	for _, mux := range []*ice.TCPMuxDefault{m.four, m.six} {
		if mux != nil {
			mux.RemoveConnByUfrag(ufrag)
		}
	}
}

// Close implements ice.TCPMux.
func (m *tcpMux) Close() error {
	var failed error
	for _, mux := range []*ice.TCPMuxDefault{m.four, m.six} {
		if mux != nil {
			failed = errors.Join(failed, mux.Close())
		}
	}
	return failed
}
