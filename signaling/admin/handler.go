package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/match"
	"nearlight/signaling/server"
)

// Path is below which everything is.
const Path = "/admin/v1/"

// network is what the handler asks: a *server.Server.
type network interface {
	Edges(server.EdgeQuery) ([]server.EdgeView, bool)
	Edge(context.Context, signaling.EdgeID) (server.EdgeView, error)
	Sessions(context.Context, server.SessionQuery) ([]server.SessionView, bool, []string)
	Session(context.Context, signaling.SessionID) (*server.SessionView, *server.KeptSession, error)
	EndSession(ctx context.Context, by string, id signaling.SessionID, reason string) error
	ExplainSession(context.Context, signaling.SessionID, []signaling.EdgeID) (server.SessionView, json.RawMessage, bool, error)
	ExplainRequest(match.Request, []signaling.EdgeID) match.Explanation
	Cluster() server.ClusterView
	Queue(context.Context) ([]server.WaitingView, []string)
	Orders() []server.OrderView
	Impose(context.Context, server.Order) (server.OrderView, error)
	Lift(context.Context, server.Order) (server.OrderView, error)
	MoveOff(context.Context, signaling.EdgeID, string) (int, error)
	DrainNode(ctx context.Context, by, node, reason string, drain bool) error
	Acts(context.Context, store.ActQuery) ([]store.Act, error)
	EdgeNames([]signaling.EdgeID) map[signaling.EdgeID]string
}

var _ network = (*server.Server)(nil)

// Config is what a handler needs.
type Config struct {
	Network   network
	Operators func() Operators // as they are now
	// Checks says what checkers have found, as the epoch's log is now; nil where this node keeps none. It may be called by several at a time, and
	// may answer with long lists, of which a part is shown; they are left as they are.
	Checks func() (Checks, error)
	Log    *slog.Logger     // nil means none
	Now    func() time.Time // nil means time.Now
}

type handler struct {
	Config
	// strangers are let guess that often, all together: tokens are too long to be found so, and nobody needs more tries.
	strangers *rate.Limiter
}

// The rate of requests with a wrong token or none, a second, and how many may come at once.
const (
	strangerRate  = 1
	strangerBurst = 10
)

// New returns the handler of everything below Path.
func New(config Config) http.Handler {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	h := &handler{Config: config, strangers: rate.NewLimiter(strangerRate, strangerBurst)}
	mux := http.NewServeMux()
	for _, route := range []struct {
		method, path string
		serve        func(*request) (any, error)
	}{
		{http.MethodGet, "cluster", h.cluster},
		{http.MethodPost, "nodes/{node}/drain", h.drainNode},
		{http.MethodPost, "nodes/{node}/undrain", h.undrainNode},
		{http.MethodGet, "edges", h.edges},
		{http.MethodGet, "edges/{edge}", h.edge},
		{http.MethodPost, "edges/{edge}/drain", h.drainEdge},
		{http.MethodPost, "edges/{edge}/undrain", h.undrainEdge},
		{http.MethodGet, "sessions", h.sessions},
		{http.MethodGet, "sessions/{session}", h.session},
		{http.MethodPost, "sessions/{session}/end", h.endSession},
		{http.MethodGet, "sessions/{session}/explain", h.explainSession},
		{http.MethodGet, "explain", h.explain},
		{http.MethodGet, "queue", h.queue},
		{http.MethodGet, "orders", h.orders},
		{http.MethodPost, "bans", h.ban},
		{http.MethodPost, "bans/lift", h.unban},
		{http.MethodGet, "acts", h.acts},
		{http.MethodGet, "checks", h.checks},
	} {
		mux.Handle(route.method+" "+Path+route.path, h.admitted(route.serve))
	}
	mux.HandleFunc(Path, func(w http.ResponseWriter, r *http.Request) {
		h.admitted(func(*request) (any, error) { return nil, server.ErrUnknown }).ServeHTTP(w, r)
	})
	return mux
}

// request is one of an operator.
type request struct {
	*http.Request
	operator string
}

func (r *request) query() url.Values { return r.URL.Query() }

// admitted serves operators alone.
func (h *handler) admitted(serve func(*request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		name, ok := "", false
		if strings.EqualFold(scheme, "Bearer") {
			name, ok = h.Operators().Name(token)
		}
		if !ok {
			if !h.strangers.Allow() {
				h.problem(w, http.StatusTooManyRequests, signaling.NewError(signaling.CodeRateLimited))
				return
			}
			h.Log.Warn("a stranger asks for what is an operator's", "method", r.Method, "path", r.URL.Path, "from", r.RemoteAddr)
			w.Header().Set("WWW-Authenticate", "Bearer")
			h.problem(w, http.StatusUnauthorized, signaling.Errorf(signaling.CodeBadToken, "This is for operators, and the token is none of theirs.").
				WithHint("`nearlight admin token NAME` makes a token and the line that lets it in, which belongs into the file of --admin-tokens."))
			return
		}
		answer, err := serve(&request{r, name})
		if err != nil {
			h.fail(w, err)
			return
		}
		body, err := json.Marshal(answer)
		if err != nil {
			h.fail(w, err)
			return
		}
		h.write(w, http.StatusOK, "application/json", body)
	})
}

// badRequest is what an operator has asked for wrongly.
type badRequest struct{ text string }

func (b *badRequest) Error() string { return b.text }

// fail answers with what went wrong.
func (h *handler) fail(w http.ResponseWriter, err error) {
	var bad *badRequest
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		h.problem(w, http.StatusRequestEntityTooLarge, signaling.Errorf(signaling.CodeBadMessage, "The body is longer than %d octets.", maxBody))
	case errors.As(err, &bad):
		h.problem(w, http.StatusBadRequest, signaling.Errorf(signaling.CodeBadMessage, "%s.", bad.text).WithHint("docs/openapi.yaml says what may be asked for."))
	case errors.Is(err, server.ErrBadOrder):
		h.problem(w, http.StatusBadRequest, signaling.Errorf(signaling.CodeBadMessage, "That is no order that can be given: %v.", err).WithHint("docs/openapi.yaml says what may be asked for."))
	case errors.Is(err, server.ErrUnknown):
		h.problem(w, http.StatusNotFound, signaling.Errorf(signaling.CodeBadMessage, "There is no such thing here.").WithHint("It may have ended meanwhile; look at the list."))
	case errors.Is(err, server.ErrNoStore):
		h.problem(w, http.StatusNotFound, signaling.Errorf(signaling.CodeBadMessage, "Nothing is kept here.").WithHint("Start signaling with --database."))
	case errors.Is(err, errNoChecks):
		h.problem(w, http.StatusNotFound, signaling.Errorf(signaling.CodeBadMessage, "This node keeps no checks.").WithHint("Ask the node that keeps the log of the epoch; docs/checking.md says what that is."))
	case errors.Is(err, server.ErrSilent):
		h.problem(w, http.StatusGatewayTimeout, signaling.Errorf(signaling.CodeTimedOut, "The node that has it does not answer.").WithHint("Try again; a node that is silent for 3 s is given up, and its edges come to others."))
	default:
		h.Log.Error("an operator's request has failed", "error", err)
		h.problem(w, http.StatusInternalServerError, signaling.Errorf(signaling.CodeInternal, "It was not done: %v.", err).WithHint("If it is the store, signaling's log and docs/runbook.md say what to do; then try again."))
	}
}

func (h *handler) problem(w http.ResponseWriter, status int, reason *signaling.Error) {
	body, err := json.Marshal(server.ProblemOf(status, reason))
	if err != nil {
		h.Log.Error("a problem cannot be written", "error", err)
	}
	h.write(w, status, "application/problem+json", body)
}

func (h *handler) write(w http.ResponseWriter, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		h.Log.Debug("a reply could not be written", "error", err)
	}
}

// maxBody bounds what an operator sends.
const maxBody = 8 << 10

// read reads a request's body strictly.
func read[T any](r *request) (body T, err error) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) != "application/json" {
		return body, &badRequest{"The body has to be application/json"}
	}
	text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return body, err
	}
	return decode[T](text)
}

func decode[T any](text []byte) (body T, err error) {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil {
		return body, &badRequest{"The body is not what is wanted: " + signaling.Cut(strings.TrimPrefix(err.Error(), "json: "), 200)}
	}
	if decoder.More() {
		return body, &badRequest{"The body has more than one value"}
	}
	return body, nil
}
