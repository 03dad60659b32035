package pulse

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	version      = 13 // of the protocol: the last before formats, which samples as they are do not need
	cookieLength = 256
	// patience is how long a server may leave us without an answer, or without sound.
	patience = 2 * time.Second
	// readAhead is what is asked of the socket at once, in octets: many fragments.
	readAhead = 16 << 10
)

// client is a connection to a server that has let us in.
type client struct {
	connection net.Conn
	in         *bufio.Reader
	release    func() bool // ends ctx's hold on the connection
	serial     uint32
	payload    []byte
}

// connect makes a client, whose connection is closed when ctx ends.
func connect(ctx context.Context, socket, name string) (*client, error) {
	connection, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("connect to the sound server: %w", err)
	}
	c := newClient(connection)
	c.release = context.AfterFunc(ctx, func() { connection.Close() })
	if err := c.enter(name); err != nil {
		c.Close()
		return nil, cmp.Or(ctx.Err(), err)
	}
	return c, nil
}

func newClient(connection net.Conn) *client {
	return &client{connection: connection, in: bufio.NewReaderSize(connection, readAhead), payload: make([]byte, longestMessage)}
}

// DefaultSource is the name of the source that apps record which ask for none by name, as the server has it now.
func DefaultSource(ctx context.Context, socket, name string) (string, error) {
	c, err := connect(ctx, socket, name)
	if err != nil {
		return "", err
	}
	defer c.Close()
	source, err := c.defaultSource()
	if err != nil {
		return "", cmp.Or(ctx.Err(), err)
	}
	return source, nil
}

func (c *client) defaultSource() (string, error) {
	answer, err := c.ask(command(commandGetServerInfo, c.serial))
	if err != nil {
		return "", err
	}
	for range 4 { // the server's name and version, its user and host
		if _, err := answer.text(); err != nil {
			return "", err
		}
	}
	if _, _, _, err := answer.sampleSpec(); err != nil {
		return "", err
	}
	if _, err := answer.text(); err != nil { // the sink
		return "", err
	}
	return answer.text()
}

// Close ends the connection; it may be called more than once.
func (c *client) Close() {
	c.release()
	c.connection.Close()
}

// enter makes us known. The server of a session lets in whoever reaches its socket, so that the cookie says nothing.
func (c *client) enter(name string) error {
	hello := command(commandAuth, c.serial)
	hello.number(version)
	hello.data(make([]byte, cookieLength))
	answer, err := c.ask(hello)
	if err != nil {
		return err
	}
	theirs, err := answer.number()
	if err != nil {
		return err
	}
	if theirs &= 0xffff; theirs < version { // the rest are flags of memory that is shared
		return fmt.Errorf("%w: the sound server speaks version %d, older than %d", ErrProtocol, theirs, version)
	}
	us := command(commandSetClientName, c.serial)
	us.properties("application.name", name)
	_, err = c.ask(us)
	return err
}

// ask sends a command and waits for its answer; what comes besides is not for us yet.
func (c *client) ask(w *writer) (*reader, error) {
	serial := c.serial
	c.serial++
	if err := c.connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := c.connection.Write(w.message()); err != nil {
		return nil, fmt.Errorf("ask the sound server: %w", err)
	}
	for {
		channel, payload, err := c.receive()
		if err != nil {
			return nil, err
		}
		if channel != controlChannel {
			continue
		}
		answer := &reader{payload}
		code, err := answer.number()
		if err != nil {
			return nil, err
		}
		answered, err := answer.number()
		switch {
		case err != nil:
			return nil, err
		case answered != serial:
			continue
		case code == commandReply:
			return answer, nil
		case code == commandError:
			reason, err := answer.number()
			return nil, errors.Join(fmt.Errorf("%w (error %d)", ErrRefused, reason), err)
		}
	}
}

// receive reads one message; its payload is valid until the next call.
func (c *client) receive() (channel uint32, payload []byte, err error) {
	header, err := c.in.Peek(descriptorLength)
	if err != nil {
		return 0, nil, trouble(err)
	}
	length, channel, err := descriptor(header)
	if err != nil {
		return 0, nil, err
	}
	if _, err := c.in.Discard(descriptorLength); err != nil {
		return 0, nil, trouble(err)
	}
	payload = c.payload[:length]
	if _, err := io.ReadFull(c.in, payload); err != nil {
		return 0, nil, trouble(err)
	}
	return channel, payload, nil
}

func trouble(err error) error {
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("%w for %v", ErrStalled, patience)
	}
	return fmt.Errorf("read from the sound server: %w", err)
}
