package streamer

import (
	"net/netip"
	"testing"

	"github.com/pion/webrtc/v4"
)

func TestPlayersAreToldTheAddressThatTheyReachAnEdgeAt(t *testing.T) {
	own := []netip.AddrPort{netip.MustParseAddrPort("192.168.1.5:7000"), netip.MustParseAddrPort("[fd00::5]:7000")}
	public := netip.MustParseAddrPort("203.0.113.9:40000")
	for _, row := range []struct {
		candidate string
		as        netip.AddrPort
		want      string
		reason    string
	}{
		{"candidate:1 1 udp 2130706431 192.168.1.5 7000 typ host ufrag x", public, "candidate:1 1 udp 2130706431 203.0.113.9 40000 typ host ufrag x", "its own"},
		{"candidate:1 1 tcp 1671430143 fd00::5 7000 typ host tcptype passive", public, "candidate:1 1 tcp 1671430143 203.0.113.9 40000 typ host tcptype passive", "TCP too"},
		{"candidate:1 1 udp 1 10.0.0.1 7000 typ relay raddr 0.0.0.0 rport 0", public, "candidate:1 1 udp 1 10.0.0.1 7000 typ relay raddr 0.0.0.0 rport 0", "a relay's"},
		{"candidate:1 1 udp 2130706431 192.168.1.5 7000 typ host", netip.AddrPort{}, "candidate:1 1 udp 2130706431 192.168.1.5 7000 typ host", "nothing else is known"},
		{"", public, "", "the end of the list"},
		{"candidate:1 1 udp 1 somewhere.local 7000 typ host", public, "candidate:1 1 udp 1 somewhere.local 7000 typ host", "a name"},
	} {
		if got := advertise(webrtc.ICECandidateInit{Candidate: row.candidate}, own, row.as).Candidate; got != row.want {
			t.Errorf("%s: %q, want %q", row.reason, got, row.want)
		}
	}
}
