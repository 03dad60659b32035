package netsim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// relayPriority is one above that of the edge's threads, which make frames in real time: a network does not wait for them.
	relayPriority = 2
	// longestSleep bounds what a bulk flow has to catch up with when there is nothing else on the link.
	longestSleep = 50 * time.Millisecond
	// longestBlind bounds for how long datagrams gather in the sockets' buffers.
	longestBlind = 5 * time.Millisecond
	// stampToSocket is more than a datagram takes from its timestamp to where it can be read.
	stampToSocket = 100 * time.Microsecond
	// blindShare is the part of the links' delay for which the sockets are not looked at: the rest is for being late in it.
	blindShare = 2
)

// carry is the relay's thread. The runtime ends the thread with it, for it stays locked.
func (r *Relay) carry(ctx context.Context) error {
	runtime.LockOSThread()
	attributes := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: relayPriority}
	realTime := unix.SchedSetAttr(0, &attributes, 0) == nil
	if !realTime { // an ordinary thread's sleep may last 50 us longer than asked for, unless it says that it may not
		if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("relay: set the timer slack: %w", err)
		}
	}
	r.mu.Lock()
	r.stats.RealTime = realTime
	r.mu.Unlock()
	for busy := false; ; {
		due, look := r.deliver()
		if due <= look || (busy && r.now() < look) {
			at := unix.NsecToTimespec(int64(r.base + min(due, look)))
			if err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &at, nil); err != nil && !errors.Is(err, unix.EINTR) {
				return fmt.Errorf("relay: sleep: %w", err)
			}
			if due <= look {
				continue
			}
		}
		if len(r.arrivals) > 0 {
			due = 0 // for those that were not taken yet
		}
		timeout := unix.NsecToTimespec(int64(max(due-r.now(), 0)))
		// The set may be polled without the lock: no other goroutine changes it.
		n, err := unix.Ppoll(r.polled, &timeout, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("relay: poll the sockets: %w", err)
		}
		r.looked, busy = r.now(), n > 0 || len(r.arrivals) > 0
		if !busy {
			continue
		}
		if r.polled[0].Revents != 0 {
			return ctx.Err()
		}
		if err := r.gather(); err != nil {
			return err
		}
	}
}

// deliver sends what has arrived, and says when something next will. What has come since the sockets were last looked at is
// not due before look: until then they need not be looked at.
func (r *Relay) deliver() (due, look time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := never
	for i, way := range r.ways {
		r.batch = way.Receive(r.now()-r.epoch, r.batch[:0])
		for first := 0; first < len(r.batch); {
			first += r.send(i, r.batch[first:])
		}
		if at, any := way.Next(); any {
			next = min(next, at+r.epoch)
		}
	}
	now := r.now()
	if now >= r.accounted+longestSleep {
		r.stats.CPU, r.accounted = clock(unix.CLOCK_THREAD_CPUTIME_ID), now
	}
	return min(next, now+longestSleep), r.looked + r.blind
}

// send sends the packets at the beginning that go through one socket, and returns how many these were.
func (r *Relay) send(way int, packets []Packet) int {
	count := 0
	for i := range packets {
		fd, to := r.exit(way, &packets[i])
		if i == 0 {
			r.writer.fd, r.writer.six = fd, r.routes[r.flows[packets[i].Flow].route].Near.Addr().Is6()
		}
		if fd != r.writer.fd || r.writer.count == batchSize {
			break
		}
		count++
		if fd < 0 || (fd == r.routes[r.flows[packets[i].Flow].route].far && !to.IsValid()) {
			r.stats.Unroutable++
			continue
		}
		r.writer.add(packets[i].Data, to, packets[i].ECN)
	}
	r.stats.Refused += uint64(r.writer.flush())
	sent := r.now() - r.epoch
	for i := range packets[:count] {
		r.stats.Late.Observe(sent - packets[i].Arrived)
	}
	return count
}

// exit returns the socket that a packet leaves by, and where to; the invalid address is the socket's peer.
func (r *Relay) exit(way int, p *Packet) (fd int, to netip.AddrPort) {
	f := &r.flows[p.Flow]
	route := &r.routes[f.route]
	switch {
	case way == 1:
		return route.near, f.near
	case f.fd >= 0:
		return f.fd, netip.AddrPort{}
	}
	return route.far, route.peer
}

// arrival is a datagram that came to a port.
type arrival struct {
	incoming
	port int
	own  []byte // where the data lies if not in the reader
}

// gather hands the links what has come to the sockets, in the order in which it came. What came to one socket while another
// was being read waits for the next time, so that nothing is missing before it.
func (r *Relay) gather() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	offset := now.Sub(r.start) - time.Duration(now.UnixNano()) // what a timestamp means on the links' clock
	complete := now.Add(-min(r.blind, stampToSocket)).UnixNano()
	// The thread may have waited for a core since it looked: of what is complete all has to be read, of whichever socket.
	for _, err := unix.Poll(r.polled, 0); err != nil; _, err = unix.Poll(r.polled, 0) {
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("relay: poll the sockets: %w", err)
		}
	}
	for i, ready := range r.polled {
		if i > 0 && ready.Revents != 0 {
			if err := r.read(i); err != nil {
				return err
			}
		}
	}
	latest := time.Now().UnixNano()
	for i := range r.arrivals {
		if r.arrivals[i].stamp > latest { // the wall clock was set back
			r.arrivals[i].stamp = complete
		}
	}
	slices.SortStableFunc(r.arrivals, func(a, b arrival) int { return cmp.Compare(a.stamp, b.stamp) })
	taken := 0
	for ; taken < len(r.arrivals) && r.arrivals[taken].stamp <= complete; taken++ {
		a := &r.arrivals[taken]
		if err := r.take(a, offset); err != nil {
			return err
		}
		if a.own != nil {
			r.spare = append(r.spare, a.own)
		}
	}
	r.arrivals = append(r.arrivals[:0], r.arrivals[taken:]...)
	for i := range r.arrivals {
		r.arrivals[i].keep(&r.spare)
	}
	r.reader.clear()
	return nil
}

// read adds what has come to a port to the arrivals.
func (r *Relay) read(port int) error {
	for more := true; more; {
		var err error
		first := r.reader.count
		more, err = r.reader.read(r.ports[port].fd)
		switch {
		case errors.Is(err, unix.ECONNREFUSED): // what a datagram met that was sent from here
			r.stats.Refused++
			more = true
		case err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("relay: read from a socket: %w", err)
		}
		for i := first; i < r.reader.count; i++ {
			r.arrivals = append(r.arrivals, arrival{port: port, incoming: r.reader.datagram(i)})
		}
	}
	return nil
}

// keep moves the data out of the reader.
func (a *arrival) keep(spare *[][]byte) {
	if a.own != nil {
		return
	}
	a.own = []byte{}
	if n := len(*spare); n > 0 {
		a.own, *spare = (*spare)[n-1], (*spare)[:n-1]
	}
	a.own = append(a.own[:0], a.data...)
	a.data = a.own
}

// take hands a datagram to its link.
func (r *Relay) take(d *arrival, offset time.Duration) error {
	p := &r.ports[d.port]
	if d.missed != 0 {
		r.stats.Missed += uint64(d.missed - p.missed)
		p.missed = d.missed
	}
	if d.cut {
		r.stats.Oversized++
		return nil
	}
	way := p.way
	flow, err := r.flowOf(*p, d.from)
	if err != nil {
		return err
	}
	if flow < 0 {
		r.stats.Unroutable++
		return nil
	}
	at := time.Duration(d.stamp) + offset
	if now := r.now(); at > now || now-at > longestSleep { // the wall clock was set, or it waited for Run
		at = now
	}
	r.ways[way].Send(at-r.epoch, Packet{Data: d.data, ECN: d.ecn, Flow: flow})
	return nil
}

// flowOf returns the flow of a datagram, opening it if it is new, and -1 if there is none.
func (r *Relay) flowOf(p port, from netip.AddrPort) (int, error) {
	route := &r.routes[p.route]
	switch {
	case p.flow >= 0:
		return p.flow, nil
	case p.way == 1:
		route.peer = from
		return route.flow, nil
	}
	key := flowKey{p.route, from}
	if known, ok := r.known[key]; ok {
		route.flow = known
		return known, nil
	}
	if len(r.flows) == r.maxFlows {
		return -1, nil
	}
	opened := flow{route: p.route, near: from, fd: -1}
	if route.Target.IsValid() {
		fd, _, err := bindUDP(netip.AddrPortFrom(route.Near.Addr(), 0))
		if err != nil {
			return -1, fmt.Errorf("relay: a flow's socket: %w", err)
		}
		r.watch(port{fd: fd, way: 1, route: p.route, flow: len(r.flows)})
		if err := unix.Connect(fd, sockaddr(route.Target)); err != nil {
			return -1, fmt.Errorf("relay: connect to %v: %w", route.Target, err)
		}
		opened.fd = fd
	}
	route.flow = len(r.flows)
	r.known[key] = route.flow
	r.flows = append(r.flows, opened)
	return route.flow, nil
}
