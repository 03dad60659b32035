package tells

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"nearlight/streamer/control"
)

// sortable are sessions of two kinds whose only difference is told by draw.
func sortable(each int, draw func(r *rand.Rand, browser bool) float64) []Session {
	r := rand.New(rand.NewPCG(1, 2))
	var sessions []Session
	for i := range 2 * each {
		f := make(Features)
		f.number(STUN, "noise", r.NormFloat64())
		f.number(RTCP, "what it is", draw(r, i%2 == 0))
		sessions = append(sessions, Session{i%2 == 0, f})
	}
	return sessions
}

func everything(Group, string) bool { return true }

func TestKindsThatDifferAreToldApart(t *testing.T) {
	sessions := sortable(20, func(r *rand.Rand, browser bool) float64 {
		if browser {
			return 10 + r.NormFloat64()
		}
		return r.NormFloat64()
	})
	if a := Classify(sessions, everything); a.Balanced < 0.95 || a.Sessions != 40 || a.Low < 0.8 || a.High > 1 {
		t.Errorf("%v", a)
	}
	if a := Classify(sessions, func(g Group, _ string) bool { return g == STUN }); a.Balanced > 0.75 {
		t.Errorf("by noise alone: %v", a)
	}
	found := Tells(sessions, 0.9)
	if len(found) != 1 || found[0].Group != RTCP || found[0].Alone < 0.99 || found[0].Browser < 9 || found[0].Other > 1 {
		t.Errorf("tells %+v", found)
	}
}

func TestKindsThatAreAlikeAreNotToldApart(t *testing.T) {
	a := Classify(sortable(50, func(r *rand.Rand, _ bool) float64 { return r.NormFloat64() }), everything)
	if a.Balanced < 0.35 || a.Balanced > 0.65 || a.Low > 0.5 || a.High < 0.5 {
		t.Errorf("%v", a)
	}
}

func TestAnIntervalIsWiderForFewerSessions(t *testing.T) {
	few, many := accuracy([2]int{3, 3}, [2]int{6, 6}), accuracy([2]int{50, 50}, [2]int{100, 100})
	if few.Balanced != 0.5 || many.Balanced != 0.5 || few.High-few.Low <= many.High-many.Low || few.Low < 0 || few.High > 1 {
		t.Errorf("%v, %v", few, many)
	}
	if none := accuracy([2]int{1, 0}, [2]int{1, 0}); none.Sessions != 1 || none.High != 0 {
		t.Errorf("of one kind alone: %v", none)
	}
}

func TestWhatIsChosenByChanceIsNoTell(t *testing.T) {
	description := func(n string) string {
		return strings.ReplaceAll("v=0\r\no=- 123456789012345678# 2 IN IP4 127.0.0.1\r\na=ice-ufrag:abc#\r\na=fingerprint:sha-256 AA:#\r\n"+
			"a=candidate:1# 1 udp 1 0000#.local 1# typ host generation 0\r\n", "#", n)
	}
	if one, other := Form(description("1")), Form(description("2")); !slices.Equal(one, other) {
		t.Errorf("%q\n%q", one, other)
	}
}

// hello is a ClientHello in so many fragments.
func hello(fragments int) [][]byte {
	body := append([]byte{0xfe, 0xfd}, make([]byte, 32)...)
	body = append(body, 0, 0, 0, 2, 0xc0, 0x2b, 1, 0) // no session, no cookie, one suite, no compression
	body = append(body, 0, 9, 0, 23, 0, 0, 0, 43, 0, 1, 7)
	var all [][]byte
	for i := range fragments {
		from, to := i*len(body)/fragments, (i+1)*len(body)/fragments
		header := []byte{clientHello, 0, 0, byte(len(body)), 0, 0, 0, 0, byte(from), 0, 0, byte(to - from)}
		all = append(all, append(header, body[from:to]...))
	}
	return all
}

func TestAHelloIsReadWholeAndInFragments(t *testing.T) {
	for _, fragments := range []int{1, 2, 3} {
		var g greeting
		var whole []byte
		for _, part := range hello(fragments) {
			whole = g.add(part)
		}
		h, err := ReadHello(whole)
		if err != nil || !slices.Equal(h.Suites, []uint16{0xc02b}) || len(h.Extensions) != 2 || h.Extensions[1].Type != 43 || h.Version != 0xfefd {
			t.Errorf("of %d fragments: %+v, %v", fragments, h, err)
		}
	}
}

func TestASessionsFeaturesAreWhatItsPlayerDid(t *testing.T) {
	message := func(at time.Duration, m control.Message) Message {
		data, err := control.Append(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		return Message{At: at, Control: control.ChannelOf(m) == control.OnControl, Data: data}
	}
	f := Of(&Recording{
		Codecs: []string{"h264"}, Answer: "v=0\r\nm=video 9\r\na=mid:0\r\n", Length: 2 * time.Second,
		Candidates: []Candidate{{At: -1, Line: "candidate:1 1 udp 1 127.0.0.1 1 typ host"}, {Line: ""}},
		Sent:       []Frame{{At: time.Second, RTP: 9}},
		Reports:    []Report{{Data: []byte{0x80, 201, 0, 1, 0, 0, 0, 1}}, {Data: []byte{0x80, 201, 0, 9, 0}}},
		Messages: []Message{
			message(time.Second+5*time.Millisecond, &control.Ack{RTP: 9, Received: time.Second, Presented: time.Second, Frames: 1}),
			message(time.Second, &control.Key{Seq: 1, Code: 17, Down: true}), message(1100*time.Millisecond, &control.Key{Seq: 2, Code: 17}),
			{Data: []byte{0xff}},
		},
	})
	for _, step := range []struct {
		group Group
		name  string
		want  float64
	}{
		{Signaling, "codecs=[h264]", 1}, {Signaling, "candidates before the answer", 1}, {Signaling, "end of candidates=true", 1},
		{SDP, "m=video a=mid:0", 1}, {Messages, "ack after frame p50", 5}, {Input, "key held p50", 100},
		{RTCP, "sender of 201/0=1", 1}, {RTCP, "malformed=packet", 1}, {RTCP, "receiver report(0) a second", 0.5},
	} {
		if got := f[step.group][step.name]; got != step.want {
			t.Errorf("%s: %s is %v, want %v", step.group, step.name, got, step.want)
		}
	}
}

// stunMessage is a binding request with one attribute.
func stunMessage(attribute uint16, value ...byte) []byte {
	m := make([]byte, stunHeader, 64)
	m[1] = bindingRequest
	m = binary.BigEndian.AppendUint16(m, attribute)
	m = binary.BigEndian.AppendUint16(m, uint16(len(value)))
	m = append(append(m, value...), make([]byte, -len(value)&3)...)
	binary.BigEndian.PutUint16(m[2:], uint16(len(m)-stunHeader))
	return m
}

func FuzzDatagrams(f *testing.F) {
	f.Add(stunMessage(attrUsername, 'a', ':', 'b'))
	f.Add(append([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(hello(1)[0]))}, hello(1)[0]...))
	f.Add([]byte{0x80, 201, 0, 1, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		features := Of(&Recording{
			Answer: string(data), Datagrams: []Datagram{{Data: data}, {Data: data}}, Reports: []Report{{Data: data}}, Messages: []Message{{Data: data}, {Control: true, Data: data}},
			Candidates: []Candidate{{Line: string(data)}},
		})
		if len(features[Signaling]) == 0 {
			t.Error("nothing is told of signaling")
		}
	})
}
