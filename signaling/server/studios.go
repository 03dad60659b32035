package server

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"nearlight/signaling"
	"nearlight/signaling/studio"
	"nearlight/signaling/token"
)

// studios keeps studios' tokens to what the roster says. What is counted is a studio's, whichever of its keys has signed. It is safe for
// concurrent use.
type studios struct {
	roster  func() studio.Roster
	metrics *metrics

	mu       sync.Mutex
	limiters map[string]*rate.Limiter
}

func newStudios(roster func() studio.Roster, m *metrics) *studios {
	if roster == nil {
		roster = func() studio.Roster { return studio.Roster{} }
	}
	return &studios{roster: roster, metrics: m, limiters: make(map[string]*rate.Limiter)}
}

// admit counts a request by a token and refuses what its studio may not: too many of them, or pages of others.
func (s *studios) admit(of token.Claims, from page) *signaling.Error {
	if of.Studio == "" {
		return nil
	}
	limits := s.roster().Of(of.Studio)
	s.metrics.studioRequests.WithLabelValues(of.Studio).Inc()
	if err := limits.From(from.origin, from.own); err != nil {
		return s.refused(of, err)
	}
	if limits.Requests > 0 && !s.limiter(of.Studio, limits.Requests).Allow() {
		return s.refused(of, signaling.Errorf(signaling.CodeRateLimited, "Too many requests come by links of %s.", of.Studio))
	}
	return nil
}

// mayPlay refuses a token that allows more than its studio may.
func (s *studios) mayPlay(of token.Claims) *signaling.Error {
	if of.Studio == "" {
		return nil
	}
	if err := s.roster().Of(of.Studio).Admit(of); err != nil {
		return s.refused(of, err)
	}
	return nil
}

// room refuses one more session of a studio that has running ones already.
func (s *studios) room(of token.Claims, running int) *signaling.Error {
	if of.Studio == "" {
		return nil
	}
	if most := s.roster().Of(of.Studio).Sessions; most > 0 && running >= most {
		return s.refused(of, signaling.Errorf(signaling.CodeFull, "%s has %d games running, and may have no more.", of.Studio, running).
			WithHint("Try again when a player has left."))
	}
	return nil
}

func (s *studios) refused(of token.Claims, err *signaling.Error) *signaling.Error {
	s.metrics.studioRefusals.WithLabelValues(of.Studio, string(err.Code)).Inc()
	return err
}

// limiter is a studio's, at the rate that the roster says now: what was used up before a change stays so.
func (s *studios) limiter(name string, perMinute int) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.limiters[name]
	if l == nil {
		l = rate.NewLimiter(0, perMinute)
		s.limiters[name] = l
	}
	if l.Burst() != perMinute {
		l.SetBurst(perMinute)
	}
	if limit := rate.Limit(float64(perMinute) / time.Minute.Seconds()); l.Limit() != limit {
		l.SetLimit(limit)
	}
	return l
}

// page is where a request comes from: the origin of a page, "" for none, and whether that is the server's own.
type page struct {
	origin string
	own    bool
}

// pageOf is what a request that names.check has let in says of its page.
func pageOf(r *http.Request) page {
	canonical, ok := canonicalOrigin(r.Header.Get("Origin"))
	if !ok {
		return page{}
	}
	_, authority, _ := strings.Cut(canonical, "://")
	return page{canonical, authority == strings.ToLower(r.Host)}
}

// studioOf counts a session as a studio's from now on.
func (r *registry) studioOf(s *session, name string) {
	if s.watches != "" || s.studio == name {
		return
	}
	r.studioLeft(s)
	s.studio = name
	if name != "" {
		r.byStudio[name]++
		r.metrics.studioSessions.WithLabelValues(name).Inc()
	}
}

// studioLeft counts a session as nobody's, since it has ended here.
func (r *registry) studioLeft(s *session) {
	if s.studio == "" {
		return
	}
	r.metrics.studioSessions.WithLabelValues(s.studio).Dec()
	if r.byStudio[s.studio]--; r.byStudio[s.studio] == 0 {
		delete(r.byStudio, s.studio)
	}
	s.studio = ""
}

// studioRoom refuses one more session of the studio whose key has signed a token, by what runs at all nodes as far as they have told.
func (r *registry) studioRoom(of token.Claims) *signaling.Error {
	if of.Studio == "" || r.studios == nil {
		return nil
	}
	running := r.byStudio[of.Studio]
	if r.cluster != nil {
		for _, n := range r.cluster.nodes {
			running += n.studios[of.Studio]
		}
	}
	err := r.studios.room(of, running)
	if err != nil {
		r.metrics.matches.WithLabelValues(string(err.Code)).Inc()
	}
	return err
}

// studiosTold is how many sessions of each studio run here, for the other nodes.
func (r *registry) studiosTold() map[string]int {
	if len(r.byStudio) == 0 {
		return nil
	}
	told := make(map[string]int, len(r.byStudio))
	for name, n := range r.byStudio {
		told[name] = n
	}
	return told
}

// studioMetrics are the metrics by studio; the roster bounds their labels.
func studioMetrics(m *metrics) {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "nearlight", Subsystem: "signaling", Name: name, Help: help}
	}
	m.studioRequests = prometheus.NewCounterVec(prometheus.CounterOpts(opts("studio_requests_total", "Requests by tokens of a studio.")), []string{"studio"})
	m.studioRefusals = prometheus.NewCounterVec(
		prometheus.CounterOpts(opts("studio_refusals_total", "Requests by tokens of a studio that it may not make, by code.")), []string{"studio", "code"})
	m.studioSessions = prometheus.NewGaugeVec(prometheus.GaugeOpts(opts("studio_sessions", "Sessions at this node by tokens of a studio.")), []string{"studio"})
}
