package e2e

import (
	"strings"
	"testing"
	"time"

	"nearlight/internal/e2e/e2etest"
	"nearlight/signaling"
)

func TestWhatAPlayerAsksWronglyIsExplained(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Still(t))
	refuseVideo := func(_, answer string) string { return strings.Replace(answer, "m=video 9 ", "m=video 0 ", 1) }
	otherCodec := func(_, answer string) string { return strings.ReplaceAll(answer, "H264/90000", "VP8/90000") }
	for _, step := range []struct {
		name    string
		request e2etest.Request
		code    signaling.Code
		names   string // what the message must contain
	}{
		{"a token that is none", e2etest.Request{Token: "not-a-token"}, signaling.CodeBadToken, "link"},
		{"a token with another signature", e2etest.Request{Token: up.Token[:len(up.Token)-8] + "AAAAAAAA"}, signaling.CodeBadToken, "link"},
		{"an app that nobody offers", e2etest.Request{App: "doom"}, signaling.CodeUnknownApp, "doom"},
		{"codecs that no edge sends", e2etest.Request{Codecs: []string{"theora", "mpeg2"}}, signaling.CodeNoCommonCodec, "theora"},
		{"a session that is not its own", e2etest.Request{Resume: "s-NOBODYS"}, signaling.CodeTimedOut, "session"},
		{"an answer that refuses the video", e2etest.Request{Answer: refuseVideo}, signaling.CodeNoCommonCodec, "H264"},
		{"an answer with another codec", e2etest.Request{Answer: otherCodec}, signaling.CodeNoCommonCodec, "H264"},
		{"an answer that is no SDP", e2etest.Request{Answer: func(_, _ string) string { return "hello" }}, signaling.CodeBadMessage, "answer"},
		{"an answer without a connection", e2etest.Request{Answer: func(_, _ string) string { return "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n" }}, signaling.CodeNoCommonCodec, "H264"},
	} {
		t.Run(step.name, func(t *testing.T) {
			player := playWhenIdle(t, up, step.request)
			end := player.End(t)
			if end.Code != step.code {
				t.Errorf("the player is told %v, want %s", end, step.code)
			}
			if !strings.Contains(end.Message, step.names) {
				t.Errorf("the message does not name %q: %s", step.names, end.Message)
			}
		})
	}
	player := playWhenIdle(t, up, e2etest.Request{})
	player.Plays(t, 2)
}

func TestAPlayerWhoCannotConnectIsToldWhy(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Still(t))
	// As behind a firewall: the edge hears nothing that belongs to this connection.
	player := up.Play(t, e2etest.Request{Answer: func(_, answer string) string {
		return strings.Replace(answer, "a=ice-ufrag:", "a=ice-ufrag:no", 1)
	}})
	player.Session(t)
	end := player.EndWithin(t, 30*time.Second)
	if end.Code != signaling.CodeTimedOut || !strings.Contains(end.Message, "connection") || !strings.Contains(end.Hint, "firewall") {
		t.Errorf("the player is told %v", end)
	}
}
