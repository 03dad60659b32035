package server

import (
	"log/slog"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/claim"
	"nearlight/signaling/match"
	"nearlight/signaling/token"
)

// phase is how far a session's negotiation is.
//
//	        start             leased             offer                answer
//	(none) ------> leasing ----------> starting ------------> offered -----------> settled
//	                                      ^                      ^                    |
//	                                      |  the player resumes  |   the edge offers  |
//	                                      +----------------------+--------------------+
//
// Leasing is left out for who looks on, which takes no slot.
//
// An offer that restarts a connection is answered like any other, but nothing is due then: both ends have their own patience.
//
// From each of them a session can end: by the player, the edge, a deadline, or the loss of either.
type phase uint8

const (
	leasing  phase = iota // the edge's lease is due, and then its offer; nobody has been told of the session
	starting              // the edge's offer is due
	offered               // the player's answer is due
	settled               // nothing is due
)

// session is one app played by one player. The registry's mutex guards it.
type session struct {
	id     signaling.SessionID
	app    string
	owner  string // the TokenID of its player's token
	key    string // which signed that; "" where this node has not seen it
	edge   *edge
	log    *slog.Logger
	born   time.Time
	sat    time.Time        // since when its player has it
	holder string           // the address that the token is bound to; "" for none
	studio string           // whose key has signed the token; "" where that is not known
	turn   claim.Turn       // as which of its player's sessions it began, by which claim
	once   bool             // the token is good for this session alone
	until  int64            // when it expires, in seconds since 1970
	slot   int              // that was proposed; who looks on has none, here and below
	expect signaling.Epoch  // of the slot, before the lease
	lease  *signaling.Lease // nil until the edge has signed one, and where another node got it, which its player knows
	noted  bool             // it is in the records
	// adopted says that another node has seen it begin, and quality is what its edge told last.
	adopted bool
	quality *signaling.Quality
	// watches is the session that this one looks on at; empty for one that is played.
	watches signaling.SessionID
	// shareable says that the player may show it to others, and trust is whom its token trusts: theirs does too.
	shareable bool
	trust     trust

	player *player          // nil: lost, and hold is set
	over   *signaling.Ended // what a player that comes back is told; the edge has forgotten the session
	phase  phase

	due   *alarm // the offer or the answer
	hold  *alarm // the player's return
	probe *alarm // the edge's sign of life; nil when none is due

	playerCandidates, edgeCandidates int // since the last start or offer

	late []signaling.Message // for an edge that is away, in order

	degraded *signaling.Error // the edge does not keep up with it; nil: it does
	rest     time.Time        // its player was moved, and stays until then
	checks   bool             // a checker has it, not a player
}

// maxLate is what a player can have to say to an edge in edgeReturn: an answer, its candidates, a probe and a start.
const maxLate = maxCandidates + 8

// play gives a player a session: a new one, or its own one back. The error ends the player's connection.
func (r *registry) play(p *player, m signaling.Play, claims token.Claims) *signaling.Error {
	if m.Watch != "" {
		return r.watch(p, m, claims)
	}
	if !claims.Allows(token.Play) {
		return signaling.Errorf(signaling.CodeBadToken, "This link does not allow playing.")
	}
	if m.App == "" {
		m.App = claims.App
	}
	if !claims.AllowsApp(m.App) {
		return signaling.Errorf(signaling.CodeBadToken, "This link is good for %s only.", claims.App)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.busy() {
		return signaling.Errorf(signaling.CodeBadMessage, "A game is running on this connection already.")
	}
	p.errand = r.errandOf(claims)
	if m.Resume != "" {
		return r.resume(p, m, claims)
	}
	if err := r.studioRoom(claims); err != nil {
		return err
	}
	p.request, p.claims, p.tries, p.asked, p.handed = m, claims, 0, false, false
	r.traceRequest(p, spanPlay, false)
	err := r.claimFor(p, claims, func() *signaling.Error { return r.assign(p) })
	if err != nil {
		r.endRequest(p, err)
	}
	return err
}

// assign finds an edge for what a player has requested, after it has measured the way to some, if it can.
func (r *registry) assign(p *player) *signaling.Error {
	if r.ebbing() {
		return signaling.Errorf(signaling.CodeShuttingDown, "No further games begin here: the server is about to be stopped.")
	}
	r.serveQueue()
	if p.request.Wait && (len(r.line) > 0 || r.older(time.Now()) > 0) {
		err := r.enqueue(p, signaling.NewError(signaling.CodeFull))
		r.serveQueue() // nobody before it may want what it wants
		return err
	}
	r.step(p, nil, spanMatch)
	request, candidates, err := r.shortlist(p)
	if err == nil {
		if !p.asked && r.measure(p, request, nil, candidates, 1) {
			p.asked = true
			r.step(p, nil, spanMeasure)
			return nil
		}
		if ranked := r.rank(p, p.recall(candidates)); len(ranked) > 0 {
			return r.settle(p, request, ranked)
		}
		err = signaling.NewError(signaling.CodeFull)
	}
	if e := p.errand.edge(p.claims); e != "" && err.Code == signaling.CodeFull {
		if f := r.farNow(e); f != nil && p.tries == 0 { // whose node knows how many of its slots are leased
			return r.connect(p, f, p.request, p.claims, false)
		}
		err = r.ownWords(p, r.edges[e], err)
	}
	r.endStep(p, err)
	r.metrics.matches.WithLabelValues(string(err.Code)).Inc()
	if err.Code == signaling.CodeFull && p.request.Wait {
		return r.enqueue(p, err)
	}
	return r.hint(err, p.claims)
}

// give begins a player's session at the edge that was picked, here or at another node.
func (r *registry) give(p *player, id signaling.EdgeID) *signaling.Error {
	if err := r.barredToken(p.claims); err != nil { // since it came to wait
		return err
	}
	if !p.handed {
		if err := r.studioRoom(p.claims); err != nil {
			return err
		}
	}
	p.turn = claim.Turn{N: p.turn.N + 1}
	if p.claim != nil {
		p.turn.Claim = p.claim.ID
	}
	if f := r.farNow(id); f != nil {
		f.Free-- // its node will say how it is
		r.reindex(f.ID)
		return r.connect(p, f, p.request, p.claims, false)
	}
	e := r.edges[id]
	return r.begin(p, e, match.Common(p.request.Codecs, e.codecs))
}

// begin gives a player a session of an edge of this node.
func (r *registry) begin(p *player, e *edge, codecs []string) *signaling.Error {
	slot, epoch, ok := e.pick()
	if !ok { // who is matched with it has seen that there is one
		return signaling.NewError(signaling.CodeFull)
	}
	s := &session{
		slot: slot, expect: epoch,
		id: newSessionID(e.id), app: p.request.App, owner: signaling.TokenID(p.claims.ID), key: p.claims.Key, edge: e, born: time.Now(),
		shareable: p.claims.Allows(token.Watch), trust: trust{p.claims.Edges, p.claims.Root}, rest: p.rest,
		checks: p.errand.checks(),
	}
	s.once, s.until, s.turn = p.claims.Once, p.claims.Expires.Unix(), p.turn
	if !p.claims.Holder.IsZero() {
		s.holder = p.claims.Holder.String()
	}
	s.log = r.log.With("session", s.id, "edge", e.id)
	r.sessions[s.id], e.sessions[s.id] = s, s
	r.decisions.add(s.id, p.decided, s.born)
	p.decided = nil
	r.studioOf(s, p.claims.Studio)
	s.log.Info("session is matched", "app", s.app)
	r.start(p, s, p.request, codecs, false)
	r.touch(e)
	return nil
}

// maxSpectators bounds who looks on at one session: each takes its share of the edge's way out to the network.
const maxSpectators = 16

// watch gives a spectator a session beside the one that it looks on at.
func (r *registry) watch(p *player, m signaling.Play, claims token.Claims) *signaling.Error {
	if !claims.Allows(token.Watch) {
		return signaling.Errorf(signaling.CodeBadToken, "This link does not allow watching.")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.busy() {
		return signaling.Errorf(signaling.CodeBadMessage, "A game is running on this connection already.")
	}
	p.request, p.errand = m, errand{}
	r.traceRequest(p, spanWatch, false)
	err := r.claimFor(p, claims, func() *signaling.Error { return r.lookOn(p, m, claims) })
	if err != nil {
		r.endRequest(p, err)
	}
	return err
}

// busy reports whether a player has a session, or is about to get one.
func (p *player) busy() bool {
	return p.session != nil || p.link != nil || p.seek != nil || p.waiting != nil || p.measuring != nil || p.claim != nil
}

// lookOn is watch for a player who may.
func (r *registry) lookOn(p *player, m signaling.Play, claims token.Claims) *signaling.Error {
	if m.Resume != "" && (r.sessions[m.Resume] != nil || r.elsewhere(m.Resume)) {
		return r.resume(p, m, claims)
	}
	watched := r.sessions[m.Watch]
	if watched == nil && r.elsewhere(m.Watch) {
		return r.goThere(p, m, claims)
	}
	if watched == nil || watched.over != nil || watched.watches != "" ||
		!claims.AllowsApp(watched.app) || !claims.AllowsWatching(watched.id) { // one answer, so that nobody can try out ids
		r.metrics.matches.WithLabelValues("watch-unknown").Inc()
		return signaling.Errorf(signaling.CodeTimedOut, "The game that this link shows is over.").WithHint("Ask the player for a new link.")
	}
	codecs := match.Common(m.Codecs, watched.edge.codecs)
	if len(codecs) == 0 {
		return match.NoCommonCodec(m.Codecs, watched.edge.codecs)
	}
	watching := 0
	for _, s := range watched.edge.sessions {
		if s.watches == watched.id {
			watching++
		}
	}
	if watching >= maxSpectators {
		r.metrics.matches.WithLabelValues("watch-full").Inc()
		return signaling.Errorf(signaling.CodeFull, "%d people watch this game already.", watching).WithHint("Try again when one has left.")
	}
	r.metrics.matches.WithLabelValues("watching").Inc()
	s := &session{
		id: newSessionID(watched.edge.id), app: watched.app, owner: signaling.TokenID(claims.ID), key: claims.Key, edge: watched.edge, born: time.Now(), watches: watched.id,
	}
	s.log = r.log.With("session", s.id, "edge", s.edge.id)
	r.sessions[s.id], s.edge.sessions[s.id] = s, s
	s.log.Info("spectator is matched", "watches", s.watches)
	p.claims = claims
	r.start(p, s, m, codecs, false)
	return nil
}

// resume gives a player its session back. A connection of the same player that still has it loses it.
func (r *registry) resume(p *player, m signaling.Play, claims token.Claims) *signaling.Error {
	s := r.sessions[m.Resume]
	if s == nil && r.elsewhere(m.Resume) {
		return r.goThere(p, m, claims)
	}
	if s == nil || s.phase == leasing || s.owner != signaling.TokenID(claims.ID) { // the same answer, so that nobody can try out ids
		r.metrics.matches.WithLabelValues("resume-unknown").Inc()
		return sessionOver()
	}
	if !claims.AllowsApp(s.app) {
		return signaling.Errorf(signaling.CodeBadToken, "This link is good for %s only.", claims.App)
	}
	if s.over != nil {
		p.send(*s.over)
		r.forget(s)
		return nil
	}
	codecs := match.Common(m.Codecs, s.edge.codecs)
	if len(codecs) == 0 {
		return match.NoCommonCodec(m.Codecs, s.edge.codecs)
	}
	if old := s.player; old != nil {
		old.session = nil
		old.end(signaling.NewError(signaling.CodeReplaced))
	}
	r.metrics.matches.WithLabelValues("resumed").Inc()
	r.decisions.goOn(s.id)
	s.log.Info("session is resumed")
	p.request, p.claims, s.key = m, claims, claims.Key
	s.shareable = claims.Allows(token.Watch)
	r.entitled(s, p.errand)
	r.studioOf(s, claims.Studio)
	r.start(p, s, m, codecs, true)
	return nil
}

// entitled notes who goes on with a session, which this node may not have seen begin.
func (r *registry) entitled(s *session, e errand) {
	if e.checks() && !s.checks {
		s.checks = true
		r.noted(s.edge)
	}
}

// goThere has a player served where the edge of the session that it asks for is.
func (r *registry) goThere(p *player, m signaling.Play, claims token.Claims) *signaling.Error {
	if p.guest != nil { // its own node finds out
		p.guest.tell(body{Seek: true})
		return nil
	}
	r.seek(p, m, claims)
	return nil
}

// start binds player and session and asks the edge for an offer.
func (r *registry) start(p *player, s *session, m signaling.Play, codecs []string, again bool) {
	r.alarms.stop(p.idle)
	r.quiet(s)
	r.alarms.stop(s.hold)
	p.session, s.player, s.hold = s, p, nil
	s.sat = time.Now()
	r.holdToken(s)
	s.phase, s.playerCandidates, s.edgeCandidates = starting, 0, 0
	again = again && !s.unsent()
	s.late = nil // what an earlier connection of the player had to say
	request := signaling.Start{Session: s.id, Token: m.Token, App: s.app, Size: m.Size, Codecs: codecs, Resume: again, Restart: again && m.Restart, Watch: s.watches, Offer: p.offer}
	waits := spanOffer
	if again || s.watches != "" {
		r.matched(p, s)
	} else {
		request.Lease = s.proposal()
		s.phase, waits = leasing, spanLease
	}
	if !again {
		request.Trace = p.traced()
		r.step(p, s, waits)
	}
	r.toEdge(s, request)
	s.due = r.after(offerTimeout, func() {
		r.finish(s, signaling.Ended{Reason: signaling.Errorf(signaling.CodeTimedOut,
			"The machine did not get the game's display ready within %v.", offerTimeout)}, true)
	})
}

// matched tells a player its session.
func (r *registry) matched(p *player, s *session) {
	p.had = s.edge.id
	p.send(signaling.Matched{
		Session: s.id, Edge: signaling.EdgeName{ID: s.edge.id, Name: s.edge.name}, ICEServers: r.iceServersOf(s), Share: r.share(s), Lease: s.lease,
		RelayOnly: r.hides(),
	})
	r.began(p)
	r.sat(p, s)
}

// shareLife is how long others may begin to look on at a session by what its player was given: longer than anybody plays at a
// stretch. The session's own end ends it before.
const shareLife = 24 * time.Hour

// share signs what the player may hand to others; "" where nothing is signed here, or the player may not.
func (r *registry) share(s *session) string {
	if r.issuer == nil || !s.shareable || s.watches != "" {
		return ""
	}
	signed, err := r.issuer.Issue(token.Claims{
		Role: token.Player, Rights: []token.Right{token.Watch}, App: s.app, Session: s.id, Expires: time.Now().Add(shareLife),
		Edges: s.trust.edges, Root: s.trust.root,
	})
	if err != nil {
		s.log.Error("a token for spectators cannot be signed", "error", err)
		return ""
	}
	return signed
}

// toEdge sends a session's message to its edge, or keeps it for an edge that is expected back.
func (r *registry) toEdge(s *session, m signaling.Message) {
	switch {
	case s.edge.peer != nil:
		s.edge.peer.send(m)
	case len(s.late) < maxLate:
		s.late = append(s.late, m)
	default:
		r.metrics.dropped.WithLabelValues("edge-away").Inc()
	}
}

// hint adds to a refusal what only the registry knows.
func (r *registry) hint(err *signaling.Error, claims token.Claims) *signaling.Error {
	if err.Code != signaling.CodeFull {
		return err
	}
	for _, s := range r.sessions {
		if s.owner == signaling.TokenID(claims.ID) && s.hold != nil && s.over == nil {
			left := time.Until(s.hold.at).Round(time.Second)
			return err.WithHint("A session of this link whose connection was lost is kept for another " + left.String() + ": return to its tab, or try again then.")
		}
	}
	return err
}
