package server

import (
	"crypto/rand"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"

	"nearlight/signaling"
	"nearlight/signaling/token"
)

// WHEP (draft-ietf-wish-whep) is looking on by plain HTTP: a POST of an offer is a spectator's play, its answer comes from the edge, and
// the resource that it makes takes candidates and new offers (PATCH, RFC 9725 section 4.3) until it is deleted, or the session ends.

const (
	sdpType       = "application/sdp"
	fragmentType  = "application/trickle-ice-sdpfrag" // RFC 8840
	maxWHEPBody   = 48 << 10                          // as an SDP on a socket
	exposedToPage = "Location, ETag, Link"
)

// handleWHEP adds the endpoint's routes.
func (s *Server) handleWHEP(mux *http.ServeMux) {
	for pattern, serve := range map[string]http.HandlerFunc{
		"POST " + signaling.WHEPPath + "{session}":               s.startWHEP,
		"PATCH " + signaling.WHEPPath + "{session}/{resource}":   s.patchWHEP,
		"DELETE " + signaling.WHEPPath + "{session}/{resource}":  s.deleteWHEP,
		"OPTIONS " + signaling.WHEPPath + "{session}":            s.optionsWHEP,
		"OPTIONS " + signaling.WHEPPath + "{session}/{resource}": s.optionsWHEP,
		signaling.WHEPPath + "{session}":                         s.noSuchMethod("OPTIONS, POST"),
		signaling.WHEPPath + "{session}/{resource}":              s.noSuchMethod("DELETE, OPTIONS, PATCH"),
	} {
		mux.HandleFunc(pattern, serve)
	}
}

// whepSession is a spectator who came by HTTP: the peer that the registry knows, without a socket. It is a peer.
type whepSession struct {
	name   string // of its resource
	player *player
	owner  string                 // the jti of its token
	heard  chan signaling.Message // Answer, for the request that waits; room for one
	over   chan struct{}          // closed when reason is final
	gone   func(*whepSession)     // called once with over
	once   sync.Once
	reason *signaling.Error

	mu      sync.Mutex
	matched *signaling.Matched
	offer   string // the newest
	etag    string // of the ICE session
	busy    bool   // a request waits for an answer
}

var _ peer = (*whepSession)(nil)

// send implements peer. It does not block: of what a player is told, a request waits for the answer alone.
func (w *whepSession) send(m signaling.Message) {
	switch m := m.(type) {
	case signaling.Matched:
		w.mu.Lock()
		w.matched = &m
		w.mu.Unlock()
	case signaling.Answer:
		select {
		case w.heard <- m:
		default: // nobody waits for a second one
		}
	case signaling.Ended:
		w.end(m.Reason)
	}
}

// end implements peer.
func (w *whepSession) end(reason *signaling.Error) {
	w.once.Do(func() {
		if reason == nil {
			reason = signaling.NewError(signaling.CodeLeft)
		}
		w.reason = reason
		close(w.over)
		w.gone(w)
	})
}

// whepSessions are those that there are, by the name of their resource, which nobody can guess. It is not the session's, which the
// edge's node gives.
type whepSessions struct {
	mu    sync.Mutex
	all   map[string]*whepSession
	ended *signaling.Error // why all were ended, and whoever comes now is
}

func newWHEPSessions() *whepSessions {
	return &whepSessions{all: make(map[string]*whepSession)}
}

func (l *whepSessions) add(w *whepSession) {
	l.mu.Lock()
	ended := l.ended
	select {
	case <-w.over: // meanwhile
	default:
		if ended == nil {
			l.all[w.name] = w
		}
	}
	l.mu.Unlock()
	if ended != nil {
		w.end(ended)
	}
}

func (l *whepSessions) remove(w *whepSession) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[w.name] == w {
		delete(l.all, w.name)
	}
}

func (l *whepSessions) find(name, owner string) *whepSession {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.all[name]; w != nil && w.owner == owner {
		return w
	}
	return nil
}

// end ends all of them, and those that are about to come.
func (l *whepSessions) end(reason *signaling.Error) {
	l.mu.Lock()
	l.ended = reason
	left := make([]*whepSession, 0, len(l.all))
	for _, w := range l.all {
		left = append(left, w)
	}
	l.mu.Unlock()
	for _, w := range left {
		w.end(reason)
	}
}

// admitWHEP checks what all requests have in common, and who asks. It answers the request itself where it returns false.
func (s *Server) admitWHEP(w http.ResponseWriter, r *http.Request) (raw string, claims token.Claims, ok bool) {
	if err := s.names.check(r); err != nil {
		s.problem(w, http.StatusForbidden, err)
		return "", claims, false
	}
	s.shareWith(w, r)
	w.Header().Set("Access-Control-Expose-Headers", exposedToPage)
	s.mu.Lock()
	closing := s.closing
	s.mu.Unlock()
	if closing {
		s.problem(w, http.StatusServiceUnavailable, signaling.NewError(signaling.CodeShuttingDown))
		return "", claims, false
	}
	if err := s.door.knock(s.config.ClientAddr(r)); err != nil {
		s.problem(w, http.StatusTooManyRequests, err)
		return "", claims, false
	}
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		raw = ""
	}
	claims, err := s.verify(raw, token.Player)
	if err != nil {
		s.log.Info("token is refused", "error", err)
		w.Header().Set("WWW-Authenticate", "Bearer")
		s.problem(w, http.StatusUnauthorized, signaling.AsError(err))
		return "", claims, false
	}
	if err := s.studios.admit(claims, pageOf(r)); err != nil {
		s.problem(w, studioStatus(err), err)
		return "", claims, false
	}
	return raw, claims, true
}

// body reads a request's body of a type. It answers the request itself where it returns false.
func (s *Server) body(w http.ResponseWriter, r *http.Request, kind string) (string, bool) {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || got != kind {
		w.Header().Set("Accept-"+map[string]string{http.MethodPost: "Post", http.MethodPatch: "Patch"}[r.Method], kind)
		s.problem(w, http.StatusUnsupportedMediaType, signaling.Errorf(signaling.CodeBadMessage, "The body has to be %s.", kind))
		return "", false
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWHEPBody))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		s.problem(w, http.StatusRequestEntityTooLarge, signaling.Errorf(signaling.CodeBadMessage, "The body is longer than %d octets.", maxWHEPBody))
		return "", false
	case err != nil || len(text) == 0:
		s.problem(w, http.StatusBadRequest, signaling.Errorf(signaling.CodeBadMessage, "The body could not be read."))
		return "", false
	}
	return string(text), true
}

// startWHEP makes a spectator's session out of an offer.
func (s *Server) startWHEP(w http.ResponseWriter, r *http.Request) {
	raw, claims, ok := s.admitWHEP(w, r)
	if !ok {
		return
	}
	offer, ok := s.body(w, r, sdpType)
	if !ok {
		return
	}
	play := signaling.Play{Token: raw, Codecs: offeredCodecs(offer), Watch: signaling.SessionID(r.PathValue("session"))}
	if _, err := signaling.Encode(signaling.PlayerToSignaling, play); err != nil || len(play.Codecs) == 0 {
		s.problem(w, http.StatusBadRequest, signaling.Errorf(signaling.CodeBadMessage, "The offer names no video codec, or the address no session."))
		return
	}
	if err := s.usedBefore(play, claims); err != nil {
		s.problem(w, whepStatus(err), err)
		return
	}
	one := &whepSession{name: rand.Text(), owner: claims.ID, heard: make(chan signaling.Message, 1), over: make(chan struct{}), gone: s.whep.remove, offer: offer, busy: true}
	one.player = s.registry.join(one, s.log)
	one.player.from = s.config.ClientAddr(r)
	one.player.offer = s.registry.answerSDP(offer)
	if err := s.registry.watch(one.player, play, claims); err != nil {
		s.registry.part(one.player, 0)
		s.problem(w, whepStatus(err), err)
		return
	}
	s.whep.add(one)
	answer, ok := s.awaitWHEP(w, r, one)
	if !ok {
		return
	}
	w.Header().Set("Location", signaling.WHEPPath+string(play.Watch)+"/"+one.name)
	for _, server := range one.servers() {
		for _, link := range linksOf(server) {
			w.Header().Add("Link", link)
		}
	}
	s.describe(w, http.StatusCreated, sdpType, answer)
}

// servers are what the spectator is told for STUN and TURN.
func (w *whepSession) servers() []signaling.ICEServer {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.matched == nil { // an answer without a match is the edge's node's defect
		return nil
	}
	return w.matched.ICEServers
}

// awaitWHEP waits for the edge's answer and gives the ICE session its tag, which the response has. It answers the request itself where it returns false: then the
// session is over, too.
func (s *Server) awaitWHEP(w http.ResponseWriter, r *http.Request, one *whepSession) (answer string, ok bool) {
	select {
	case m := <-one.heard:
		one.mu.Lock()
		defer one.mu.Unlock()
		one.etag, one.busy = `"`+rand.Text()+`"`, false
		w.Header().Set("ETag", one.etag)
		return m.(signaling.Answer).SDP, true
	case <-one.over:
		s.problem(w, whepStatus(one.reason), one.reason)
	case <-r.Context().Done(): // whoever asked is gone
		s.registry.leave(one.player)
		one.end(nil)
	}
	return "", false
}

// patchWHEP takes a spectator's candidates, or an offer of new ways.
func (s *Server) patchWHEP(w http.ResponseWriter, r *http.Request) {
	one, ok := s.resource(w, r)
	if !ok {
		return
	}
	text, ok := s.body(w, r, fragmentType)
	if !ok {
		return
	}
	match := r.Header.Get("If-Match")
	if match == "" {
		s.problem(w, http.StatusPreconditionRequired, signaling.Errorf(signaling.CodeBadMessage, "If-Match is missing: the ETag of the ICE session, or * for a new one."))
		return
	}
	fragment, err := readFragment(text)
	if err != nil {
		s.problem(w, http.StatusBadRequest, signaling.Errorf(signaling.CodeBadMessage, "The fragment is malformed: %v.", err))
		return
	}
	one.mu.Lock()
	offer, etag, busy := one.offer, one.etag, one.busy
	again := fragment.restarts(offer)
	fits := match == etag && !again || match == "*" && again
	if fits && again && !busy {
		one.offer, one.busy = fragment.into(offer), true
		offer = one.offer
	}
	one.mu.Unlock()
	switch {
	case !fits:
		s.problem(w, http.StatusPreconditionFailed, signaling.Errorf(signaling.CodeBadMessage,
			"If-Match does not fit: the ETag that was given last goes with the user fragment that goes with it, * with a new one."))
	case busy:
		s.problem(w, http.StatusConflict, signaling.Errorf(signaling.CodeRateLimited, "An answer is still on its way."))
	case again:
		s.registry.offerAgain(one.player, offer)
		if answer, ok := s.awaitWHEP(w, r, one); ok {
			s.describe(w, http.StatusOK, fragmentType, fragmentOf(answer))
		}
	default:
		for _, c := range fragment.candidates {
			s.registry.candidate(one.player, c)
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// deleteWHEP ends a spectator's session.
func (s *Server) deleteWHEP(w http.ResponseWriter, r *http.Request) {
	one, ok := s.resource(w, r)
	if !ok {
		return
	}
	s.registry.leave(one.player)
	one.end(nil)
	w.WriteHeader(http.StatusOK)
}

// resource finds what a request is about. Somebody else's is not told from one that there is not.
func (s *Server) resource(w http.ResponseWriter, r *http.Request) (*whepSession, bool) {
	_, claims, ok := s.admitWHEP(w, r)
	if !ok {
		return nil, false
	}
	one := s.whep.find(r.PathValue("resource"), claims.ID)
	if one == nil {
		s.problem(w, http.StatusNotFound, signaling.Errorf(signaling.CodeTimedOut, "There is no such session, or it is over.").WithHint("POST another offer."))
		return nil, false
	}
	return one, true
}

// optionsWHEP lets pages of other origins on the list ask (the Fetch standard's CORS preflight), and says what is taken.
func (s *Server) optionsWHEP(w http.ResponseWriter, r *http.Request) {
	if err := s.names.check(r); err != nil {
		s.problem(w, http.StatusForbidden, err)
		return
	}
	s.shareWith(w, r)
	w.Header().Set("Accept-Post", sdpType)
	w.Header().Set("Access-Control-Allow-Methods", "POST, PATCH, DELETE")
	w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	w.Header().Set("Access-Control-Expose-Headers", exposedToPage)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) noSuchMethod(allowed string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allowed)
		s.problem(w, http.StatusMethodNotAllowed, signaling.Errorf(signaling.CodeBadMessage, "%s is not for this address.", r.Method))
	}
}

// whepStatus is the status that goes with a reason.
func whepStatus(reason *signaling.Error) int {
	switch reason.Code {
	case signaling.CodeBadToken, signaling.CodeExpiredToken, signaling.CodeSpentToken, signaling.CodeUnproven, signaling.CodeTokenInUse, signaling.CodeWrongOrigin:
		return http.StatusForbidden // it was good, and not for this
	case signaling.CodeTimedOut:
		return http.StatusNotFound
	case signaling.CodeNoCommonCodec, signaling.CodeBadMessage:
		return http.StatusUnprocessableEntity
	case signaling.CodeFull, signaling.CodeShuttingDown:
		return http.StatusServiceUnavailable
	case signaling.CodeEdgeGone, signaling.CodeEdgeRefused:
		return http.StatusBadGateway
	default:
		return http.StatusInternalServerError
	}
}

// offeredCodecs are the video codecs that an offer names, in its order, as the wire names them.
func offeredCodecs(offer string) []string {
	var codecs []string
	video := false
	for line := range strings.Lines(offer) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "m=") {
			video = strings.HasPrefix(line, "m=video ")
		}
		_, encoding, found := strings.Cut(line, " ")
		if !video || !found || !strings.HasPrefix(line, "a=rtpmap:") {
			continue
		}
		name, _, _ := strings.Cut(encoding, "/")
		name = strings.ToLower(name)
		if name == "h265" {
			name = "hevc"
		}
		if slices.Contains([]string{"h264", "hevc", "vp8", "vp9", "av1"}, name) && !slices.Contains(codecs, name) {
			codecs = append(codecs, name)
		}
	}
	return codecs
}
