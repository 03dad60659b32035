package turn

import (
	"net"
	"net/netip"
	"slices"
)

// special are the networks beyond those that netip knows by itself, that are no host's on the public network (RFC 6890 and the IANA's
// registries of special-purpose addresses), or that hide an address of IPv4 in one of IPv6.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // shared by carriers
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),          // IPv4-compatible
	netip.MustParsePrefix("64:ff9b::/96"),   // NAT64
	netip.MustParsePrefix("64:ff9b:1::/48"), // NAT64 of a network's own
	netip.MustParsePrefix("100::/64"),       // discard
	netip.MustParsePrefix("2001::/23"),      // Teredo and other protocols
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4
	netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("5f00::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// Public reports whether an address is a host's on the public network. An address of IPv4 mapped into IPv6 counts as what it maps.
func Public(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && ip.Zone() == "" && !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// Peers returns which of an edge's media addresses may be relayed to: those at the address that its connection to signaling comes from,
// since an edge could name anybody's, if it is public, and those within the networks that are trusted.
func Peers(media []netip.AddrPort, from netip.Addr, trusted []netip.Prefix) []netip.AddrPort {
	var peers []netip.AddrPort
	for _, at := range media {
		at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
		if at.Port() == 0 || slices.Contains(peers, at) || len(peers) == MaxPeers {
			continue
		}
		if within(trusted, at.Addr()) || at.Addr() == from.Unmap() && Public(at.Addr()) {
			peers = append(peers, at)
		}
	}
	return peers
}

func within(networks []netip.Prefix, ip netip.Addr) bool {
	return ip.Zone() == "" && slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}

// route is one peer of an allocation: what the player calls it, and where it is.
type route struct {
	named netip.AddrPort
	told  *net.UDPAddr // named, as the server's library wants it
	real  netip.AddrPort
}

// routes are a grant's peers that this server relays to.
func (s *Server) routes(g Grant) []route {
	var routes []route
	for i, peer := range g.Peers {
		if !Public(peer.Addr()) && !within(s.config.Trusted, peer.Addr()) || slices.Contains(s.config.Advertise, peer.Addr()) && !within(s.config.Trusted, peer.Addr()) {
			s.log.Warn("a peer is not relayed to", "session", g.Session, "peer", peer)
			continue
		}
		named := peer
		if g.Hidden {
			named = StandIn(peer, i)
		}
		routes = append(routes, route{named: named, told: net.UDPAddrFromAddrPort(named), real: peer})
	}
	return routes
}
