package netsim

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// socketBuffer is asked for in each direction of each socket of a relay. A datagram of 1200 octets takes 2304 of it, so
// that 1800 fit: half a second of 40 Mbit/s while the relay does not run. Without the right to have that much, the system
// gives what it gives to everybody (net.core.rmem_max), and half of it where that is the default of 208 KiB: 90 datagrams.
const socketBuffer = 4 << 20

// bindUDP opens a socket that tells when each datagram came, with which ECN field, and what it had no room for.
func bindUDP(local netip.AddrPort) (fd int, bound netip.AddrPort, err error) {
	family, level, ecn := unix.AF_INET, unix.IPPROTO_IP, unix.IP_RECVTOS
	if !local.Addr().Is4() {
		family, level, ecn = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS
	}
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, bound, fmt.Errorf("open a UDP socket: %w", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	for _, option := range []struct{ forced, plain int }{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, option.forced, socketBuffer) == nil {
			continue // which takes CAP_NET_ADMIN
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option.plain, socketBuffer); err != nil {
			return -1, bound, fmt.Errorf("ask for a socket buffer: %w", err)
		}
	}
	for _, option := range []struct{ level, name int }{{level, ecn}, {unix.SOL_SOCKET, unix.SO_RXQ_OVFL}, {unix.SOL_SOCKET, unix.SO_TIMESTAMPNS}} {
		if err := unix.SetsockoptInt(fd, option.level, option.name, 1); err != nil {
			return -1, bound, fmt.Errorf("set option %d of level %d of a UDP socket: %w", option.name, option.level, err)
		}
	}
	if err := unix.Bind(fd, sockaddr(local)); err != nil {
		return -1, bound, fmt.Errorf("bind a UDP socket to %v: %w", local, err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return -1, bound, fmt.Errorf("ask for a socket's address: %w", err)
	}
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		bound = netip.AddrPortFrom(netip.AddrFrom4(name.Addr), uint16(name.Port))
	case *unix.SockaddrInet6:
		bound = netip.AddrPortFrom(netip.AddrFrom16(name.Addr), uint16(name.Port))
	}
	return fd, bound, nil
}

func sockaddr(address netip.AddrPort) unix.Sockaddr {
	if address.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: address.Addr().As4(), Port: int(address.Port())}
	}
	return &unix.SockaddrInet6{Addr: address.Addr().As16(), Port: int(address.Port())}
}
