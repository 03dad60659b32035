package streamer

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer/packetizer"
	"nearlight/streamer/red"
)

// Sound is Opus (RFC 7587), and where the player takes it each packet carries the frame before as well (RFC 2198).
const (
	opusPayloadType = 120
	redPayloadType  = 121
	redMimeType     = "audio/red"
	audioChannels   = 2
	// audioClockRate is Opus' in RTP, in ticks per second, whatever it codes (RFC 7587 section 4.1).
	audioClockRate = 48000
)

// What the offer says of the two: frames of 10 ms, in stereo, and nothing for pauses; red's frames are all Opus.
const (
	opusParameters = "minptime=10;sprop-stereo=1;stereo=1;usedtx=1"
	redParameters  = "120/120"
)

var (
	opusCodec = audioCodec(opusPayloadType, webrtc.MimeTypeOpus, opusParameters)
	redCodec  = audioCodec(redPayloadType, redMimeType, redParameters)
)

// soundCodecs is what the sound is offered in, with its repeats first.
var soundCodecs = []webrtc.RTPCodecParameters{redCodec, opusCodec}

func audioCodec(payloadType webrtc.PayloadType, mimeType, parameters string) webrtc.RTPCodecParameters {
	return webrtc.RTPCodecParameters{PayloadType: payloadType, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: mimeType, ClockRate: audioClockRate, Channels: audioChannels, SDPFmtpLine: parameters,
		RTCPFeedback: []webrtc.RTCPFeedback{{Type: "transport-cc"}},
	}}
}

// audioTrack is the sound of a connection: it numbers coded frames, stamps them with the capture clock and sends them at once,
// ahead of the picture that is in line. It implements webrtc.TrackLocal.
type audioTrack struct {
	outbound *outbound
	wire     atomic.Pointer[audioWire] // nil until negotiated, and where the player takes no sound

	// Under outbound's mutex.
	sequence   uint16
	report     senderReport
	packer     *red.Packer // nil where the player takes no red
	payload    []byte
	header     rtp.Header
	extensions [1]rtp.Extension
	number     [2]byte
}

// audioWire is what was negotiated for the sound.
type audioWire struct {
	ssrc        uint32
	payloadType uint8
	redundant   bool // the payload type is red's
	writer      webrtc.TrackLocalWriter
	transportID uint8 // of the transport-wide number; 0 when not negotiated
}

var _ webrtc.TrackLocal = (*audioTrack)(nil)

func newAudioTrack(o *outbound) *audioTrack {
	return &audioTrack{outbound: o, payload: make([]byte, 0, packetizer.MaxPayload)}
}

func (*audioTrack) ID() string                { return "audio" }
func (*audioTrack) RID() string               { return "" }
func (*audioTrack) StreamID() string          { return "sound" } // not the video's: browsers hold one back for the other within a stream
func (*audioTrack) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeAudio }

// Bind implements webrtc.TrackLocal: it learns what was negotiated.
func (t *audioTrack) Bind(context webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	w := &audioWire{ssrc: uint32(context.SSRC()), writer: context.WriteStream()}
	var chosen webrtc.RTPCodecParameters
	for _, parameters := range context.CodecParameters() {
		switch {
		case strings.EqualFold(parameters.MimeType, redMimeType):
			chosen, w.redundant = parameters, true
		case strings.EqualFold(parameters.MimeType, webrtc.MimeTypeOpus) && !w.redundant:
			chosen = parameters
		}
	}
	if chosen.MimeType == "" {
		return opusCodec, nil // the player takes no sound, which is no reason to refuse it the picture
	}
	w.payloadType = uint8(chosen.PayloadType)
	for _, extension := range context.HeaderExtensions() {
		if extension.URI == transportNumberURI {
			w.transportID = uint8(extension.ID)
		}
	}
	if err := t.outbound.flow.Own(w.ssrc); err != nil {
		return webrtc.RTPCodecParameters{}, err
	}
	if w.redundant {
		t.packer = red.NewPacker(opusPayloadType, packetizer.MaxPayload)
	}
	t.wire.Store(w)
	return chosen, nil
}

// Unbind implements webrtc.TrackLocal.
func (t *audioTrack) Unbind(webrtc.TrackLocalContext) error {
	t.wire.Store(nil)
	return nil
}

// AudioTimestamp is the capture instant in RTP's ticks of sound, modulo 2^32, without a random offset, as RTPTimestamp is for
// pictures.
func AudioTimestamp(captured media.Instant) uint32 {
	const ticksPerMillisecond = audioClockRate / 1000
	return uint32(uint64(captured)/uint64(time.Millisecond)*ticksPerMillisecond + uint64(captured)%uint64(time.Millisecond)*ticksPerMillisecond/uint64(time.Millisecond))
}

// write sends one frame. begins marks the first after a pause (RFC 7587 section 4.1).
func (t *audioTrack) write(frame []byte, captured media.Instant, begins bool) error {
	w := t.wire.Load()
	if w == nil {
		return errNotBound
	}
	o := t.outbound
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return ErrClosed
	}
	timestamp := AudioTimestamp(captured)
	payload := frame
	if t.packer != nil {
		t.payload = t.packer.Pack(t.payload[:0], timestamp, frame)
		payload = t.payload
	}
	t.header = rtp.Header{Version: 2, Marker: begins, PayloadType: w.payloadType, SequenceNumber: t.sequence, Timestamp: timestamp, SSRC: w.ssrc}
	t.sequence++
	if w.transportID != 0 {
		t.header.Extension, t.header.ExtensionProfile, t.header.Extensions = true, rtp.ExtensionProfileOneByte, t.extensions[:0]
		binary.BigEndian.PutUint16(t.number[:], uint16(o.sent.next))
		if err := t.header.SetExtension(w.transportID, t.number[:]); err != nil {
			return fmt.Errorf("set transport-wide number: %w", err)
		}
	}
	t.report.count(len(payload))
	o.sent.add(sentPacket{ssrc: w.ssrc, sequence: t.header.SequenceNumber, audio: true, ect: o.mark(false), size: t.header.MarshalSize() + len(payload)})
	if _, err := w.writer.WriteRTP(&t.header, payload); err != nil {
		return fmt.Errorf("send a packet of sound: %w", err)
	}
	o.settle(media.Now())
	return nil
}

// reportNow is RTCP's report on the sound, nil before there is any.
func (t *audioTrack) reportNow() *rtcp.SenderReport {
	w := t.wire.Load()
	if w == nil {
		return nil
	}
	t.outbound.mu.Lock()
	defer t.outbound.mu.Unlock()
	return t.report.make(w.ssrc, time.Now(), AudioTimestamp(media.Now()))
}

// registerAudio makes the offer hold the sound, with its repeats first.
func registerAudio(engine *webrtc.MediaEngine) error {
	for _, codec := range soundCodecs {
		if err := engine.RegisterCodec(codec, webrtc.RTPCodecTypeAudio); err != nil {
			return fmt.Errorf("register %s: %w", codec.MimeType, err)
		}
	}
	if err := engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: transportNumberURI}, webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverDirectionSendonly); err != nil {
		return fmt.Errorf("register header extension %s: %w", transportNumberURI, err)
	}
	return nil
}
