package udpmux

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// tcpPatience is how long a TCP peer may take nothing of what is sent to it. UDP drops what finds no room, TCP waits for it, for
// ever if need be: whoever sends would wait as well, and even the goodbye that comes before the connection is closed. It is
// as long as a silent peer has until it counts as disconnected.
const tcpPatience = 3 * time.Second

// impatientListener accepts connections that are closed when their peer takes nothing for so long.
type impatientListener struct {
	net.Listener
	patience time.Duration
}

func (l *impatientListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &impatientConn{Conn: conn, patience: l.patience}, nil
}

type impatientConn struct {
	net.Conn
	patience time.Duration

	mu sync.Mutex // one writer at a time: the next one would put off the deadline of the one that waits
}

// Write writes p whole or closes the connection: after a part of a packet the peer would not find the next one (RFC 4571).
func (c *impatientConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, fmt.Errorf("send over TCP: %w", err)
	}
	n, err := c.Conn.Write(p)
	if err != nil {
		err = errors.Join(fmt.Errorf("send over TCP: %w", err), c.Close())
	}
	return n, err
}
