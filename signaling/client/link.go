package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/signaling"
)

// outbox holds what waits to be sent. It outlives connections: what one could not deliver, the next one does.
type outbox struct {
	direction signaling.Direction
	queue     chan waiting
	unsent    *waiting // taken from queue by a writer that failed; belongs to the writer, and between connections to nobody else
	era       atomic.Uint64
}

// waiting is an encoded message. A status is forgotten in the next era, since the registration that begins it is newer, and so is use: it is told again.
type waiting struct {
	data   []byte
	status bool
	era    uint64
}

func newOutbox(d signaling.Direction) *outbox {
	return &outbox{direction: d, queue: make(chan waiting, queued)}
}

// send checks and queues a message.
func (o *outbox) send(m signaling.Message) error {
	data, err := signaling.Encode(o.direction, m)
	if err != nil {
		return err
	}
	status := false
	switch m.(type) {
	case signaling.Status, signaling.Usage:
		status = true
	}
	select {
	case o.queue <- waiting{data: data, status: status, era: o.era.Load()}:
		return nil
	default:
		return ErrBacklog
	}
}

// clear forgets what waits.
func (o *outbox) clear() {
	o.unsent = nil
	for {
		select {
		case <-o.queue:
		default:
			return
		}
	}
}

// link is one connection.
type link struct {
	ws      *websocket.Conn
	in      signaling.Direction
	silence time.Duration // after which the other side is lost
	outbox  *outbox

	mu      sync.Mutex
	closing bool // the read deadline is for the other side's goodbye
}

// errDone is what a receiver returns to close the connection in good order.
var errDone = errors.New("done")

// run says hello and then carries messages both ways until ctx ends, receive returns an error, or the connection fails. In
// good order, that is when ctx ends or on errDone, what waits is sent first, then farewell if there is one, and run returns
// errDone. The reason that signaling gives for closing comes as a *signaling.Error.
func (l *link) run(ctx context.Context, hello, farewell signaling.Message, receive func(signaling.Message) error) error {
	defer l.ws.Close()
	if err := l.put(hello); err != nil {
		return err
	}
	orderly, finish := context.WithCancel(ctx)
	defer finish()
	var (
		failed  = make(chan struct{})
		wrote   error
		writing sync.WaitGroup
	)
	writing.Go(func() { wrote = l.write(orderly, failed, farewell) })
	err := l.read(receive)
	if errors.Is(err, errDone) || ctx.Err() != nil {
		finish()
		writing.Wait()
		l.drain()
		return errDone
	}
	close(failed)
	_ = l.ws.Close() // it is of no use any more; this ends a write under way
	writing.Wait()
	if wrote != nil && !errors.Is(wrote, net.ErrClosed) { // which we did
		return errors.Join(wrote, err)
	}
	return err
}

// heard postpones the moment at which the other side counts as lost.
func (l *link) heard() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return nil
	}
	return l.ws.SetReadDeadline(time.Now().Add(l.silence))
}

// read passes on what comes.
func (l *link) read(receive func(signaling.Message) error) error {
	if err := l.heard(); err != nil {
		return fmt.Errorf("signaling/client: read: %w", err)
	}
	answer := l.ws.PingHandler()
	l.ws.SetPingHandler(func(text string) error {
		if err := l.heard(); err != nil {
			return err
		}
		return answer(text)
	})
	l.ws.SetReadLimit(signaling.MaxMessage)
	for {
		_, data, err := l.ws.ReadMessage()
		if err != nil {
			return fmt.Errorf("signaling/client: read: %w", err)
		}
		if err := l.heard(); err != nil {
			return fmt.Errorf("signaling/client: read: %w", err)
		}
		m, err := signaling.Parse(l.in, data)
		if err != nil {
			return fmt.Errorf("signaling/client: read: %w", err)
		}
		if failed, ok := m.(signaling.Failed); ok {
			return fmt.Errorf("signaling/client: %w", failed.Error)
		}
		if err := receive(m); err != nil {
			return err
		}
	}
}

// write sends what waits until the connection has failed, or until ctx ends, and then says goodbye.
func (l *link) write(ctx context.Context, failed <-chan struct{}, farewell signaling.Message) error {
	if before := l.outbox.unsent; before != nil {
		l.outbox.unsent = nil
		if err := l.deliver(*before); err != nil {
			return err
		}
	}
	for {
		select {
		case <-failed:
			return nil
		case <-ctx.Done():
			return l.goodbye(farewell)
		case next := <-l.outbox.queue:
			if err := l.deliver(next); err != nil {
				return err
			}
		}
	}
}

// deliver writes one message, or keeps it for the next connection and ends this one.
func (l *link) deliver(next waiting) error {
	if next.status && next.era != l.outbox.era.Load() {
		return nil
	}
	if err := l.raw(next.data); err != nil {
		l.outbox.unsent = &next
		_ = l.ws.Close() // ends the reader, which is told nothing else
		return err
	}
	return nil
}

// goodbye sends what waits and closes. Afterwards the reader has closeTimeout to see the other side's goodbye.
func (l *link) goodbye(farewell signaling.Message) error {
	defer l.expectGoodbye()
	for more := true; more; {
		select {
		case next := <-l.outbox.queue:
			if err := l.deliver(next); err != nil {
				return err
			}
		default:
			more = false
		}
	}
	if farewell != nil {
		if err := l.put(farewell); err != nil {
			return err
		}
	}
	return l.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(closeTimeout))
}

func (l *link) expectGoodbye() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closing = true
	_ = l.ws.SetReadDeadline(time.Now().Add(closeTimeout)) // fails on a closed connection only, which the reader knows already
}

// drain reads until the other side has said goodbye too.
func (l *link) drain() {
	for {
		if _, _, err := l.ws.NextReader(); err != nil {
			return
		}
	}
}

func (l *link) put(m signaling.Message) error {
	data, err := signaling.Encode(l.outbox.direction, m)
	if err != nil {
		return err
	}
	return l.raw(data)
}

func (l *link) raw(data []byte) error {
	if err := l.ws.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("signaling/client: write: %w", err)
	}
	if err := l.ws.WriteMessage(websocket.TextMessage, data); err != nil {
		return fmt.Errorf("signaling/client: write: %w", err)
	}
	return nil
}
