package server

import (
	"strings"
	"testing"
)

func FuzzFragment(f *testing.F) {
	const offer = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\na=rtpmap:96 H264/90000\r\n"
	f.Add(offer)
	f.Add("a=ice-ufrag:efgh\r\na=ice-pwd:543210fedcba9876543210\r\nm=video 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:2 1 udp 1 198.51.100.8 5000 typ host\r\na=end-of-candidates\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		offeredCodecs(text)
		if kept, _ := withoutCandidates(text, relayedAlone); len(kept) > len(text)+16*strings.Count(text, "\n")+64 {
			t.Errorf("%q grew to %q", text, kept)
		}
		fragment, err := readFragment(text)
		if err != nil {
			return
		}
		next := fragment.into(offer)
		if fragment.restarts(next) {
			t.Errorf("%q is of another ICE session than %q, which it was put into", next, text)
		}
		if again, err := readFragment(fragmentOf(next)); err != nil || again.ufrag != fragment.ufrag || again.pwd != fragment.pwd {
			t.Errorf("%q: %v", fragmentOf(next), err)
		}
	})
}
