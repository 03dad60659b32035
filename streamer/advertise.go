package streamer

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/webrtc/v4"
)

// advertise tells a candidate of this edge by the address that players reach it at, where that is another than its own: behind a
// router that forwards a port. Other candidates stay as they are.
func advertise(c webrtc.ICECandidateInit, own []netip.AddrPort, as netip.AddrPort) webrtc.ICECandidateInit {
	// RFC 8839 section 5.1: foundation, component, transport, priority, address, port, ...
	const address, port = 4, 5
	fields := strings.Fields(c.Candidate)
	if !as.IsValid() || len(fields) <= port {
		return c
	}
	if at, err := netip.ParseAddr(fields[address]); err != nil || !slices.ContainsFunc(own, func(a netip.AddrPort) bool { return a.Addr().Unmap() == at.Unmap() }) {
		return c
	}
	fields[address], fields[port] = as.Addr().String(), strconv.Itoa(int(as.Port()))
	c.Candidate = strings.Join(fields, " ")
	return c
}
