package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"nearlight/signaling"
)

// conn is one socket. One goroutine runs read, one runs write; send and end may be called from any and never block.
type conn struct {
	ws      *websocket.Conn
	host    string // under which it reached us, in lower case
	in, out signaling.Direction
	ping    time.Duration // between ours
	limiter *rate.Limiter
	log     *slog.Logger
	metrics *metrics
	from    netip.Addr // the peer's
	page    page       // that the peer is

	limit  int           // of queue
	more   chan struct{} // says that queue is not empty
	ending chan struct{} // closed when reason and quick are final

	mu     sync.Mutex
	queue  []signaling.Message // nil while the peer is idle, as most are
	ended  bool
	reason *signaling.Error // nil: nothing is wrong
	quick  bool             // do not write what is queued any more

	restarting bool // nothing is wrong, and the peer is to come back

	pulse pulse
	beats func(late bool) // called when the pulse's verdict changes; nil: nobody asks
}

func newConn(ws *websocket.Conn, as role, queued int, log *slog.Logger, m *metrics) *conn {
	c := &conn{
		ws: ws, in: as.in, out: as.out, ping: as.ping, log: log, metrics: m,
		limiter: rate.NewLimiter(rate.Limit(as.rate), as.burst),
		limit:   queued, more: make(chan struct{}, 1), ending: make(chan struct{}),
	}
	ws.SetPingHandler(c.pong)
	return c
}

// send queues a message for the peer. A peer that leaves so much unread that the queue is full is dropped.
func (c *conn) send(m signaling.Message) {
	c.mu.Lock()
	full := len(c.queue) >= c.limit
	if !full && !c.ended {
		c.queue = append(c.queue, m)
	}
	c.mu.Unlock()
	if full {
		c.finish(signaling.Errorf(signaling.CodeTimedOut, "Your connection does not keep up: %d messages wait for it.", c.limit), true)
		return
	}
	select {
	case c.more <- struct{}{}:
	default: // the writer has not looked since the last time
	}
}

// take returns the first message that is queued, nil for none.
func (c *conn) take() signaling.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return nil
	}
	m := c.queue[0]
	c.queue[0] = nil
	if c.queue = c.queue[1:]; len(c.queue) == 0 {
		c.queue = nil
	}
	return m
}

// end closes the connection after what is queued, with the reason as its last message; nil means that nothing is wrong.
func (c *conn) end(reason *signaling.Error) { c.finish(reason, false) }

// restart closes the connection of a peer that is to come back, here or to another node, with what it has.
func (c *conn) restart() {
	c.mu.Lock()
	c.restarting = !c.ended
	c.mu.Unlock()
	c.finish(nil, false)
}

func (c *conn) finish(reason *signaling.Error, quick bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended, c.reason, c.quick = true, reason, quick
	if reason != nil {
		c.metrics.refused.WithLabelValues(known(reason.Code)).Inc()
		c.log.Info("connection is closed by us", "code", reason.Code, "reason", reason.Message)
	}
	close(c.ending)
	// A write under way must not hold up the last words.
	c.deadline(c.ws.NetConn().SetWriteDeadline, closeTimeout)
}

// errEnded ends read when this side has closed.
var errEnded = errors.New("closed by us")

// first waits for the peer's first message.
func (c *conn) first() (signaling.Message, error) {
	c.deadline(c.ws.SetReadDeadline, firstMessageTimeout)
	m, err := c.next()
	if err != nil && c.silent(err) {
		c.end(signaling.Errorf(signaling.CodeTimedOut, "No request came within %v.", firstMessageTimeout))
	}
	if err != nil {
		return nil, err
	}
	c.ws.SetPongHandler(func(string) error {
		c.heard()
		c.beat((*pulse).pong)
		return nil
	})
	c.heard()
	return m, nil
}

// next waits for a further message. It refuses what is not one, and a peer that is too quick; both end the connection.
func (c *conn) next() (signaling.Message, error) {
	kind, reader, err := c.ws.NextReader()
	if err != nil {
		return nil, err
	}
	select {
	case <-c.ending:
		return nil, errEnded
	default:
	}
	c.heard()
	if !c.limiter.Allow() {
		return nil, c.refuse(signaling.Errorf(signaling.CodeRateLimited, "Too many messages came at once from your side."))
	}
	if kind != websocket.TextMessage {
		return nil, c.refuse(signaling.Errorf(signaling.CodeBadMessage, "A binary message came; text is wanted."))
	}
	data, err := io.ReadAll(io.LimitReader(reader, signaling.MaxMessage+1))
	if err != nil {
		return nil, err
	}
	m, err := signaling.Parse(c.in, data)
	if err != nil {
		return nil, c.refuse(signaling.AsError(err))
	}
	c.metrics.received.WithLabelValues(c.in.String(), signaling.Kind(m)).Inc()
	return m, nil
}

// pong answers a peer's ping. Pings count like messages, or a flood of them would be free.
func (c *conn) pong(text string) error {
	if !c.limiter.Allow() {
		return c.refuse(signaling.Errorf(signaling.CodeRateLimited, "Too many pings came at once from your side."))
	}
	if err := c.ws.WriteControl(websocket.PongMessage, []byte(text), time.Now().Add(closeTimeout)); err != nil {
		c.log.Debug("a ping could not be answered", "error", err) // the writer will notice
	}
	return nil
}

func (c *conn) refuse(reason *signaling.Error) error {
	c.end(reason)
	return errEnded
}

// heard postpones the moment at which the peer counts as lost.
func (c *conn) heard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.deadline(c.ws.SetReadDeadline, c.silence())
	}
}

// beat notes a ping or its answer.
func (c *conn) beat(note func(*pulse, time.Time) bool) {
	c.mu.Lock()
	changed := note(&c.pulse, time.Now())
	tell, late := c.beats, c.pulse.isLate
	c.mu.Unlock()
	if changed && tell != nil {
		tell(late)
	}
}

// watchBeats has tell called when the peer begins to answer late, and when it does so in time again.
func (c *conn) watchBeats(tell func(late bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beats = tell
}

// silence is how long nothing may come.
func (c *conn) silence() time.Duration { return time.Duration(signaling.SilentPings * float64(c.ping)) }

// silent reports whether reading failed because nothing came.
func (c *conn) silent(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// drain reads and forgets until the peer has closed, so that it sees the last words before the connection is reset.
func (c *conn) drain() {
	for {
		if _, _, err := c.ws.NextReader(); err != nil {
			return
		}
	}
}

// write sends what is queued, and pings, until the connection ends or fails.
func (c *conn) write() {
	defer c.goodbye()
	pings := time.NewTicker(c.ping)
	defer pings.Stop()
	for {
		select {
		case <-c.ending:
			return
		case <-c.more:
			for m := c.take(); m != nil; m = c.take() {
				if err := c.put(m, writeTimeout); err != nil {
					c.broken(err)
					return
				}
				select {
				case <-c.ending:
					return
				default:
				}
			}
		case <-pings.C:
			c.beat((*pulse).ping)
			if err := c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout)); err != nil {
				c.broken(err)
				return
			}
		}
	}
}

// goodbye writes what is left to say and makes the reader end soon.
func (c *conn) goodbye() {
	<-c.ending // or the writer would not be here
	deadline := time.Now().Add(closeTimeout)
	if !c.quick {
		c.flush(deadline)
	}
	code, text := websocket.CloseNormalClosure, ""
	if c.restarting {
		code = websocket.CloseServiceRestart
	}
	if c.reason != nil {
		code, text = closeCode(c.reason.Code), string(c.reason.Code)
		if err := c.put(signaling.Failed{Error: c.reason}, time.Until(deadline)); err != nil {
			c.log.Debug("the reason could not be told", "error", err)
		}
	}
	if err := c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), deadline); err != nil {
		c.log.Debug("the goodbye could not be told", "error", err)
		c.deadline(c.ws.SetReadDeadline, 0) // nor will there be an answer
		return
	}
	c.deadline(c.ws.SetReadDeadline, closeTimeout)
}

// flush writes what is queued, as far as it goes.
func (c *conn) flush(deadline time.Time) {
	for m := c.take(); m != nil; m = c.take() {
		if err := c.put(m, time.Until(deadline)); err != nil {
			c.log.Debug("what was queued could not be told", "error", err)
			return
		}
	}
}

func (c *conn) put(m signaling.Message, timeout time.Duration) error {
	data, err := signaling.Encode(c.out, m)
	if err != nil {
		c.log.Error("a message cannot be written", "error", err)
		return err
	}
	c.deadline(c.ws.SetWriteDeadline, timeout)
	return c.ws.WriteMessage(websocket.TextMessage, data)
}

// broken ends a connection on which writing failed.
func (c *conn) broken(err error) {
	c.log.Debug("writing failed", "error", err)
	c.finish(nil, true)
}

// deadline sets one of the connection's deadlines. That fails only on a closed connection, which the next read or write reports.
func (c *conn) deadline(set func(time.Time) error, after time.Duration) {
	if err := set(time.Now().Add(after)); err != nil {
		c.log.Debug("a deadline could not be set", "error", fmt.Errorf("signaling/server: %w", err))
	}
}

// closeCode is the WebSocket close code that goes with a reason (RFC 6455 section 7.4.1 and its registry).
func closeCode(code signaling.Code) int {
	switch code {
	case signaling.CodeShuttingDown:
		return websocket.CloseGoingAway
	case signaling.CodeNoEdge, signaling.CodeFull, signaling.CodeRateLimited, signaling.CodeTimedOut, signaling.CodeEdgeRefused:
		return websocket.CloseTryAgainLater
	case signaling.CodeInternal:
		return websocket.CloseInternalServerErr
	}
	return websocket.ClosePolicyViolation
}
