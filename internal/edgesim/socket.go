package edgesim

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/signaling"
	"nearlight/signaling/client"
)

// Socket is a machine's connection with as little around it as can be, for who holds thousands: it is not made anew when it is lost.
type Socket struct {
	ws      *websocket.Conn
	machine *Machine
}

// dialTimeout bounds a connection's making.
const dialTimeout = 30 * time.Second

// Dial opens a WebSocket to signaling from an address of this machine, which may be nil.
func Dial(url string, from net.IP, path string) (*websocket.Conn, error) {
	dialer := websocket.Dialer{
		Subprotocols: []string{signaling.Subprotocol}, HandshakeTimeout: dialTimeout, ReadBufferSize: 1024, WriteBufferSize: 1024,
	}
	if from != nil {
		dialer.NetDialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).DialContext
	}
	ws, response, err := dialer.Dial(url+path, http.Header{})
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("edgesim: dial %s: %w: %s", url, err, response.Status)
		}
		return nil, fmt.Errorf("edgesim: dial %s: %w", url, err)
	}
	return ws, nil
}

// Register connects a machine at ws://HOST:PORT and returns once signaling knows it.
func Register(url string, from net.IP, m *Machine) (*Socket, error) {
	ws, err := Dial(url, from, signaling.EdgePath)
	if err != nil {
		return nil, err
	}
	s := &Socket{ws: ws, machine: m}
	err = s.login(strings.TrimPrefix(url, "ws://"))
	for err == nil && m.ID() == "" {
		err = s.read()
	}
	if err != nil {
		_ = ws.Close() // it is of no use
		return nil, err
	}
	return s, nil
}

// login shows the machine's key to the host that was dialed, and registers.
func (s *Socket) login(host string) error {
	if err := s.write(signaling.Login{Address: s.machine.config.Key.Address().String()}); err != nil {
		return err
	}
	_, data, err := s.ws.ReadMessage()
	if err != nil {
		return fmt.Errorf("edgesim: read: %w", err)
	}
	m, err := signaling.Parse(signaling.SignalingToEdge, data)
	if err != nil {
		return err
	}
	challenge, ok := m.(signaling.Challenge)
	if !ok {
		return fmt.Errorf("edgesim: a challenge is due, and %s came", signaling.Kind(m))
	}
	register := s.machine.Registration()
	if register.Proof, err = client.Prove(challenge, s.machine.config.Key, host, time.Now()); err != nil {
		return err
	}
	return s.write(register)
}

// Serve answers signaling until the connection ends, and returns why.
func (s *Socket) Serve() error {
	for {
		if err := s.read(); err != nil {
			return err
		}
	}
}

// Close ends Serve.
func (s *Socket) Close() error { return s.ws.Close() }

func (s *Socket) read() error {
	_, data, err := s.ws.ReadMessage()
	if err != nil {
		return fmt.Errorf("edgesim: read: %w", err)
	}
	message, err := signaling.Parse(signaling.SignalingToEdge, data)
	if err != nil {
		return err
	}
	answers, err := s.machine.Handle(message)
	for _, answer := range answers {
		if err == nil {
			err = s.write(answer)
		}
	}
	return err
}

func (s *Socket) write(m signaling.Message) error {
	data, err := signaling.Encode(signaling.EdgeToSignaling, m)
	if err != nil {
		return err
	}
	if err := s.ws.WriteMessage(websocket.TextMessage, data); err != nil {
		return fmt.Errorf("edgesim: write: %w", err)
	}
	return nil
}
