package display

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

const (
	cookieBytes  = 16 // of MIT-MAGIC-COOKIE-1
	cookieScheme = "MIT-MAGIC-COOKIE-1"
	familyWild   = 0xffff // matches every address and display (Xauth.h)
)

// authorityFile is the cookie in the form of ~/.Xauthority: family, address, display number, scheme and cookie, each
// but the family with its length before it, all big-endian (XauWriteAuth).
func authorityFile(cookie [cookieBytes]byte) []byte {
	file := binary.BigEndian.AppendUint16(nil, familyWild)
	for _, field := range []string{"", "", cookieScheme, string(cookie[:])} {
		file = binary.BigEndian.AppendUint16(file, uint16(len(field)))
		file = append(file, field...)
	}
	return file
}

// setupRequest opens a connection with a cookie (X Window System Protocol, section 8): byte order, version 11.0, scheme
// and cookie, each padded to four octets.
func setupRequest(cookie [cookieBytes]byte) []byte {
	request := []byte{'l', 0}
	for _, field := range []uint16{11, 0, uint16(len(cookieScheme)), cookieBytes, 0} {
		request = binary.LittleEndian.AppendUint16(request, field)
	}
	request = append(request, cookieScheme...)
	for len(request)%4 != 0 {
		request = append(request, 0)
	}
	return append(request, cookie[:]...)
}

// credentialed gives xgb's handshake the display's cookie. xgb itself looks for one in the edge owner's own
// ~/.Xauthority, under a name that a socket in a session's folder does not have.
type credentialed struct {
	net.Conn
	setup []byte // sent in place of the first write; nil afterwards
}

func (c *credentialed) Write(b []byte) (int, error) {
	if c.setup == nil {
		return c.Conn.Write(b)
	}
	setup := c.setup
	c.setup = nil
	if _, err := c.Conn.Write(setup); err != nil {
		return 0, err
	}
	return len(b), nil
}

// handshakeTimeout is far above the fraction of a millisecond that a server next door takes.
const handshakeTimeout = 5 * time.Second

// Dial opens a connection for one more client of the display. Its owner closes it.
//
// Call UseExtension, not an extension package's Init: Init writes to maps that all of xgb's connections read, those of
// other sessions included.
func (d *Display) Dial(ctx context.Context) (*xgb.Conn, error) {
	select {
	case <-d.server.Done():
		return nil, fmt.Errorf("connecting to %s: %w", d.Name(), ErrClosed)
	default:
		return d.dial(ctx)
	}
}

func (d *Display) dial(ctx context.Context) (*xgb.Conn, error) {
	// xgb logs to standard error what its callers learn from its results as well.
	xgb.Logger.SetOutput(io.Discard)
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	socket, err := (&net.Dialer{}).DialContext(ctx, "unix", d.socket)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", d.Name(), err)
	}
	// The handshake ends with ctx; afterwards the connection has no deadline.
	expire := context.AfterFunc(ctx, func() { socket.Close() })
	conn, err := xgb.NewConnNet(&credentialed{Conn: socket, setup: setupRequest(d.cookie)})
	if err != nil {
		expire()
		socket.Close()
		return nil, fmt.Errorf("connecting to %s: %w", d.Name(), err)
	}
	if !expire() {
		conn.Close()
		return nil, fmt.Errorf("connecting to %s: %w", d.Name(), ctx.Err())
	}
	return conn, nil
}

// UseExtension makes the requests of an extension usable on a connection. Its events and errors stay unknown to xgb,
// which ignores them.
func UseExtension(conn *xgb.Conn, name string) error {
	reply, err := xproto.QueryExtension(conn, uint16(len(name)), name).Reply()
	if err != nil {
		return fmt.Errorf("looking for the X extension %s: %w", name, err)
	}
	if !reply.Present {
		return fmt.Errorf("the X server has no extension %s", name)
	}
	conn.ExtLock.Lock()
	defer conn.ExtLock.Unlock()
	conn.Extensions[name] = reply.MajorOpcode
	return nil
}
