package signaling

// UsagePeriod is how often signaling that keeps seconds of use is told of them, in seconds (Registered.Usage).
const UsagePeriod = 5

// Usage tells signaling in which seconds a session's player was served, and how well. What it says is told again until Counted has come
// back: twice is the same as once.
type Usage struct {
	Session SessionID  `json:"session"`
	Watch   SessionID  `json:"watch,omitempty"` // the session that it looks on at
	Spans   List[Span] `json:"spans"`           // of the seconds that were not Counted yet, disjoint and in order
	Quality *Quality   `json:"quality,omitempty"`
	Last    bool       `json:"last,omitempty"` // the session is over
}

// Counted answers Usage: what came of seconds before Past is kept, and need not be told again.
type Counted struct {
	Session SessionID `json:"session"`
	Past    int64     `json:"past"`
}

// Span is the seconds of Unix time from First to before Past, by the edge's clock.
type Span struct {
	First int64 `json:"first"`
	Past  int64 `json:"past"`
}

// Quality sums up what a session's player saw since the session began. The zero value of a field means that it was not measured.
type Quality struct {
	FramesPerSecond  float64 `json:"framesPerSecond,omitempty"`
	BitsPerSecond    int64   `json:"bitsPerSecond,omitempty"`
	FreezesPerMinute float64 `json:"freezesPerMinute,omitempty"` // of 100 ms or more
	LossRatio        float64 `json:"lossRatio,omitempty"`
	RoundTripP50     float64 `json:"roundTripP50,omitempty"` // milliseconds, here and below
	RoundTripP95     float64 `json:"roundTripP95,omitempty"`
	GlassP50         float64 `json:"glassP50,omitempty"` // drawn to shown
	GlassP95         float64 `json:"glassP95,omitempty"`
}

// The bounds of what is told of a session's use.
const (
	MaxSpan   = 3600 // seconds in one span
	MaxSpans  = 32   // in one message: one that has more to tell tells the rest once these are counted
	maxSecond = 1 << 33

	maxUsagePeriod = 600 // seconds

	maxShownRate = 1000
	maxBitRate   = 10_000_000_000
	maxFreezes   = 600    // a minute has room for no more of 100 ms
	maxLatency   = 600000 // milliseconds
)

func (Usage) kind() string   { return "usage" }
func (Counted) kind() string { return "counted" }

func (m Usage) check(c *checks) {
	c.session(m.Session)
	if m.Watch != "" {
		c.id("watch", string(m.Watch))
	}
	c.present("spans")
	c.between("number of spans", len(m.Spans), 0, MaxSpans)
	before := int64(0)
	for _, s := range m.Spans {
		if s.First <= before || s.Past <= s.First || s.Past-s.First > MaxSpan || s.Past > maxSecond {
			c.fail("a span from %d to %d after %d, want them in order, each of 1 to %d seconds", s.First, s.Past, before, MaxSpan)
			return
		}
		before = s.Past - 1 // spans may touch: a long one comes in pieces
	}
	if m.Quality != nil {
		m.Quality.check(c)
	}
}

func (q *Quality) check(c *checks) {
	for _, field := range []struct {
		name        string
		value, most float64
	}{
		{"framesPerSecond", q.FramesPerSecond, maxShownRate}, {"bitsPerSecond", float64(q.BitsPerSecond), maxBitRate},
		{"freezesPerMinute", q.FreezesPerMinute, maxFreezes}, {"lossRatio", q.LossRatio, 1},
		{"roundTripP50", q.RoundTripP50, maxLatency}, {"roundTripP95", q.RoundTripP95, maxLatency},
		{"glassP50", q.GlassP50, maxLatency}, {"glassP95", q.GlassP95, maxLatency},
	} {
		if !(field.value >= 0 && field.value <= field.most) { // refuses what is no number as well
			c.fail("%s is %v, want 0 to %v", field.name, field.value, field.most)
		}
	}
}

func (m Counted) check(c *checks) {
	c.session(m.Session)
	if m.Past < 0 || m.Past > maxSecond {
		c.fail("past is %d, want 0 to %d", m.Past, int64(maxSecond))
	}
}
