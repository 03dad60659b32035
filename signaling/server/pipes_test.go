package server

import (
	"bytes"
	"context"
	"net"
	"os"
	"sync"
	"time"
)

// Pipes is a listener on connections in memory, which a synctest bubble can wait for.
type Pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewPipes makes one that is used within the bubble that it is made in.
func NewPipes() *Pipes { return &Pipes{accept: make(chan net.Conn), closed: make(chan struct{})} }

// Accept implements net.Listener.
func (p *Pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accept:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *Pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (p *Pipes) Addr() net.Addr { return &net.UnixAddr{Name: "localhost"} }

// Dial connects, whatever the address.
func (p *Pipes) Dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.accept <- newBuffered(theirs):
		return newBuffered(ours), nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// buffered is a pipe that takes some writes before the other side reads, as a socket does.
type buffered struct {
	net.Conn
	mu     sync.Mutex
	closed bool
	queue  chan []byte
}

func newBuffered(conn net.Conn) *buffered {
	b := &buffered{Conn: conn, queue: make(chan []byte, 64)}
	go func() { // ends when either side is closed
		defer conn.Close()
		for data := range b.queue {
			if _, err := conn.Write(data); err != nil {
				return
			}
		}
	}()
	return b
}

func (b *buffered) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, net.ErrClosed
	}
	select {
	case b.queue <- bytes.Clone(data):
		return len(data), nil
	default:
		return 0, os.ErrDeadlineExceeded
	}
}

func (b *buffered) SetWriteDeadline(time.Time) error { return nil } // Write never waits

func (b *buffered) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		close(b.queue)
	}
	return nil
}
