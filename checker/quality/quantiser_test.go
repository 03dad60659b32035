package quality_test

import (
	"errors"
	"math"
	"testing"

	"nearlight/checker/quality"
	"nearlight/encoder"
	"nearlight/encoder/encodertest"
	"nearlight/encoder/openh264"
	"nearlight/encoder/vpx"
	"nearlight/encoder/x264"
	"nearlight/internal/media"
)

// quantised is an access unit, and the quantiser that its encoder says it has used, on H.264's scale.
type quantised struct {
	unit []byte
	qp   float64
}

// codedAtRates codes a moving scene at a rate that falls and rises, so that quantisers of all kinds come.
func codedAtRates(t testing.TB, open func(encoder.Config) (encoder.Encoder, error), speed int) (units []quantised) {
	t.Helper()
	size := media.Size{Width: 320, Height: 180}
	e, err := open(encoder.Config{Size: size, Bitrate: 8 * media.Mbps, Speed: speed})
	if errors.Is(err, encoder.ErrUnavailable) {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	scene, frame := encodertest.NewScene(size, 5), media.NewFrame(size)
	for n := range 90 {
		if n%15 == 0 {
			if err := e.Reconfigure(encoder.Reconfiguration{Bitrate: media.Bitrate([]int{8000, 2000, 500, 150, 1000, 4000}[n/15]) * media.Kbps}); err != nil {
				t.Fatal(err)
			}
		}
		scene.Draw(frame, n)
		var unit []byte
		result, err := e.Encode(frame, encoder.Request{Keyframe: n == 50}, func(s media.Slice) error {
			unit = append(unit, s.Data...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		units = append(units, quantised{unit, result.QP})
	}
	return units
}

func TestTheQuantiserInAFrameIsTheOneThatItsEncoderTook(t *testing.T) {
	for _, c := range []struct {
		name  string
		codec media.Codec
		open  func(encoder.Config) (encoder.Encoder, error)
		speed int
		// direct says that the index is on H.264's scale, and how far the blocks' mean may be from the header's.
		direct    bool
		tolerance float64
	}{
		{"x264, fastest", media.H264, x264.Open, 0, true, 2},
		{"x264, best: weights, CABAC", media.H264, x264.Open, 2, true, 4},
		{"openh264", media.H264, openh264.Open, 0, true, 2},
		{"vp8", media.VP8, vpx.OpenVP8, 0, false, 0},
		{"vp9", media.VP9, vpx.OpenVP9, 0, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var reader quality.Quantisers
			least, most := math.Inf(1), 0.0
			qps := map[float64]float64{} // by index
			for n, u := range codedAtRates(t, c.open, c.speed) {
				q, err := reader.Read(c.codec, u.unit)
				if err != nil {
					t.Fatalf("frame %d: %v", n, err)
				}
				least, most = min(least, q.Index), max(most, q.Index)
				if c.direct && math.Abs(q.Index-u.qp) > c.tolerance {
					t.Errorf("frame %d: %v, its encoder says %.2f", n, q.Index, u.qp)
				}
				if !c.direct {
					if other, known := qps[q.Index]; known && other != u.qp {
						t.Errorf("frame %d: index %v is QP %v, and was %v", n, q.Index, u.qp, other)
					}
					qps[q.Index] = u.qp
				}
			}
			t.Logf("indices %v to %v", least, most)
			for a, qpA := range qps {
				for b, qpB := range qps {
					if a < b && qpA >= qpB {
						t.Errorf("index %v is QP %v, and %v is %v", a, qpA, b, qpB)
					}
				}
			}
			if most-least < 6 {
				t.Errorf("indices %v to %v: the rate made no difference", least, most)
			}
		})
	}
}

func TestWhatHasNoQuantiserIsRefused(t *testing.T) {
	for _, c := range []struct {
		reason string
		codec  media.Codec
		unit   []byte
	}{
		{"nothing", media.H264, nil},
		{"a slice whose parameters did not come", media.H264, []byte{0, 0, 1, 0x65, 0x88, 0x84}},
		{"no slice", media.H264, []byte{0, 0, 1, 0x09, 0x10}},
		{"nothing", media.VP8, nil},
		{"a keyframe without its start code", media.VP8, make([]byte, 40)},
		{"cut", media.VP8, []byte{0x10, 2, 0, 0x9d, 1, 0x2a, 64, 1, 180, 0, 1}},
		{"no marker", media.VP9, make([]byte, 40)},
		{"an older frame shown again", media.VP9, []byte{0x88}},
		{"a codec that is not read", media.AV1, make([]byte, 40)},
	} {
		var reader quality.Quantisers
		if q, err := reader.Read(c.codec, c.unit); !errors.Is(err, quality.ErrQuantiser) {
			t.Errorf("%s, %s: %+v, %v", c.codec, c.reason, q, err)
		}
	}
}

func TestReadingAQuantiserDoesNotAllocate(t *testing.T) {
	units := codedAtRates(t, x264.Open, 2)
	var reader quality.Quantisers
	n := 0
	if allocations := testing.AllocsPerRun(80, func() {
		if _, err := reader.Read(media.H264, units[n].unit); err != nil {
			t.Fatal(err)
		}
		n++
	}); allocations != 0 {
		t.Errorf("%v allocations a frame", allocations)
	}
}

func FuzzQuantisers(f *testing.F) {
	codecs := []media.Codec{media.H264, media.VP8, media.VP9}
	for i, open := range []func(encoder.Config) (encoder.Encoder, error){x264.Open, vpx.OpenVP8, vpx.OpenVP9} {
		for _, u := range codedAtRates(f, open, 0)[:3] {
			f.Add(byte(i), u.unit)
		}
	}
	f.Fuzz(func(t *testing.T, codec byte, unit []byte) {
		var reader quality.Quantisers
		for range 2 { // the second time with what the first has left behind
			q, err := reader.Read(codecs[int(codec)%len(codecs)], unit)
			if err == nil && !(q.Index >= 0 && q.Index <= q.Coarsest) {
				t.Errorf("%+v", q)
			}
		}
	})
}
