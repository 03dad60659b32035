package server_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/internal/edgesim"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/token"
)

// socket is a bare WebSocket that speaks the protocol, or does not.
type socket struct {
	testing.TB
	*websocket.Conn
	in, out signaling.Direction
	host    string

	mu    sync.Mutex     // of a message that is being written
	slots *edgesim.Slots // of an edge that has registered; nil for others
	mute  atomic.Bool    // it gives no leases by itself
	inbox chan heard     // what it has heard, and how that ended; nil: it is read when it is asked
}

type heard struct {
	message signaling.Message
	err     error
}

func (n *network) dial(path string) *socket {
	n.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}, HandshakeTimeout: patience, NetDialContext: n.dialer}
	ws, response, err := dialer.Dial("ws"+strings.TrimPrefix(n.url, "http")+path, nil)
	if err != nil {
		n.Fatalf("%v %v", err, response)
	}
	n.Cleanup(func() { ws.Close() })
	n.open = append(n.open, ws.NetConn())
	if err := ws.SetReadDeadline(time.Now().Add(3 * patience)); err != nil {
		n.Fatal(err)
	}
	s := &socket{TB: n, Conn: ws, host: n.host(), in: signaling.SignalingToPlayer, out: signaling.PlayerToSignaling}
	if path == signaling.EdgePath {
		s.in, s.out = signaling.SignalingToEdge, signaling.EdgeToSignaling
	}
	return s
}

// say sends a message; a registration without a proof as the edge does whose slots the socket has, or one that has just made itself a key.
func (s *socket) say(m signaling.Message) {
	s.Helper()
	if register, ok := m.(signaling.Register); ok && register.Proof == nil {
		if s.slots == nil {
			s.slots = newSlots(s, register.Slots)
		}
		s.say(signaling.Login{Address: string(s.slots.ID())})
		var err error
		if register.Proof, err = client.Prove(expect[signaling.Challenge](s), s.slots.Key(), s.host, time.Now()); err != nil {
			s.Fatal(err)
		}
		register.Running = nil
		s.slots.Describe(&register)
		m = register
	}
	if err := s.write(m); err != nil {
		s.Fatal(err)
	}
}

func (s *socket) write(m signaling.Message) error {
	data, err := signaling.Encode(s.out, m)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.WriteMessage(websocket.TextMessage, data)
}

// errStrange is of what no server may send.
var errStrange = errors.New("the server sent what does not parse")

func (s *socket) read() (signaling.Message, error) {
	_, data, err := s.ReadMessage()
	if err != nil {
		return nil, err
	}
	m, err := signaling.Parse(s.in, data)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errStrange, data, err)
	}
	return m, nil
}

func (s *socket) hear() (signaling.Message, error) {
	s.Helper()
	var next heard
	if s.inbox != nil {
		next = <-s.inbox
	} else {
		next.message, next.err = s.read()
	}
	if errors.Is(next.err, errStrange) {
		s.Fatal(next.err)
	}
	return next.message, next.err
}

// expect hears the next message, which must be an M.
func expect[M signaling.Message](s *socket) M {
	s.Helper()
	m, err := s.hear()
	if err != nil {
		s.Fatal(err)
	}
	wanted, ok := m.(M)
	if !ok {
		s.Fatalf("%#v, want a %T", m, wanted)
	}
	return wanted
}

// closed hears until the server closes, and returns its reason and close code.
func (s *socket) closed() (*signaling.Error, int) {
	s.Helper()
	var reason *signaling.Error
	for {
		m, err := s.hear()
		if failed, ok := m.(signaling.Failed); ok {
			reason = failed.Error
		}
		var code *websocket.CloseError
		if errors.As(err, &code) {
			return reason, code.Code
		}
		if err != nil {
			s.Fatalf("closed with %v after %v", err, reason)
		}
	}
}

// edge presents a bare edge with one app, and what change makes of it. It gives leases by itself; all else is for the test to say.
func (n *network) edge(slots int, change func(*signaling.Register)) *socket {
	n.Helper()
	s := n.dial(signaling.EdgePath)
	register := signaling.Register{
		Token: n.token(token.Claims{Role: token.Edge}), Name: "den", Slots: slots, Codecs: signaling.List[string]{"h264"},
		Apps: signaling.List[signaling.App]{{Name: "tux", Title: "Tux", Installed: true}},
	}
	if change != nil {
		change(&register)
	}
	s.say(register)
	expect[signaling.Registered](s)
	s.inbox = make(chan heard, 4096)
	go s.rent(n.verifier)
	return s
}

// rent gives leases to whom signaling proposes, until the socket is closed.
func (s *socket) rent(verifier *token.Verifier) {
	defer close(s.inbox)
	for {
		m, err := s.read()
		if start, ok := m.(signaling.Start); ok && start.Lease != nil && !s.mute.Load() {
			err = s.lease(start, verifier)
		}
		s.inbox <- heard{m, err}
		if err != nil {
			return
		}
	}
}

func (s *socket) lease(start signaling.Start, verifier *token.Verifier) error {
	claims, err := verifier.Verify(start.Token, token.Player)
	if err != nil {
		return err
	}
	said, _, err := s.slots.Answer(start, edgesim.BearerOf(claims))
	for _, m := range said {
		if err == nil {
			err = s.write(m)
		}
	}
	return err
}

func newSlots(t testing.TB, slots int) *edgesim.Slots {
	t.Helper()
	return edgesim.NewSlots(newIdentity(t), make([]signaling.Epoch, slots), time.Now())
}

// register presents a bare edge with one app and the given slots.
func (n *network) register(slots int) *socket {
	n.Helper()
	return n.edge(slots, nil)
}
