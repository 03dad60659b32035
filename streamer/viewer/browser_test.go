package viewer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/dtls/v3/pkg/protocol"
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
	want := "candidate:7 1 udp 2113937151 " + b.hosts[0] + " 4000 typ host generation 0 ufrag " + b.ufrag + " network-cost 999"
	if !is || told.Candidate != want || *told.SDPMid != "0" {
		t.Errorf("%v %q, want %q", is, told.Candidate, want)
	}
	if name, found := strings.CutSuffix(b.hosts[0], ".local"); !found || len(name) != 36 || name[14] != '4' {
		t.Errorf("the name is %q", b.hosts[0])
	}
	other, is := b.candidate(&webrtc.ICECandidate{Foundation: "8", Protocol: webrtc.ICEProtocolUDP, Address: "2001:db8::7", Port: 4001, Typ: webrtc.ICECandidateTypeHost})
	if !is || !strings.HasPrefix(other.Candidate, "candidate:8 1 udp 2113942271 "+b.hosts[1]+" 4001 ") || b.hosts[0] == b.hosts[1] {
		t.Errorf("%v %q", is, other.Candidate)
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
	ours, err := browserCheck(pions.Raw, password, true)
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

// edgesSocket is where checks go to.
func edgesSocket(t *testing.T) *net.UDPConn {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return socket
}

// pionsCheck is a check as pion makes it.
func pionsCheck(t *testing.T) []byte {
	t.Helper()
	m, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.NewUsername("edge:ours"), stun.RawAttribute{Type: stun.AttrICEControlled, Value: make([]byte, 8)},
		stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{126, 255, 255, 255}}, stun.NewShortTermIntegrity("p"), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

func TestChecksHaveABrowsersPace(t *testing.T) {
	want := []time.Duration{0, 7 * metronome / 2, 62500 * time.Microsecond, 1125 * time.Millisecond, 1062500 * time.Microsecond, 2656250 * time.Microsecond, 2656250 * time.Microsecond}
	way := new(checkedWay)
	for n, want := range want[1:] {
		way.sent = n + 1
		if after := way.after(); after < want-metronome/2 || after > want+metronome/2 || n > 0 && after != want {
			t.Errorf("check %d comes after %v, want some %v", n+1, after, want)
		}
	}
}

func TestOnePionCheckIsFollowedByABrowsers(t *testing.T) {
	edge, sockets := edgesSocket(t), &browserNet{}
	password := "p"
	sockets.password.Store(&password)
	conn, err := sockets.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	pions := pionsCheck(t)
	to, given := edge.LocalAddr().(*net.UDPAddr).AddrPort(), conn.(*browserConn)
	given.mu.Lock() // so that all come before the first has left
	for range 3 {   // they are one to the edge
		if err := given.wish(pions, to); err != nil {
			t.Fatal(err)
		}
	}
	given.mu.Unlock()
	var ids [][stun.TransactionIDSize]byte
	buffer := make([]byte, 1500)
	for range 3 {
		n, _, err := edge.ReadFrom(buffer)
		if err != nil {
			t.Fatal(err)
		}
		m := &stun.Message{Raw: buffer[:n]}
		if err := m.Decode(); err != nil || stun.NewShortTermIntegrity(password).Check(m) != nil || stun.Fingerprint.Check(m) != nil {
			t.Fatalf("not a valid check: %v", err)
		}
		ids = append(ids, m.TransactionID)
	}
	given.mu.Lock()
	given.ways[to].wished = time.Now().Add(-wishFor - time.Second)
	given.mu.Unlock()
	given.due(to)
	given.mu.Lock()
	if given.ways[to].timer != nil {
		t.Error("a way that pion does not check any more still is")
	}
	given.mu.Unlock()
	if ids[0] != transaction(pions) || ids[1] == ids[0] || ids[2] == ids[1] || ids[2] == ids[0] {
		t.Errorf("checks named %x", ids)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.WriteTo(pions, edge.LocalAddr()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
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

func TestAHelloIsChromiums(t *testing.T) {
	b, err := newBrowser()
	if err != nil {
		t.Fatal(err)
	}
	pions := handshake.MessageClientHello{Version: protocol.Version1_2, CompressionMethods: []*protocol.CompressionMethod{{}}}
	first, again := helloForm(t, b.hello(pions)), helloForm(t, b.hello(pions))
	if !slices.Equal(first, again) {
		t.Error("a second one says something else")
	}
	order := first[len(first)-1]
	sorted := slices.Sorted(slices.Values(first[:len(first)-1]))
	want := slices.Sorted(slices.Values(strings.Split(strings.TrimSpace(readFile(t, "chromium-hello.txt")), "\n")))
	if !slices.Equal(sorted, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(sorted, "\n"), strings.Join(want, "\n"))
	}
	orders := map[string]bool{order: true}
	for range 4 {
		other, err := newBrowser()
		if err != nil {
			t.Fatal(err)
		}
		form := helloForm(t, other.hello(pions))
		orders[form[len(form)-1]] = true
	}
	if len(orders) < 2 {
		t.Error("extensions are always in one order")
	}
}

// helloForm is what an edge can say about a hello.
func helloForm(t *testing.T, said handshake.Message) []string {
	t.Helper()
	whole, err := (&handshake.Handshake{Message: said}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	hello, err := tells.ReadHello(whole)
	if err != nil {
		t.Fatal(err)
	}
	return hello.Form()
}

// helloRecords are a hello of so many octets as pion sends it, the first record having that number.
func helloRecords(length int, number uint64) (datagrams [][]byte, message []byte) {
	message = make([]byte, length)
	for i := range message {
		message[i] = byte(i * 7)
	}
	for offset := 0; offset < length; offset += 1200 {
		part := message[offset:min(length, offset+1200)]
		record := []byte{recordHandshake, 0xfe, 0xfd}
		record = binary.BigEndian.AppendUint64(record, number+uint64(len(datagrams)))
		record = binary.BigEndian.AppendUint16(record, uint16(fragmentHeader+len(part)))
		record = append24(append(record, kindClientHello), length)
		record = append24(append24(append(record, 0, 0), offset), len(part))
		datagrams = append(datagrams, append(record, part...))
	}
	return datagrams, message
}

func TestAHelloIsCutWhereChromiumCutsIt(t *testing.T) {
	var g greeting
	for _, number := range []uint64{0, 2} { // and said again
		pions, message := helloRecords(1413, number)
		var sent [][]byte
		for _, datagram := range pions {
			cut, err := g.take(datagram)
			if err != nil {
				t.Fatal(err)
			}
			sent = append(sent, cut...)
		}
		if len(sent) != 2 || len(sent[0]) != 1200 || len(sent[1]) != 263 {
			t.Fatalf("%d datagrams", len(sent))
		}
		var whole []byte
		for i, datagram := range sent {
			if !isHello(datagram) || datagram[2] != 0xff || binary.BigEndian.Uint64(datagram[3:]) != number+uint64(i) || number24(datagram[recordHeader+6:]) != len(whole) {
				t.Errorf("datagram %d begins with %x", i, datagram[:recordHeader+fragmentHeader])
			}
			whole = append(whole, datagram[recordHeader+fragmentHeader:]...)
		}
		if !bytes.Equal(whole, message) {
			t.Error("it says something else")
		}
	}
}

func FuzzGreeting(f *testing.F) {
	datagrams, _ := helloRecords(1413, 0)
	f.Add(datagrams[0], datagrams[1])
	f.Fuzz(func(t *testing.T, one, two []byte) {
		var g greeting
		for _, data := range [][]byte{one, two} {
			cut, err := g.take(data)
			if err != nil {
				continue
			}
			for _, datagram := range cut {
				if !isHello(datagram) || len(datagram) > greetingDatagram {
					t.Errorf("%x", datagram)
				}
			}
		}
	})
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
		for tick := range int(100 * time.Second / cadenceStep) {
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
			if check, err := browserCheck(data, "p", true); err == nil && !isCheck(check) {
				t.Errorf("%x", check)
			}
		}
		new(trips).answered(data, time.Now())
	})
}

var _ net.PacketConn = (*browserConn)(nil)
