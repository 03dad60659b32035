// Package server is signaling's server: it keeps the list of edges, matches players with them, relays what the two need to
// find each other, and tells each side in words why something ended. The messages are package signaling's.
//
// # Shape
//
// A conn is one socket: one goroutine reads, one writes, and a bounded queue lies between the writer and everyone else. The
// registry is all state, guarded by one mutex; its methods only enqueue, so no lock is ever held while a socket is
// written. A peer that does not take its messages is dropped with a reason; the others do not notice. Deadlines of sessions
// are alarms in the registry, which Run serves.
//
// # Matching
//
// The registry keeps an index of all edges (package match). Where several would do for a player whose page measures, it is asked how far they are, and ranked by
// that; no slot is held meanwhile. What decided is kept for who asks (Server.Explain).
//
// # Clusters
//
// With a bus, several servers know each other's edges (presence). A session is at the node of its edge; a player of another node is
// there as a guest, whose peer is a link between the two nodes, and at its own a player with a link in place of a session. A player whose
// session's edge is not known seeks it. No node keeps anything that an edge or a player could not tell again, but for what operators order, which
// all nodes know, and a store keeps.
//
// # Operators
//
// What operators ask is answered by the methods of operate.go, for the whole cluster; package admin is their HTTP.
//
// # Checks
//
// What checkers find about edges decides what players they get (standing.go). Whoever keeps the log of it is asked for standings and told what happens to edges
// (Checks), by goroutines of Run and without the registry's mutex.
//
// # Lifetimes
//
// New starts nothing. Handler may be served before Run is called; deadlines of sessions pass only while Run runs. When its
// context ends, Run tells every peer so, and returns after all sockets and their goroutines are gone; later requests are
// refused.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"nearlight/internal/bus"
	"nearlight/signaling"
	"nearlight/signaling/match"
	"nearlight/signaling/studio"
	"nearlight/signaling/token"
)

// Config is what a server may be told. Only Verifier must be set.
type Config struct {
	// Verifier checks the tokens of players and edges.
	Verifier *token.Verifier
	// EdgeAccess says which edges may register.
	EdgeAccess EdgeAccess

	// Hosts are the Host headers that are served: NAME, which stands for any port, or NAME:PORT. Empty means the names of the
	// loopback interface. The check keeps a page that resolves its own name to our address (DNS rebinding) out.
	Hosts []string
	// Origins are the origins (SCHEME://HOST[:PORT]) of pages that may use the server, besides those that it serves itself, whose
	// origin's host is the request's. A peer that is no browser sends none and passes; the token is what it needs.
	Origins []string

	// ICEServers returns what a session's player is told to use for STUN and TURN; nil means none.
	ICEServers func(signaling.SessionID) []signaling.ICEServer

	// Studios says what the tokens of each studio may do (token.Key.Studio); it is asked each time. nil limits nobody.
	Studios func() studio.Roster

	// Relay adds TURN servers that relay to a session's edge alone, and hides player and edge from each other if wanted; nil means none.
	Relay *Relay

	// Issuer signs a token for looking on at a session, and nothing else, for its player to hand on, if the player's own has the
	// right token.Watch. nil means that the key is elsewhere: whoever signs players' tokens signs those of spectators too.
	Issuer *token.Issuer

	// Policy orders the edges that would do for a player; nil means match.Balanced.
	Policy match.Policy
	// Locate says what is known of an address: of a player's, and of an edge's that does not say where it is. It is called by several goroutines at
	// once and must not block; nil means that nothing is known.
	Locate func(netip.Addr) Location

	Limits Limits

	// DrainTime is over how long sockets are closed when the server is stopped, so that edges and players come to other nodes, or
	// to this one when it is back, one after the other, and go on with their sessions. 0 means at once, and that there is nothing to come
	// back to: all are told that signaling is being stopped.
	DrainTime time.Duration

	// Records keeps what happens to sessions, and what operators order. nil keeps nothing.
	Records Records
	// Used reports whether a session has begun by a token before, as Records have kept it: so a token that is good for one stays spent when this
	// server is started anew. It is asked with the token's jti; nil: nobody remembers.
	Used func(ctx context.Context, jti string) (bool, error)
	// Bus joins this server with others: they know each other's edges, and serve each other's players. nil means that it is alone.
	Bus bus.Bus

	// Checks keeps the log of what checkers find, by which edges are given players. One node of a cluster has it. nil: nobody checks here, and where no other node
	// has it either, every edge is given players.
	Checks Checks
	// CheckKey is the id of the key (token.Key.ID) whose tokens alone may have the right token.Check; "" is none. The other nodes of a cluster hear of it. It must not be a studio's.
	CheckKey string

	// ClientAddr tells where a request comes from; nil means its RemoteAddr. Behind a proxy it must come from a header that the
	// proxy sets.
	ClientAddr func(*http.Request) netip.Addr

	// Spans is told of the parts of requests; nil means none.
	Spans   trace.Tracer
	Log     *slog.Logger          // nil means none
	Metrics prometheus.Registerer // nil means none
	Now     func() time.Time      // by which logins are judged; nil means time.Now
	IntN    func(int) int         // decides among equal edges; nil means rand.IntN
}

// Limits bound what the outside can make the server hold or do. A zero field means its default.
type Limits struct {
	Players       int // sockets of players; DefaultPlayers
	Edges         int // sockets of edges; DefaultEdges
	PerAddress    int // sockets of one IPv4 address or IPv6 /64; DefaultPerAddress
	RequestRate   int // requests and new sockets a second of one address; DefaultRequestRate
	RequestBurst  int // DefaultRequestBurst
	PlayerRate    int // messages a second of one player; DefaultPlayerRate
	PlayerBurst   int // DefaultPlayerBurst
	EdgeRate      int // messages a second of one edge; DefaultEdgeRate
	EdgeBurst     int // DefaultEdgeBurst
	QueuedForPeer int // messages that wait for one peer to read; DefaultQueuedForPeer
}

// The default limits.
const (
	DefaultPlayers       = 10000 // half of the descriptors that a process may usually hold
	DefaultEdges         = 2000
	DefaultPerAddress    = 64 // an office or a dormitory behind one address
	DefaultRequestRate   = 20
	DefaultRequestBurst  = 100
	DefaultPlayerRate    = 20
	DefaultPlayerBurst   = 100 // an answer and all the candidates that a session may have, at once
	DefaultEdgeRate      = 500
	DefaultEdgeBurst     = 2000 // thirty sessions that start at once
	DefaultQueuedForPeer = 256
)

func (l Limits) withDefaults() Limits {
	for _, field := range []struct {
		value    *int
		fallback int
	}{
		{&l.Players, DefaultPlayers}, {&l.Edges, DefaultEdges}, {&l.PerAddress, DefaultPerAddress},
		{&l.RequestRate, DefaultRequestRate}, {&l.RequestBurst, DefaultRequestBurst},
		{&l.PlayerRate, DefaultPlayerRate}, {&l.PlayerBurst, DefaultPlayerBurst},
		{&l.EdgeRate, DefaultEdgeRate}, {&l.EdgeBurst, DefaultEdgeBurst}, {&l.QueuedForPeer, DefaultQueuedForPeer},
	} {
		if *field.value <= 0 {
			*field.value = field.fallback
		}
	}
	return l
}

// Server is the signaling server. It is safe for concurrent use.
type Server struct {
	config   Config
	log      *slog.Logger
	metrics  *metrics
	names    *names
	whep     *whepSessions
	registry *registry
	studios  *studios
	door     *door
	upgrader websocket.Upgrader

	mu      sync.Mutex
	running bool // Run has begun
	reached bool // the bus was connected once
	closing bool
	conns   map[*conn]struct{}
	serving sync.WaitGroup // one for each conn in conns; grows only under mu while closing is false
}

// New checks the configuration and returns a server that waits to be served.
func New(config Config) (*Server, error) {
	if config.Verifier == nil {
		return nil, errors.New("signaling/server: no token verifier")
	}
	allowed, err := newNames(config.Hosts, config.Origins)
	if err != nil {
		return nil, err
	}
	config.Limits = config.Limits.withDefaults()
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.IntN == nil {
		config.IntN = rand.IntN
	}
	if config.ICEServers == nil {
		config.ICEServers = func(signaling.SessionID) []signaling.ICEServer { return nil }
	}
	if config.ClientAddr == nil {
		config.ClientAddr = remoteAddr
	}
	s := &Server{
		config: config, log: config.Log, metrics: newMetrics(), names: allowed,
		door: newDoor(config.Limits), whep: newWHEPSessions(),
		conns: make(map[*conn]struct{}),
	}
	var c *cluster
	if config.Bus != nil {
		c = newCluster(config.Bus)
	}
	s.registry = newRegistry(inCluster(config.Log, c), s.metrics, config.IntN, config.ICEServers, config.Issuer)
	s.registry.cluster, s.registry.spans = c, config.Spans
	s.registry.relay = config.Relay
	if config.Checks != nil {
		s.registry.keeper, s.registry.checked = newKeeper(config.Checks, s.registry.log), true
	}
	s.registry.checkKey = config.CheckKey
	if config.Policy != nil {
		s.registry.policy = config.Policy
	}
	if config.Locate != nil {
		s.registry.locate = config.Locate
	}
	s.studios = newStudios(config.Studios, s.metrics)
	s.registry.studios = s.studios
	s.names.also = func(origin string) bool { return s.studios.roster().AnyOrigin(origin) }
	if config.Records != nil {
		s.registry.records = newRecords(config.Records, config.Log, s.metrics)
	}
	s.upgrader = websocket.Upgrader{
		HandshakeTimeout: handshakeTimeout,
		ReadBufferSize:   socketBuffer, WriteBufferSize: socketBuffer, WriteBufferPool: new(sync.Pool),
		Subprotocols: []string{signaling.Subprotocol},
		CheckOrigin:  func(*http.Request) bool { return true }, // names has checked before
	}
	if config.Metrics != nil {
		for _, collector := range s.metrics.collectors(s.registry) {
			if err := config.Metrics.Register(collector); err != nil {
				return nil, fmt.Errorf("signaling/server: register metrics: %w", err)
			}
		}
	}
	return s, nil
}

// Run serves the deadlines of sessions until ctx ends. Then it tells every peer that signaling is being stopped, waits until
// their goroutines are gone, and returns nil. It must be called once.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	s.running = true
	s.mu.Unlock()
	running, stop := context.WithCancel(ctx)
	defer stop()
	joined, parted := context.WithCancel(context.WithoutCancel(ctx))
	defer parted()
	var cluster errgroup.Group
	if s.registry.cluster != nil {
		cluster.Go(func() error {
			defer stop() // without the others there is nothing to run for
			return s.registry.joinCluster(joined)
		})
		cluster.Go(func() error {
			defer stop()
			return s.listen(joined)
		})
	}
	recorded, stopRecording := context.WithCancel(context.WithoutCancel(ctx))
	var recording sync.WaitGroup
	recording.Go(func() { s.registry.records.run(recorded) })
	if s.config.Records != nil {
		recording.Go(func() { s.sweep(recorded) })
		recording.Go(func() { s.followOrders(recorded) })
	}
	recording.Go(func() { s.registry.keepChecks(running) })
	s.registry.run(running)
	s.registry.leaveCluster()
	s.dismiss()
	s.whep.end(signaling.NewError(signaling.CodeShuttingDown))
	s.serving.Wait()
	stopRecording()
	recording.Wait()
	s.registry.records.flush()
	parted()
	err := cluster.Wait()
	s.log.Info("signaling stopped")
	return err
}

// dismiss ends all sockets, those that can go on elsewhere over DrainTime: their owners are not to come to the other nodes all at once.
func (s *Server) dismiss() {
	left := s.close()
	if s.config.DrainTime <= 0 || len(left) == 0 {
		for _, c := range left {
			c.end(signaling.NewError(signaling.CodeShuttingDown))
		}
		return
	}
	rand.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	const steps = 20
	for step := range steps {
		for _, c := range left[step*len(left)/steps : (step+1)*len(left)/steps] {
			c.restart()
		}
		time.Sleep(s.config.DrainTime / steps)
	}
}

// close refuses further sockets and returns those that are left.
func (s *Server) close() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	left := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		left = append(left, c)
	}
	return left
}

// add takes a new socket into the server's care, or reports that it is too late.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.conns[c] = struct{}{}
	s.serving.Add(1)
	return true
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.serving.Done()
}

// Times that belong to sockets.
const (
	handshakeTimeout = 5 * time.Second
	// firstMessageTimeout is how long a peer may be connected without saying what it wants.
	firstMessageTimeout = 10 * time.Second
	// writeTimeout is how long one message may take to leave for a slow peer.
	writeTimeout = 5 * time.Second
	// closeTimeout is how long the last words may take, and then again the peer's goodbye.
	closeTimeout = time.Second
)

// socketBuffer is small because most sockets are idle most of the time.
const socketBuffer = 1024
