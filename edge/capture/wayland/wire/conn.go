package wire

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"nearlight/internal/media"
)

// ErrClosed reports that the peer hung up.
var ErrClosed = errors.New("the Wayland socket was closed by its other end")

// receiveBytes is room for the longest message and what came with it.
const receiveBytes = 4 * LongestMessage

// Wake is why Wait returned.
type Wake int

// The reasons, the most urgent first.
const (
	Interrupted Wake = iota // Interrupt was called; it stays so until Resume
	Readable                // there is something to Receive, if only the end
	TimedOut
)

// Conn is one end of a Wayland connection.
type Conn struct {
	Writer // the requests that Flush sends

	socket, interrupt int
	watched           [2]unix.PollFd // interrupt, socket
	received          [receiveBytes]byte
	from, to          int // what of received is not parsed yet
}

// Open takes over a connected socket, also when it fails.
func Open(socket int) (*Conn, error) {
	if err := unix.SetNonblock(socket, true); err != nil {
		return nil, errors.Join(os.NewSyscallError("fcntl", err), unix.Close(socket))
	}
	interrupt, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(os.NewSyscallError("eventfd", err), unix.Close(socket))
	}
	c := &Conn{socket: socket, interrupt: interrupt}
	c.bytes = make([]byte, 0, LongestMessage)
	c.watched = [2]unix.PollFd{{Fd: int32(interrupt), Events: unix.POLLIN}, {Fd: int32(socket), Events: unix.POLLIN}}
	return c, nil
}

// Close closes the socket; Interrupt may not be called any more.
func (c *Conn) Close() error {
	return errors.Join(os.NewSyscallError("close", unix.Close(c.socket)), os.NewSyscallError("close", unix.Close(c.interrupt)))
}

// Interrupt makes Wait return. Any goroutine may call it until Close.
func (c *Conn) Interrupt() {
	one := [8]byte{1}
	// It can only fail when the counter is full, and then it is readable, which is all that is wanted.
	_, _ = unix.Write(c.interrupt, one[:])
}

// Resume takes interrupts back.
func (c *Conn) Resume() {
	var count [8]byte
	_, _ = unix.Read(c.interrupt, count[:]) // fails when there was none
}

// Wait sleeps until there is something to receive, until the given instant (0: for ever), or the interrupt.
func (c *Conn) Wait(until media.Instant) (Wake, error) {
	for {
		var left unix.Timespec
		var timeout *unix.Timespec
		if until != 0 {
			left = unix.NsecToTimespec(int64(max(0, until.Sub(media.Now()))))
			timeout = &left
		}
		ready, err := unix.Ppoll(c.watched[:], timeout, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, os.NewSyscallError("ppoll", err)
		case ready == 0:
			return TimedOut, nil
		case c.watched[0].Revents != 0:
			return Interrupted, nil
		default:
			return Readable, nil
		}
	}
}

// Receive takes in what has arrived; it does not wait. The error wraps ErrClosed when the peer hung up.
func (c *Conn) Receive() error {
	if c.from > 0 {
		c.to = copy(c.received[:], c.received[c.from:c.to])
		c.from = 0
	}
	if c.to == len(c.received) {
		return nil // whole messages are waiting to be read by Next
	}
	// Descriptors that come along are dropped by the kernel: none of the messages that are listened to has any.
	n, err := unix.Read(c.socket, c.received[c.to:])
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return nil
	case errors.Is(err, unix.ECONNRESET), err == nil && n == 0:
		return ErrClosed
	case err != nil:
		return os.NewSyscallError("read", err)
	}
	c.to += n
	return nil
}

// Next returns the next message of those received, and false when there is none, or only a part of one.
func (c *Conn) Next() (Message, bool, error) {
	m, n, err := Parse(c.received[c.from:c.to])
	c.from += n
	return m, n > 0, err
}

// Flush sends the requests gathered so far, with descriptors that belong to the first of them. It does not wait: a peer
// that has so much to read still that nothing more fits has stopped reading, which is ErrClosed as well.
func (c *Conn) Flush(descriptors ...int) error {
	for len(c.bytes) > 0 {
		n, err := c.send(descriptors)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return fmt.Errorf("%w: it does not read any more", ErrClosed)
		case errors.Is(err, unix.EPIPE), errors.Is(err, unix.ECONNRESET):
			return ErrClosed
		case err != nil:
			return os.NewSyscallError("send", err)
		default:
			c.bytes = c.bytes[:copy(c.bytes, c.bytes[n:])]
			descriptors = nil
		}
	}
	return nil
}

func (c *Conn) send(descriptors []int) (int, error) {
	if len(descriptors) == 0 {
		return unix.Write(c.socket, c.bytes)
	}
	return unix.SendmsgN(c.socket, c.bytes, unix.UnixRights(descriptors...), nil, unix.MSG_NOSIGNAL)
}
