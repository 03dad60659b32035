package streamer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer/dependency"
	"nearlight/streamer/fec"
	"nearlight/streamer/packetizer"
)

// The extension payloads of one packet. contentTypeScreen asks a browser to keep detail rather than smooth motion.
const (
	contentTypeScreen = 1
	maxExtensions     = 6
)

// playoutDelay is how long a browser may hold a frame back before it shows it, at least and at most: not at all, so that
// libwebrtc shows each as soon as it is decoded. A maximum above zero would let it smooth what the network made uneven, at a cost:
// with 100 ms Chromium holds frames for 18 ms at the median behind a link of 10 Mbit/s and 40 ms, and shows fewer of them; with 10 ms
// for 9; with none for half a millisecond.
// (https://webrtc.googlesource.com/src/+/main/docs/native-code/rtp-hdrext/playout-delay/README.md: twice 12 bits, in units of 10 ms.)
var playoutDelay = []byte{0, 0, 0}

// videoTrack is the beginning of the one video stream: it cuts slices into packets, stamps them with the capture clock and
// puts them in line. It implements webrtc.TrackLocal.
type videoTrack struct {
	formats []format // offered, in order of preference
	bound   func()   // called when the track is negotiated; nil for nobody

	outbound *outbound

	wire atomic.Pointer[wire] // nil until negotiated

	// Owned by the goroutine that writes.
	current   *format                                 // one of formats
	frameOpen bool                                    // the access unit's first packet has been put in line, and not its last
	head      packetHead                              // what the packets of the access unit have alike
	emit      func(payload []byte, marker bool) error // put as a value, made once: making it per slice would allocate
}

// format is a codec that the stream may have.
type format struct {
	codec      media.Codec
	packetizer packetizer.Packetizer
}

var _ webrtc.TrackLocal = (*videoTrack)(nil)

// newVideoTrack makes a track that may send any of the codecs, and begins with the first.
func newVideoTrack(codecs []media.Codec, outbound *outbound) (*videoTrack, error) {
	t := &videoTrack{outbound: outbound}
	for _, codec := range codecs {
		p, err := packetizer.New(codec)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoCommonCodec, err)
		}
		t.formats = append(t.formats, format{codec, p})
	}
	if len(t.formats) == 0 {
		return nil, fmt.Errorf("%w: none is offered", ErrNoCommonCodec)
	}
	t.current = &t.formats[0]
	t.emit = t.put
	return t, nil
}

func (t *videoTrack) codecs() []media.Codec {
	codecs := make([]media.Codec, len(t.formats))
	for i, f := range t.formats {
		codecs[i] = f.codec
	}
	return codecs
}

func (t *videoTrack) accepts(codec media.Codec) bool {
	w := t.wire.Load()
	if w == nil {
		return false
	}
	_, accepted := w.payloadTypes[codec]
	return accepted
}

// use changes the codec; one that was not offered changes nothing, and its slices fail.
func (t *videoTrack) use(codec media.Codec) {
	for i := range t.formats {
		if t.formats[i].codec == codec {
			t.current, t.frameOpen = &t.formats[i], false
		}
	}
}

func (*videoTrack) ID() string                { return "video" }
func (*videoTrack) RID() string               { return "" }
func (*videoTrack) StreamID() string          { return "screen" } // audio is another stream: a shared one adds lip-sync delay
func (*videoTrack) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeVideo }

// Bind implements webrtc.TrackLocal: it learns what was negotiated.
func (t *videoTrack) Bind(context webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	w := &wire{ssrc: uint32(context.SSRC()), payloadTypes: map[media.Codec]uint8{}, writer: context.WriteStream()}
	var first *webrtc.RTPCodecParameters // in our order: pion takes the stream for one of that
	for _, f := range t.formats {
		for _, parameters := range context.CodecParameters() {
			if _, known := w.payloadTypes[f.codec]; known || parameters.MimeType != f.codec.MimeType() {
				continue
			}
			w.payloadTypes[f.codec] = uint8(parameters.PayloadType)
			if first == nil {
				first = &parameters
			}
		}
	}
	if first == nil {
		return webrtc.RTPCodecParameters{}, fmt.Errorf("%w: the player accepts nothing of %v", ErrNoCommonCodec, t.codecs())
	}
	if w.takesRepeats(context.CodecParameters()) {
		w.repeatSSRC = uint32(context.SSRCRetransmission())
	}
	w.takeRepairs(context)
	if err := w.prepareExtensions(context.HeaderExtensions()); err != nil {
		return webrtc.RTPCodecParameters{}, err
	}
	if err := t.outbound.bind(w); err != nil {
		return webrtc.RTPCodecParameters{}, err
	}
	t.wire.Store(w)
	if t.bound != nil {
		t.bound()
	}
	return *first, nil
}

// takesRepeats reports whether the player takes the repeats of every codec in a stream of their own.
func (w *wire) takesRepeats(negotiated []webrtc.RTPCodecParameters) bool {
	for _, payloadType := range w.payloadTypes {
		if !slices.ContainsFunc(negotiated, func(p webrtc.RTPCodecParameters) bool {
			return p.MimeType == webrtc.MimeTypeRTX && uint8(p.PayloadType) == rtxOf(payloadType)
		}) {
			return false
		}
	}
	return true
}

// takeRepairs finds out whether the player takes repair packets.
func (w *wire) takeRepairs(context webrtc.TrackLocalContext) {
	for _, p := range context.CodecParameters() {
		if strings.EqualFold(p.MimeType, fec.MimeType) {
			w.repairSSRC, w.repairType = uint32(context.SSRCForwardErrorCorrection()), uint8(p.PayloadType)
		}
	}
}

// Unbind implements webrtc.TrackLocal.
func (t *videoTrack) Unbind(webrtc.TrackLocalContext) error {
	t.wire.Store(nil)
	return nil
}

func (w *wire) prepareExtensions(negotiated []webrtc.RTPHeaderExtensionParameter) error {
	var every rtp.Header
	for _, extension := range negotiated {
		id := uint8(extension.ID)
		switch extension.URI {
		case playoutDelayURI:
			if err := every.SetExtension(id, playoutDelay); err != nil {
				return fmt.Errorf("set playout delay: %w", err)
			}
		case contentTypeURI:
			if err := every.SetExtension(id, []byte{contentTypeScreen}); err != nil {
				return fmt.Errorf("set content type: %w", err)
			}
		case absCaptureTimeURI:
			w.captureID = id
		case dependency.URI:
			w.dependencyID = id
		case transportNumberURI:
			w.transportID = id
		}
	}
	w.extensions = every.Extensions
	return nil
}

// RTPTimestamp is the capture instant in RTP's 90 kHz ticks, modulo 2^32, without a random offset: a player that knows
// the clocks' difference knows each frame's age. (RFC 3550 section 5.1 asks for a random offset against known-plaintext
// attacks; SRTP's AES in counter mode is not weakened by known plaintext.)
func RTPTimestamp(captured media.Instant) uint32 {
	const ticksPerHundredMicroseconds = clockRate / 10000
	return uint32(uint64(captured) * ticksPerHundredMicroseconds / uint64(100*time.Microsecond))
}

// RTPTick is the least time between two capture instants with different RTP timestamps.
const RTPTick = time.Second/clockRate + 1

// writeSlice sends a slice of the access unit that was captured at the given instant. An access unit that was left
// unfinished ends where the next one begins: the timestamps differ.
func (t *videoTrack) writeSlice(s media.Slice, captured media.Instant) error {
	w := t.wire.Load()
	if w == nil {
		return errNotBound
	}
	payloadType, accepted := w.payloadTypes[t.current.codec]
	if !accepted {
		return fmt.Errorf("%w: %s", ErrNoCommonCodec, t.current.codec)
	}
	if timestamp := RTPTimestamp(captured); !t.frameOpen || timestamp != t.head.timestamp {
		t.head = packetHead{frame: t.head.frame + 1, captured: captured, timestamp: timestamp, begins: true, distance: distance(s)}
		binary.BigEndian.PutUint64(t.head.wallClock[:], ntpTime(time.Now().Add(-media.Now().Sub(captured))))
	}
	t.head.payloadType = payloadType
	err := t.current.packetizer.Packetize(s, t.emit)
	t.frameOpen = !s.Last && err == nil
	return errors.Join(err, t.outbound.sendDue())
}

// distance is how many frames back a slice's refers to, 0 for a keyframe's.
func distance(s media.Slice) int16 {
	if s.Keyframe {
		return 0
	}
	return int16(min(1+s.Skips, dependency.MaxDistance))
}

func (t *videoTrack) put(payload []byte, marker bool) error {
	t.head.marker = marker
	err := t.outbound.put(t.head, payload)
	t.head.begins = false
	return err
}

// ntpTime is t as an NTP timestamp: seconds since 1900 in 32.32 fixed point (RFC 5905 section 6), which
// abs-capture-time carries (https://webrtc.googlesource.com/src/+/main/docs/native-code/rtp-hdrext/abs-capture-time/README.md).
func ntpTime(t time.Time) uint64 {
	const secondsFrom1900To1970 = 2208988800
	return uint64(t.Unix()+secondsFrom1900To1970)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}
