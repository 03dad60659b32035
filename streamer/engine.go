package streamer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"log/slog"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"nearlight/streamer/udpmux"
)

// ICE timing. A player whose packets stop is "disconnected" soon, so that its session can offer to reconnect, and
// "failed" when the session's own hold is half over.
const (
	iceDisconnected = 3 * time.Second
	iceFailed       = 15 * time.Second
	iceKeepAlive    = 1 * time.Second
)

// sctpLongestRepeat bounds how long the data channels wait until they try again. Without it a connection that comes back after
// seconds of nothing would be silent for as long again (RFC 9260 section 6.3.3, where it is a minute).
const sctpLongestRepeat = time.Second

// sctpMaxMessage bounds one incoming data-channel message. The largest legal one from a player is a Text of 263 octets.
const sctpMaxMessage = 4096

// Engine is what the sessions of one edge share. It is immutable once made.
type Engine struct {
	ports       *udpmux.Ports
	certificate webrtc.Certificate
	logger      *slog.Logger
}

// NewEngine makes an engine that sends through ports. It makes the DTLS certificate that all its sessions present.
func NewEngine(ports *udpmux.Ports, logger *slog.Logger) (*Engine, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the DTLS key: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("make the DTLS certificate: %w", err)
	}
	return &Engine{ports: ports, certificate: *certificate, logger: logger}, nil
}

// newConnection makes a peer connection that can send one video stream in the codecs given, and sound where it is wanted. It hands
// feedback what the player says about them, and incoming what the player itself sends. There are no interceptors: numbers, repeats and reports are the outbound's.
func (e *Engine) newConnection(config PeerConfig, feedback func(rtcp.Packet), incoming func([]byte), logger *slog.Logger) (*webrtc.PeerConnection, error) {
	loggers := pionLoggers{logger}
	settings := webrtc.SettingEngine{LoggerFactory: loggers}
	settings.SetICEUDPMux(e.ports.UDP)
	settings.SetICETCPMux(e.ports.TCP)
	settings.SetNetworkTypes([]webrtc.NetworkType{
		webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6,
	})
	settings.SetIncludeLoopbackCandidate(e.ports.Addresses()[0].Addr().IsLoopback())
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled) // a browser's .local names are not needed: its checks reach us
	settings.SetICETimeouts(iceDisconnected, iceFailed, iceKeepAlive)
	// A browser hides its addresses behind mDNS, so the pair that works is with a peer-reflexive candidate; pion would
	// wait a second for a better one that never comes.
	settings.SetPrflxAcceptanceMinWait(0)
	settings.SetDTLSInsecureSkipHelloVerify(true) // ICE has proved the address (RFC 8445 section 7.3): saves a round trip
	settings.EnableSCTPZeroChecksum(true)         // DTLS protects the data already (RFC 9653)
	settings.SetSCTPRTOMax(sctpLongestRepeat)
	settings.SetSCTPMaxMessageSize(sctpMaxMessage)
	settings.DisableActiveTCP(true) // a browser cannot listen

	settings.BufferFactory = buffers(feedback, incoming)

	engine := &webrtc.MediaEngine{}
	if err := registerCodecs(engine, config.Codecs, config.ProfileLevelID); err != nil {
		return nil, err
	}
	if config.Audio {
		if err := registerAudio(engine); err != nil {
			return nil, err
		}
	}
	if config.Microphone != nil {
		if err := registerMicrophone(engine); err != nil {
			return nil, err
		}
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	connection, err := api.NewPeerConnection(webrtc.Configuration{
		ICEServers:   config.ICEServers,
		Certificates: []webrtc.Certificate{e.certificate},
		BundlePolicy: webrtc.BundlePolicyMaxBundle,
	})
	if err != nil {
		return nil, fmt.Errorf("make the peer connection: %w", err)
	}
	return connection, nil
}
