package viewer

import (
	"net/netip"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

// reflexive remembers our server-reflexive candidates: as whom others see our sockets.
type reflexive struct {
	mu   sync.Mutex
	seen map[netip.AddrPort]netip.Addr // by socket
}

// add takes one of our candidates.
func (r *reflexive) add(c *webrtc.ICECandidate) {
	if c.Typ != webrtc.ICECandidateTypeSrflx {
		return
	}
	socket, err := netip.ParseAddr(c.RelatedAddress)
	if err != nil {
		return
	}
	address, err := netip.ParseAddr(c.Address)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = make(map[netip.AddrPort]netip.Addr)
	}
	r.seen[netip.AddrPortFrom(socket, c.RelatedPort)] = address
}

// of is the address that the other end of a pair sees us at, as far as we know: behind a translator of addresses that is the reflexive one, though pion
// goes on naming the pair by the socket.
func (r *reflexive) of(local, remote *webrtc.ICECandidate) (netip.Addr, bool) {
	own, err := netip.ParseAddr(local.Address)
	if err != nil {
		return netip.Addr{}, false
	}
	their, err := netip.ParseAddr(remote.Address)
	near := err != nil || their.IsPrivate() || their.IsLoopback() || their.IsLinkLocalUnicast()
	if local.Typ == webrtc.ICECandidateTypeHost && own.IsPrivate() && !near {
		r.mu.Lock()
		defer r.mu.Unlock()
		if seen, known := r.seen[netip.AddrPortFrom(own, local.Port)]; known {
			return seen.Unmap(), true
		}
	}
	return own.Unmap(), true
}

// look looks at what packets go through, if it is there: pion's may not be asked while it starts, and complains when it is closed.
func (v *Viewer) look(at func(*webrtc.ICETransport)) {
	select {
	case <-v.open:
	default:
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closing {
		at(v.connection.SCTP().Transport().ICETransport())
	}
}

// RoundTrip is what the newest check of the connection took that the edge has answered (RFC 7675), which happens every few seconds; false
// where there is none.
func (v *Viewer) RoundTrip() (took time.Duration, known bool) {
	if v.browser != nil {
		took = v.browser.sockets.trips.last()
		return took, took > 0
	}
	v.look(func(transport *webrtc.ICETransport) {
		var stats webrtc.ICECandidatePairStats
		stats, known = transport.GetSelectedCandidatePairStats()
		took = time.Duration(stats.CurrentRoundTripTime * float64(time.Second))
	})
	return took, known && took > 0
}

// Address is where packets to the edge come from, as the edge sees it, as far as that is known: through a relay it is the relay's.
func (v *Viewer) Address() (address netip.Addr, known bool) {
	v.look(func(transport *webrtc.ICETransport) {
		if pair, err := transport.GetSelectedCandidatePair(); err == nil && pair != nil {
			address, known = v.reflexive.of(pair.Local, pair.Remote)
		}
	})
	return address, known
}

// Dropped is how many packets found no room here, since this machine was too slow: what it sees then is not what the edge sends.
func (v *Viewer) Dropped() uint64 { return v.tap.dropped.Load() }
