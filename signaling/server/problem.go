package server

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"nearlight/signaling"
)

// Problem is why a request is refused, as RFC 9457 has it.
type Problem struct {
	Type      string         `json:"type"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail,omitempty"`
	Code      signaling.Code `json:"code"`
	Retryable bool           `json:"retryable"`
}

// ProblemOf says a reason in the words of RFC 9457.
func ProblemOf(status int, reason *signaling.Error) Problem {
	return Problem{"urn:nearlight:error:" + string(reason.Code), reason.Message, status, reason.Hint, reason.Code, reason.Retryable}
}

// problem refuses a request as RFC 9457 has it: for programs that know that, and not our sockets' words.
func (s *Server) problem(w http.ResponseWriter, status int, reason *signaling.Error) {
	s.metrics.refused.WithLabelValues(known(reason.Code)).Inc()
	body, err := json.Marshal(ProblemOf(status, reason))
	if err != nil {
		s.log.Error("a problem cannot be written", "error", err)
	}
	s.describe(w, status, "application/problem+json", string(body))
}

// describe answers with a body of a type.
func (s *Server) describe(w http.ResponseWriter, status int, kind, body string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if _, err := io.WriteString(w, body); err != nil {
		s.log.Debug("a reply could not be written", "error", err)
	}
}

// linksOf tells of an ICE server in the words of RFC 9725 section 4.6.
func linksOf(server signaling.ICEServer) []string {
	quoted := func(text string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"` }
	links := make([]string, len(server.URLs))
	for i, url := range server.URLs {
		links[i] = "<" + url + `>; rel="ice-server"`
		if server.Username != "" {
			links[i] += "; username=" + quoted(server.Username) + "; credential=" + quoted(server.Credential) + `; credential-type="password"`
		}
	}
	return links
}
