package viewer

import (
	"fmt"
	"math"
	"strings"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/internal/opus"
	"nearlight/streamer/red"
)

// Sound is ten milliseconds of what is heard, in order. It is valid until Config.Hear returns.
type Sound struct {
	Samples  []int16 // left and right in turn, at 48 kHz
	RTP      uint32  // of the first sample
	Arrived  media.Instant
	Repeated bool // its own packet is lost, and a later one carried it as well
	Lost     bool // nothing carried it: the samples are made up
	Pause    bool // the edge says that it sends nothing for a while
}

// Level is how loud a piece of sound is: the root mean square of its samples, 1 for a square wave at full scale.
func (s Sound) Level() float64 {
	sum := 0.0
	for _, sample := range s.Samples {
		sum += float64(sample) * float64(sample)
	}
	return math.Sqrt(sum/float64(max(len(s.Samples), 1))) / math.MaxInt16
}

const (
	redMimeType = "audio/red"
	// Payload types of ours; the edge's offer has its own, which are used.
	redPayloadType  = 63
	opusPayloadType = 61
	// mostMadeUp is how many frames in a row are made up for lost ones: after so many there is nothing left to go on from.
	mostMadeUp = 10
)

// registerSound makes the engine accept sound, with repeats where they are wanted.
func registerSound(engine *webrtc.MediaEngine, plain bool) error {
	feedback := []webrtc.RTCPFeedback{{Type: "transport-cc"}}
	accepted := []webrtc.RTPCodecParameters{
		{PayloadType: redPayloadType, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: redMimeType, ClockRate: opus.SampleRate, Channels: opus.Channels,
			SDPFmtpLine: fmt.Sprintf("%d/%[1]d", opusPayloadType), RTCPFeedback: feedback,
		}},
		{PayloadType: opusPayloadType, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: opus.SampleRate, Channels: opus.Channels, SDPFmtpLine: "minptime=10;stereo=1;useinbandfec=1", RTCPFeedback: feedback,
		}},
	}
	if plain {
		accepted = accepted[1:]
	}
	for _, parameters := range accepted {
		if err := engine.RegisterCodec(parameters, webrtc.RTPCodecTypeAudio); err != nil {
			return fmt.Errorf("register %s: %w", parameters.MimeType, err)
		}
	}
	return nil
}

// listening turns packets into sound in order. It waits for nothing: what comes later than something newer is dropped. One
// goroutine uses it.
type listening struct {
	decoder *opus.Decoder
	hear    func(Sound)
	next    uint32 // RTP timestamp of the frame that comes next
	started bool
	paused  bool
	blocks  []red.Block
	samples [opus.FrameLength]int16
}

// take takes one packet. What is malformed is an error, and the next packet may be taken all the same.
func (l *listening) take(packet *rtp.Packet, redundant bool, at media.Instant) error {
	l.blocks = append(l.blocks[:0], red.Block{Timestamp: packet.Timestamp, Data: packet.Payload})
	if redundant {
		var err error
		if l.blocks, err = red.Parse(l.blocks[:0], packet.Payload, packet.Timestamp); err != nil {
			return err
		}
	}
	for i, block := range l.blocks {
		own := i == len(l.blocks)-1
		if err := l.frame(block, Sound{RTP: block.Timestamp, Arrived: at, Repeated: !own}, own && packet.Marker); err != nil {
			return err
		}
	}
	return nil
}

// frame takes one frame, unless it is known. begins says that nothing comes before it.
func (l *listening) frame(block red.Block, s Sound, begins bool) error {
	gap := int32(block.Timestamp - l.next)
	switch {
	case !l.started || begins || l.paused && gap > 0:
		if l.started && gap < 0 {
			return nil
		}
		l.started = true
	case gap < 0:
		return nil
	default:
		if err := l.makeUp(int(gap)/opus.FrameSamples, s.Arrived); err != nil {
			return err
		}
	}
	l.next = block.Timestamp + uint32(opus.FrameSamples)
	l.paused = len(block.Data) <= len(opus.Pause)
	s.Pause = l.paused
	if err := l.decoder.Decode(l.samples[:], block.Data); err != nil {
		return err
	}
	s.Samples = l.samples[:]
	l.hear(s)
	return nil
}

// makeUp fills a gap of so many frames.
func (l *listening) makeUp(frames int, at media.Instant) error {
	for n := range min(frames, mostMadeUp) {
		if err := l.decoder.Decode(l.samples[:], nil); err != nil {
			return err
		}
		l.hear(Sound{Samples: l.samples[:], RTP: l.next + uint32(n*opus.FrameSamples), Arrived: at, Lost: true})
	}
	return nil
}

// listen receives the sound until the track ends.
func (v *Viewer) listen(track *webrtc.TrackRemote) error {
	decoder, err := opus.NewDecoder()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDecoder, err)
	}
	defer decoder.Close()
	l := listening{decoder: decoder, hear: v.hear}
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrEnded, err)
		}
		redundant := strings.EqualFold(track.Codec().MimeType, redMimeType)
		if err := l.take(packet, redundant, media.Now()); err != nil {
			v.logger.Warn("sound from the edge", "error", err)
		}
	}
}
