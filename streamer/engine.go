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
	"github.com/pion/interceptor/pkg/cc"
	"github.com/pion/interceptor/pkg/gcc"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer/udpmux"
)

// ICE timing. A player whose packets stop is "disconnected" soon, so that its session can offer to reconnect, and
// "failed" when the session's own hold is half over.
const (
	iceDisconnected = 3 * time.Second
	iceFailed       = 15 * time.Second
	iceKeepAlive    = 1 * time.Second
)

// nackHistory is how many packets can be retransmitted: about a second at 8 Mbit/s; a later one would come too late.
const nackHistory = 1024

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

// newConnection makes a peer connection that can send one video stream in the codecs given, and the estimator of its rate.
func (e *Engine) newConnection(config PeerConfig, logger *slog.Logger) (*webrtc.PeerConnection, cc.BandwidthEstimator, error) {
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
	settings.SetSCTPMaxMessageSize(sctpMaxMessage)
	settings.DisableActiveTCP(true) // a browser cannot listen

	engine := &webrtc.MediaEngine{}
	if err := registerCodecs(engine, config.Codecs, config.ProfileLevelID); err != nil {
		return nil, nil, err
	}
	registry := &interceptor.Registry{}
	estimator, err := registerInterceptors(engine, registry, loggers, config)
	if err != nil {
		return nil, nil, err
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry))
	connection, err := api.NewPeerConnection(webrtc.Configuration{
		ICEServers:   config.ICEServers,
		Certificates: []webrtc.Certificate{e.certificate},
		BundlePolicy: webrtc.BundlePolicyMaxBundle,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("make the peer connection: %w", err)
	}
	return connection, <-estimator, nil
}

// registerInterceptors sets up, from the track down to the socket: answers to NACKs, sender reports, transport-wide
// sequence numbers and the rate estimate that reads them. The estimator is delivered when a connection is made.
func registerInterceptors(engine *webrtc.MediaEngine, registry *interceptor.Registry, loggers pionLoggers, config PeerConfig) (<-chan cc.BandwidthEstimator, error) {
	responder, err := nack.NewResponderInterceptor(nack.ResponderSize(nackHistory), nack.WithResponderLoggerFactory(loggers))
	if err != nil {
		return nil, fmt.Errorf("set up retransmission: %w", err)
	}
	reports, err := report.NewSenderInterceptor(report.WithSenderLoggerFactory(loggers))
	if err != nil {
		return nil, fmt.Errorf("set up sender reports: %w", err)
	}
	congestion, err := cc.NewInterceptor(func() (cc.BandwidthEstimator, error) {
		return gcc.NewSendSideBWE(
			gcc.SendSideBWEPacer(gcc.NewNoOpPacer()), // pion's pacer queues without bound
			gcc.SendSideBWEInitialBitrate(int(config.Bitrate)),
			gcc.SendSideBWEMinBitrate(int(max(config.Bitrate/minimumShare, minimumBitrate))),
			gcc.SendSideBWEMaxBitrate(int(config.Bitrate)),
			gcc.WithLoggerFactory(loggers),
		)
	})
	if err != nil {
		return nil, fmt.Errorf("set up the rate estimate: %w", err)
	}
	estimator := make(chan cc.BandwidthEstimator, 1)
	congestion.OnNewPeerConnection(func(_ string, e cc.BandwidthEstimator) { estimator <- e })
	registry.Add(responder)
	registry.Add(new(pairRTX))
	registry.Add(reports)
	registry.Add(congestion)
	if err := webrtc.ConfigureTWCCHeaderExtensionSender(engine, registry); err != nil {
		return nil, fmt.Errorf("set up transport-wide sequence numbers: %w", err)
	}
	return estimator, nil
}

// The rate never falls under a part of what was asked for, nor under what a small picture needs: the estimator is known to collapse
// when the app sends less than it may.
const (
	minimumShare   = 8
	minimumBitrate = 500 * media.Kbps
)
