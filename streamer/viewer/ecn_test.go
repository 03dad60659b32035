package viewer

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtcp"
	"golang.org/x/sys/unix"
)

var _ ice.AddrPortReaderWriter = (*ecnConn)(nil)

func TestASocketTellsTheECNFieldOfWhatComes(t *testing.T) {
	for network, address := range map[string]string{"udp4": "127.0.0.1:0", "udp6": "[::1]:0"} {
		t.Run(network, func(t *testing.T) {
			local := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address))
			probe, err := net.ListenUDP(network, local)
			if err != nil {
				t.Skipf("SKIPPED: this machine has no %s: %v", network, err)
			}
			defer probe.Close()
			sockets, err := newECNNet(new(ecnFields))
			if err != nil {
				t.Fatal(err)
			}
			conn, err := sockets.ListenUDP(network, local)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			raw, err := probe.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			for sequence, field := range []rtcp.ECN{rtcp.ECNNonECT, rtcp.ECNECT1, rtcp.ECNECT0, rtcp.ECNCE} {
				level, option := unix.IPPROTO_IP, unix.IP_TOS
				if network == "udp6" {
					level, option = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
				}
				var failed error
				if err := raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), level, option, 34<<2|int(field)) }); err != nil || failed != nil {
					t.Fatal(err, failed)
				}
				packet := []byte{0x80, 102, 0, byte(sequence), 0, 0, 0, 0, 0, 0, 0, 7}
				if _, err := probe.WriteToUDP(packet, conn.LocalAddr().(*net.UDPAddr)); err != nil {
					t.Fatal(err)
				}
				n, from, err := conn.ReadFrom(make([]byte, 1500))
				if err != nil || n != len(packet) || from.String() != probe.LocalAddr().String() {
					t.Fatalf("%d octets from %v: %v", n, from, err)
				}
				if got := sockets.fields.of(7, uint16(sequence)); got != field {
					t.Errorf("%v came as %v", field, got)
				}
			}
			if got := sockets.fields.of(7, 77); got != rtcp.ECNNonECT {
				t.Errorf("what did not come has %v", got)
			}
		})
	}
}

func TestRubbishBesideADatagramIsNoECNField(t *testing.T) {
	for _, extra := range [][]byte{nil, {1, 2, 3}, make([]byte, 16), {255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 1, 0, 0, 0, 3}} {
		if got := ecnOf(extra); got != rtcp.ECNNonECT {
			t.Errorf("%v tells %v", extra, got)
		}
	}
}
