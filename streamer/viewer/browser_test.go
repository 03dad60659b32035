package viewer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/dtls/v3/pkg/crypto/elliptic"
	"github.com/pion/dtls/v3/pkg/crypto/signaturehash"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/rtcp"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/tells"
)

// testdata/chromium-offer.sdp is an edge's offer, chromium-answer.sdp what Chromium 156 with our page answered to one like it.

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// disguised is a viewer that comes as a browser.
func disguised(t *testing.T) *Viewer {
	t.Helper()
	v, err := New(Config{AsBrowser: true, Hear: func(Sound) {}}, nobody{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.connection.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

func TestAnAnswerIsTheOneThatChromiumGives(t *testing.T) {
	answer, err := disguised(t).Answer(readFile(t, "chromium-offer.sdp"))
	if err != nil {
		t.Fatal(err)
	}
	got, want := tells.Form(answer), tells.Form(readFile(t, "chromium-answer.sdp"))
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestNoBrowserReportsByRFC8888(t *testing.T) {
	if _, err := New(Config{AsBrowser: true, CCFB: true}, nobody{}); !errors.Is(err, ErrBrowser) {
		t.Error(err)
	}
}

func TestACandidateNamesNoAddress(t *testing.T) {
	b := disguised(t).browser
	told, is := b.candidate(&webrtc.ICECandidate{Foundation: "7", Protocol: webrtc.ICEProtocolUDP, Address: "198.51.100.7", Port: 4000, Typ: webrtc.ICECandidateTypeHost})
	want := "candidate:7 1 udp 2113937151 " + b.host + " 4000 typ host generation 0 ufrag " + b.ufrag + " network-cost 999"
	if !is || told.Candidate != want || *told.SDPMid != "0" {
		t.Errorf("%v %q, want %q", is, told.Candidate, want)
	}
	if name, found := strings.CutSuffix(b.host, ".local"); !found || len(name) != 36 || name[14] != '4' {
		t.Errorf("the name is %q", b.host)
	}
	if _, is := b.candidate(&webrtc.ICECandidate{Protocol: webrtc.ICEProtocolTCP, Typ: webrtc.ICECandidateTypeHost}); is {
		t.Error("one for TCP is told")
	}
	relay, is := b.candidate(&webrtc.ICECandidate{Protocol: webrtc.ICEProtocolUDP, Address: "203.0.113.9", Port: 5, Typ: webrtc.ICECandidateTypeRelay})
	if !is || !strings.Contains(relay.Candidate, " 203.0.113.9 5 typ relay raddr 0.0.0.0 ") {
		t.Errorf("%v %q", is, relay.Candidate)
	}
}

func TestACheckHasChromiumsAttributesInItsOrder(t *testing.T) {
	const password = "the edge's password"
	pions, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.NewUsername("edge:ours"), stun.RawAttribute{Type: stun.AttrICEControlled, Value: make([]byte, 8)},
		stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{126, 255, 255, 255}}, stun.NewShortTermIntegrity(password), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	if !isCheck(pions.Raw) || isCheck(pions.Raw[:20]) || isCheck(nil) {
		t.Error("a check is not told from what is none")
	}
	ours, err := browserCheck(pions.Raw, password)
	if err != nil {
		t.Fatal(err)
	}
	_, attributes, err := tells.Attributes(ours)
	var kinds []uint16
	for _, a := range attributes {
		kinds = append(kinds, a.Type)
	}
	if want := []uint16{0x0006, 0xc057, 0x8029, 0x0024, 0x0008, 0x8028}; err != nil || !slices.Equal(kinds, want) {
		t.Errorf("attributes %04x, %v; want %04x", kinds, err, want)
	}
	if got := binary.BigEndian.Uint32(attributes[3].Value); got != 0x6e001eff {
		t.Errorf("priority %08x", got)
	}
	m := &stun.Message{Raw: ours}
	if err := m.Decode(); err != nil || m.TransactionID != pions.TransactionID || stun.NewShortTermIntegrity(password).Check(m) != nil || stun.Fingerprint.Check(m) != nil {
		t.Errorf("the check is not valid: %v", err)
	}
}

func TestChecksHaveABrowsersPace(t *testing.T) {
	c := &browserConn{ways: make(map[netip.AddrPort]*checkedWay)}
	to, now := netip.MustParseAddrPort("192.0.2.1:9"), time.Now()
	for n, want := range []time.Duration{0, checkSpacing, 2 * checkSpacing} {
		if wait, passes := c.turn(to, now); !passes || wait != want {
			t.Errorf("check %d waits %v, %v; want %v", n, wait, passes, want)
		}
	}
	if _, passes := c.turn(to, now); passes {
		t.Error("a third one is kept waiting")
	}
	c.ways[to].waiting = 0
	c.turn(to, now)
	if wait, passes := c.turn(to, now); !passes || wait < checkInterval || wait > checkInterval+checkSpread+4*checkSpacing {
		t.Errorf("a later one waits %v, %v", wait, passes)
	}
}

func TestATripIsMeasuredOnceFromWhenItsCheckLeft(t *testing.T) {
	var all trips
	check, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := stun.Build(stun.NewTransactionIDSetter(check.TransactionID), stun.BindingSuccess, stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	all.answered(answer.Raw, now)
	all.asked(check.Raw, now)
	all.answered(answer.Raw[:10], now)
	if all.last() != 0 {
		t.Error("answered before it was asked")
	}
	all.answered(answer.Raw, now.Add(20*time.Millisecond))
	all.answered(answer.Raw, now.Add(time.Second))
	if took := all.last(); took != 20*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

func TestAHelloSaysWhatChromiumSaysToo(t *testing.T) {
	said := browserHello(handshake.MessageClientHello{Extensions: []extension.Extension{
		&extension.SupportedSignatureAlgorithms{SignatureHashAlgorithms: signaturehash.Algorithms()},
		&extension.SupportedEllipticCurves{EllipticCurves: []elliptic.Curve{elliptic.X25519}}, &extension.UseExtendedMasterSecret{Supported: true},
	}})
	whole, err := (&handshake.Handshake{Message: said}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	hello, err := tells.ReadHello(whole)
	if err != nil || len(hello.Extensions) != 3 {
		t.Fatalf("%+v, %v", hello, err)
	}
	want := []byte{0, 16, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1}
	if !slices.ContainsFunc(hello.Extensions, func(e tells.Attribute) bool { return e.Type == 13 && bytes.Equal(e.Value, want) }) {
		t.Errorf("extensions %v", hello.Extensions)
	}
}

func TestACertificateIsLikeABrowsers(t *testing.T) {
	now := time.Now()
	certificate, err := browserCertificate(now)
	if err != nil {
		t.Fatal(err)
	}
	if left := certificate.Expires().Sub(now); left < certificateAfter-time.Second || left > certificateAfter {
		t.Errorf("it expires in %v", left)
	}
}

func TestReportsOfEachMediumLeaveAtTimesOfChance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCadence()
		c.media[1], c.media[3] = ofPicture, ofSound
		sent := make(map[bool][]time.Time)
		for tick := range 4000 {
			time.Sleep(cadenceStep)
			block := func(ssrc uint32) rtcp.ReceptionReport {
				return rtcp.ReceptionReport{SSRC: ssrc, LastSequenceNumber: uint32(tick + 1), TotalLost: uint32(tick / 2), FractionLost: 255}
			}
			nothing := rtcp.ReceptionReport{SSRC: 2}
			for _, p := range c.pass([]rtcp.Packet{
				&rtcp.ReceiverReport{SSRC: 77, Reports: []rtcp.ReceptionReport{block(1)}}, &rtcp.ReceiverReport{SSRC: 77, Reports: []rtcp.ReceptionReport{nothing}},
				&rtcp.ReceiverReport{SSRC: 77, Reports: []rtcp.ReceptionReport{block(3)}},
			}) {
				report := p.(*rtcp.ReceiverReport)
				sound := report.Reports[0].SSRC == 3
				if report.SSRC != browserSSRC || len(report.Reports) != 1 {
					t.Fatalf("%v", report)
				}
				if lost := report.Reports[0].FractionLost; len(sent[sound]) > 0 && (lost < 110 || lost > 140) {
					t.Errorf("%d of 256 lost, of every second packet", lost)
				}
				sent[sound] = append(sent[sound], time.Now())
			}
		}
		for sound, times := range sent {
			if len(times) < 85 || len(times) > 115 {
				t.Errorf("sound %v: %d reports in 100 s", sound, len(times))
			}
			for i := 1; i < len(times); i++ {
				if between := times[i].Sub(times[i-1]); between < cadenceMean/2 || between > cadenceMean*3/2+2*cadenceStep {
					t.Errorf("sound %v: %v between two", sound, between)
				}
			}
		}
	})
}

func TestRequestsAreMadeInABrowsersName(t *testing.T) {
	for _, p := range newCadence().pass([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: 9}, &rtcp.TransportLayerNack{MediaSSRC: 9}}) {
		data, err := p.Marshal()
		if err != nil || binary.BigEndian.Uint32(data[4:]) != browserSSRC {
			t.Errorf("%v, %v", p, err)
		}
	}
}

func TestAnEdgeIsToldAPagesClock(t *testing.T) {
	v := disguised(t)
	at := v.browser.epoch.Add(1234567 * time.Nanosecond)
	if got := v.Clock(at); got != 1200*time.Microsecond {
		t.Errorf("1234567 ns is told as %v", got)
	}
	if got := v.Clock(0); got != 0 {
		t.Errorf("before the page was opened: %v", got)
	}
	if got := v.Span(1999 * time.Microsecond); got != 1900*time.Microsecond {
		t.Errorf("1999 us are told as %v", got)
	}
}

func FuzzBrowserDescription(f *testing.F) {
	offer, err := os.ReadFile("testdata/chromium-offer.sdp")
	if err != nil {
		f.Fatal(err)
	}
	b, err := newBrowser()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(offer), string(offer))
	f.Fuzz(func(t *testing.T, answer, offer string) {
		written, err := b.describe(answer, offer)
		if err == nil && !strings.HasPrefix(written, "v=0\r\n") {
			t.Errorf("%q", written)
		}
		b.sockets.learn(offer)
	})
}

func FuzzBrowserCheck(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if isCheck(data) {
			if check, err := browserCheck(data, "p"); err == nil && !isCheck(check) {
				t.Errorf("%x", check)
			}
		}
		new(trips).answered(data, time.Now())
	})
}

var _ net.PacketConn = (*browserConn)(nil)
