package signaling

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNoLogShowsWhatOpensAnICEServer(t *testing.T) {
	server := ICEServer{URLs: List[string]{"turn:turn.example"}, Username: "1700000000:s-1", Credential: "c2VjcmV0"}
	matched := Matched{Session: "s-1", ICEServers: List[ICEServer]{server}}
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("a server", "server", server)
	}
	fmt.Fprintf(&log, "%v %+v %#v %s", server, server, server, server)
	fmt.Fprintf(&log, "%v %+v %#v", matched, matched, matched)
	if text := log.String(); strings.Contains(text, server.Credential) || strings.Contains(text, server.Username) || !strings.Contains(text, "turn.example") {
		t.Error(text)
	}
}
