package purse

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"nearlight/signaling/token"
)

// Path is where the Handler is.
const Path = "/checks/tokens"

// mostBody is of octets: mostPosted tokens, with what is around them.
const mostBody = mostPosted*(token.MaxLength+8) + 1024

// Posted is what a studio leaves.
type Posted struct {
	Tokens []string `json:"tokens"`
}

// Stocked is what has come of it.
type Stocked struct {
	Taken int `json:"taken"` // that are new
	Stock int `json:"stock"` // that are there of this studio, with those
}

// Handler takes what studios leave.
func (p *Purse) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Path, p.serve)
	return mux
}

func (p *Purse) serve(w http.ResponseWriter, r *http.Request) {
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		raw = ""
	}
	claims, err := p.config.Playable(raw)
	if err == nil && !claims.Allows(token.Stock) {
		err = errors.New("it has not the right stock")
	}
	if err != nil {
		w.Header().Set("WWW-Authenticate", "Bearer")
		problem(w, http.StatusUnauthorized, codeBadToken, fmt.Sprintf("want the studio's token with the right stock: %v", err))
		return
	}
	var posted Posted
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err == nil {
		err = json.Unmarshal(body, &posted)
	}
	if err != nil {
		problem(w, http.StatusBadRequest, "malformed", fmt.Sprintf(`want {"tokens": [TOKEN]}: %v`, err))
		return
	}
	owner := Owner(claims)
	taken, err := p.Put(owner, posted.Tokens)
	var refused *Refused
	switch {
	case err == nil:
		reply(w, http.StatusOK, "application/json", Stocked{taken, p.Stock(owner)})
	case errors.As(err, &refused) && refused.Code == codeTooMany:
		problem(w, http.StatusTooManyRequests, refused.Code, refused.Why)
	case errors.As(err, &refused):
		problem(w, http.StatusBadRequest, refused.Code, refused.Why)
	default:
		p.config.Log.Error("a studio's tokens cannot be kept", "error", err)
		problem(w, http.StatusInternalServerError, "not-kept", "they cannot be kept just now; send them again")
	}
}

// problem refuses as RFC 9457 has it.
func problem(w http.ResponseWriter, status int, code, title string) {
	reply(w, status, "application/problem+json", struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
	}{"urn:nearlight:error:" + code, title, status, code})
}

func reply(w http.ResponseWriter, status int, kind string, what any) {
	body, err := json.Marshal(what)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"title":"it cannot be written"}`)
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever asked is gone, or has it
}
