package viewer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
)

// What follows is how Chromium 156 comes to an edge, as one sees it that records its players: docs/checking.md says what was recorded, and by what a
// viewer is told from it all the same.

// ErrBrowser reports something that no browser does.
var ErrBrowser = errors.New("no browser does this")

// Of ICE credentials, in characters of base64.
const (
	browserUfrag    = 4
	browserPassword = 24
)

// The times of ICE. A pair that works is checked every 2.5 s; the others are pion's own.
const (
	browserKeepAlive    = 2500 * time.Millisecond
	browserDisconnected = 5 * time.Second
	browserFailed       = 25 * time.Second
)

// browserRetry is after how long a part of the handshake that was not answered is said again, and then twice as long each time.
const browserRetry = 50 * time.Millisecond

// browserSuites are those of Chromium's cipher suites that pion has, in its order. It also names three of TLS 1.3 and five older ones.
var browserSuites = []dtls.CipherSuiteID{
	dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	dtls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	dtls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
}

// browserProfiles are Chromium's for SRTP that pion has, in its order.
var browserProfiles = []dtls.SRTPProtectionProfile{
	dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AEAD_AES_128_GCM,
}

// browserExtensions are what Chromium takes of packets besides what this package has a use for. Whoever does not know what they say can do without.
var browserExtensions = []string{
	"http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
	"http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
	"http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
}

// browser is what a connection has that comes as one.
type browser struct {
	sockets *browserNet
	cadence *cadence
	hosts   [2]string // in place of our addresses, the first of IPv4
	ufrag   string
	epoch   media.Instant // where the clock begins that the edge is told

	extensions []extension.Extension // of its hello
}

// newBrowser makes a connection's choices.
func newBrowser() (*browser, error) {
	sockets, err := newBrowserNet()
	if err != nil {
		return nil, err
	}
	extensions, err := newHelloExtensions()
	if err != nil {
		return nil, err
	}
	return &browser{
		sockets: sockets, cadence: newCadence(), hosts: [2]string{randomName(), randomName()}, ufrag: randomText(browserUfrag), extensions: extensions,
		epoch: media.Now().Add(-leastPage - someTime(pageSpread)),
	}, nil
}

// A page's clock begins when it is opened, and its player is made some time later.
const (
	leastPage  = 500 * time.Millisecond
	pageSpread = 3 * time.Second
)

// browserStep is how finely a page is told the time (W3C, High Resolution Time, section 9.1), where no other page is shut out.
const browserStep = 100 * time.Microsecond

// Clock is an instant as messages to the edge carry it.
func (v *Viewer) Clock(i media.Instant) time.Duration {
	if v.browser == nil {
		return time.Duration(i).Truncate(time.Microsecond)
	}
	return max(i.Sub(v.browser.epoch), 0).Truncate(browserStep)
}

// Span is a time as messages to the edge carry it.
func (v *Viewer) Span(d time.Duration) time.Duration {
	if v.browser == nil {
		return d.Truncate(time.Microsecond)
	}
	return d.Truncate(browserStep)
}

// randomText is so many characters of base64.
func randomText(characters int) string {
	octets := make([]byte, characters)
	_, _ = crand.Read(octets) // does not fail
	return base64.StdEncoding.EncodeToString(octets)[:characters]
}

// randomName is the name that a browser gives an address, to tell it to nobody (draft-ietf-mmusic-mdns-ice-candidates). Ours is not
// answered for: outside of our own network nobody can ask.
func randomName() string {
	var b [16]byte
	_, _ = crand.Read(b[:]) // does not fail
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x.local", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// settle sets how the connection is made.
func (b *browser) settle(settings *webrtc.SettingEngine) {
	settings.SetNet(b.sockets)
	settings.SetICECredentials(b.ufrag, randomText(browserPassword))
	settings.SetICETimeouts(browserDisconnected, browserFailed, browserKeepAlive)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetDTLSCipherSuites(browserSuites...)
	settings.SetSRTPProtectionProfiles(browserProfiles...)
	settings.SetDTLSClientHelloMessageHook(b.hello)
	settings.SetDTLSRetransmissionInterval(browserRetry)
	if ways := defaultWays(); len(ways) > 0 {
		settings.SetIPFilter(func(ip net.IP) bool {
			address, ok := netip.AddrFromSlice(ip)
			return ok && ways[address.Unmap()]
		})
	}
}

// defaultWays are the addresses that a connection to somewhere far leaves from: a page that may use neither camera nor microphone has no other. Nothing is sent: where nobody is meant to
// be (RFC 5737, RFC 3849), the kernel is asked for the way.
func defaultWays() map[netip.Addr]bool {
	ways := make(map[netip.Addr]bool)
	for network, somewhere := range map[string]string{"udp4": "192.0.2.1:9", "udp6": "[2001:db8::1]:9"} {
		conn, err := net.Dial(network, somewhere)
		if err != nil {
			continue
		}
		ways[conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()] = true
		_ = conn.Close() // it has sent nothing
	}
	return ways
}

// The times of a browser's certificate, from when it was made.
const (
	certificateBefore = 24 * time.Hour
	certificateAfter  = 30 * 24 * time.Hour
)

// browserCertificate makes one.
func browserCertificate(now time.Time) (*webrtc.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the DTLS key: %w", err)
	}
	certificate, err := webrtc.NewCertificate(key, x509.Certificate{
		SerialNumber: new(big.Int).SetUint64(rand.Uint64()>>1 | 1), Subject: pkix.Name{CommonName: "WebRTC"}, Issuer: pkix.Name{CommonName: "WebRTC"},
		NotBefore: now.Add(-certificateBefore), NotAfter: now.Add(certificateAfter),
	})
	if err != nil {
		return nil, fmt.Errorf("make the DTLS certificate: %w", err)
	}
	return certificate, nil
}

// registerBrowser has the engine take and report what a browser does.
func (b *browser) register(engine *webrtc.MediaEngine, registry *interceptor.Registry, repairs *repairReports) error {
	for _, uri := range browserExtensions {
		if err := engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			return fmt.Errorf("register header extension %s: %w", uri, err)
		}
	}
	reports, err := report.NewReceiverInterceptor(report.ReceiverInterval(cadenceStep))
	if err != nil {
		return fmt.Errorf("make reports: %w", err)
	}
	registry.Add(b.cadence) // the nearest to the network
	registry.Add(repairs)
	repairs.registry.Add(reports) // they tell of repair packets as well
	return webrtc.ConfigureTWCCSenderWithOptions(engine, &repairs.registry, twcc.SendTicker(newFeedbackTicker))
}
