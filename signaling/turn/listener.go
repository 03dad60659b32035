package turn

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// firstTimeout is how long a connection may be open before it sends anything.
	firstTimeout = 10 * time.Second
	// silence is how long a connection may send nothing: clients refresh an allocation more often.
	silence = 12 * time.Minute
	// patience is how long a connection may take nothing of what is sent to it.
	patience = 3 * time.Second
	// tlsRecord is the first octet of a TLS handshake (RFC 8446 section 5.1); no STUN message begins so (RFC 7983).
	tlsRecord = 22
)

// listener accepts TURN over TCP, and over TLS on the same port.
type listener struct {
	*net.TCPListener
	server *Server
}

// Accept returns the next connection that there is room for.
func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.AcceptTCP()
		if err != nil {
			var failed net.Error
			if errors.As(err, &failed) && failed.Timeout() {
				continue
			}
			return nil, err
		}
		from := origin(raw.RemoteAddr())
		c := &conn{Conn: raw, server: l.server, origin: from}
		if !l.server.ledger.enter(from) {
			l.server.metrics.refused.WithLabelValues("connections").Inc()
			_ = raw.Close() // nothing was said
			continue
		}
		if !l.server.keep(c) {
			l.server.ledger.leave(from)
			_ = raw.Close()
			return nil, net.ErrClosed
		}
		return c, nil
	}
}

// conn is a client's connection. What its first octet is says whether it speaks TLS.
type conn struct {
	net.Conn // the TCP connection
	server   *Server
	origin   netip.Prefix

	first  sync.Once
	spoken net.Conn // Conn, or TLS over it; set by the first read, before which nothing is written
	frames *bufio.Reader
	failed error
	once   sync.Once
}

const (
	// maxFrame is the longest message that is read, less than the buffers of the server's library.
	maxFrame     = 1500
	frameHeader  = 4
	stunHeader   = 20
	framePadding = 4
)

// Read reads one message. The library finds the ends of messages itself, but has no bounds for them: a length near 65535 makes it
// read nothing for ever.
func (c *conn) Read(into []byte) (int, error) {
	c.first.Do(c.recognise)
	if c.failed != nil {
		return 0, c.failed
	}
	if err := c.Conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	header, err := c.frames.Peek(frameHeader)
	if err != nil {
		return 0, err
	}
	size, err := frameSize(header)
	if err != nil {
		c.server.metrics.refused.WithLabelValues("malformed").Inc()
		return 0, err
	}
	if len(into) < size {
		return 0, io.ErrShortBuffer
	}
	return io.ReadFull(c.frames, into[:size])
}

// frameSize is the length of a message over TCP by its first octets (RFC 8656 sections 3.1 and 12.5): STUN's count what follows its
// header, channels' what follows these four, padded.
func frameSize(header []byte) (int, error) {
	length := int(binary.BigEndian.Uint16(header[2:]))
	size := 0
	switch header[0] >> 6 {
	case 0:
		size = stunHeader + length
	case 1:
		size = frameHeader + (length+framePadding-1)/framePadding*framePadding
	}
	if size == 0 || size > maxFrame {
		return 0, errors.New("turn: neither STUN nor a channel's data")
	}
	return size, nil
}

// recognise waits for the first octet.
func (c *conn) recognise() {
	if c.failed = c.Conn.SetDeadline(time.Now().Add(firstTimeout)); c.failed != nil {
		return
	}
	buffered := &peeked{Conn: c.Conn, reader: bufio.NewReaderSize(c.Conn, 2048)}
	start, err := buffered.reader.Peek(1)
	if err != nil {
		c.failed = err
		return
	}
	c.spoken = buffered
	if start[0] == tlsRecord {
		if c.server.config.TLS == nil {
			c.failed = errors.New("turn: TLS is not served")
			return
		}
		secured := tls.Server(buffered, c.server.config.TLS)
		if c.failed = secured.Handshake(); c.failed != nil {
			c.server.metrics.refused.WithLabelValues("tls").Inc()
			return
		}
		c.spoken = secured
	}
	c.frames = bufio.NewReaderSize(c.spoken, 2*maxFrame)
	c.failed = c.Conn.SetDeadline(time.Time{})
}

// Write sends to the client, whose connection is given up when it takes nothing.
func (c *conn) Write(from []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	n, err := c.spoken.Write(from)
	if err != nil {
		_ = c.Close() // the write's own error says why
	}
	return n, err
}

// Close closes the connection; twice is the same as once.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = c.Conn.Close()
		c.server.ledger.leave(c.origin)
		c.server.letGo(c)
	})
	return err
}

// peeked is a connection whose first octet was looked at.
type peeked struct {
	net.Conn
	reader *bufio.Reader
}

func (p *peeked) Read(into []byte) (int, error) { return p.reader.Read(into) }
