package streamer

import (
	"testing"

	"nearlight/internal/media"
)

func FuzzReadOffer(f *testing.F) {
	f.Add("v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtpmap:96 H264/90000\r\n" +
		"a=fmtp:96 profile-level-id=42e01f;packetization-mode=1\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=recvonly\r\n")
	ours := []media.Codec{media.H264, media.VP8, media.VP9, media.AV1, media.HEVC}
	f.Fuzz(func(t *testing.T, offer string) {
		understood, err := readOffer(offer, ours, "42c01f")
		if err != nil {
			return
		}
		if _, err := readOffer(understood, ours, "42c01f"); err != nil {
			t.Errorf("%q became %q: %v", offer, understood, err)
		}
	})
}
