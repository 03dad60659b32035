package server

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/claim"
	"nearlight/signaling/token"
)

// Times of claims.
const (
	// claimRetry is how often a node that has not answered is asked again.
	claimRetry = 250 * time.Millisecond
	// claimPatience is how long a player waits for nodes that say nothing: one that does not know of claims, or hears us and is not heard. A node
	// that is lost is not waited for longer than nodeSilence.
	claimPatience = 2 * time.Second
	// holdsTold is how often nodes tell each other which sessions run by which tokens, for what the bus has lost.
	holdsTold = 30 * time.Second
	// maxClaimsTold is how many holds or spent tokens are told in one message.
	maxClaimsTold = 256
)

// ofTokens is what nodes say to each other of tokens: one field is set.
type ofTokens struct {
	Ask     *claim.Claim  `json:"ask,omitempty"`
	Reply   *claimReply   `json:"reply,omitempty"`
	Spent   []claim.Claim `json:"spent,omitempty"`
	Unspent *claim.Claim  `json:"unspent,omitempty"`
	Holds   []claim.Hold  `json:"holds,omitempty"`
	Steers  []steering    `json:"steers,omitempty"`
}

type claimReply struct {
	ID     string       `json:"id"`
	Try    int          `json:"try,omitempty"`
	Answer claim.Answer `json:"answer"`
}

// claiming is a player's claim to its token.
type claiming struct {
	claim.Claim
	then  func() *signaling.Error // nil once it is granted
	retry *alarm
	since time.Time
}

// usedPatience is how long the records may take to say whether a token was used.
const usedPatience = time.Second

// usedBefore refuses a token for one session by which one has begun before this server did. Where the records cannot be asked, games go on, and the
// token may be good once more.
func (s *Server) usedBefore(m signaling.Play, of token.Claims) *signaling.Error {
	if !of.Once || m.Resume != "" || s.config.Used == nil {
		return nil
	}
	ctx, stop := context.WithTimeout(context.Background(), usedPatience)
	defer stop()
	used, err := s.config.Used(ctx, of.ID)
	if err != nil {
		s.log.Warn("the records do not say whether a token was used before", "error", err)
	}
	if !used {
		return nil
	}
	s.metrics.matches.WithLabelValues(string(signaling.CodeSpentToken)).Inc()
	return signaling.NewError(signaling.CodeSpentToken)
}

// claimFor has a player begin by its token: at once where nobody else can have it, else when the other nodes have said so. The error ends the
// player's connection. At the node of an edge nothing is claimed for players of others: their own node has.
func (r *registry) claimFor(p *player, of token.Claims, then func() *signaling.Error) *signaling.Error {
	shared := of.Allows(token.Many) || p.request.Watch != ""
	if p.guest != nil || shared && !of.Once {
		return then()
	}
	c := claim.Claim{Token: signaling.TokenID(of.ID), ID: rand.Text(), Once: of.Once, Until: of.Expires.Unix()}
	var others []string
	if r.cluster != nil {
		for id := range r.cluster.nodes {
			others = append(others, id)
		}
	}
	answer := r.book.Claim(c, others, time.Now())
	if answer != claim.Free && answer != claim.Pending {
		return r.claimRefused(c.Token, answer)
	}
	p.claim = &claiming{Claim: c, then: then, since: time.Now()}
	r.claimants[c.ID] = p
	if answer == claim.Free {
		return r.claimed(p)
	}
	r.alarms.stop(p.idle)
	r.step(p, nil, spanClaim)
	r.askClaim(p)
	return nil
}

// askClaim asks the nodes that have not answered, and again until they have or are lost, or patience is over.
func (r *registry) askClaim(p *player) {
	c := p.claim
	asked, silent := r.book.Asking(c.ID)
	for _, node := range silent {
		if time.Since(c.since) >= claimPatience {
			r.log.Warn("a node says nothing to a claim, and is not waited for", "node", node)
			r.claimAnswered(c.ID, r.book.Replied(node, c.ID, asked.Try, claim.Free))
			continue
		}
		r.mail(node, envelope{Claims: &ofTokens{Ask: &asked}})
	}
	if p.claim == c && c.then != nil {
		c.retry = r.after(claimRetry, func() { r.askClaim(p) })
	}
}

// claimAnswered goes on with the player whose claim was granted, or refuses it.
func (r *registry) claimAnswered(id string, answer claim.Answer) {
	p := r.claimants[id]
	if p == nil || answer == claim.Pending {
		return
	}
	if answer != claim.Free {
		c := p.claim.Token
		r.unclaim(p)
		reason := r.claimRefused(c, answer)
		r.endRequest(p, reason)
		p.end(reason)
		return
	}
	if err := r.claimed(p); err != nil {
		r.endRequest(p, err)
		p.end(err)
	}
}

// claimed has a player begin whose claim was granted.
func (r *registry) claimed(p *player) *signaling.Error {
	then := p.claim.then
	p.claim.then = nil
	r.alarms.stop(p.claim.retry)
	r.metrics.claims.Observe(time.Since(p.claim.since).Seconds())
	err := then()
	if err != nil {
		r.unclaim(p)
	}
	return err
}

// unclaim ends what a player claims, if it does: it has no session any more, or another node sees to it.
func (r *registry) unclaim(p *player) {
	if p.claim == nil {
		return
	}
	r.alarms.stop(p.claim.retry)
	r.book.Release(p.claim.ID)
	delete(r.claimants, p.claim.ID)
	p.claim = nil
}

// claimRefused says why a token begins nothing.
func (r *registry) claimRefused(tokenID string, answer claim.Answer) *signaling.Error {
	code := map[claim.Answer]signaling.Code{claim.Spent: signaling.CodeSpentToken, claim.Full: signaling.CodeFull}[answer]
	if code == "" {
		code = signaling.CodeTokenInUse
	}
	r.metrics.matches.WithLabelValues(string(code)).Inc()
	err := signaling.NewError(code)
	if code == signaling.CodeTokenInUse {
		for _, h := range r.book.HoldsOf(tokenID) {
			if s := r.sessions[h.Session]; s != nil && s.hold != nil {
				left := time.Until(s.hold.at).Round(time.Second)
				return err.WithHint("Its game waits for the tab where it was, for another " + left.String() + ": return there, or try again then.")
			}
		}
	}
	return err
}

// began notes that a player has a session by its claim.
func (r *registry) began(p *player) {
	if p.claim == nil {
		return
	}
	if c, tell := r.book.Began(p.claim.ID); tell {
		r.toAll(ofTokens{Spent: []claim.Claim{c}})
	}
}

// undone notes that the session that a player had was none.
func (r *registry) undone(p *player) {
	if p.claim == nil {
		return
	}
	if c, tell := r.book.Undone(p.claim.ID); tell {
		r.toAll(ofTokens{Unspent: &c})
	}
}

// holdToken notes that a session runs by its token, and who has it now.
func (r *registry) holdToken(s *session) {
	if s.watches != "" {
		return
	}
	h := claim.Hold{Token: s.owner, Session: s.id, Since: claim.Unattended, Turn: s.turn}
	if s.player != nil {
		h.Since, h.Alone = s.sat.UnixMilli(), !s.player.claims.Allows(token.Many)
	}
	r.book.Hold(h)
}

// dropToken notes that a session does not run here any more.
func (r *registry) dropToken(s *session) {
	r.book.Drop(s.owner, s.id)
	r.studioLeft(s)
}

// toAll tells all other nodes.
func (r *registry) toAll(m ofTokens) {
	if r.cluster == nil {
		return
	}
	for id := range r.cluster.nodes {
		r.mail(id, envelope{Claims: &m})
	}
}

// tellClaims tells a node what it may not have heard: which sessions run here, and which tokens are spent.
func (r *registry) tellClaims(node string) {
	for holds := r.book.Holds(); len(holds) > 0; holds = holds[min(len(holds), maxClaimsTold):] {
		r.mail(node, envelope{Claims: &ofTokens{Holds: holds[:min(len(holds), maxClaimsTold)]}})
	}
	for spent := r.book.Spent(); len(spent) > 0; spent = spent[min(len(spent), maxClaimsTold):] {
		r.mail(node, envelope{Claims: &ofTokens{Spent: spent[:min(len(spent), maxClaimsTold)]}})
	}
	for steers := range slices.Chunk(slices.Collect(maps.Values(r.steers)), maxClaimsTold) {
		r.mail(node, envelope{Claims: &ofTokens{Steers: steers}})
	}
}

// mayBegin refuses a player of another node whose token has a session here already, where the nodes have not heard of each other's claims, or whose
// studio has enough of them, unless it had one that is over.
func (r *registry) mayBegin(of token.Claims, handed bool) *signaling.Error {
	if id := signaling.TokenID(of.ID); !of.Allows(token.Many) && len(r.book.HoldsOf(id)) > 0 {
		return r.claimRefused(id, claim.Taken)
	}
	if handed {
		return nil
	}
	return r.studioRoom(of)
}

// tellHolds tells all nodes again which sessions run here.
func (r *registry) tellHolds() {
	r.endDoubled(r.book.Told(r.book.Holds()))
	for holds := r.book.Holds(); len(holds) > 0; holds = holds[min(len(holds), maxClaimsTold):] {
		r.toAll(ofTokens{Holds: holds[:min(len(holds), maxClaimsTold)]})
	}
	r.after(holdsTold, r.tellHolds)
}

// hearClaims takes what another node says of tokens.
func (r *registry) hearClaims(from string, m ofTokens) {
	switch {
	case m.Ask != nil:
		answer, lost := r.book.Asked(*m.Ask, time.Now())
		r.mail(from, envelope{Claims: &ofTokens{Reply: &claimReply{ID: m.Ask.ID, Try: m.Ask.Try, Answer: answer}}})
		if p := r.claimants[lost]; p != nil {
			r.unclaim(p)
			p.end(r.claimRefused(m.Ask.Token, claim.Taken))
		}
	case m.Reply != nil:
		r.claimAnswered(m.Reply.ID, r.book.Replied(from, m.Reply.ID, m.Reply.Try, m.Reply.Answer))
	case m.Unspent != nil:
		r.book.Unspend(m.Unspent.Token, m.Unspent.ID)
	case len(m.Spent) > 0:
		for _, c := range m.Spent {
			r.book.Spend(c.Token, c.ID, c.Until)
		}
	case len(m.Steers) > 0:
		for _, s := range m.Steers {
			r.steer(s)
		}
	default:
		r.endDoubled(r.book.Told(m.Holds))
	}
}

// endDoubled ends sessions that began by a token by which another one runs elsewhere: a partition is over, or an edge has come back.
func (r *registry) endDoubled(sessions []signaling.SessionID) {
	for _, id := range sessions {
		if s := r.sessions[id]; s != nil && s.over == nil {
			s.log.Warn("another session runs by the same token, and this one ends")
			r.metrics.doubled.Inc()
			r.finish(s, signaling.Ended{Reason: signaling.NewError(signaling.CodeTokenInUse)}, true)
		}
	}
}

// leaveBehind ends the sessions that a player of another node has left without a word to be heard, by the claim by which it begins the next one.
func (r *registry) leaveBehind(tokenID string, next claim.Turn) {
	for _, h := range r.book.HoldsOf(tokenID) {
		if s := r.sessions[h.Session]; s != nil && s.over == nil && next.Claim != "" && h.Claim == next.Claim && h.N < next.N {
			s.log.Info("the session's player has begun another one")
			r.finish(s, signaling.Ended{Reason: signaling.NewError(signaling.CodeLeft)}, true)
		}
	}
}

// nodeClaimsNothing goes on with claims that a node which is lost has not answered.
func (r *registry) nodeClaimsNothing(node string) {
	for id, answer := range r.book.Lost(node) {
		r.claimAnswered(id, answer)
	}
}
