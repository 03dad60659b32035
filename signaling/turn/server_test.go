package turn

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	pion "github.com/pion/turn/v5"
	"go.uber.org/goleak"

	"nearlight/signaling"
)

const patient = 10 * time.Second

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// served is a server that runs until the test ends, on loopback, which it trusts.
func served(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	config := Config{Listen: "127.0.0.1:0", Key: testKey(t, testSecret), Trusted: loopback, TLS: selfSigned(t)}
	if change != nil {
		change(&config)
	}
	s, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		s.ledger.mu.Lock()
		defer s.ledger.mu.Unlock()
		if s.ledger.count+len(s.ledger.sessions)+len(s.ledger.origins)+len(s.ledger.relays)+len(s.ledger.clients)+len(s.ledger.conns)+s.ledger.conned != 0 {
			t.Errorf("the ledger holds %+v", s.ledger)
		}
	})
	return s
}

func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}

// peer is something that packets may be relayed to.
type peer struct {
	*net.UDPConn
	t *testing.T
}

func newPeer(t *testing.T) peer {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return peer{conn, t}
}

func (p peer) at() netip.AddrPort { return p.LocalAddr().(*net.UDPAddr).AddrPort() }

// hears waits for a packet and returns where it came from.
func (p peer) hears(want string) netip.AddrPort {
	p.t.Helper()
	if err := p.SetReadDeadline(time.Now().Add(patient)); err != nil {
		p.t.Fatal(err)
	}
	buffer := make([]byte, 2000)
	n, from, err := p.ReadFromUDPAddrPort(buffer)
	if err != nil || string(buffer[:n]) != want {
		p.t.Fatalf("%q %v, want %q", buffer[:n], err, want)
	}
	return from
}

// dialled is how a client reaches the server.
func dialled(t *testing.T, at, way string) net.PacketConn {
	t.Helper()
	var conn net.Conn
	var err error
	switch way {
	case "udp":
		packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = packets.Close() })
		return packets
	case "tcp":
		conn, err = net.Dial("tcp", at)
	case "tls":
		conn, err = tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true}) // its own certificate, made on the spot
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return pion.NewSTUNConn(conn)
}

// player is a TURN client with a credential for a grant.
func player(t *testing.T, s *Server, way string, g Grant) *pion.Client {
	t.Helper()
	if g.Session == "" {
		g.Session = "s-1"
	}
	if g.Expires.IsZero() {
		g.Expires = time.Now().Add(time.Hour)
	}
	told, err := s.ICEServer(g)
	if err != nil {
		t.Fatal(err)
	}
	return clientWith(t, s.udp.LocalAddr().String(), way, told.Username, told.Credential)
}

func clientWith(t *testing.T, at, way, username, password string) *pion.Client {
	t.Helper()
	c, err := pion.NewClient(&pion.ClientConfig{
		TURNServerAddr: at, STUNServerAddr: at, Conn: dialled(t, at, way),
		Username: username, Password: password, LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	return c
}

func allocated(t *testing.T, c *pion.Client) net.PacketConn {
	t.Helper()
	relayed, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = relayed.Close() })
	return relayed
}

// echoed sends to a peer through a relay, has the peer answer, and returns whom the answer is said to be from.
func echoed(t *testing.T, relayed net.PacketConn, to net.Addr, p peer) net.Addr {
	t.Helper()
	if _, err := relayed.WriteTo([]byte("a packet to the edge"), to); err != nil {
		t.Fatal(err)
	}
	if _, err := p.WriteToUDPAddrPort([]byte("and one to the player"), p.hears("a packet to the edge")); err != nil {
		t.Fatal(err)
	}
	return hears(t, relayed, "and one to the player")
}

func hears(t *testing.T, relayed net.PacketConn, want string) net.Addr {
	t.Helper()
	if err := relayed.SetReadDeadline(time.Now().Add(patient)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 2000)
	n, from, err := relayed.ReadFrom(buffer)
	if err != nil || string(buffer[:n]) != want {
		t.Fatalf("%q %v, want %q", buffer[:n], err, want)
	}
	return from
}

func TestAPlayerReachesItsEdgeOverUDPTCPAndTLSOnOnePort(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("ways", func(t *testing.T) {
		s := served(t, nil)
		for _, way := range []string{"udp", "tcp", "tls"} {
			edge := newPeer(t)
			relayed := allocated(t, player(t, s, way, Grant{Session: signaling.SessionID("s-" + way), Peers: []netip.AddrPort{edge.at()}}))
			if from := echoed(t, relayed, edge.LocalAddr(), edge); from.String() != edge.LocalAddr().String() {
				t.Errorf("%s: the answer is from %v", way, from)
			}
		}
	})
}

func TestAHiddenEdgeIsReachedByItsStandInAlone(t *testing.T) {
	s := served(t, nil)
	edge := newPeer(t)
	relayed := allocated(t, player(t, s, "udp", Grant{Hidden: true, Peers: []netip.AddrPort{edge.at()}}))
	named := net.UDPAddrFromAddrPort(StandIn(edge.at(), 0))
	if from := echoed(t, relayed, named, edge); from.String() != named.String() {
		t.Errorf("the answer is from %v: the edge is told", from)
	}
	if _, err := relayed.WriteTo([]byte("there you are"), edge.LocalAddr()); err == nil {
		t.Error("the edge's own address is permitted")
	}
	// Who guesses the address gets nothing through either.
	silent(t, s, edge, func() { _, _ = relayed.WriteTo([]byte("there you are"), edge.LocalAddr()) }, relayed, named)
}

// silent checks that a peer hears nothing of what is done: what is sent by the way that is open comes first.
func silent(t *testing.T, _ *Server, p peer, do func(), relayed net.PacketConn, open net.Addr) {
	t.Helper()
	do()
	if _, err := relayed.WriteTo([]byte("afterwards"), open); err != nil {
		t.Fatal(err)
	}
	p.hears("afterwards")
}

func TestNothingIsRelayedToWhomItIsNotGrantedFor(t *testing.T) {
	s := served(t, func(c *Config) { c.Trusted = append(c.Trusted, netip.MustParsePrefix("127.0.0.2/32")) })
	edge, neighbour := newPeer(t), newPeer(t) // of the same address, with another port
	relayed := allocated(t, player(t, s, "udp", Grant{Peers: []netip.AddrPort{edge.at()}}))
	echoed(t, relayed, edge.LocalAddr(), edge)

	// Another port of the edge's machine: a permission is for an address, so each packet is looked at.
	if _, err := relayed.WriteTo([]byte("psst"), neighbour.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if _, err := relayed.WriteTo([]byte("and on"), edge.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	edge.hears("and on")
	if err := neighbour.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if n, _, err := neighbour.ReadFromUDPAddrPort(make([]byte, 100)); err == nil {
		t.Errorf("%d octets reached another port", n)
	}
	// And what comes from there does not reach the player.
	at := relayed.LocalAddr().(*net.UDPAddr)
	if _, err := neighbour.WriteToUDP([]byte("psst"), at); err != nil {
		t.Fatal(err)
	}
	if _, err := edge.WriteToUDP([]byte("hello"), at); err != nil {
		t.Fatal(err)
	}
	hears(t, relayed, "hello")

	for _, to := range []string{"127.0.0.2:9", "10.0.0.1:9", "192.168.0.1:9", "169.254.169.254:80", "8.8.8.8:53", "0.0.0.0:9", "255.255.255.255:9", "224.0.0.1:9"} {
		c := player(t, s, "udp", Grant{Session: "s-2", Peers: []netip.AddrPort{edge.at()}})
		if _, err := allocated(t, c).WriteTo([]byte("x"), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to))); err == nil {
			t.Errorf("%s is permitted", to)
		}
	}
	for _, to := range []string{"[::ffff:10.0.0.1]:9", "[::1]:9", "[fe80::1]:9"} {
		c := player(t, s, "udp", Grant{Session: "s-3", Peers: []netip.AddrPort{edge.at()}})
		if err := func() error {
			allocated(t, c)
			return c.CreatePermission(net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to)))
		}(); err == nil {
			t.Errorf("%s is permitted", to)
		}
	}
}

func TestWhatAnEdgeMayNotBeIsNotRelayedToThoughItIsGranted(t *testing.T) {
	s := served(t, func(c *Config) { c.Trusted = nil })
	edge := newPeer(t)
	for _, at := range []string{edge.at().String(), "10.0.0.1:9", "192.168.0.1:9", "169.254.169.254:80"} {
		c := player(t, s, "udp", Grant{Peers: []netip.AddrPort{netip.MustParseAddrPort(at)}})
		if _, err := allocated(t, c).WriteTo([]byte("x"), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at))); err == nil {
			t.Errorf("%s is permitted", at)
		}
	}
}

func TestTwoPlayersCannotTalkToEachOtherThroughTheServer(t *testing.T) {
	s := served(t, nil)
	edge := newPeer(t)
	one := allocated(t, player(t, s, "udp", Grant{Session: "s-1", Peers: []netip.AddrPort{edge.at()}}))
	two := allocated(t, player(t, s, "udp", Grant{Session: "s-2", Peers: []netip.AddrPort{edge.at()}}))
	_, _ = one.WriteTo([]byte("psst"), two.LocalAddr()) // the same machine's address: permitted, and dropped
	_, _ = two.WriteTo([]byte("psst"), one.LocalAddr())
	echoed(t, one, edge.LocalAddr(), edge)
	echoed(t, two, edge.LocalAddr(), edge) // each hears the edge first, so nothing of the other
}

func TestACredentialThatIsNotGoodGetsNothing(t *testing.T) {
	s := served(t, nil)
	good := Grant{Session: "s-1", Expires: time.Now().Add(time.Hour)}
	username, password, err := s.config.Key.Sign(good)
	if err != nil {
		t.Fatal(err)
	}
	expired, expiredPassword, err := s.config.Key.Sign(Grant{Session: "s-1", Expires: time.Now().Add(-time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	plain := "1999999999:s-1" // as coturn would take it
	for why, c := range map[string][2]string{
		"wrong password": {username, password[1:] + "A"}, "expired": {expired, expiredPassword}, "no peers are sealed": {plain, s.config.Key.password(plain)},
		"nobody": {"player", "let me through"},
	} {
		if relayed, err := clientWith(t, s.udp.LocalAddr().String(), "udp", c[0], c[1]).Allocate(); err == nil {
			t.Errorf("%s: relayed from %v", why, relayed.LocalAddr())
		}
	}
	if _, err := clientWith(t, s.udp.LocalAddr().String(), "udp", username, password).Allocate(); err != nil {
		t.Error(err)
	}
}

func TestAnotherServerWithTheSameSecretTakesTheSameCredential(t *testing.T) {
	one, two := served(t, nil), served(t, nil)
	edge := newPeer(t)
	told, err := one.ICEServer(Grant{Session: "s-1", Expires: time.Now().Add(time.Hour), Peers: []netip.AddrPort{edge.at()}})
	if err != nil {
		t.Fatal(err)
	}
	relayed := allocated(t, clientWith(t, two.udp.LocalAddr().String(), "tcp", told.Username, told.Credential))
	echoed(t, relayed, edge.LocalAddr(), edge)
}

func TestQuotasBoundSessionsAddressesAndConnections(t *testing.T) {
	edge := newPeer(t)
	grant := func(id string) Grant {
		return Grant{Session: signaling.SessionID(id), Peers: []netip.AddrPort{edge.at()}}
	}
	for _, step := range []struct {
		why      string
		limits   Limits
		sessions []string
		taken    int
	}{
		{"of a session", Limits{AllocationsPerSession: 2}, []string{"a", "a", "a", "b"}, 3},
		{"of an address", Limits{AllocationsPerAddress: 2}, []string{"a", "b", "c"}, 2},
		{"of all", Limits{Allocations: 1}, []string{"a", "b"}, 1},
	} {
		s := served(t, func(c *Config) { c.Limits = step.limits })
		var kept []net.PacketConn
		for _, id := range step.sessions {
			if relayed, err := player(t, s, "udp", grant(id)).Allocate(); err == nil {
				kept = append(kept, relayed)
			} else if !strings.Contains(err.Error(), "486") {
				t.Errorf("%s: %v", step.why, err)
			}
		}
		if len(kept) != step.taken {
			t.Errorf("%s: %d were taken, want %d", step.why, len(kept), step.taken)
		}
		// What is given back can be had again.
		if err := kept[0].Close(); err != nil {
			t.Error(err)
		}
		if _, err := player(t, s, "udp", grant(step.sessions[0])).Allocate(); err != nil {
			t.Errorf("%s, after one was given back: %v", step.why, err)
		}
	}
	s := served(t, func(c *Config) { c.Limits.ConnectionsPerAddress = 1 })
	allocated(t, player(t, s, "tcp", grant("a")))
	if relayed, err := player(t, s, "tcp", grant("b")).Allocate(); err == nil {
		t.Errorf("a second connection is relayed from %v", relayed.LocalAddr())
	}
}

func TestASessionCarriesNoMoreThanItsRate(t *testing.T) {
	clock := time.Now()
	edge := newPeer(t)
	for why, limits := range map[string]Limits{"of a session": {SessionRate: 1000}, "of an address": {AddressRate: 1000}} {
		s := served(t, func(c *Config) {
			c.Limits, c.Now = limits, func() time.Time { return clock } // no second ever passes
		})
		relayed := allocated(t, player(t, s, "tcp", Grant{Peers: []netip.AddrPort{edge.at()}}))
		for range 3 {
			if _, err := relayed.WriteTo(make([]byte, 450), edge.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := relayed.WriteTo([]byte("small"), edge.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		edge.hears(string(make([]byte, 450)))
		edge.hears(string(make([]byte, 450)))
		if from := edge.hears("small"); from.Port() == 0 { // the third did not fit, this one does
			t.Errorf("%s: from %v", why, from)
		}
	}
}

func TestPortsAreThoseThatWereConfigured(t *testing.T) {
	probe := newPeer(t)
	first := probe.at().Port()
	if err := probe.Close(); err != nil {
		t.Fatal(err)
	}
	s := served(t, func(c *Config) { c.FirstPort, c.LastPort = first, first })
	relayed := allocated(t, player(t, s, "udp", Grant{}))
	if got := relayed.LocalAddr().(*net.UDPAddr).Port; got != int(first) {
		t.Errorf("port %d, want %d", got, first)
	}
	if _, err := player(t, s, "udp", Grant{Session: "s-2"}).Allocate(); err == nil {
		t.Error("there is a second port")
	}
}

func TestWhatIsWrongWithAConfigurationIsSaid(t *testing.T) {
	key := testKey(t, testSecret)
	for why, config := range map[string]Config{
		"no key": {Listen: "127.0.0.1:0"}, "no port": {Listen: "127.0.0.1", Key: key}, "which address": {Listen: "0.0.0.0:0", Key: key},
		"ports": {Listen: "127.0.0.1:0", Key: key, FirstPort: 9},
		"twice": {Listen: "127.0.0.1:0", Key: key, Advertise: []netip.Addr{netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("9.9.9.9")}},
	} {
		if s, err := New(config); err == nil {
			t.Errorf("%s is taken", why)
			_ = s.udp.Close()
			_ = s.tcp.Close()
		}
	}
}

func TestWhoSaysNothingOrNonsenseHoldsUpNobody(t *testing.T) {
	s := served(t, nil)
	for _, says := range []string{"", "\x16\x03\x01\x00\x05hello", "GET / HTTP/1.1\r\n\r\n", strings.Repeat("\xff", 4000)} {
		conn, err := net.Dial("tcp", s.tcp.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(says)); err != nil {
			t.Fatal(err)
		}
	}
	edge := newPeer(t)
	echoed(t, allocated(t, player(t, s, "tls", Grant{Peers: []netip.AddrPort{edge.at()}})), edge.LocalAddr(), edge)
}

func TestAMessageOfAnAbsurdLengthEndsItsConnection(t *testing.T) {
	s := served(t, nil)
	for _, header := range []string{
		"\x00\x03\xff\xec\x21\x12\xa4\x42", // whose length and header come to 65536
		"\x40\x00\xff\xfd\x00\x00\x00\x00", "\x40\x00\xff\xff\x00\x00\x00\x00", "\x00\x03\x08\x00\x21\x12\xa4\x42", "\x80\x00\x00\x00\x00\x00\x00\x00",
	} {
		conn, err := net.Dial("tcp", s.tcp.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(header + strings.Repeat("\x00", 40))); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(patient)); err != nil {
			t.Fatal(err)
		}
		var failed net.Error
		if _, err := conn.Read(make([]byte, 1)); err == nil || errors.As(err, &failed) && failed.Timeout() {
			t.Errorf("%x: %v", header, err)
		}
		_ = conn.Close()
	}
}

func BenchmarkAPacketToAPeer(b *testing.B) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	at := conn.LocalAddr().(*net.UDPAddr)
	s := &Server{config: Config{Now: time.Now, Limits: Limits{SessionRate: 1 << 40}.withDefaults()}, metrics: newMetrics(), open: map[io.Closer]struct{}{}}
	s.ledger = newLedger(s.config.Limits)
	one := &socket{UDPConn: conn, server: s, routes: []route{{named: at.AddrPort(), real: at.AddrPort(), told: at}}, at: at.AddrPort()}
	if !s.keep(one) || !s.ledger.opened(one) {
		b.Fatal("no room")
	}
	packet := make([]byte, 1200)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := one.WriteTo(packet, at); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzFrameSize(f *testing.F) {
	f.Add([]byte("\x00\x03\xff\xec"))
	f.Add([]byte("\x40\x00\x00\x05"))
	f.Fuzz(func(t *testing.T, header []byte) {
		if len(header) < frameHeader {
			return
		}
		size, err := frameSize(header)
		if err == nil && (size < frameHeader || size > maxFrame || size%framePadding != 0 && header[0]>>6 == 1) {
			t.Errorf("%x is of %d octets", header[:frameHeader], size)
		}
	})
}
