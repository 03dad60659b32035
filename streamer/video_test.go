package streamer

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer/dependency"
	"nearlight/streamer/udpmux"
)

// sentPackets stands in for the connection below a track.
type sentPackets struct {
	keep     bool
	headers  []rtp.Header
	payloads [][]byte
	bytes    int
	fail     error
}

func (s *sentPackets) WriteRTP(header *rtp.Header, payload []byte) (int, error) {
	if s.fail != nil {
		return 0, s.fail
	}
	if s.keep {
		s.headers = append(s.headers, header.Clone())
		s.payloads = append(s.payloads, bytes.Clone(payload))
	}
	s.bytes += len(payload)
	return len(payload), nil
}

func (s *sentPackets) Write(b []byte) (int, error) { return len(b), nil }

// unbound is an outbound whose packets, once it is bound, go anywhere but to a socket.
func unbound(t testing.TB) *outbound {
	t.Helper()
	out, err := newOutbound(new(udpmux.Ports), noRate{}, func(media.StageTimes) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		out.stop()
		if err := out.close(); err != nil {
			t.Error(err)
		}
	})
	return out
}

func boundTrack(t testing.TB, to *sentPackets) *videoTrack {
	t.Helper()
	out := unbound(t)
	track, err := newVideoTrack([]media.Codec{media.H264, media.VP8}, out)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{ssrc: 7, repeatSSRC: 8, payloadTypes: map[media.Codec]uint8{media.H264: 102, media.VP8: 104}, writer: to}
	if err := w.prepareExtensions([]webrtc.RTPHeaderExtensionParameter{
		{URI: playoutDelayURI, ID: 1}, {URI: contentTypeURI, ID: 2}, {URI: absCaptureTimeURI, ID: 3}, {URI: "of no interest", ID: 4},
		{URI: transportNumberURI, ID: 5}, {URI: dependency.URI, ID: 6},
	}); err != nil {
		t.Fatal(err)
	}
	if err := out.bind(w); err != nil {
		t.Fatal(err)
	}
	track.wire.Store(w)
	return track
}

func annexBSlice(size int, last bool) media.Slice {
	return media.Slice{Data: append([]byte{0, 0, 0, 1, 0x41}, bytes.Repeat([]byte{0x55}, size)...), Last: last}
}

func TestEachPacketCarriesWhatSteersTheReceiver(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := boundTrack(t, sent)
	captured := media.Now()
	for i, slice := range []media.Slice{annexBSlice(3000, false), annexBSlice(2000, true), annexBSlice(100, true)} {
		at := captured
		if i == 2 {
			at = captured.Add(time.Second)
		}
		if err := track.writeSlice(slice, at); err != nil {
			t.Fatal(err)
		}
	}
	frames := 0
	for i, h := range sent.headers {
		if got := h.GetExtension(1); !bytes.Equal(got, []byte{0, 0, 0}) {
			t.Errorf("packet %d: playout delay %x, want none", i, got)
		}
		if got := h.GetExtension(2); !bytes.Equal(got, []byte{contentTypeScreen}) {
			t.Errorf("packet %d: content type %x", i, got)
		}
		first := i == 0 || sent.headers[i-1].Marker
		if got := h.GetExtension(3); (got != nil) != first {
			t.Errorf("packet %d: capture time %x, first of its frame: %v", i, got, first)
		}
		if i > 0 && h.SequenceNumber != sent.headers[i-1].SequenceNumber+1 {
			t.Errorf("packet %d: sequence number %d after %d", i, h.SequenceNumber, sent.headers[i-1].SequenceNumber)
		}
		if want := RTPTimestamp(captured.Add(time.Duration(frames) * time.Second)); h.Timestamp != want {
			t.Errorf("packet %d: timestamp %d, want %d", i, h.Timestamp, want)
		}
		if h.Marker {
			frames++
		}
	}
	if frames != 2 {
		t.Errorf("%d marker bits, want one a frame", frames)
	}
}

func TestRTPTimestampCountsNinetyThousandASecondAndWraps(t *testing.T) {
	for _, step := range []struct {
		reason string
		at     media.Instant
		want   uint32
	}{
		{"the epoch", 0, 0},
		{"a second", media.Instant(time.Second), 90000},
		{"less than a tick is cut off", 11111, 0},
		{"a tick", 11112, 1},
		{"wraps after 2^32 ticks", media.Instant(time.Second) * (1 << 32) / 90000 * 1, 4294967295},
		{"a year's uptime does not overflow", media.Instant(365 * 24 * time.Hour), uint32(365 * 24 * 3600 * 90000 % (1 << 32))},
	} {
		if got := RTPTimestamp(step.at); got != step.want {
			t.Errorf("%s: %d, want %d", step.reason, got, step.want)
		}
	}
}

func TestAChangeOfCodecChangesThePayloadTypeAndNothingElse(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := boundTrack(t, sent)
	at := media.Now()
	for i, codec := range []media.Codec{media.H264, media.VP8, media.H264} {
		track.use(codec)
		if err := track.writeSlice(annexBSlice(100, true), at.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	var types []uint8
	for i, h := range sent.headers {
		types = append(types, h.PayloadType)
		if h.SSRC != sent.headers[0].SSRC || h.SequenceNumber != sent.headers[0].SequenceNumber+uint16(i) {
			t.Errorf("packet %d begins another stream", i)
		}
	}
	if !slices.Equal(types, []uint8{102, 104, 102}) {
		t.Errorf("payload types %v", types)
	}
	if track.accepts(media.AV1) || !track.accepts(media.VP8) {
		t.Error("it does not know what the player accepts")
	}
}

func TestAnAccessUnitThatWasLeftUnfinishedEndsWhereTheNextBegins(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := boundTrack(t, sent)
	at := media.Now()
	for _, step := range []struct {
		slice media.Slice
		at    media.Instant
	}{{annexBSlice(100, false), at}, {annexBSlice(100, true), at.Add(RTPTick)}} {
		if err := track.writeSlice(step.slice, step.at); err != nil {
			t.Fatal(err)
		}
	}
	if sent.headers[0].Timestamp == sent.headers[1].Timestamp {
		t.Error("a player cannot tell the two apart")
	}
}

func TestSendingDoesNotAllocateOfItsOwn(t *testing.T) {
	sent := &sentPackets{}
	track := boundTrack(t, sent)
	slice := annexBSlice(17000, true)
	for range keptPackets / 10 { // what is kept is allocated as it is needed
		if err := track.writeSlice(slice, media.Instant(time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(200, func() {
		if err := track.writeSlice(slice, media.Instant(time.Second)); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func TestASliceBeforeNegotiationIsAnError(t *testing.T) {
	track, err := newVideoTrack([]media.Codec{media.H264}, unbound(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := track.writeSlice(annexBSlice(10, true), 1); err == nil {
		t.Error("sent to nobody without an error")
	}
}

func BenchmarkWriteSlice(b *testing.B) {
	sent := &sentPackets{}
	track := boundTrack(b, sent)
	slice := annexBSlice(17000, true)
	b.ReportAllocs()
	b.SetBytes(int64(len(slice.Data)))
	for b.Loop() {
		if err := track.writeSlice(slice, media.Instant(time.Second)); err != nil {
			b.Fatal(err)
		}
	}
}

func TestKeyframeGatePassesOneRequestARoundTrip(t *testing.T) {
	var g keyframeGate
	start := time.Now()
	for _, step := range []struct {
		reason    string
		after     time.Duration
		roundTrip time.Duration
		want      bool
	}{
		{"the first", 0, 0, true},
		{"before the last keyframe can have been decoded", 50 * time.Millisecond, 0, false},
		{"later", 110 * time.Millisecond, 0, true},
		{"within a long round trip", 300 * time.Millisecond, 250 * time.Millisecond, false},
		{"after it", 400 * time.Millisecond, 250 * time.Millisecond, true},
	} {
		if got := g.pass(start.Add(step.after), step.roundTrip); got != step.want {
			t.Errorf("%s: %v, want %v", step.reason, got, step.want)
		}
	}
}

func TestClockDifferenceTrustsTheFastestPing(t *testing.T) {
	var c clockDifference
	c.observe(1000*time.Millisecond+9*time.Millisecond, 4*time.Millisecond) // 7 ms late
	c.observe(1000*time.Millisecond+2*time.Millisecond, 4*time.Millisecond) // on time: half a round trip
	c.observe(1000*time.Millisecond+30*time.Millisecond, 4*time.Millisecond)
	if c.difference != time.Second {
		t.Errorf("difference %v, want 1s", c.difference)
	}
	for range clockWindow + 1 {
		c.observe(2*time.Second+2*time.Millisecond, 4*time.Millisecond)
	}
	if c.difference != 2*time.Second {
		t.Errorf("difference %v after the clocks have moved for a window, want 2s", c.difference)
	}
}
