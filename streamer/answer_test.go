package streamer

import (
	"errors"
	"strings"
	"testing"

	"nearlight/internal/media"
)

// answered is a browser's answer with these lines in its video section.
func answered(port string, lines ...string) string {
	return strings.Join(append([]string{
		"v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "m=video " + port + " UDP/TLS/RTP/SAVPF 102 103 104", "c=IN IP4 0.0.0.0",
	}, append(lines, "")...), "\r\n")
}

func TestAnAnswerIsReadInTheWordsOfTheOffer(t *testing.T) {
	offered := []media.Codec{media.H264, media.VP8, media.AV1}
	const ours = "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42c020"
	for _, c := range []struct {
		reason string
		answer string
		err    error
		holds  []string
	}{
		{"another level, and another spelling of constrained baseline", answered("9", "a=rtpmap:102 H264/90000",
			"a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", "a=rtpmap:103 rtx/90000", "a=fmtp:103 apt=102", "a=rtpmap:104 VP8/90000"),
			nil, []string{ours, "a=fmtp:103 apt=102", "a=rtpmap:104 VP8/90000"}},
		{"only the second", answered("9", "a=rtpmap:104 vp8/90000"), nil, []string{"a=rtpmap:104 vp8/90000"}},
		{"the video is refused", answered("0", "a=rtpmap:102 H264/90000"), ErrNoCommonCodec, nil},
		{"other codecs than those offered", answered("9", "a=rtpmap:102 theora/90000"), ErrNoCommonCodec, nil},
		{"a payload type that was offered for another codec", answered("9", "a=rtpmap:102 VP8/90000"), ErrNoCommonCodec, nil},
		{"no video at all", "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", ErrNoCommonCodec, nil},
	} {
		got, err := readAnswer(c.answer, offered, "42c020")
		if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: error %v, want %v", c.reason, err, c.err)
		}
		for _, line := range c.holds {
			if !strings.Contains(got, line+"\r\n") {
				t.Errorf("%s: no line %q in\n%s", c.reason, line, got)
			}
		}
	}
	if _, err := readAnswer("rubbish", offered, ""); err == nil {
		t.Error("rubbish was read")
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(answered("9", "a=rtpmap:102 H264/90000", "a=fmtp:102 profile-level-id=42e01f"))
	f.Add("v=0")
	f.Fuzz(func(t *testing.T, answer string) {
		understood, err := readAnswer(answer, []media.Codec{media.H264, media.VP8}, "42c01f")
		if err != nil {
			return
		}
		if _, err := readAnswer(understood, []media.Codec{media.H264, media.VP8}, "42c01f"); err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
	})
}
