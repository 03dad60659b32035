package viewer

import (
	"errors"
	"testing"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
)

func TestKeyframesAreToldFromOtherFrames(t *testing.T) {
	for _, c := range []struct {
		reason string
		codec  media.Codec
		unit   []byte
		want   bool
	}{
		{"an IDR slice after parameter sets", media.H264, []byte{0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x65, 2}, true},
		{"a slice", media.H264, []byte{0, 0, 0, 1, 0x41, 1}, false},
		{"an IDR slice", media.HEVC, []byte{0, 0, 1, 0x40, 1, 9, 0, 0, 1, 19 << 1, 1, 2}, true},
		{"a clean random access", media.HEVC, []byte{0, 0, 1, 21 << 1, 1, 2}, true},
		{"a trailing slice", media.HEVC, []byte{0, 0, 1, 1 << 1, 1, 2}, false},
		{"a tag with bit 0 clear", media.VP8, []byte{0x30, 1, 2, 0x9d, 1, 0x2a}, true},
		{"a tag with bit 0 set", media.VP8, []byte{0x31, 1, 2}, false},
		{"frame_type 0", media.VP9, []byte{0x82, 0x49, 0x83, 0x42}, true},
		{"frame_type 1", media.VP9, []byte{0x86, 1}, false},
		{"a picture shown again", media.VP9, []byte{0x88}, false},
		{"sequence header and KEY_FRAME", media.AV1, []byte{0x0a, 1, 0, 0x32, 2, 0x10, 0}, true},
		{"KEY_FRAME of a layer", media.AV1, []byte{0x36, 0x08, 2, 0x10, 0}, true},
		{"INTER_FRAME", media.AV1, []byte{0x32, 2, 0x30, 0}, false},
		{"a picture shown again", media.AV1, []byte{0x1a, 1, 0x80}, false},
		{"a size beyond the end", media.AV1, []byte{0x32, 9, 0x10}, false},
		{"a size without end", media.AV1, []byte{0x32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, false},
		{"an extension that is missing", media.AV1, []byte{0x36, 0x08}, false},
		{"nothing", media.AV1, nil, false},
		{"nothing", media.VP8, nil, false},
		{"nothing", media.VP9, nil, false},
		{"nothing", media.HEVC, nil, false},
	} {
		f, err := formatOf(c.codec.MimeType())
		if err != nil {
			t.Fatal(err)
		}
		if got := f.keyframe(c.unit); got != c.want {
			t.Errorf("%s, %s: keyframe is %v", c.codec, c.reason, got)
		}
	}
}

func FuzzKeyframe(f *testing.F) {
	f.Add(byte(4), []byte{0x0a, 1, 0, 0x36, 8, 2, 0x10, 0})
	f.Add(byte(1), []byte{0, 0, 1, 38, 1, 2})
	f.Fuzz(func(_ *testing.T, codec byte, unit []byte) { formats[int(codec)%len(formats)].keyframe(unit) })
}

func TestACodecThatCannotBeReceivedIsRefused(t *testing.T) {
	if _, err := New(Config{Codecs: []media.Codec{media.VP8, "theora"}}, nobody{}); !errors.Is(err, ErrCodec) {
		t.Errorf("got %v, want ErrCodec", err)
	}
	if err := register(&webrtc.MediaEngine{}, nil); err != nil {
		t.Errorf("all that can be received: %v", err)
	}
}
