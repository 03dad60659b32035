package udpmux

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// tcpPatience is how long a TCP peer may take nothing of what is sent to it. It is as long as a silent peer has until it counts as
	// disconnected.
	tcpPatience = 3 * time.Second
	// tcpUnsent is what the kernel may hold of a connection that it has not sent yet (TCP_NOTSENT_LOWAT), in octets: beyond it we hold it,
	// and know of it. It is 30 ms at 1 Mbit/s.
	tcpUnsent = 4 << 10
	// handOver bounds the media that waits for the kernel to take it, in octets: a frame, be it a keyframe. More is lost, as it is on a
	// network that is full.
	handOver = 256 << 10
	// handOverRest is room on top for what is no media: connectivity checks, keys, feedback, messages.
	handOverRest = 64 << 10
	// drainStep is what the kernel is given at a time of what waits: something of it has to go within the patience.
	drainStep = 8 << 10
)

// streamListener accepts the TCP connections of peers.
type streamListener struct {
	*net.TCPListener
	egress   *egress
	counters *counters
	patience time.Duration
}

// Accept implements net.Listener.
func (l *streamListener) Accept() (net.Conn, error) {
	conn, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	s, err := newStream(conn, l.egress, l.counters, l.patience)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

// stream is a TCP connection that nobody waits for. What the kernel does not take at once is handed over to a goroutine, which is there
// as long as something waits; media that finds no room is lost, and a peer that takes nothing for longer than the patience is
// given up.
//
//	idle --- the kernel does not take all of a packet --> draining
//	draining --- it has taken all that waited -----------> idle
//	idle, draining --- Close, or nothing is taken -------> closed
type stream struct {
	*net.TCPConn
	raw      syscall.RawConn
	egress   *egress
	counters *counters
	patience time.Duration

	mu       sync.Mutex
	waiting  []byte // for the kernel; drain works it off from the front
	draining bool
	closed   bool
	failed   error // why, where it was not Close

	// Of the packet that is being written, here so that nothing is allocated for it.
	data  []byte
	taken int
	fault error
	send  func(fd uintptr) bool // sendNow as a value, made once
}

var _ net.Conn = (*stream)(nil)

func newStream(conn *net.TCPConn, egress *egress, counters *counters, patience time.Duration) (*stream, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var option error
	if err := raw.Control(func(fd uintptr) {
		option = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, tcpUnsent)
	}); err != nil {
		return nil, err
	}
	if option != nil {
		return nil, fmt.Errorf("bound what the kernel holds of a TCP connection: %w", option)
	}
	s := &stream{TCPConn: conn, raw: raw, egress: egress, counters: counters, patience: patience}
	s.send = s.sendNow
	return s, nil
}

// Write takes one packet with its length before it (RFC 4571), whole. It never waits. What is lost counts as written.
func (s *stream) Write(packet []byte) (int, error) {
	flow := s.egress.flow(packet[min(frameHeader, len(packet)):])
	if flow != nil {
		flow.use(s)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, fmt.Errorf("send over TCP: %w", errors.Join(net.ErrClosed, s.failed))
	}
	rest := packet
	if !s.draining {
		n, err := s.try(packet)
		if err != nil {
			s.fail(err)
			return 0, fmt.Errorf("send over TCP: %w", err)
		}
		if rest = packet[n:]; len(rest) == 0 {
			return len(packet), nil
		}
		s.draining = true
		go s.drain()
	} else if flow != nil && len(s.waiting)+len(packet) > handOver {
		s.counters.lost.Add(1)
		return len(packet), nil
	} else if len(s.waiting)+len(packet) > handOver+handOverRest {
		s.fail(errFull)
		return 0, fmt.Errorf("send over TCP: %w", errFull)
	}
	s.waiting = append(s.waiting, rest...)
	return len(packet), nil
}

// frameHeader is the length before each packet (RFC 4571 section 2).
const frameHeader = 2

// errFull ends a connection that what is no media finds no room before.
var errFull = errors.New("more waits for a TCP peer than it can be given")

// try gives the kernel what it takes at once. The caller holds mu.
func (s *stream) try(data []byte) (int, error) {
	s.data, s.taken, s.fault = data, 0, nil
	err := s.raw.Write(s.send)
	s.data = nil
	return s.taken, errors.Join(err, s.fault)
}

// sendNow never waits for the kernel, so that it always returns true.
func (s *stream) sendNow(fd uintptr) bool {
	for s.taken < len(s.data) {
		n, err := unix.SendmsgN(int(fd), s.data[s.taken:], nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return true
		case err != nil:
			s.fault = err
			return true
		default:
			s.taken += n
		}
	}
	return true
}

// drain gives the kernel what waits, as it takes it.
func (s *stream) drain() {
	var step [drainStep]byte
	for {
		s.mu.Lock()
		n := copy(step[:], s.waiting)
		if n == 0 || s.closed {
			s.draining = false
			if !s.closed {
				_ = s.SetWriteDeadline(time.Time{}) // it fails where the connection is over, which the next write tells
			}
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		err := s.SetWriteDeadline(time.Now().Add(s.patience))
		if err == nil {
			_, err = s.TCPConn.Write(step[:n])
		}
		s.mu.Lock()
		if err != nil {
			s.fail(err)
		} else if !s.closed {
			s.waiting = s.waiting[:copy(s.waiting, s.waiting[n:])]
		}
		s.mu.Unlock()
	}
}

// fail closes the connection: after a part of a packet the peer would not find the next one. The caller holds mu.
func (s *stream) fail(err error) {
	if s.closed {
		return
	}
	s.closed, s.failed, s.waiting = true, errors.Join(err, s.TCPConn.Close()), nil
}

// Close loses what the kernel has not taken. It ends drain.
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed, s.waiting = true, nil
	return s.TCPConn.Close()
}

// unsent is how many octets the peer's network has not been given yet: those that wait for the kernel, and those that it holds.
func (s *stream) unsent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0
	}
	held := 0
	if err := s.raw.Control(func(fd uintptr) {
		if n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQNSD); err == nil { // it fails where the connection is over
			held = n
		}
	}); err != nil {
		return 0
	}
	return held + len(s.waiting)
}
