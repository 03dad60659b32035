package udpmux_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/logging"
	"golang.org/x/sys/unix"

	"nearlight/internal/media"
	"nearlight/streamer/udpmux"
)

const ssrc = 0x11223344

// rtp is a packet of the length given.
func rtp(ssrc uint32, sequence uint16, length int) []byte {
	data := make([]byte, length)
	random := rand.New(rand.NewPCG(uint64(ssrc), uint64(sequence)))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	data[0], data[1] = 0x80, 96
	binary.BigEndian.PutUint16(data[2:], sequence)
	binary.BigEndian.PutUint32(data[8:], ssrc)
	return data
}

// player is a socket that reads what it is sent.
type player struct {
	t       testing.TB
	conn    *net.UDPConn
	address netip.AddrPort
	data    []byte
	control []byte
}

func newPlayer(t testing.TB) *player {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadBuffer(udpmux.SendBuffer); err != nil {
		t.Fatal(err)
	}
	p := &player{t: t, conn: conn, address: conn.LocalAddr().(*net.UDPAddr).AddrPort(), data: make([]byte, 2000), control: make([]byte, 200)}
	p.set(unix.SOL_SOCKET, unix.SO_TIMESTAMPNS)
	p.set(unix.IPPROTO_IP, unix.IP_RECVTOS)
	return p
}

func (p *player) set(level, option int) {
	p.t.Helper()
	raw, err := p.conn.SyscallConn()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := errors.Join(raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, 1) }), err); err != nil {
		p.t.Fatal(err)
	}
}

// datagram is what arrived.
type datagram struct {
	data    []byte
	arrived time.Time
	class   byte // DSCP and ECN
}

// read returns the next datagram.
func (p *player) read() datagram {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	n, c, _, _, err := p.conn.ReadMsgUDPAddrPort(p.data, p.control)
	if err != nil {
		p.t.Fatal(err)
	}
	d := datagram{data: bytes.Clone(p.data[:n])}
	messages, err := unix.ParseSocketControlMessage(p.control[:c])
	if err != nil {
		p.t.Fatal(err)
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS:
			d.arrived = time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_TOS:
			d.class = m.Data[0]
		}
	}
	return d
}

// nothing checks that nothing has arrived: what was sent on loopback is there when the call returns.
func (p *player) nothing() {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		p.t.Fatal(err)
	}
	if n, _, err := p.conn.ReadFromUDPAddrPort(p.data); err == nil {
		p.t.Errorf("%d octets arrived", n)
	}
}

// departures keeps what a flow reports.
type departures struct {
	mu  sync.Mutex
	all []udpmux.Departure
}

func (d *departures) add(one udpmux.Departure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, one)
}

// flowing is an open port with a flow that owns ssrc.
func flowing(t *testing.T) (*udpmux.Ports, *udpmux.Flow, *departures) {
	t.Helper()
	ports, err := open(t, 0)
	if err != nil {
		t.Fatal(err)
	}
	var left departures
	flow := ports.NewFlow(left.add)
	if err := flow.Own(ssrc); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(flow.Close)
	return ports, flow, &left
}

func write(t *testing.T, ports *udpmux.Ports, to *player, packets ...[]byte) {
	t.Helper()
	for _, p := range packets {
		if n, err := ports.Write(p, to.address); err != nil || n != len(p) {
			t.Fatalf("%d octets of %d were taken: %v", n, len(p), err)
		}
	}
}

// ofLengths are packets of the lengths given, numbered from 65530 on, so that they wrap.
func ofLengths(lengths ...int) (packets [][]byte) {
	for n, length := range lengths {
		packets = append(packets, rtp(ssrc, uint16(65530+n), length))
	}
	return packets
}

func TestATrainArrivesWholeAndInOrderAndItsDeparturesAreReported(t *testing.T) {
	long := slices.Repeat([]int{1200}, udpmux.TrainPackets+20)
	for _, row := range []struct {
		name    string
		packets [][]byte
	}{
		{"one packet", ofLengths(1200)},
		{"equal packets and a shorter last one, as of a slice", ofLengths(1200, 1200, 1200, 300)},
		{"a longer first one, which carries the capture time", ofLengths(1212, 1200, 1200, 1200, 700)},
		{"two slices", ofLengths(1200, 1200, 40, 1200, 1200, 50)},
		{"growing ones, none of which go together", ofLengths(100, 200, 300, 400)},
		{"more than the kernel cuts from a buffer", ofLengths(slices.Repeat([]int{500}, 150)...)},
		{"more octets than one datagram has", ofLengths(slices.Repeat([]int{1400}, 60)...)},
		{"more than a train holds", ofLengths(long...)},
		{"the smallest", ofLengths(12, 12, 12)},
	} {
		for _, plainly := range []bool{false, true} {
			t.Run(row.name+map[bool]string{true: ", each by itself"}[plainly], func(t *testing.T) {
				ports, flow, left := flowing(t)
				if plainly {
					ports.SendPlainly()
				}
				to := newPlayer(t)
				flow.Begin()
				write(t, ports, to, row.packets...)
				if len(row.packets) <= udpmux.TrainPackets {
					to.nothing()
				}
				if err := flow.End(); err != nil {
					t.Fatal(err)
				}
				for n, want := range row.packets {
					if got := to.read(); !bytes.Equal(got.data, want) {
						t.Fatalf("packet %d arrived as %d octets, not as the %d that were sent", n, len(got.data), len(want))
					}
				}
				to.nothing()
				if len(left.all) != len(row.packets) {
					t.Fatalf("%d departures of %d packets", len(left.all), len(row.packets))
				}
				for n, d := range left.all {
					if d.SSRC != ssrc || d.Sequence != uint16(65530+n) || d.Size != len(row.packets[n]) || d.At == 0 {
						t.Errorf("departure %d is %+v", n, d)
					}
				}
				if ports.Plain() != plainly {
					t.Error("the kernel refused to cut a buffer")
				}
				if counted := ports.Counters(); counted.PacketsSent != uint64(len(row.packets)) || counted.SendErrors != 0 {
					t.Errorf("counted %+v", counted)
				}
			})
		}
	}
}

func TestAPacketOutsideATrainLeavesAtOnce(t *testing.T) {
	ports, _, left := flowing(t)
	to := newPlayer(t)
	write(t, ports, to, rtp(ssrc, 7, 400))
	to.read()
	if len(left.all) != 1 || left.all[0].Sequence != 7 {
		t.Errorf("departures are %+v", left.all)
	}
}

func TestWhatIsNotTheFlowsMediaPassesATrainThatIsHeldBack(t *testing.T) {
	ports, flow, left := flowing(t)
	to := newPlayer(t)
	binding := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
	report := rtp(ssrc, 1, 28)
	report[1] = 200 // RTCP
	record := rtp(ssrc, 1, 40)
	record[0] = 23 // DTLS
	others := [][]byte{binding, report, record, rtp(ssrc+1, 5, 100), {0x80}, rtp(ssrc, 1, 12)[:11]}
	flow.Begin()
	write(t, ports, to, rtp(ssrc, 1, 100))
	write(t, ports, to, others...)
	for n, want := range others {
		if got := to.read(); !bytes.Equal(got.data, want) {
			t.Errorf("datagram %d is not the one that was sent", n)
		}
	}
	to.nothing()
	if err := flow.End(); err != nil {
		t.Fatal(err)
	}
	to.read()
	if len(left.all) != 1 {
		t.Errorf("departures are %+v", left.all)
	}
}

func TestATrainKeepsItsOrderAcrossDestinations(t *testing.T) {
	ports, flow, left := flowing(t)
	first, second := newPlayer(t), newPlayer(t)
	flow.Begin()
	write(t, ports, first, rtp(ssrc, 1, 100), rtp(ssrc, 2, 100))
	write(t, ports, second, rtp(ssrc, 3, 100)) // the player's address changed
	first.read()
	first.read()
	second.nothing()
	if err := flow.End(); err != nil {
		t.Fatal(err)
	}
	second.read()
	if len(left.all) != 3 {
		t.Errorf("departures are %+v", left.all)
	}
}

func TestAnSSRCIsOneFlows(t *testing.T) {
	ports, flow, _ := flowing(t)
	other := ports.NewFlow(func(udpmux.Departure) {})
	if err := other.Own(ssrc); !errors.Is(err, udpmux.ErrSSRCTaken) {
		t.Errorf("a second flow owns it too: %v", err)
	}
	if err := flow.Own(ssrc); err != nil {
		t.Errorf("its owner may not own it again: %v", err)
	}
	flow.Close()
	if err := other.Own(ssrc); err != nil {
		t.Errorf("once its owner is closed it is still taken: %v", err)
	}
	other.Close()
}

func TestAFlowThatIsClosedDropsWhatItHeldBackAndReportsNothingMore(t *testing.T) {
	ports, flow, left := flowing(t)
	to := newPlayer(t)
	flow.Begin()
	write(t, ports, to, rtp(ssrc, 1, 100))
	flow.Close()
	if err := flow.End(); err != nil {
		t.Error(err)
	}
	to.nothing()
	write(t, ports, to, rtp(ssrc, 2, 100))
	to.read()
	if len(left.all) != 0 {
		t.Errorf("departures are %+v", left.all)
	}
}

func TestMediaIsMarkedAsInteractiveVideoAndAsECNCapableWhereThePeerReportsMarks(t *testing.T) {
	const af41, ect1 = 34 << 2, 1
	ports, flow, _ := flowing(t)
	to := newPlayer(t)
	for _, row := range []struct {
		capable bool
		class   byte
	}{{false, af41}, {true, af41 | ect1}, {false, af41}} {
		flow.MarkECN(row.capable)
		flow.Begin()
		write(t, ports, to, ofLengths(300, 300, 200, 400)...)
		if err := flow.End(); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if got := to.read().class; got != row.class {
				t.Errorf("ECN-capable %v: marked %#x, want %#x", row.capable, got, row.class)
			}
		}
	}
}

// A departure is what a congestion controller takes for the instant at which the network was given the packet: an error of a third
// of a millisecond would be a queue of as much. The kernel stamps a datagram on loopback inside the call that sends it.
func TestDeparturesAreTrueToAThirdOfAMillisecond(t *testing.T) {
	const allowed = 300 * time.Microsecond
	ports, flow, left := flowing(t)
	to := newPlayer(t)
	var errs []time.Duration
	for n := range 100 {
		left.all = left.all[:0]
		flow.Begin()
		write(t, ports, to, ofLengths(slices.Repeat([]int{1200}, 30)...)...)
		time.Sleep(time.Duration(n%5) * 100 * time.Microsecond) // time that is spent here is not the network's
		wall, now := time.Now(), media.Now()
		if err := flow.End(); err != nil {
			t.Fatal(err)
		}
		for i := range left.all {
			errs = append(errs, to.read().arrived.Sub(wall)-left.all[i].At.Sub(now))
		}
	}
	slices.SortFunc(errs, func(a, b time.Duration) int { return int(a.Abs() - b.Abs()) })
	// The rest is when this thread was put aside between the clock and the call.
	if p95 := errs[len(errs)*95/100]; p95.Abs() > allowed {
		t.Errorf("the 95th of 100 departures is %v off", p95)
	}
	t.Logf("median %v, p95 %v, worst %v", errs[len(errs)/2], errs[len(errs)*95/100], errs[len(errs)-1])
}

func TestManyFlowsSendAtOnce(t *testing.T) {
	ports, err := open(t, 0)
	if err != nil {
		t.Fatal(err)
	}
	to := newPlayer(t)
	const flows, frames, packets = 8, 20, 20
	var sending sync.WaitGroup
	for n := range flows {
		var left departures
		flow := ports.NewFlow(left.add)
		if err := flow.Own(uint32(n)); err != nil {
			t.Fatal(err)
		}
		sending.Go(func() {
			defer flow.Close()
			for frame := range frames {
				flow.Begin()
				for i := range packets {
					if _, err := ports.Write(rtp(uint32(n), uint16(frame*packets+i), 200), to.address); err != nil {
						t.Error(err)
					}
				}
				if err := flow.End(); err != nil {
					t.Error(err)
				}
			}
			if len(left.all) != frames*packets {
				t.Errorf("%d departures", len(left.all))
			}
		})
	}
	var next [flows]uint16
	for range flows * frames * packets {
		d := to.read()
		of := binary.BigEndian.Uint32(d.data[8:])
		if got := binary.BigEndian.Uint16(d.data[2:]); got != next[of] {
			t.Fatalf("flow %d: packet %d came where %d was due", of, got, next[of])
		}
		next[of]++
	}
	sending.Wait()
}

// BenchmarkSend compares what a packet of a 50 Mbit/s frame costs by itself and in a train.
func BenchmarkSend(b *testing.B) {
	const packets = 87 // 104 kB
	for _, way := range []string{"by itself", "train, plain", "train"} {
		b.Run(way, func(b *testing.B) {
			ports, err := udpmux.Open(udpmux.Config{Address: loopback, Loggers: logging.NewDefaultLoggerFactory()})
			if err != nil {
				b.Fatal(err)
			}
			defer ports.Close()
			flow := ports.NewFlow(func(udpmux.Departure) {})
			defer flow.Close()
			if way != "by itself" {
				if err := flow.Own(ssrc); err != nil {
					b.Fatal(err)
				}
			}
			if way == "train, plain" {
				ports.SendPlainly()
			}
			to, packet := newPlayer(b), rtp(ssrc, 1, 1200) // its full buffer drops packets, which costs the sender no less
			b.ReportAllocs()
			for b.Loop() {
				flow.Begin()
				for range packets {
					if _, err := ports.Write(packet, to.address); err != nil {
						b.Fatal(err)
					}
				}
				if err := flow.End(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/packets, "ns/packet")
		})
	}
}
