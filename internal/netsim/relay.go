package netsim

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Route joins two peers over a relay.
//
//	near peers --> Near |relay| --> Target      each near peer has a socket of its own towards Target
//	near peers --> Near |relay| Far <-- peer    the far peer is whoever last sent something to Far
type Route struct {
	// Near is where the near peers send to: a loopback address; port 0 means a free one. There may be several of them: each
	// source address is a flow. The zero Near means a free port of 127.0.0.1.
	Near netip.AddrPort
	// Target is the far peer's address. The zero Target means that the far peer is learned: it sends first, to Far.
	Target netip.AddrPort
	// Far is where a far peer that is learned sends to; used without a Target only. The
	// zero Far means a free port of 127.0.0.1.
	Far netip.AddrPort
}

// RelayConfig says what lies between the peers of a relay. All flows of all routes share the two links.
type RelayConfig struct {
	Routes    []Route
	Out, Back Config // from near to far, and from far to near
	// MaxFlows bounds the sockets; datagrams of further peers are lost and counted. 0 means DefaultMaxFlows.
	MaxFlows int
}

// DefaultMaxFlows is far more than the peers of a benchmark: a browser opens a socket for each of its addresses.
const DefaultMaxFlows = 64

// RelayStats is what a relay has seen.
type RelayStats struct {
	Out, Back Counters

	// Late is how much later than its instant each datagram was handed to the system. It holds the wait for a processor,
	// the timer's own error, and the datagrams sent before it; not how late the datagram was read, since the kernel's
	// timestamp is its instant.
	Late Histogram
	// RealTime is false where the system does not let the relay's thread run before ordinary ones (CAP_SYS_NICE, or ulimit -r
	// of 1); on a busy machine it is late then.
	RealTime bool
	// CPU is the processor time that the relay's thread had taken up to 50 ms ago.
	CPU time.Duration

	Flows int
	// Missed counts datagrams that came while a socket's buffer was full; Oversized those larger than 2048 octets;
	// Unroutable those of peers beyond MaxFlows, and those for a far peer that was not learned yet; Refused those that a
	// socket did not take, or its peer refused. If Missed is not 0, the link was not what it should have been.
	Missed, Oversized, Unroutable, Refused uint64
}

// Relay carries UDP datagrams between real peers over two emulated links. It runs on one thread. A
// datagram's way begins when the kernel had it and ends when it is handed to the kernel again.
//
// Peers that tell each other their addresses (ICE) must be told the relay's and no other, or they meet without it: give a
// browser the relay as the only candidate, and its peer none of the browser's.
//
// Its methods are safe for concurrent use.
type Relay struct {
	start    time.Time
	base     time.Duration // start, on CLOCK_MONOTONIC
	looked   time.Duration // when the sockets were last looked at
	alarm    int           // an eventfd that ends ppoll
	maxFlows int

	mu     sync.Mutex
	ways   [2]*Link
	epoch  time.Duration // when the links' time began, on the relay's
	blind  time.Duration // for how long it may go without looking at the sockets
	routes []route
	flows  []flow
	known  map[flowKey]int
	polled []unix.PollFd
	ports  []port // of polled, which begins with alarm
	stats  RelayStats
	closed bool

	accounted time.Duration // when stats.CPU was read

	reader   *reader
	arrivals []arrival // what was read, and not taken yet
	spare    [][]byte  // for those that are kept
	writer   writer
	batch    []Packet // what is sent
}

type route struct {
	Route
	near, far int // descriptors; far is -1 with a Target
	peer      netip.AddrPort
	flow      int // that spoke last, for the answers of a far peer that was learned; -1 for none
}

type flow struct {
	route int
	near  netip.AddrPort
	fd    int // towards Target; -1 without
}

type flowKey struct {
	route int
	near  netip.AddrPort
}

// port is what a socket is for: a route's near side, its far side, or one flow's.
type port struct {
	fd     int
	way    int // that what comes in goes: 0 is out, 1 back
	route  int
	flow   int // -1 for a route's
	missed uint32
}

// OpenRelay binds the sockets, from which on nothing is lost that the peers send. Nothing moves before Run. Close frees the
// sockets.
func OpenRelay(config RelayConfig) (_ *Relay, err error) {
	if len(config.Routes) == 0 {
		return nil, errors.New("relay: it has no route")
	}
	r := &Relay{start: time.Now(), base: clock(unix.CLOCK_MONOTONIC), alarm: -1, maxFlows: config.MaxFlows, known: map[flowKey]int{}, reader: newReader()}
	if r.maxFlows == 0 {
		r.maxFlows = DefaultMaxFlows
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("relay: %w", err), r.Close())
		}
	}()
	if err := r.Change(config.Out, config.Back); err != nil {
		return nil, err
	}
	if r.alarm, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, fmt.Errorf("make an eventfd: %w", err)
	}
	r.watch(port{fd: r.alarm})
	for _, wanted := range config.Routes {
		if err := r.openRoute(wanted); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// check says what is wrong with a route, and fills in what may be left out. Only this machine is relayed for: a relay that
// others can reach would send their packets anywhere.
func (r *Route) check() error {
	addresses := []*netip.AddrPort{&r.Near, &r.Target}
	if !r.Target.IsValid() {
		addresses[1] = &r.Far
	}
	for _, address := range addresses {
		if !address.IsValid() {
			*address = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
		}
		if !address.Addr().IsLoopback() {
			return fmt.Errorf("route from %v to %v%v: only loopback addresses are relayed for", r.Near, r.Target, r.Far)
		}
	}
	if r.Target.IsValid() && r.Target.Addr().Is4() != r.Near.Addr().Is4() {
		return fmt.Errorf("route from %v to %v: both must be of IPv4, or both of IPv6", r.Near, r.Target)
	}
	return nil
}

func (r *Relay) openRoute(wanted Route) (err error) {
	if err := wanted.check(); err != nil {
		return err
	}
	opened := route{Route: wanted, near: -1, far: -1, flow: -1}
	if opened.near, opened.Near, err = bindUDP(wanted.Near); err != nil {
		return err
	}
	r.watch(port{fd: opened.near, way: 0, route: len(r.routes), flow: -1})
	if !wanted.Target.IsValid() {
		if opened.far, opened.Far, err = bindUDP(wanted.Far); err != nil {
			return err
		}
		r.watch(port{fd: opened.far, way: 1, route: len(r.routes), flow: -1})
	}
	r.routes = append(r.routes, opened)
	return nil
}

func (r *Relay) watch(p port) {
	r.ports = append(r.ports, p)
	r.polled = append(r.polled, unix.PollFd{Fd: int32(p.fd), Events: unix.POLLIN})
}

// Near returns the address that near peers of a route send to.
func (r *Relay) Near(route int) netip.AddrPort { return r.routes[route].Near }

// Far returns the address that the far peer of a route without a Target sends to.
func (r *Relay) Far(route int) netip.AddrPort { return r.routes[route].Far }

// Change puts other links in the place of those that are there. Their time begins now, and so do all statistics but CPU, Flows
// and RealTime; what was under way is lost. With the same links it begins a scenario when the peers are ready for it.
func (r *Relay) Change(out, back Config) error {
	var ways [2]*Link
	for i, config := range []Config{out, back} {
		way, err := NewLink(config)
		if err != nil {
			return err
		}
		ways[i] = way
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ways, r.epoch = ways, r.now()
	r.blind = min(out.Delay/blindShare, back.Delay/blindShare, longestBlind)
	r.stats = RelayStats{RealTime: r.stats.RealTime, CPU: r.stats.CPU}
	return nil
}

// Run carries datagrams until ctx ends, and returns its error. It runs once.
func (r *Relay) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.closed {
			_, _ = unix.Write(r.alarm, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // cannot fail: the counter holds more than one
		}
	})()
	done := make(chan error, 1)
	go func() { done <- r.carry(ctx) }()
	return <-done
}

// Stats returns what the relay has seen up to a few milliseconds ago; Counters.At is when.
func (r *Relay) Stats() RelayStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	// What the sockets hold is not counted yet; a link that was asked about now would take it for coming later than it did.
	s, now := r.stats, r.now()-r.blind-r.epoch
	s.Out, s.Back, s.Flows = r.ways[0].Counters(now), r.ways[1].Counters(now), len(r.flows)
	return s
}

// Close frees the sockets, after Run has returned.
func (r *Relay) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	var failed error
	for _, p := range r.ports {
		if err := unix.Close(p.fd); err != nil {
			failed = errors.Join(failed, fmt.Errorf("relay: close a socket: %w", err))
		}
	}
	return failed
}

// now is the relay's time.
func (r *Relay) now() time.Duration { return time.Since(r.start) }
