package streamer

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
)

// microphonePayloadType is that of what the player says.
const microphonePayloadType = 122

// What the offer asks of the player's microphone: frames of 10 ms, copies of them in case of loss, and nothing for pauses. Browsers
// take the length of frames from a line of its own (RFC 8866 section 6.4).
const (
	microphoneParameters = "minptime=10;useinbandfec=1;usedtx=1"
	microphoneFrames     = "a=ptime:10\r\n"
)

// microphoneCodec has no feedback: there is one rate, and reports say what was lost.
var microphoneCodec = webrtc.RTPCodecParameters{PayloadType: microphonePayloadType, RTPCodecCapability: webrtc.RTPCodecCapability{
	MimeType: webrtc.MimeTypeOpus, ClockRate: audioClockRate, Channels: audioChannels, SDPFmtpLine: microphoneParameters,
}}

// MicrophonePacket is one packet of Opus (RFC 7587) as it came from the player: in any order, as often as the network likes, and of
// whatever the player put into it.
type MicrophonePacket struct {
	Source    uint32 // the stream's SSRC
	Sequence  uint16
	Timestamp uint32 // of the first sample, at 48 kHz
	Arrived   media.Instant
	Payload   []byte // valid until the call returns
}

// errNotOffered reports a packet of a player who may send nothing.
var errNotOffered = errors.New("a packet of a stream that was not offered")

// microphone receives what the player says. Packets come from the goroutine that reads the socket, reports are made by another.
type microphone struct {
	take   func(MicrophonePacket)
	packet rtp.Packet // the newest, kept so that the next is read without allocating

	mu      sync.Mutex
	arrived reception
}

// receiveMicrophone adds a section to the offer by which the player may send what its microphone hears. It is there from the beginning,
// so that turning the microphone on asks for nothing of ours.
func (p *Peer) receiveMicrophone() error {
	section, err := p.connection.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	if err != nil {
		return fmt.Errorf("add the microphone's section: %w", err)
	}
	if err := section.SetCodecPreferences([]webrtc.RTPCodecParameters{microphoneCodec}); err != nil {
		return fmt.Errorf("choose the microphone's codec: %w", err)
	}
	return nil
}

// registerMicrophone makes the engine know what microphones send.
func registerMicrophone(engine *webrtc.MediaEngine) error {
	if err := engine.RegisterCodec(microphoneCodec, webrtc.RTPCodecTypeAudio); err != nil {
		return fmt.Errorf("register the microphone's codec: %w", err)
	}
	return nil
}

// withFrameLength has the offer say how long the microphone's frames are to be; pion has no word for it.
func withFrameLength(offer string) string {
	codec := fmt.Sprintf("a=rtpmap:%d ", microphonePayloadType)
	at := strings.Index(offer, codec)
	if at < 0 {
		return offer
	}
	return offer[:at] + microphoneFrames + offer[at:]
}

// rtp takes a packet that the player sent, decrypted and authenticated. There is nothing but the microphone that it may send.
func (m *microphone) rtp(data []byte, now media.Instant) error {
	if m == nil {
		return errNotOffered
	}
	packet := &m.packet
	if err := packet.Unmarshal(data); err != nil {
		return fmt.Errorf("a packet of the player's: %w", err)
	}
	if packet.PayloadType != microphonePayloadType || len(packet.Payload) == 0 {
		return fmt.Errorf("a packet of type %d and %d octets where the microphone's was offered", packet.PayloadType, len(packet.Payload))
	}
	m.mu.Lock()
	m.arrived.add(&packet.Header, now)
	m.mu.Unlock()
	m.take(MicrophonePacket{
		Source: packet.SSRC, Sequence: packet.SequenceNumber, Timestamp: packet.Timestamp, Arrived: now, Payload: packet.Payload,
	})
	return nil
}

// heardReport takes the player's own report on the stream, whose time is echoed.
func (m *microphone) heardReport(report *rtcp.SenderReport, now media.Instant) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.arrived.reported(report, now)
}

// reportNow is RTCP's report on what came, by which the player knows how much is lost; nil while there is nothing to say.
func (m *microphone) reportNow(now media.Instant) *rtcp.ReceiverReport {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.arrived.report(now)
}
