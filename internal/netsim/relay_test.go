package netsim_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
)

// listen opens a UDP socket of 127.0.0.1, or of ::1 with six.
func listen(t testing.TB, six bool) *net.UDPConn {
	t.Helper()
	address := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	if six {
		address.IP = net.IPv6loopback
	}
	conn, err := net.ListenUDP("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	return conn
}

func addressOf(conn *net.UDPConn) netip.AddrPort {
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// runRelay starts a relay, and ends it with the test.
func runRelay(t testing.TB, config netsim.RelayConfig) *netsim.Relay {
	t.Helper()
	relay, err := netsim.OpenRelay(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
		if err := relay.Close(); err != nil {
			t.Error(err)
		}
		if err := relay.Close(); err != nil {
			t.Errorf("close again: %v", err)
		}
	})
	return relay
}

func write(t testing.TB, conn *net.UDPConn, to netip.AddrPort, text string) {
	t.Helper()
	if _, err := conn.WriteToUDPAddrPort([]byte(text), to); err != nil {
		t.Fatal(err)
	}
}

// read returns the next datagram, or fails the test after ten seconds.
func read(t testing.TB, conn *net.UDPConn) (text string, from netip.AddrPort) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	n, from, err := conn.ReadFromUDPAddrPort(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return string(buffer[:n]), from
}

func TestARelayJoinsEachNearPeerWithTheTarget(t *testing.T) {
	for name, six := range map[string]bool{"IPv4": false, "IPv6": true} {
		t.Run(name, func(t *testing.T) {
			server, one, other := listen(t, six), listen(t, six), listen(t, six)
			route := netsim.Route{Target: addressOf(server)}
			if six {
				route.Near = netip.AddrPortFrom(netip.IPv6Loopback(), 0)
			}
			relay := runRelay(t, netsim.RelayConfig{Routes: []netsim.Route{route}, Out: netsim.Config{Delay: 10 * ms}, Back: netsim.Config{Delay: 5 * ms}})
			start := time.Now()
			write(t, one, relay.Near(0), "from one")
			text, oneSeen := read(t, server)
			if took := time.Since(start); text != "from one" || took < 10*ms {
				t.Errorf("%q after %v", text, took)
			}
			write(t, other, relay.Near(0), "from other")
			text, otherSeen := read(t, server)
			if text != "from other" || otherSeen == oneSeen {
				t.Errorf("%q from %v, as the one before", text, otherSeen)
			}
			write(t, server, oneSeen, "to one")
			write(t, server, otherSeen, "to other")
			for conn, want := range map[*net.UDPConn]string{one: "to one", other: "to other"} {
				if text, from := read(t, conn); text != want || from != relay.Near(0) {
					t.Errorf("%q from %v, want %q from %v", text, from, want, relay.Near(0))
				}
			}
			if stats := relay.Stats(); stats.Flows != 2 || stats.Out.Delivered != 2 || stats.Back.Delivered != 2 || stats.Late.Count != 4 {
				t.Errorf("%+v", stats)
			}
		})
	}
}

func TestAFarPeerIsLearned(t *testing.T) {
	relay := runRelay(t, netsim.RelayConfig{Routes: []netsim.Route{{}}})
	near, far := listen(t, false), listen(t, false)
	write(t, near, relay.Near(0), "to nobody yet")
	waitFor(t, func() bool { return relay.Stats().Unroutable == 1 })
	write(t, far, relay.Far(0), "hello")
	if text, from := read(t, near); text != "hello" || from != relay.Near(0) {
		t.Errorf("%q from %v", text, from)
	}
	write(t, near, relay.Near(0), "answer")
	if text, from := read(t, far); text != "answer" || from != relay.Far(0) {
		t.Errorf("%q from %v", text, from)
	}
}

func waitFor(t testing.TB, what func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !what(); time.Sleep(ms) {
		if time.Now().After(end) {
			t.Fatal("it did not happen within 10 s")
		}
	}
}

func TestFlowsOfSeveralRoutesShareTheBottleneck(t *testing.T) {
	servers := []*net.UDPConn{listen(t, false), listen(t, false)}
	relay := runRelay(t, netsim.RelayConfig{
		Routes: []netsim.Route{{Target: addressOf(servers[0])}, {Target: addressOf(servers[1])}},
		Out:    netsim.Config{Rate: netsim.Constant(10 * media.Mbps)},
	})
	client := listen(t, false)
	const each = 50
	start := time.Now()
	for range each {
		for i := range servers {
			write(t, client, relay.Near(i), string(make([]byte, 1222)))
		}
	}
	for range each {
		for _, server := range servers {
			read(t, server)
		}
	}
	if took := time.Since(start); took < 2*each*ms {
		t.Errorf("%d packets of 1 ms took %v", 2*each, took)
	}
}

func TestOtherLinksTakeThePlaceOfThoseThatAreThere(t *testing.T) {
	server, client := listen(t, false), listen(t, false)
	relay := runRelay(t, netsim.RelayConfig{Routes: []netsim.Route{{Target: addressOf(server)}}, Out: netsim.Config{Loss: netsim.Random{Share: 1}}})
	write(t, client, relay.Near(0), "lost")
	waitFor(t, func() bool { return relay.Stats().Out.LostRandom == 1 })
	time.Sleep(30 * ms) // the time of the first links, which the next ones know nothing of
	steps := netsim.Steps{Steps: []netsim.Step{{}, {At: 20 * ms, Rate: media.Mbps}}}
	start := time.Now()
	if err := relay.Change(netsim.Config{Delay: 10 * ms, Rate: steps}, netsim.Config{Delay: 10 * ms}); err != nil {
		t.Fatal(err)
	}
	write(t, client, relay.Near(0), "carried")
	text, _ := read(t, server)
	if took := time.Since(start); text != "carried" || took < 30*ms {
		t.Errorf("%q after %v", text, took)
	}
	if s := relay.Stats(); s.Out.Sent != 1 || s.Out.LostRandom != 0 || s.Late.Count != 1 || s.Flows != 1 {
		t.Errorf("%+v, %d late, %d flows", s.Out.Flows, s.Late.Count, s.Flows)
	}
	if err := relay.Change(netsim.Config{Delay: -1}, netsim.Config{}); err == nil {
		t.Error("a link that cannot be was accepted")
	}
}

// Two flows have two sockets, which are looked at one after the other, and every few milliseconds only.
func TestDatagramsOfSeveralFlowsKeepTheOrderInWhichTheyCame(t *testing.T) {
	server := listen(t, false)
	clients := []*net.UDPConn{listen(t, false), listen(t, false)}
	relay := runRelay(t, netsim.RelayConfig{
		Routes: []netsim.Route{{Target: addressOf(server)}},
		Out:    netsim.Config{Delay: 20 * ms}, Back: netsim.Config{Delay: 20 * ms, Rate: netsim.Constant(50 * media.Mbps)},
	})
	var seen []netip.AddrPort
	for _, client := range clients {
		setOption(t, client, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
		write(t, client, relay.Near(0), "hello")
		_, from := read(t, server)
		seen = append(seen, from)
	}
	const count = 60
	payload := string(make([]byte, 1222)) // 200 us each
	for i := range count {
		write(t, server, seen[i/3%2], payload) // three to the one, three to the other
	}
	at := make([][]time.Duration, len(clients))
	buffer, control := make([]byte, 2048), make([]byte, 128)
	for i := range count {
		flow := i / 3 % 2
		if err := clients[flow].SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		stamp, err := readStamped(t, clients[flow], buffer, control)
		if err != nil {
			t.Fatal(err)
		}
		at[flow] = append(at[flow], stamp)
	}
	var last time.Duration
	for i := range count {
		next := at[i/3%2][i/6*3+i%3]
		if next < last {
			t.Errorf("datagram %d came %v before the one that was sent before it", i, last-next)
		}
		last = next
	}
}

// A burst as large as a keyframe's comes through whole, as datagrams and as one segment train after the other.
func TestABurstLosesNothingOfItsOwn(t *testing.T) {
	server := listen(t, false)
	relay := runRelay(t, netsim.RelayConfig{Routes: []netsim.Route{{Target: addressOf(server)}}, Out: netsim.Config{Delay: 5 * ms}})
	const size, train, trains = 1200, 50, 4
	client := listen(t, false)
	raw, err := client.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	to := &unix.SockaddrInet4{Port: int(relay.Near(0).Port()), Addr: [4]byte{127, 0, 0, 1}}
	control := make([]byte, unix.CmsgSpace(2))
	binary.NativeEndian.PutUint64(control, uint64(unix.CmsgLen(2)))
	binary.NativeEndian.PutUint32(control[8:], unix.SOL_UDP)
	binary.NativeEndian.PutUint32(control[12:], unix.UDP_SEGMENT)
	binary.NativeEndian.PutUint16(control[16:], size)
	for i := range trains {
		data := make([]byte, size*train)
		for j := range train {
			binary.BigEndian.PutUint32(data[j*size:], uint32(i*train+j))
		}
		var failed error
		if err := raw.Write(func(fd uintptr) bool {
			failed = unix.Sendmsg(int(fd), data, control, to, 0)
			return true
		}); err != nil || failed != nil {
			t.Fatal(err, failed)
		}
	}
	for i := range trains * train {
		if text, _ := read(t, server); len(text) != size || binary.BigEndian.Uint32([]byte(text)) != uint32(i) {
			t.Fatalf("datagram %d: %d octets, number %d", i, len(text), binary.BigEndian.Uint32([]byte(text)))
		}
	}
	if stats := relay.Stats(); stats.Missed+stats.Refused+stats.Oversized+stats.Unroutable != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestECNCrossesARelayAndIsMarkedThere(t *testing.T) {
	for name, six := range map[string]bool{"IPv4": false, "IPv6": true} {
		t.Run(name, func(t *testing.T) {
			server, client := listen(t, six), listen(t, six)
			route := netsim.Route{Target: addressOf(server)}
			level, field, ask := unix.IPPROTO_IP, unix.IP_TOS, unix.IP_RECVTOS
			if six {
				route.Near = netip.AddrPortFrom(netip.IPv6Loopback(), 0)
				level, field, ask = unix.IPPROTO_IPV6, unix.IPV6_TCLASS, unix.IPV6_RECVTCLASS
			}
			relay := runRelay(t, netsim.RelayConfig{
				Routes: []netsim.Route{route},
				Out:    netsim.Config{Rate: netsim.Constant(10 * media.Mbps), Queue: netsim.DualPI2{}},
			})
			setOption(t, client, level, field, int(netsim.ECT1))
			setOption(t, server, level, ask, 1)
			const count = 20 // 1 ms each: all but the first two wait for longer than the ramp is
			for range count {
				write(t, client, relay.Near(0), string(make([]byte, 1222)))
			}
			var seen []netsim.ECN
			buffer, control := make([]byte, 2048), make([]byte, 128)
			for range count {
				if err := server.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
					t.Fatal(err)
				}
				_, n, _, _, err := server.ReadMsgUDPAddrPort(buffer, control)
				if err != nil {
					t.Fatal(err)
				}
				messages, err := unix.ParseSocketControlMessage(control[:n])
				if err != nil || len(messages) != 1 {
					t.Fatalf("%d control messages, %v", len(messages), err)
				}
				seen = append(seen, netsim.ECN(messages[0].Data[0]&3))
			}
			if seen[0] != netsim.ECT1 || seen[count/2] != netsim.CE || relay.Stats().Out.Marked < count/2 {
				t.Errorf("ECN fields %v, %d marked", seen, relay.Stats().Out.Marked)
			}
		})
	}
}

func setOption(t testing.TB, conn *net.UDPConn, level, name, value int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), level, name, value) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}

func TestARelayCountsWhatItCannotCarry(t *testing.T) {
	server := listen(t, false)
	relay := runRelay(t, netsim.RelayConfig{Routes: []netsim.Route{{Target: addressOf(server)}}, MaxFlows: 1})
	one, other := listen(t, false), listen(t, false)
	write(t, one, relay.Near(0), string(make([]byte, 2049)))
	waitFor(t, func() bool { return relay.Stats().Oversized == 1 })
	write(t, one, relay.Near(0), "")
	if text, _ := read(t, server); text != "" {
		t.Errorf("%q", text)
	}
	write(t, other, relay.Near(0), "one too many")
	waitFor(t, func() bool { return relay.Stats().Unroutable == 1 })
}

func TestARelayOutlivesATargetThatIsGone(t *testing.T) {
	gone, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	target := addressOf(gone)
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	relay := runRelay(t, netsim.RelayConfig{Routes: []netsim.Route{{Target: target}}})
	client := listen(t, false)
	for range 5 {
		write(t, client, relay.Near(0), "anybody?")
		time.Sleep(ms)
	}
	waitFor(t, func() bool { s := relay.Stats(); return s.Out.Delivered == 5 && s.Refused > 0 })
	back, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(target))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = back.Close() }()
	write(t, client, relay.Near(0), "there you are")
	if text, _ := read(t, back); text != "there you are" {
		t.Errorf("%q", text)
	}
}

func TestARelayServesThisMachineOnly(t *testing.T) {
	for _, route := range []netsim.Route{
		{Near: netip.MustParseAddrPort("0.0.0.0:0")},
		{Target: netip.MustParseAddrPort("192.0.2.1:9")},
		{Far: netip.MustParseAddrPort("[::]:0")},
		{Near: netip.MustParseAddrPort("127.0.0.1:0"), Target: netip.MustParseAddrPort("[::1]:9")},
	} {
		if relay, err := netsim.OpenRelay(netsim.RelayConfig{Routes: []netsim.Route{route}}); err == nil {
			t.Errorf("%+v was accepted", route)
			_ = relay.Close()
		}
	}
	if _, err := netsim.OpenRelay(netsim.RelayConfig{}); err == nil {
		t.Error("no route was accepted")
	}
	if _, err := netsim.OpenRelay(netsim.RelayConfig{Routes: []netsim.Route{{}}, Back: netsim.Config{Delay: -1}}); err == nil {
		t.Error("a link that cannot be was accepted")
	}
}

func TestARelayDoesNotAllocateForADatagram(t *testing.T) {
	server, client := listen(t, false), listen(t, false)
	relay := runRelay(t, netsim.RelayConfig{
		Routes: []netsim.Route{{Target: addressOf(server)}},
		Out:    netsim.Config{Rate: netsim.Constant(100 * media.Mbps), Queue: netsim.DualPI2{}},
	})
	setOption(t, client, unix.IPPROTO_IP, unix.IP_TOS, int(netsim.ECT1))
	data, buffer, near := make([]byte, 1200), make([]byte, 2048), relay.Near(0)
	if err := server.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	var failed error
	pass := func() {
		_, err := client.WriteToUDPAddrPort(data, near)
		_, _, err2 := server.ReadFromUDPAddrPort(buffer)
		failed = errors.Join(failed, err, err2)
	}
	for range 1000 {
		pass()
	}
	if allocations := testing.AllocsPerRun(2000, pass); allocations > 0 || failed != nil {
		t.Errorf("%v allocations a datagram, %v", allocations, failed)
	}
}
