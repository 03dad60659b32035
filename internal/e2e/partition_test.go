package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"nearlight/internal/bus/bustest"
)

// strait is the only way from a node to the bus, and can be cut: what is said then is lost, and no end is told.
type strait struct {
	listener net.Listener
	to       string
	running  sync.WaitGroup

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]struct{}
}

func newStrait(t *testing.T, to string) *strait {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &strait{listener: listener, to: to, conns: make(map[net.Conn]struct{})}
	s.running.Go(s.accept)
	t.Cleanup(func() {
		listener.Close()
		s.hangUp()
		s.running.Wait()
	})
	return s
}

func (s *strait) url() string { return "nats://" + s.listener.Addr().String() }

func (s *strait) accept() {
	for {
		near, err := s.listener.Accept()
		if err != nil {
			return
		}
		if s.isCut() { // it is taken, and hears nothing
			s.keep(near)
			continue
		}
		far, err := net.Dial("tcp", s.to)
		if err != nil { // the bus is away
			near.Close()
			continue
		}
		s.keep(near)
		s.keep(far)
		for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
			s.running.Go(func() {
				defer s.drop(way[0])
				defer s.drop(way[1])
				s.carry(way[1], way[0])
			})
		}
	}
}

// carry passes on what comes until either end is closed.
func (s *strait) carry(to io.Writer, from io.Reader) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if s.isCut() {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (s *strait) isCut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cut
}

// set cuts the way, or mends it: what was connected meanwhile has lost its place in what is said, and has to begin anew.
func (s *strait) set(cut bool) {
	s.mu.Lock()
	s.cut = cut
	s.mu.Unlock()
	if !cut {
		s.hangUp()
	}
}

func (s *strait) keep(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[conn] = struct{}{}
}

func (s *strait) drop(conn net.Conn) {
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
	conn.Close()
}

func (s *strait) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		conn.Close()
	}
}

func TestNodesThatAreCutOffFromEachOtherLoseNoSessionAndDoubleNoLease(t *testing.T) {
	length, between := trial(14*time.Second, 7*time.Second)
	bus := bustest.NewServer(t)
	straits := make([]*strait, 3)
	for i := range straits {
		straits[i] = newStrait(t, bus.Address())
	}
	e := newEnsemble(t, 3, func(i int) []string { return []string{"--nats", straits[i].url()} })
	underLoad(e, func(*visits) {
		cuts := 0
		for until := time.Now().Add(length); time.Now().Before(until); cuts++ {
			next := time.After(between)
			lasts := time.After(between * 3 / 5) // far longer than another node counts as there, and shorter than a player is waited for
			if cuts%2 == 1 {
				bus.Stop()
				<-lasts
				bus.Start()
			} else {
				straits[cuts/2%3].set(true)
				<-lasts
				straits[cuts/2%3].set(false)
			}
			<-next
		}
		t.Logf("%d cuts", cuts)
	})
}
