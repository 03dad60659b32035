package edge

import (
	"context"
	"sync"
	"time"

	"nearlight/internal/telemetry"
	"nearlight/signaling"
)

const (
	// meterInterval is how often a session looks whether its player is served.
	meterInterval = time.Second
	// servedSilence is for how long a player may be silent and count as served: longer, and pictures go to nobody.
	servedSilence = 2 * time.Second
	// longestTick is between two looks at most: a machine that slept served nobody.
	longestTick = 3 * time.Second
	// usageAgain is after how long without an answer use is told again on the same connection.
	usageAgain = 30 * time.Second
	// mostUnkept bounds the spans of a session that signaling has not counted: a player who comes and goes for a day, while nothing is kept.
	mostUnkept = 4096
	// mostMeters bounds the sessions that are over and not counted.
	mostMeters = 4096
	// lastWait is how long an edge that is stopped waits for the use of its sessions to be counted.
	lastWait = time.Second
)

// reading is what a session's counters say at one time.
type reading struct {
	served        bool
	frames, bytes uint64 // since the session began
	freezes       uint64
	roundTrip     time.Duration // 0: not known
	loss          float64       // share of packets lost lately
}

// meter counts the seconds in which one session's player is served, and how well. It is safe for concurrent use.
type meter struct {
	session, watch signaling.SessionID
	glass          func(share float64) time.Duration
	roundTrips     telemetry.Distribution

	mu       sync.Mutex
	before   reading
	at       time.Time        // of before; zero before the first
	unkept   []signaling.Span // disjoint and apart, in order
	over     bool             // nothing is added any more
	counted  bool             // all of it, and that it is over
	tellEnd  bool             // that it is over is told, and not answered
	told     time.Time        // when what is not answered was told; zero: nothing is
	lost     int64            // seconds that there was no room for
	duration time.Duration    // served
	frames   uint64
	bytes    uint64
	freezes  uint64
	losses   float64 // summed over looks
	looks    int
}

// look adds the time since the last look, if the player was served both then and now.
func (m *meter) look(now time.Time, r reading) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return
	}
	if r.served && m.before.served {
		if passed := now.Sub(m.at); passed > 0 && passed <= longestTick {
			m.add(signaling.Span{First: m.at.Unix(), Past: now.Unix()})
			m.duration += passed
			m.frames += r.frames - m.before.frames
			m.bytes += r.bytes - m.before.bytes
			m.freezes += r.freezes - m.before.freezes
			m.losses += r.loss
			m.looks++
			if r.roundTrip > 0 {
				m.roundTrips.Add(r.roundTrip)
			}
		}
	}
	m.before, m.at = r, now
}

// add takes seconds in. A clock that was set back adds nothing twice. The caller holds mu.
func (m *meter) add(s signaling.Span) {
	if n := len(m.unkept); n > 0 {
		last := &m.unkept[n-1]
		s.First = max(s.First, last.Past)
		if s.First >= s.Past {
			return
		}
		if s.First == last.Past {
			last.Past = s.Past
			return
		}
		if n >= mostUnkept {
			m.lost += m.unkept[0].Past - m.unkept[0].First
			m.unkept = m.unkept[1:]
		}
	}
	if s.First < s.Past {
		m.unkept = append(m.unkept, s)
	}
}

// end adds the seconds since the last look: the session is over.
func (m *meter) end(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if passed := now.Sub(m.at); !m.over && m.before.served && passed > 0 && passed <= longestTick {
		m.add(signaling.Span{First: m.at.Unix(), Past: now.Unix()})
	}
	m.over, m.told = true, time.Time{}
}

// usage is what is to be told now; ok is false for nothing, or what is under way already.
func (m *meter) usage(now time.Time) (u signaling.Usage, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counted || !m.told.IsZero() && now.Sub(m.told) < usageAgain || len(m.unkept) == 0 && !m.over {
		return signaling.Usage{}, false
	}
	u = signaling.Usage{Session: m.session, Watch: m.watch}
	whole := true
	for _, s := range m.unkept {
		for ; s.First < s.Past && len(u.Spans) < signaling.MaxSpans; s.First += signaling.MaxSpan {
			u.Spans = append(u.Spans, signaling.Span{First: s.First, Past: min(s.Past, s.First+signaling.MaxSpan)})
		}
		whole = whole && s.First >= s.Past
	}
	u.Last = m.over && whole
	if m.watch == "" && m.looks > 0 {
		u.Quality = m.quality()
	}
	m.told, m.tellEnd = now, u.Last
	return u, true
}

// quality sums up the session so far. The caller holds mu.
func (m *meter) quality() *signaling.Quality {
	seconds := m.duration.Seconds()
	return &signaling.Quality{
		FramesPerSecond: tenths(float64(m.frames) / seconds), BitsPerSecond: int64(float64(m.bytes) * 8 / seconds),
		FreezesPerMinute: min(tenths(float64(m.freezes)*60/seconds), 600), LossRatio: min(float64(int(m.losses/float64(m.looks)*1e5))/1e5, 1),
		RoundTripP50: milliseconds(m.roundTrips.Quantile(0.5)), RoundTripP95: milliseconds(m.roundTrips.Quantile(0.95)),
		GlassP50: milliseconds(m.glass(0.5)), GlassP95: milliseconds(m.glass(0.95)),
	}
}

func tenths(f float64) float64 { return float64(int64(f*10+0.5)) / 10 }

// count forgets what signaling has kept. It reports whether more is to be told at once, and whether all is.
func (m *meter) count(past int64) (more, all bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = time.Time{}
	for len(m.unkept) > 0 && m.unkept[0].First < past {
		if m.unkept[0].Past > past {
			m.unkept[0].First = past
			break
		}
		m.unkept = m.unkept[1:]
	}
	if m.over && m.tellEnd && len(m.unkept) == 0 {
		m.counted = true
	}
	return m.over && !m.counted, m.counted
}

// anew says that what was under way is lost with its connection.
func (m *meter) anew() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = time.Time{}
}

// use is the meters of a node's sessions, and of those that are over and not counted. The node's mutex guards it.
type use struct {
	period time.Duration // how often signaling wants to be told; 0: never
	meters map[signaling.SessionID]*meter
	wake   chan struct{} // the period may be another one
	drop   chan struct{} // closed and made anew whenever a meter is done with
}

func newUse() use {
	return use{meters: make(map[signaling.SessionID]*meter), wake: make(chan struct{}, 1), drop: make(chan struct{})}
}

func (u *use) forget(id signaling.SessionID) {
	delete(u.meters, id)
	close(u.drop)
	u.drop = make(chan struct{})
}

// wanted takes signaling's word on how often it wants to be told of use, on a new connection: what was under way on the last one is lost. The
// caller holds mu, here and below.
func (n *Node) wanted(seconds int) {
	n.use.period = time.Duration(seconds) * time.Second
	for id, m := range n.use.meters {
		m.anew()
		if n.use.period == 0 && n.sessions[id] == nil {
			n.use.forget(id)
		}
	}
	select {
	case n.use.wake <- struct{}{}:
	default: // it is to look already
	}
}

// measure gives a session its meter.
func (n *Node) measure(s *session) {
	s.meter = &meter{session: s.id, glass: s.stages.Glass}
	if s.watches != nil {
		s.meter.watch = s.watches.id
	}
	if n.use.meters[s.id] = s.meter; len(n.use.meters) <= mostMeters {
		return
	}
	for id := range n.use.meters {
		if n.sessions[id] == nil && id != s.id {
			n.logger.Error("signaling counts nothing, and a session's use is lost", "session", id)
			n.use.forget(id)
			return
		}
	}
}

// tellUse tells signaling of a session's use, if there is anything to tell.
func (n *Node) tellUse(m *meter) {
	if n.use.period == 0 {
		return
	}
	if u, ok := m.usage(time.Now()); ok {
		n.send(u)
	}
}

// endUse tells of a session's use for the last time.
func (n *Node) endUse(s *session) {
	s.meter.end(time.Now())
	if n.use.period == 0 {
		n.use.forget(s.id)
		return
	}
	n.tellUse(s.meter)
}

// Counted implements client.EdgeHandler.
func (n *Node) Counted(m signaling.Counted) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if one := n.use.meters[m.Session]; one != nil {
		switch more, all := one.count(m.Past); {
		case all:
			n.use.forget(m.Session)
		case more:
			n.tellUse(one)
		}
	}
}

// keepUse tells signaling of the use of all sessions, as often as it wants, until ctx ends.
func (n *Node) keepUse(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		n.mu.Lock()
		period := n.use.period
		for _, m := range n.use.meters {
			n.tellUse(m)
		}
		n.mu.Unlock()
		timer.Stop()
		if period > 0 {
			timer.Reset(period)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-n.use.wake:
		case <-timer.C:
		}
	}
}

// awaitCounted waits until signaling has counted all use, for lastWait at most.
func (n *Node) awaitCounted() {
	limit := time.NewTimer(lastWait)
	defer limit.Stop()
	for {
		n.mu.Lock()
		left, drop := len(n.use.meters), n.use.drop
		n.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-drop:
		case <-limit.C:
			n.logger.Warn("signaling has not counted the use of all sessions", "sessions", left)
			return
		}
	}
}

// meter reads a conversation's counters.
func (c *conversation) meter() reading {
	r := reading{}
	if c.live != nil && c.session.watches == nil {
		p := c.live.pipeline
		r.frames, r.bytes, r.freezes = p.frames.Load(), p.bytes.Load(), p.freezes.Load()+c.session.stages.Freezes()
	}
	if c.live == nil || c.peer == nil || !c.connectedOnce {
		return r
	}
	r.served = c.peer.Silence() < servedSilence
	r.roundTrip, r.loss = c.peer.RoundTrip(), c.peer.Link().Loss
	return r
}
