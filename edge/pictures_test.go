package edge

import (
	"reflect"
	"testing"
	"time"

	"nearlight/encoder"
	"nearlight/internal/media"
	"nearlight/signaling"
)

func TestAnEdgeTellsOfThePicturesThatItWasQuickEnoughFor(t *testing.T) {
	n := &Node{config: Config{
		Size: media.Size{Width: 1280, Height: 720}, FrameRate: 60,
		Encoders: encoder.Ladder{{Name: "slow", Codec: media.H264}, {Name: "quick", Codec: media.H264}, {Name: "heavy", Codec: media.AV1}, {Name: "untried", Codec: media.VP8}},
	}}
	if got := n.pictures(); got != nil {
		t.Errorf("%v before it has tried", got)
	}
	n.timings.Store(&encoder.Timings{
		"slow": {20 * time.Millisecond}, "quick": {2 * time.Millisecond, 30 * time.Millisecond}, "heavy": {30 * time.Millisecond}, "untried": {},
	})
	want := []signaling.Picture{{Codec: "h264", Size: signaling.Size{Width: 1280, Height: 720}, FrameRate: 60}}
	if got := n.pictures(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
