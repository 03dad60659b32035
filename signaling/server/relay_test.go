package server_test

import (
	"net/netip"
	"strings"
	"testing"

	"nearlight/signaling"
	"nearlight/signaling/server"
)

// An offer with everything in it that names an address.
const telling = "v=0\r\no=- 1 2 IN IP4 203.0.113.9\r\ns=-\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 203.0.113.9\r\na=rtcp:9 IN IP4 203.0.113.9\r\n" +
	"a=mid:video\r\na=candidate:1 1 udp 2130706431 203.0.113.9 8443 typ host\r\na=rtcp-mux\r\n"

// registered is an edge that says where it takes packets.
func registered(n *network) *socket {
	n.Helper()
	return n.edge(1, func(m *signaling.Register) { m.Media = []string{"203.0.113.9:8443"} })
}

func TestHiddenPlayersAndEdgesLearnNothingOfEachOthersAddresses(t *testing.T) {
	standIn := netip.MustParseAddrPort("192.0.2.1:9")
	n := newNetwork(t, func(c *server.Config) {
		c.Relay = &server.Relay{StandIns: func(reach server.Reach) []netip.AddrPort {
			if len(reach.Media) != 1 || !reach.From.IsLoopback() {
				t.Errorf("%+v", reach)
			}
			return []netip.AddrPort{standIn}
		}}
	})
	m := registered(n)
	g := n.dial(signaling.PlayerPath)
	g.say(n.play("tux"))
	if matched := expect[signaling.Matched](g); !matched.RelayOnly {
		t.Error("the player is not told")
	}
	session := expect[signaling.Start](m).Session
	m.say(signaling.Offer{Session: session, SDP: telling})
	m.say(signaling.Candidate{Session: session, Candidate: "candidate:1 1 udp 2130706431 203.0.113.9 8443 typ host", Mid: "video"})
	m.say(signaling.Candidate{Session: session})
	offer := expect[signaling.Offer](g)
	want := "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:video\r\na=rtcp-mux\r\n"
	if offer.SDP != want {
		t.Errorf("%q", offer.SDP)
	}
	if c := expect[signaling.Candidate](g); c.Candidate != "candidate:1 1 udp 2130706431 192.0.2.1 9 typ host" || c.Mid != "video" {
		t.Errorf("%+v", c)
	}
	if c := expect[signaling.Candidate](g); c.Candidate != "" {
		t.Errorf("%+v", c)
	}

	relayed := "candidate:7 1 udp 41885439 198.51.100.3 50000 typ relay raddr 198.51.100.77 rport 61000 generation 0"
	cleaned := strings.NewReplacer("raddr 198.51.100.77", "raddr 0.0.0.0", "rport 61000", "rport 0").Replace(relayed)
	g.say(signaling.Answer{SDP: strings.ReplaceAll(telling, "203.0.113.9", "198.51.100.77") + "a=" + relayed + "\r\n"})
	for _, c := range []string{"candidate:1 1 udp 2130706431 198.51.100.77 61000 typ host", "candidate:2 1 tcp 1 198.51.100.77 9 typ host tcptype active", "a b", relayed, ""} {
		g.say(signaling.Candidate{Candidate: c, Mid: "video"})
	}
	if answer := expect[signaling.Answer](m); answer.SDP != want+"a="+cleaned+"\r\n" {
		t.Errorf("%q", answer.SDP)
	}
	for _, want := range []string{cleaned, ""} {
		if c := expect[signaling.Candidate](m); c.Candidate != want {
			t.Errorf("%q, want %q", c.Candidate, want)
		}
	}
}

func TestPlayersAreToldOfServersByWhereTheirEdgeIs(t *testing.T) {
	n := newNetwork(t, func(c *server.Config) {
		c.Relay = &server.Relay{Servers: func(session signaling.SessionID, reach server.Reach) []signaling.ICEServer {
			return []signaling.ICEServer{{URLs: signaling.List[string]{"turn:" + reach.Media[0].String()}, Username: string(session)}}
		}}
	})
	registered(n)
	matched := await[signaling.Matched](t, n.gamer(n.play("tux"), nil).heard)
	if len(matched.ICEServers) != 1 || matched.ICEServers[0].URLs[0] != "turn:203.0.113.9:8443" || matched.ICEServers[0].Username != string(matched.Session) || matched.RelayOnly {
		t.Errorf("%+v", matched)
	}
}
