package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
)

// Config says how a node reaches the others. The zero Config is a node alone.
type Config struct {
	// URL is a NATS cluster to use, nats://HOST:PORT or several joined by commas. Empty means a server within this process.
	URL string
	// Cluster joins the server of this process with others; ignored with URL.
	Cluster Cluster
	// Name is how the server's owner sees this node.
	Name string
	// Dropped is told of each message that a handler was too slow for, if set. It must not block.
	Dropped func(subject string)

	Log     *slog.Logger          // nil means none
	Metrics prometheus.Registerer // nil means none
}

// Times and bounds of a connection.
const (
	// dialTimeout is how long one try to reach a server may take.
	dialTimeout = 2 * time.Second
	// reconnectWait is short since a node that hears nothing of the others serves its own edges only; jitter spreads the nodes.
	reconnectWait   = 100 * time.Millisecond
	reconnectJitter = 100 * time.Millisecond
	// pingInterval and maxPings find a server that is gone without a word, within three seconds.
	pingInterval = time.Second
	maxPings     = 2
	// closeTimeout is how long what waits may take to leave at the end.
	closeTimeout = time.Second
)

// NATS is a Bus over NATS.
type NATS struct {
	conn    *nats.Conn
	server  *server.Server // nil where it is elsewhere
	log     *slog.Logger
	told    func(string)
	dropped prometheus.Counter
	lost    atomic.Int64 // as dropped, for tests and callers without metrics
}

var _ Bus = (*NATS)(nil)

// Open starts the server of this process, or begins to reach another one's, which need not be up yet: Connected says when it is.
func Open(config Config) (*NATS, error) {
	b := &NATS{
		log: config.Log, told: config.Dropped,
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "nearlight", Subsystem: "bus", Name: "messages_dropped_total", Help: "Messages of other nodes that came faster than they were taken.",
		}),
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	options := []nats.Option{
		nats.Name(config.Name), nats.Timeout(dialTimeout), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter), nats.RetryOnFailedConnect(true), nats.ReconnectBufSize(-1),
		nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(maxPings), nats.DrainTimeout(closeTimeout), nats.IgnoreDiscoveredServers(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				b.log.Warn("the bus is lost; edges of this node are served on", "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { b.log.Info("the bus is back", "server", c.ConnectedUrlRedacted()) }),
		nats.ErrorHandler(b.failed),
	}
	url := config.URL
	if url == "" {
		var err error
		password := rand.Text()
		if b.server, err = startServer(config.Cluster, config.Name, password, b.log); err != nil {
			return nil, err
		}
		options = append(options, nats.InProcessServer(b.server), nats.UserInfo(clusterUser, password))
	}
	conn, err := nats.Connect(url, options...)
	if err != nil {
		b.stopServer()
		return nil, fmt.Errorf("bus: connect: %w", err)
	}
	b.conn = conn
	if config.Metrics != nil {
		connected := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "nearlight", Subsystem: "bus", Name: "connected", Help: "1 while messages reach other nodes.",
		}, func() float64 {
			if b.Connected() {
				return 1
			}
			return 0
		})
		for _, collector := range []prometheus.Collector{b.dropped, connected} {
			if err := config.Metrics.Register(collector); err != nil {
				b.Close()
				return nil, fmt.Errorf("bus: register metrics: %w", err)
			}
		}
	}
	return b, nil
}

// Close sends what waits, a second at the most, and ends all subscriptions and the server of this process.
func (b *NATS) Close() {
	if b.Connected() {
		if err := b.conn.FlushTimeout(closeTimeout); err != nil {
			b.log.Debug("what waited could not be sent", "error", err)
		}
	}
	b.conn.Close()
	b.stopServer()
}

// Publish implements Bus.
func (b *NATS) Publish(subject string, data []byte) error {
	if err := b.fits(subject, data); err != nil {
		return err
	}
	return explain(b.conn.Publish(subject, data))
}

func (b *NATS) fits(subject string, data []byte) error {
	if len(data) > MaxMessage {
		return fmt.Errorf("%w: %d octets for %s", ErrTooLarge, len(data), subject)
	}
	if err := CheckSubject(subject); err != nil {
		return err
	}
	if !b.Connected() {
		return ErrDisconnected
	}
	return nil
}

// Subscribe implements Bus.
func (b *NATS) Subscribe(subject string, handle func(Message)) (func(), error) {
	if err := CheckSubject(subject); err != nil {
		return nil, err
	}
	subscription, err := b.conn.Subscribe(subject, func(m *nats.Msg) {
		if len(m.Data) > MaxMessage { // of a server that we did not set up
			b.drop(subject)
			return
		}
		handle(Message{Subject: m.Subject, Data: m.Data, Reply: func(answer []byte) error {
			if m.Reply == "" {
				return nil
			}
			if len(answer) > MaxMessage {
				return ErrTooLarge
			}
			return explain(m.Respond(answer))
		}})
	})
	if err != nil {
		return nil, explain(err)
	}
	if err := subscription.SetPendingLimits(Pending, PendingBytes); err != nil {
		return nil, explain(err)
	}
	return func() {
		if err := subscription.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			b.log.Debug("unsubscribe", "subject", subject, "error", err)
		}
	}, nil
}

// Request implements Bus.
func (b *NATS) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	if err := b.fits(subject, data); err != nil {
		return nil, err
	}
	answer, err := b.conn.RequestWithContext(ctx, subject, data)
	if err != nil {
		return nil, explain(err)
	}
	return answer.Data, nil
}

// Connected implements Bus.
func (b *NATS) Connected() bool { return b.conn.IsConnected() }

// Dropped is how many messages handlers were too slow for.
func (b *NATS) Dropped() int64 { return b.lost.Load() }

// failed hears of what goes wrong beside any call.
func (b *NATS) failed(_ *nats.Conn, s *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) && s != nil {
		b.drop(s.Subject)
		return
	}
	b.log.Warn("bus", "error", err)
}

// drop counts. NATS tells of the first of several in a row, so this is a lower bound; who needs each message numbers them.
func (b *NATS) drop(subject string) {
	b.dropped.Inc()
	if b.lost.Add(1) == 1 {
		b.log.Warn("messages of other nodes come faster than they are taken, and are dropped", "subject", subject)
	}
	if b.told != nil {
		b.told(subject)
	}
}

func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrNoResponders):
		return ErrNobody
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionReconnecting), errors.Is(err, nats.ErrDisconnected):
		return ErrDisconnected
	case errors.Is(err, nats.ErrMaxPayload):
		return ErrTooLarge
	}
	return fmt.Errorf("bus: %w", err)
}
