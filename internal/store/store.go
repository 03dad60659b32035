package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a store may be told. Only Database must be set.
type Config struct {
	// Database is a file's name (SQLite; "sqlite:NAME" says so), or postgres://USER:PASSWORD@HOST/NAME.
	Database  string
	Retention Retention
	// Queue is how many entries may wait or be under way; DefaultQueue.
	Queue int
	// LockWait is how long another program's lock is waited for; DefaultLockWait.
	LockWait time.Duration
	// CommitTime bounds one commit, so that a server that hangs is an error; DefaultCommitTime.
	CommitTime time.Duration
	// Purge is how often Run takes off what Retention does not keep; DefaultPurge.
	Purge time.Duration

	Log     *slog.Logger          // nil means none
	Metrics prometheus.Registerer // nil means none
	Now     func() time.Time      // nil means time.Now
}

// The defaults.
const (
	DefaultQueue      = 4096 // half a second of what a slow disk takes
	DefaultLockWait   = 5 * time.Second
	DefaultCommitTime = 15 * time.Second // more than LockWait
	DefaultPurge      = 10 * time.Minute // an address is kept for this much longer than Retention says, at most
)

func (c Config) withDefaults() Config {
	if c.Queue <= 0 {
		c.Queue = DefaultQueue
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{{&c.LockWait, DefaultLockWait}, {&c.CommitTime, DefaultCommitTime}, {&c.Purge, DefaultPurge}} {
		if *d.value <= 0 {
			*d.value = d.fallback
		}
	}
	c.Retention = c.Retention.withDefaults()
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Store is a database that is open.
type Store struct {
	config  Config
	engine  *engine
	log     *slog.Logger
	metrics *metrics

	room  chan struct{} // one for each request in queue or under way
	queue chan *request // as large as room: who has room never waits

	mu       sync.RWMutex
	stopping bool          // nothing is put into queue any more
	stopped  chan struct{} // closed when stopping is set

	trouble atomic.Pointer[error] // why the last batch failed; nil: it did not
}

// Open opens the database, brings it to this program's version, and starts nothing.
func Open(ctx context.Context, config Config) (*Store, error) {
	config = config.withDefaults()
	e, err := openEngine(ctx, config.Database, config.LockWait)
	if err != nil {
		return nil, err
	}
	from, err := e.migrate(ctx, newest, config.Now())
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	s := &Store{
		config: config, engine: e, log: config.Log, stopped: make(chan struct{}),
		room: make(chan struct{}, config.Queue), queue: make(chan *request, config.Queue),
	}
	s.metrics = newMetrics(func() float64 { return float64(len(s.room)) })
	if config.Metrics != nil {
		for _, c := range s.metrics.collectors() {
			if err := config.Metrics.Register(c); err != nil {
				return nil, errors.Join(fmt.Errorf("store: register metrics: %w", err), e.close())
			}
		}
	}
	s.log.Info("store is open", "database", e.name, "version before", from)
	return s, nil
}

// newest stands for the newest version there is.
const newest = 1 << 30

// Close lets go of the database. Run must have returned, or never have been called.
func (s *Store) Close() error {
	s.stop()
	if err := s.engine.close(); err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// Trouble is why the last batch could not be written; nil when it could.
func (s *Store) Trouble() error {
	if err := s.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *Store) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopping {
		s.stopping = true
		close(s.stopped)
	}
}

// Write keeps an entry: it returns nil once it is on disk. It waits for room in the queue. When ctx ends first, whether the entry is kept
// is unknown.
func (s *Store) Write(ctx context.Context, entry Entry) error {
	if err := entry.check(); err != nil {
		return err
	}
	return s.await(ctx, &request{entry: entry})
}

// TryWrite is Write for who must not wait. done is called once, from the goroutine that writes, and must not block; it is not called when
// TryWrite fails.
func (s *Store) TryWrite(entry Entry, done func(error)) error {
	if err := entry.check(); err != nil {
		return err
	}
	select {
	case s.room <- struct{}{}:
	default:
		s.metrics.refused.WithLabelValues("busy").Inc()
		return fmt.Errorf("store: %w", ErrBusy)
	}
	return s.enqueue(&request{entry: entry, done: done})
}

// await puts a request into the queue and waits until it is done.
func (s *Store) await(ctx context.Context, r *request) error {
	result := make(chan error, 1)
	r.done = func(err error) { result <- err }
	select {
	case s.room <- struct{}{}:
	case <-s.stopped:
		return fmt.Errorf("store: %w", ErrClosed)
	case <-ctx.Done():
		return fmt.Errorf("store: wait for room: %w", ctx.Err())
	}
	if err := s.enqueue(r); err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return fmt.Errorf("store: wait for the disk: %w", ctx.Err())
	}
}

// enqueue hands over a request that has room.
func (s *Store) enqueue(r *request) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.stopping {
		<-s.room
		return fmt.Errorf("store: %w", ErrClosed)
	}
	s.queue <- r
	return nil
}
