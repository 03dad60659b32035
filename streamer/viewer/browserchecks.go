package viewer

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

// metronome is what Chromium rounds up to when it waits for something that is not urgent.
const metronome = time.Second / 64

// slack is how late it wakes up on average.
const slack = 400 * time.Microsecond

// wakeUp is how late it wakes up this time.
func wakeUp() time.Duration { return min(time.Duration(rand.ExpFloat64()*float64(slack)), metronome) }

// roundedUp is how long Chromium waits that wants to wait for d, from one tick on.
func roundedUp(d time.Duration) time.Duration { return (d + metronome - 1) / metronome * metronome }

// checkedWay is when checks go to one of the edge's addresses, from the first that pion makes on.
type checkedWay struct {
	sent   int
	wished time.Time   // when pion made the last one
	made   []byte      // that one
	waits  bool        // it has not been sent
	next   time.Time   // when the next one is due
	timer  *time.Timer // nil while it is given up
}

// after is the time from the check that was due last to the next: the first one comes between two ticks, then some soon after each other, then one every 2.5 s and a bit. The
// figures are what an edge saw of Chromium 156.
func (w *checkedWay) after() time.Duration {
	switch w.sent {
	case 1:
		return 3*metronome + someTime(metronome)
	case 2:
		return roundedUp(50 * time.Millisecond)
	case 3:
		return roundedUp(1120 * time.Millisecond)
	case 4:
		return roundedUp(1050 * time.Millisecond)
	}
	return roundedUp(2645 * time.Millisecond)
}

const (
	// mostWays bounds what is remembered: an edge names its addresses.
	mostWays = 64
	// wishFor is how long pion's last check of a way counts: it has given up one that it does not check again within that.
	wishFor = 3 * browserKeepAlive
)

// check sends a check when a browser would, and goes on checking that way for as long as pion does: pion's own moments are not a browser's.
func (c *browserConn) check(check []byte, to netip.AddrPort) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wish(check, to)
}

// wish is check for a caller that holds mu.
func (c *browserConn) wish(check []byte, to netip.AddrPort) error {
	if c.closed {
		return net.ErrClosed
	}
	way, now := c.ways[to], time.Now()
	if way == nil {
		if len(c.ways) == mostWays {
			return nil // as if it were lost
		}
		way = new(checkedWay)
		c.ways[to] = way
	}
	way.made, way.wished, way.waits = check, now, true
	if way.timer != nil {
		return nil // until its time comes
	}
	way.next = now
	way.timer = time.AfterFunc(0, func() { c.due(to) })
	return nil
}

// due sends a way's next check.
func (c *browserConn) due(to netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	way, now := c.ways[to], time.Now()
	if c.closed {
		return
	}
	if !way.waits && now.Sub(way.wished) > wishFor {
		way.timer = nil
		return
	}
	check := way.made
	if !way.waits {
		check = anew(check, *c.net.password.Load())
	}
	way.waits = false
	way.sent++
	if way.next = way.next.Add(way.after()); way.next.Before(now) { // the machine slept
		way.next = now.Add(way.after())
	}
	way.timer = time.AfterFunc(way.next.Sub(now)+wakeUp(), func() { c.due(to) })
	c.net.trips.asked(check, now)
	_, _ = c.UDPConn.WriteToUDPAddrPort(check, to) // or lost, as if on the way
}

// anew is a check like another.
func anew(check []byte, password string) []byte {
	m := &stun.Message{Raw: append([]byte(nil), check...)}
	if m.Decode() != nil {
		return check
	}
	setters := []stun.Setter{stun.TransactionID, m.Type}
	for _, a := range m.Attributes {
		if a.Type != stun.AttrMessageIntegrity && a.Type != stun.AttrFingerprint {
			setters = append(setters, a)
		}
	}
	built, err := stun.Build(append(setters, stun.NewShortTermIntegrity(password), stun.Fingerprint)...)
	if err != nil {
		return check
	}
	return built.Raw
}
