package server

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/signaling"
	"nearlight/signaling/token"
)

// Handler serves the sockets of players and edges, the list of apps, and a sign of life.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+signaling.PlayerPath, s.servePlayer)
	mux.HandleFunc("GET "+signaling.EdgePath, s.serveEdge)
	mux.HandleFunc("GET "+signaling.AppsPath, s.serveApps)
	mux.HandleFunc("OPTIONS "+signaling.AppsPath, s.serveAppsPreflight)
	mux.HandleFunc("GET "+signaling.HealthPath, s.serveHealth)
	mux.HandleFunc("GET "+signaling.LivePath, s.serveLive)
	mux.HandleFunc("GET "+signaling.ReadyPath, s.serveReady)
	s.handleWHEP(mux)
	return mux
}

// serveHealth answers under any name: whoever probes knows the address only.
func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	closing := s.closing
	s.mu.Unlock()
	if closing {
		s.deny(w, http.StatusServiceUnavailable, signaling.NewError(signaling.CodeShuttingDown))
		return
	}
	s.reply(w, http.StatusOK, map[string]string{"status": "ok"})
}

// serveLive says that the process answers; whoever restarts it otherwise does so for no other reason.
func (s *Server) serveLive(w http.ResponseWriter, _ *http.Request) {
	s.reply(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (s *Server) ready() bool {
	connected := s.config.Bus == nil || s.config.Bus.Connected()
	s.registry.mu.Lock()
	draining := s.registry.draining
	s.registry.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reached = s.reached || connected
	return s.running && !s.closing && s.reached && !draining
}

// serveReady says whether new edges and players may be sent here. A node that has reached its cluster once stays ready: where the bus is lost it
// is for all nodes alike, and each still serves its own edges.
func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	if s.ready() {
		s.reply(w, http.StatusOK, map[string]string{"status": "ok"})
		return
	}
	w.Header().Set("Retry-After", "1")
	s.reply(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready"})
}

func (s *Server) serveApps(w http.ResponseWriter, r *http.Request) {
	if err := s.names.check(r); err != nil {
		s.deny(w, http.StatusForbidden, err)
		return
	}
	s.shareWith(w, r)
	if err := s.door.knock(s.config.ClientAddr(r)); err != nil {
		s.deny(w, http.StatusTooManyRequests, err)
		return
	}
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		raw = ""
	}
	claims, err := s.verify(raw, token.Player)
	if err != nil {
		s.log.Info("token is refused", "error", err)
		w.Header().Set("WWW-Authenticate", "Bearer")
		s.deny(w, http.StatusUnauthorized, signaling.AsError(err))
		return
	}
	if err := s.studios.admit(claims, pageOf(r)); err != nil {
		s.deny(w, studioStatus(err), err)
		return
	}
	s.reply(w, http.StatusOK, struct {
		Apps signaling.List[signaling.App] `json:"apps"`
	}{s.registry.apps(claims.AllowsApp)})
}

// serveAppsPreflight lets pages of other origins on the list send the token (the Fetch standard's CORS preflight).
func (s *Server) serveAppsPreflight(w http.ResponseWriter, r *http.Request) {
	if err := s.names.check(r); err != nil {
		s.deny(w, http.StatusForbidden, err)
		return
	}
	s.shareWith(w, r)
	w.Header().Set("Access-Control-Allow-Methods", http.MethodGet)
	w.Header().Set("Access-Control-Allow-Headers", "Authorization")
	w.WriteHeader(http.StatusNoContent)
}

// shareWith lets the page that asks read the answer. Its origin has been checked.
func (s *Server) shareWith(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Origin")
	if origin := r.Header.Get("Origin"); origin != "" {
		w.Header().Set("Access-Control-Allow-Origin", origin)
	}
}

func (s *Server) deny(w http.ResponseWriter, status int, reason *signaling.Error) {
	s.metrics.refused.WithLabelValues(known(reason.Code)).Inc()
	body, err := signaling.Encode(signaling.SignalingToPlayer, signaling.Failed{Error: reason})
	if err != nil {
		s.log.Error("a refusal cannot be written", "error", err)
	}
	s.reply(w, status, json.RawMessage(body))
}

func (s *Server) reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.log.Debug("a reply could not be written", "error", err)
	}
}

// role is what differs between the sockets of players and edges.
type role struct {
	name        token.Role
	in, out     signaling.Direction
	ping        time.Duration
	rate, burst int
}

func (s *Server) servePlayer(w http.ResponseWriter, r *http.Request) {
	s.serveSocket(w, r, role{
		name: token.Player, in: signaling.PlayerToSignaling, out: signaling.SignalingToPlayer, ping: signaling.PlayerPing,
		rate: s.config.Limits.PlayerRate, burst: s.config.Limits.PlayerBurst,
	}, s.player)
}

func (s *Server) serveEdge(w http.ResponseWriter, r *http.Request) {
	s.serveSocket(w, r, role{
		name: token.Edge, in: signaling.EdgeToSignaling, out: signaling.SignalingToEdge, ping: signaling.EdgePing,
		rate: s.config.Limits.EdgeRate, burst: s.config.Limits.EdgeBurst,
	}, s.edge)
}

// serveSocket admits a peer, and has it talked with.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request, as role, talk func(*conn)) {
	if err := s.names.check(r); err != nil {
		s.deny(w, http.StatusForbidden, err)
		return
	}
	s.registry.mu.Lock()
	elsewhere := s.registry.turnsAway()
	s.registry.mu.Unlock()
	if elsewhere {
		s.deny(w, http.StatusServiceUnavailable, signaling.NewError(signaling.CodeShuttingDown))
		return
	}
	addr := s.config.ClientAddr(r)
	if err := s.door.enter(addr, as.name); err != nil {
		status := http.StatusTooManyRequests
		if err.Code == signaling.CodeFull {
			status = http.StatusServiceUnavailable
		}
		s.deny(w, status, err)
		return
	}
	entered := true
	defer func() {
		if entered {
			s.door.leave(addr, as.name)
		}
	}()
	if !slices.Contains(websocket.Subprotocols(r), signaling.Subprotocol) {
		s.deny(w, http.StatusBadRequest, signaling.NewError(signaling.CodeWrongVersion))
		return
	}
	ws, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil { // it has answered
		s.log.Debug("not a WebSocket", "error", err)
		return
	}
	log := s.log.With(slog.String("role", string(as.name)), slog.String("address", addr.String()))
	c := newConn(ws, as, s.config.Limits.QueuedForPeer, log, s.metrics)
	c.host = strings.ToLower(r.Host)
	c.from, c.page = addr, pageOf(r)
	if !s.add(c) {
		defer ws.Close()
		c.end(signaling.NewError(signaling.CodeShuttingDown))
		c.write()
		return
	}
	// The request's goroutine ends here, and what net/http holds for it: a socket lasts for hours, and is idle for most of them.
	entered = false
	go func() {
		defer s.remove(c)
		defer s.door.leave(addr, as.name)
		s.converse(c, as, talk)
	}()
}

// converse talks with a peer until one of the two has enough.
func (s *Server) converse(c *conn, as role, talk func(*conn)) {
	defer c.ws.Close()
	gauge := s.metrics.sockets.WithLabelValues(string(as.name))
	gauge.Inc()
	defer gauge.Dec()

	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	defer func() {
		c.end(nil)
		<-written
		c.drain()
	}()
	talk(c)
}

// player talks with a player.
func (s *Server) player(c *conn) {
	m, err := c.first()
	if err != nil {
		return
	}
	switch m.(type) {
	case signaling.Play, signaling.Install:
	default:
		c.end(signaling.Errorf(signaling.CodeBadMessage, "A player's first message is play or install, not %s.", signaling.Kind(m)))
		return
	}
	p := s.registry.join(c, c.log)
	hold := holdTime
	defer func() { s.registry.part(p, hold) }()
	for ; err == nil; m, err = c.next() {
		if reason := s.fromPlayer(p, c.page, m); reason != nil {
			c.end(reason)
			return
		}
	}
	if websocket.IsCloseError(err, websocket.CloseGoingAway) { // what a browser says when it leaves the page (RFC 6455 section 7.4.1)
		hold = reloadTime
	}
	c.left(err)
}

func (s *Server) fromPlayer(p *player, from page, m signaling.Message) *signaling.Error {
	switch m := m.(type) {
	case signaling.Play:
		claims, err := s.verify(m.Token, token.Player)
		if err != nil {
			p.log.Info("token is refused", "error", err)
			return signaling.AsError(err)
		}
		if reason := s.mayAsk(m, claims, from); reason != nil {
			return reason
		}
		return s.registry.play(p, m, claims)
	case signaling.Install:
		claims, err := s.verify(m.Token, token.Player)
		if err != nil {
			p.log.Info("token is refused", "error", err)
			return signaling.AsError(err)
		}
		if reason := s.studios.admit(claims, from); reason != nil {
			return reason
		}
		return s.registry.installApp(p, m, claims)
	case signaling.Answer:
		s.registry.answer(p, m)
	case signaling.Candidate:
		s.registry.candidate(p, m)
	case signaling.Check:
		s.registry.check(p)
	case signaling.Restart:
		s.registry.restart(p)
	case signaling.Measured:
		return s.registry.measured(p, m)
	case signaling.Leave:
		s.registry.leave(p)
	}
	return nil
}

// mayAsk refuses a token that is not for what is asked, from where it is asked, or not any more.
func (s *Server) mayAsk(m signaling.Play, claims token.Claims, from page) *signaling.Error {
	if reason := s.studios.admit(claims, from); reason != nil {
		return reason
	}
	if m.Watch == "" {
		if reason := s.studios.mayPlay(claims); reason != nil {
			return reason
		}
	}
	return s.usedBefore(m, claims)
}

// studioStatus is the status that goes with what a studio may not.
func studioStatus(err *signaling.Error) int {
	if err.Code == signaling.CodeRateLimited {
		return http.StatusTooManyRequests
	}
	return http.StatusForbidden
}

// edge talks with an edge.
func (s *Server) edge(c *conn) {
	who, ok := s.admitEdge(c)
	if !ok {
		return
	}
	e := s.registry.register(c, who.Register, who.id)
	if e == nil {
		return // it has been told why
	}
	defer s.registry.loseEdge(e, c)
	c.watchBeats(func(late bool) { s.registry.heartbeats(e, c, late) })
	for {
		m, err := c.next()
		if err != nil {
			c.left(err)
			return
		}
		if reason := s.registry.fromEdge(e, c, m); reason != nil {
			c.end(reason)
			return
		}
	}
}

// left notes how a connection ended, and says goodbye to a peer that has gone quiet.
func (c *conn) left(err error) {
	switch {
	case errors.Is(err, errEnded):
	case c.silent(err):
		c.end(signaling.Errorf(signaling.CodeTimedOut, "Nothing was heard from your side for %v.", c.silence()))
	default:
		c.log.Debug("connection is over", "error", err)
	}
}
