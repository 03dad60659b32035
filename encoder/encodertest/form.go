package encodertest

import (
	"testing"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// form is what the access units of one codec have to look like, for a live player and for RTP. Each codec has a file.
type form struct {
	// slice checks the next slice of an access unit.
	slice func(t *testing.T, unit *accessUnit, slice media.Slice)
	// headers checks what the first access unit tells of the whole stream; nil for a codec that has nothing to tell.
	headers func(t *testing.T, unit []byte, capabilities encoder.Capabilities)
}

// accessUnit is what is known of the access unit that is being checked.
type accessUnit struct {
	coded     media.Size // of the picture
	nextBlock int        // H.264: the least macroblock at which the next slice may begin
}

var forms = map[media.Codec]form{
	media.H264: {checkH264, checkH264Headers},
	media.HEVC: {checkHEVC, checkHEVCHeaders},
	media.VP8:  {checkVP8, nil},
	media.VP9:  {checkVP9, checkVP9Headers},
	media.AV1:  {checkAV1, checkAV1Headers},
}

func formOf(t *testing.T, codec media.Codec) form {
	t.Helper()
	f, known := forms[codec]
	if !known {
		t.Fatalf("the suite does not know the form of %s", codec)
	}
	return f
}
