package e2e

import (
	"testing"
	"time"

	"nearlight/internal/e2e/e2etest"
	"nearlight/signaling"
	"nearlight/streamer/control"
)

func TestEveryCodecThatAPlayerDecodesReachesItsScreen(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Still(t), "--size", "640x360")
	for _, codec := range []string{"vp8", "vp9", "av1"} {
		t.Run(codec, func(t *testing.T) {
			player := playWhenIdle(t, up, e2etest.Request{Codecs: []string{codec}})
			player.Picture(t, e2etest.Patience, "of the app", time.Time{}, func(s e2etest.Shown) bool { return s.Luma > 20 && e2etest.Dark(s) })
			if video := player.Video(t); video.Codec != codec || video.Encoder != codec {
				t.Errorf("the player is told of %s by %s, want %s", video.Codec, video.Encoder, codec)
			}
			pressed := time.Now()
			player.Send(t, &control.Key{Seq: 1, Down: true, Code: evdevD})
			player.Send(t, &control.Key{Seq: 2, Code: evdevD})
			player.Picture(t, e2etest.Patience, "that the key changed", pressed, e2etest.Bright)
			player.Leave()
		})
	}
}

func TestAnEdgeThatIsBoundToOneEncoderSaysWhatItSends(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Still(t), "--size", "640x360", "--encoder", "vp8")
	if end := up.Play(t, e2etest.Request{}).End(t); end.Code != signaling.CodeNoCommonCodec || end.Message != "Your browser decodes h264, the machine sends vp8." {
		t.Errorf("a player who decodes H.264 alone is told %v", end)
	}
	player := playWhenIdle(t, up, e2etest.Request{Codecs: []string{"h264", "vp8"}})
	player.Plays(t, 2)
}
