package udpmux

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const testSSRC = 7

// connected is a stream, the other end of which the test reads or does not. Both hold little.
func connected(t *testing.T, patience time.Duration) (s *stream, flow *Flow, peer *net.TCPConn) {
	t.Helper()
	inner, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	ports := &Ports{}
	flow = ports.NewFlow(func(Departure) {})
	if err := flow.Own(testSSRC); err != nil {
		t.Fatal(err)
	}
	listener := &streamListener{TCPListener: inner, egress: &ports.egress, counters: &ports.counters, patience: patience}
	dialled, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer = dialled.(*net.TCPConn)
	if err := peer.SetReadBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s = conn.(*stream)
	if err := s.SetWriteBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), peer.Close()); err != nil {
			t.Error(err)
		}
		goleak.VerifyNone(t)
	})
	return s, flow, peer
}

// framed is packet n as it is written: of the flow, or STUN.
func framed(n, size int, media bool) []byte {
	data := make([]byte, frameHeader+size)
	binary.BigEndian.PutUint16(data, uint16(size))
	if media {
		data[2], data[3] = 0x80, 102
		binary.BigEndian.PutUint16(data[4:], uint16(n))
		binary.BigEndian.PutUint32(data[10:], testSSRC)
	}
	return data
}

// readFramed reads packets until the connection ends or count have come, and returns the sequence numbers of media, and how many others.
func readFramed(t *testing.T, from io.Reader, count int) (sequences []int, others int) {
	t.Helper()
	for len(sequences)+others < count {
		var length [frameHeader]byte
		if _, err := io.ReadFull(from, length[:]); err != nil {
			t.Fatalf("after %d packets: %v", len(sequences)+others, err)
		}
		packet := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(from, packet); err != nil {
			t.Fatal(err)
		}
		switch {
		case packet[0] == 0:
			others++
		case packet[0] == 0x80 && binary.BigEndian.Uint32(packet[8:]) == testSSRC:
			sequences = append(sequences, int(binary.BigEndian.Uint16(packet[2:])))
		default:
			t.Fatalf("packet %d is %x", len(sequences)+others, packet[:12])
		}
	}
	return sequences, others
}

func TestAPeerThatTakesNothingHoldsUpNobodyAndGetsWholePacketsLater(t *testing.T) {
	s, flow, peer := connected(t, time.Minute)
	const packets, size = 2000, 1200 // 2.4 MB
	longest := time.Duration(0)
	checks := 0
	for n := range packets {
		began := time.Now()
		if _, err := s.Write(framed(n, size, true)); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, time.Since(began))
		if n%100 == 99 {
			checks++
			if _, err := s.Write(framed(n, 100, false)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if longest > 500*time.Millisecond { // a busy machine's; it used to be the patience
		t.Errorf("a write took %v", longest)
	}
	lost := int(s.counters.lost.Load())
	if waiting := flow.Unsent(); lost == 0 || waiting == 0 || waiting > handOver+handOverRest+(64<<10) {
		t.Fatalf("%d packets are lost, %d octets wait", lost, waiting)
	}
	sequences, others := readFramed(t, peer, packets-lost+checks)
	if others != checks {
		t.Errorf("%d of %d packets that are no media came", others, checks)
	}
	for i := 1; i < len(sequences); i++ {
		if sequences[i] <= sequences[i-1] {
			t.Fatalf("packet %d came after %d", sequences[i], sequences[i-1])
		}
	}
	// It goes on as if nothing had been.
	if _, err := s.Write(framed(packets, size, true)); err != nil {
		t.Fatal(err)
	}
	if sequences, _ := readFramed(t, peer, 1); sequences[0] != packets {
		t.Errorf("packet %d came, want %d", sequences[0], packets)
	}
}

func TestWhatASlowPeerHasNotTakenIsKnownAndLittleOfItLiesInTheKernel(t *testing.T) {
	s, flow, peer := connected(t, time.Minute)
	const packets, size = 60, 1200
	for n := range packets {
		if _, err := s.Write(framed(n, size, true)); err != nil {
			t.Fatal(err)
		}
	}
	s.mu.Lock()
	handed := len(s.waiting)
	s.mu.Unlock()
	if unsent := flow.Unsent(); unsent < handed || unsent-handed > tcpUnsent+(32<<10) {
		t.Errorf("%d octets are unsent, of which %d wait before the kernel", unsent, handed)
	}
	if sequences, _ := readFramed(t, peer, packets); len(sequences) != packets || s.counters.lost.Load() != 0 {
		t.Errorf("%d packets of %d came", len(sequences), packets)
	}
}

func TestATCPPeerThatTakesNothingIsGivenUp(t *testing.T) {
	s, _, _ := connected(t, 50*time.Millisecond)
	// Several write at once, as media, feedback and data channels do.
	var writing sync.WaitGroup
	failures := make(chan error, 4)
	for range cap(failures) {
		writing.Go(func() {
			for n := 0; ; n++ {
				if _, err := s.Write(framed(n, 1200, true)); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	writing.Wait()
	for range cap(failures) {
		if err := <-failures; !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, errFull) {
			t.Errorf("a write failed with %v", err)
		}
	}
}

func TestMoreThanMessagesNeedEndsAConnectionThatTakesNothing(t *testing.T) {
	s, flow, _ := connected(t, time.Minute)
	for n := range 1000 {
		if _, err := s.Write(framed(n, 1200, false)); err != nil {
			if !errors.Is(err, errFull) || flow.Unsent() != 0 {
				t.Errorf("it failed with %v", err)
			}
			return
		}
	}
	t.Error("all was taken")
}

func BenchmarkWriteOverTCP(b *testing.B) {
	inner, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer inner.Close()
	peer, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer peer.Close()
	go func() { _, _ = io.Copy(io.Discard, peer) }() // ends with the connection
	ports := &Ports{}
	if err := ports.NewFlow(func(Departure) {}).Own(testSSRC); err != nil {
		b.Fatal(err)
	}
	conn, err := (&streamListener{inner, &ports.egress, &ports.counters, time.Minute}).Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	packet := framed(1, 1200, true)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(packet); err != nil {
			b.Fatal(err)
		}
	}
}
