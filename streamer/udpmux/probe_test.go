package udpmux

import (
	"bytes"
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
)

// ask is a probe as a browser sends it.
func ask(t testing.TB, user, password string) *stun.Message {
	t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(user), stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{1, 2, 3, 4}},
		stun.RawAttribute{Type: stun.AttrICEControlling, Value: make([]byte, 8)}, stun.NewShortTermIntegrity(password), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheMediaPortAnswersProbesByItself(t *testing.T) {
	ports, err := Open(Config{Address: netip.MustParseAddr("127.0.0.1"), Loggers: logging.NewDefaultLoggerFactory()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := ports.Close(); err != nil {
			t.Error(err)
		}
	}()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(ports.Addresses()[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := ask(t, ProbeUser+":abcd", ProbePassword)
	if _, err := conn.Write(request.Raw); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1500)
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	response := &stun.Message{Raw: buffer[:n]}
	var mapped stun.XORMappedAddress
	if err := response.Decode(); err != nil || response.Type != stun.BindingSuccess || response.TransactionID != request.TransactionID ||
		stun.NewShortTermIntegrity(ProbePassword).Check(response) != nil || stun.Fingerprint.Check(response) != nil || mapped.GetFrom(response) != nil {
		t.Fatalf("%v: %v", err, response)
	}
	if mapped.Port != conn.LocalAddr().(*net.UDPAddr).Port {
		t.Errorf("seen at %v, sent from %v", mapped, conn.LocalAddr())
	}
	if n >= len(request.Raw) {
		t.Errorf("an answer of %d octets to a request of %d", n, len(request.Raw))
	}
}

func TestOnlyProbesAreAnswered(t *testing.T) {
	from := netip.MustParseAddrPort("192.0.2.1:5000")
	wrong := ask(t, ProbeUser+":abcd", ProbePassword).Raw
	wrong[25] ^= 1
	for _, step := range []struct {
		why           string
		data          []byte
		answer, probe bool
	}{
		{"a probe", ask(t, ProbeUser+":abcd", ProbePassword).Raw, true, true},
		{"a session's check", ask(t, "someone:abcd", ProbePassword).Raw, false, false},
		{"the name elsewhere than where it belongs", ask(t, "x"+ProbeUser+":abcd", ProbePassword).Raw, false, false},
		{"another password", ask(t, ProbeUser+":abcd", "another").Raw, false, true},
		{"octets that were changed on the way", wrong, false, false},
		{"media", append([]byte{0x80, 96}, bytes.Repeat([]byte{1}, 100)...), false, false},
		{"nothing", nil, false, false},
	} {
		if answer, probe := newProber().answer(step.data, from); (answer != nil) != step.answer || probe != step.probe {
			t.Errorf("%s: answered %v, a probe %v", step.why, answer != nil, probe)
		}
	}
}

// The player in TypeScript reads the same file.
func TestTheCredentialsAreThoseThatPlayersUse(t *testing.T) {
	data, err := os.ReadFile("testdata/probe.json")
	if err != nil {
		t.Fatal(err)
	}
	var known struct{ User, Password string }
	if err := json.Unmarshal(data, &known); err != nil || known.User != ProbeUser || known.Password != ProbePassword {
		t.Errorf("%+v, %v", known, err)
	}
	for _, text := range []string{ProbeUser, ProbePassword} { // RFC 8839 section 5.4: ice-ufrag has 4 characters at least, ice-pwd 22
		if strings.Trim(text, "abcdefghijklmnopqrstuvwxyz+/") != "" || len(ProbePassword) < 22 {
			t.Errorf("%q is none that ICE allows", text)
		}
	}
}

func TestProbesAreBounded(t *testing.T) {
	p, from, answered := newProber(), netip.MustParseAddrPort("[2001:db8::1]:5000"), 0
	probe := ask(t, ProbeUser+":abcd", ProbePassword).Raw
	const asked = 20_000
	began := time.Now()
	for range asked {
		if answer, _ := p.answer(probe, from); answer != nil {
			answered++
		}
	}
	if most := probeBurst + int(time.Since(began).Seconds()*probesASecond) + 1; answered > most || answered < probeBurst {
		t.Errorf("%d of %d are answered, want %d at most", answered, asked, most)
	}
}

// FuzzProbe has datagrams of any kind: nothing panics, and an answer is shorter than its request.
func FuzzProbe(f *testing.F) {
	f.Add(ask(f, ProbeUser+":abcd", ProbePassword).Raw)
	f.Add(ask(f, "someone:abcd", ProbePassword).Raw)
	f.Add([]byte(ProbeUser + ":"))
	from := netip.MustParseAddrPort("[2001:db8::1]:5000")
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		answer, probe := newProber().answer(data, from)
		if answer != nil && (!probe || len(answer) > len(data)) || !bytes.Equal(before, data) {
			t.Fatalf("%d octets are answered by %d", len(data), len(answer))
		}
	})
}

func BenchmarkNoProbe(b *testing.B) {
	p, from := newProber(), netip.MustParseAddrPort("192.0.2.1:5000")
	check := ask(b, "someone:abcd", ProbePassword).Raw
	b.ReportAllocs()
	for b.Loop() {
		p.answer(check, from)
	}
}
