package bustest

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// patience bounds the start of a server.
const patience = 10 * time.Second

// Server is a NATS server of somebody else's, which may go away and return.
type Server struct {
	t       testing.TB
	port    int
	running *server.Server // nil while it is away
}

// NewServer starts one at a loopback port of its own. It ends with the test.
func NewServer(t testing.TB) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, port: listener.Addr().(*net.TCPAddr).Port}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Address is HOST:PORT, the same after each start.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Start has it there, and returns once it answers.
func (s *Server) Start() {
	s.t.Helper()
	if s.running != nil {
		return
	}
	made, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: s.port, NoSigs: true, NoLog: true})
	if err != nil {
		s.t.Fatal(err)
	}
	made.Start()
	if !made.ReadyForConnections(patience) {
		s.t.Fatal("no NATS server")
	}
	s.running = made
}

// Stop has it away, and returns once nothing is left of it.
func (s *Server) Stop() {
	if s.running == nil {
		return
	}
	s.running.Shutdown()
	s.running.WaitForShutdown()
	s.running = nil
}
