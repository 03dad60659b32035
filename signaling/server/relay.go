package server

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"nearlight/signaling"
)

// Relay is how players reach edges through TURN servers.
type Relay struct {
	// Servers returns what a session's player is told besides Config.ICEServers, by where its edge is reached.
	Servers func(signaling.SessionID, Reach) []signaling.ICEServer
	// StandIns, unless it is nil, hides player and edge from each other: the player is told these addresses in place of the edge's, and to
	// use no way but a TURN server's; the edge is told the player's relayed addresses alone. A player whose edge has none is told of no way.
	StandIns func(Reach) []netip.AddrPort
}

// Reach is where an edge is reached.
type Reach struct {
	Media []netip.AddrPort // as it says
	From  netip.Addr       // where its connection comes from
}

// reachOf is where an edge that registers is reached.
func reachOf(to peer, m signaling.Register) Reach {
	var reach Reach
	if c, ok := to.(*conn); ok {
		reach.From = c.from
	}
	for _, text := range m.Media {
		if at, err := netip.ParseAddrPort(text); err == nil { // it was checked
			reach.Media = append(reach.Media, at)
		}
	}
	return reach
}

func (r *registry) iceServersOf(s *session) []signaling.ICEServer {
	servers := r.iceServers(s.id)
	if r.relay != nil && r.relay.Servers != nil {
		servers = slices.Concat(servers, r.relay.Servers(s.id, s.edge.reach))
	}
	return servers
}

// hides reports whether player and edge are hidden from each other.
func (r *registry) hides() bool { return r.relay != nil && r.relay.StandIns != nil }

// sendOffer sends a player its edge's offer; if the edge is hidden, without its addresses and with the stand-ins for them.
func (r *registry) sendOffer(p *player, m signaling.Offer) {
	if !r.hides() {
		p.send(m)
		return
	}
	sdp, mid := withoutCandidates(m.SDP, func(string) (string, bool) { return "", false })
	m.SDP = sdp
	p.send(m)
	for _, candidate := range r.standIns(p.session) {
		p.send(signaling.Candidate{Candidate: candidate, Mid: mid})
	}
}

// standIns are the candidates that stand for those of a session's edge.
func (r *registry) standIns(s *session) []string {
	var candidates []string
	for i, at := range r.relay.StandIns(s.edge.reach) {
		// RFC 8839 section 5.1; the priority is that of a host's first component (RFC 8445 section 5.1.2), the best one first.
		const hostPriority = 126<<24 | 65535<<8 | 255
		candidates = append(candidates, fmt.Sprintf("candidate:%d 1 udp %d %s %d typ host", i+1, hostPriority-i<<8, at.Addr(), at.Port()))
	}
	return candidates
}

// edgeAnswerSDP is what a player that offered is told of its edge's answer.
func (r *registry) edgeAnswerSDP(s *session, sdp string) string {
	if !r.hides() {
		return sdp
	}
	sdp, mid := withoutCandidates(sdp, func(string) (string, bool) { return "", false })
	line := "a=mid:" + mid + "\r\n"
	for _, candidate := range r.standIns(s) {
		line += "a=" + candidate + "\r\n"
	}
	return strings.Replace(sdp, "a=mid:"+mid+"\r\n", line, 1)
}

// edgeCandidate is what a player is told of an edge's candidate: all of it, or, of a hidden edge, no more than that there are no others.
func (r *registry) edgeCandidate(m signaling.Candidate) (signaling.Candidate, bool) {
	return m, !r.hides() || m.Candidate == ""
}

// answerSDP is what an edge is told of a player's answer.
func (r *registry) answerSDP(sdp string) string {
	if !r.hides() {
		return sdp
	}
	sdp, _ = withoutCandidates(sdp, relayedAlone)
	return sdp
}

// playerCandidate is what an edge is told of a player's candidate.
func (r *registry) playerCandidate(m signaling.Candidate) (signaling.Candidate, bool) {
	if !r.hides() || m.Candidate == "" {
		return m, true
	}
	relayed, ok := relayedAlone(m.Candidate)
	m.Candidate = relayed
	return m, ok
}

// relayedAlone keeps a candidate that is a TURN server's, without the address that the server knows its client by (RFC 8839 section 5.1).
func relayedAlone(candidate string) (string, bool) {
	fields := strings.Fields(candidate)
	if len(fields) < 8 || fields[6] != "typ" || fields[7] != "relay" {
		return "", false
	}
	for i := 8; i+1 < len(fields); i += 2 {
		switch fields[i] {
		case "raddr":
			fields[i+1] = "0.0.0.0"
		case "rport":
			fields[i+1] = "0"
		}
	}
	return strings.Join(fields, " "), true
}

// withoutCandidates takes the candidates out of a session description that keep does not keep, and every other line that has an
// address. It returns the first media section's name too.
func withoutCandidates(sdp string, keep func(candidate string) (string, bool)) (kept, mid string) {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		text := strings.TrimRight(line, "\r\n")
		end := line[len(text):]
		switch {
		case strings.HasPrefix(text, "a=candidate:"):
			candidate, ok := keep(text[len("a="):])
			if !ok {
				continue
			}
			text = "a=" + candidate
		case strings.HasPrefix(text, "a=remote-candidates:"), strings.HasPrefix(text, "a=rtcp:"):
			continue
		case strings.HasPrefix(text, "c="):
			text = "c=IN IP4 0.0.0.0"
		case strings.HasPrefix(text, "o="): // RFC 8866 section 5.2: user, id, version, network, kind, address
			if fields := strings.Fields(text); len(fields) == 6 {
				text = strings.Join(fields[:3], " ") + " IN IP4 0.0.0.0"
			}
		case strings.HasPrefix(text, "a=mid:") && mid == "":
			mid = text[len("a=mid:"):]
		}
		b.WriteString(text + end)
	}
	return b.String(), mid
}
