package udpmux_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pion/logging"
	"go.uber.org/goleak"

	"nearlight/streamer/udpmux"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = netip.MustParseAddr("127.0.0.1")

func open(t *testing.T, port uint16) (*udpmux.Ports, error) {
	t.Helper()
	ports, err := udpmux.Open(udpmux.Config{Address: loopback, Port: port, Loggers: logging.NewDefaultLoggerFactory()})
	if err == nil {
		t.Cleanup(func() {
			if err := ports.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return ports, err
}

// freePort returns a port that neither UDP nor TCP uses. Ports that are free for one are often taken for the other: every
// connection of this machine has one.
func freePort(t *testing.T) uint16 {
	t.Helper()
	const tries = 50
	for range tries {
		udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		tcp, taken := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(loopback, port)))
		if taken == nil {
			err = tcp.Close()
		}
		if err := errors.Join(err, udp.Close()); err != nil {
			t.Fatal(err)
		}
		if taken == nil {
			return port
		}
	}
	t.Fatalf("no port in %d is free for both UDP and TCP", tries)
	return 0
}

func TestOnePortServesUDPAndTCP(t *testing.T) {
	port := freePort(t)
	ports, err := open(t, port)
	if err != nil {
		t.Fatal(err)
	}
	if got := ports.Addresses(); len(got) != 1 || got[0] != netip.AddrPortFrom(loopback, port) {
		t.Errorf("UDP at %v, want 127.0.0.1:%d", got, port)
	}
	conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatalf("TCP: %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func TestATakenPortIsNamedAndNothingIsLeftOpen(t *testing.T) {
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	if _, err := open(t, port); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), fmt.Sprint(port)) {
		t.Errorf("error %v: want EADDRINUSE and the number of the port", err)
	}
}

func TestATakenTCPPortClosesTheUDPSocketAgain(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).AddrPort().Port()
	if _, err := open(t, port); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("error %v, want EADDRINUSE", err)
	}
	again, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatalf("the UDP socket was left open: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhatArrivesIsCounted(t *testing.T) {
	ports, err := open(t, 0)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := net.Dial("udp4", ports.Addresses()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	if _, err := sender.Write([]byte("neither STUN nor DTLS")); err != nil {
		t.Fatal(err)
	}
	// The multiplexer reads on its own goroutine.
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if ports.Counters().PacketsReceived == 1 {
			return
		}
	}
	t.Errorf("counters %+v after one packet", ports.Counters())
}

func TestPortsForThisMachineAloneSpeakWithNobodyElse(t *testing.T) {
	others, err := udpmux.InterfaceAddresses()
	if err != nil {
		t.Fatal(err)
	}
	if others = slices.DeleteFunc(others, netip.Addr.Is6); len(others) == 0 {
		t.Skipf("SKIPPED %s: no network interface has an IPv4 address", t.Name())
	}
	other := others[0]
	ports, err := udpmux.Open(udpmux.Config{Address: loopback, Also: []netip.Addr{other}, OwnOnly: true, Loggers: logging.NewDefaultLoggerFactory()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := ports.Close(); err != nil {
			t.Error(err)
		}
	}()
	received := uint64(0)
	for _, step := range []struct {
		name     string
		from, to netip.Addr
		taken    bool
	}{
		{"from an interface's address to a loopback one", other, loopback, false},
		{"from a loopback address to a loopback one", loopback, loopback, true},
		{"from an interface's address to itself", other, other, true},
	} {
		conn, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(step.from, 0)), addressAt(t, ports, step.to))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("anything")); err != nil {
			t.Error(err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if !step.taken {
			continue // the next one comes by the same socket: were this taken, there would be one too many
		}
		received++
		for range 200 {
			if ports.Counters().PacketsReceived >= received {
				break
			}
			time.Sleep(5 * time.Millisecond) // the kernel hands it over when it likes
		}
		if got := ports.Counters().PacketsReceived; got != received {
			t.Errorf("%s: %d packets were taken in all, want %d", step.name, got, received)
		}
	}
}

func addressAt(t *testing.T, ports *udpmux.Ports, address netip.Addr) *net.UDPAddr {
	t.Helper()
	for _, own := range ports.Addresses() {
		if own.Addr() == address {
			return net.UDPAddrFromAddrPort(own)
		}
	}
	t.Fatalf("nothing listens at %v", address)
	return nil
}
