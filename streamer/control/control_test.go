package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestWhatCannotBeSentIsRefusedAndLeavesTheBufferAlone(t *testing.T) {
	for name, row := range map[string]struct {
		message Message
		want    error
	}{
		"no message":                {nil, ErrType},
		"sequence 0":                {&Move{}, ErrRange},
		"33 held keys":              {&Held{Seq: 1, Keys: make([]uint16, 33)}, ErrRange},
		"sixth button held":         {&Held{Seq: 1, Buttons: 32}, ErrRange},
		"sixth button":              {&Button{Seq: 1, Button: 5}, ErrRange},
		"key 0":                     {&Key{Seq: 1}, ErrRange},
		"key 768":                   {&Key{Seq: 1, Code: 768}, ErrRange},
		"negative time":             {&Alive{Edge: -1}, ErrRange},
		"time too large":            {&Ping{Sent: MaxTime + time.Microsecond}, ErrRange},
		"decode over 32 bits":       {&Ack{Decode: MaxDecode + time.Microsecond}, ErrRange},
		"empty text":                {&Text{Seq: 1}, ErrRange},
		"257 octets of text":        {&Text{Seq: 1, Text: strings.Repeat("a", 257)}, ErrRange},
		"text that is not UTF-8":    {&Text{Seq: 1, Text: "\xff"}, ErrText},
		"cursor too wide":           {&Cursor{Width: 257, Height: 1, PNG: []byte{1}}, ErrRange},
		"hot spot outside":          {&Cursor{Width: 2, Height: 2, Y: 2, PNG: []byte{1}}, ErrRange},
		"cursor's picture too long": {&Cursor{Width: 2, Height: 2, PNG: make([]byte, MaxCursorPNG+1)}, ErrRange},
		"notice without a body":     {&Notice{}, ErrNotice},
		"unknown app state":         {&Notice{AppNotice{State: "dancing"}}, ErrNotice},
		"notice too long":           {&Notice{AppNotice{State: AppExited, Detail: strings.Repeat("a", MaxNotice)}}, ErrRange},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Append([]byte("kept"), row.message)
			if !errors.Is(err, row.want) || string(got) != "kept" {
				t.Errorf("got %q, %v, want %v", got, err, row.want)
			}
		})
	}
}

func TestUnknownKindsAndFieldsOfNoticesAreIgnored(t *testing.T) {
	for object, want := range map[string]NoticeBody{
		`{"kind":"weather","rain":true}`:                                      nil,
		`{"kind":"app","state":"running","title":"T","detail":"","colour":1}`: AppNotice{State: AppRunning, Title: "T"},
	} {
		n := new(Notice)
		if err := json.Unmarshal([]byte(object), n); err != nil || !reflect.DeepEqual(n.Body, want) {
			t.Errorf("%s: got %+v, %v, want %+v", object, n.Body, err, want)
		}
	}
}

func TestTheLongestMessageFits(t *testing.T) {
	b, err := Append(nil, &Cursor{Serial: 1, Width: MaxCursorSide, Height: MaxCursorSide, PNG: make([]byte, MaxCursorPNG)})
	if err != nil || len(b) != MaxMessage {
		t.Errorf("got %d octets, %v, want %d", len(b), err, MaxMessage)
	}
}

func TestMotionIsReadAndWrittenWithoutAllocating(t *testing.T) {
	messages := []Message{&Move{1, 2, 3}, &Turn{1, 2, 3}, &Held{1, 1, []uint16{17, 30}}, &Ack{RTP: 1}, &Ping{ID: 1},
		&Key{1, true, 17}, &Button{Seq: 1}, &Wheel{1, 0, 120}, &Release{1}}
	buffer := make([]byte, 0, 128)
	var p Parser
	for _, m := range messages {
		if n := testing.AllocsPerRun(100, func() {
			b, err := Append(buffer, m)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = p.Parse(FromPlayer, ChannelOf(m), b); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%T: %v allocations", m, n)
		}
	}
}

func TestKeyTableNamesRealKeysThatXCanPress(t *testing.T) {
	keys := Keys()
	for name, code := range keys {
		if code == 0 || code > 255-8 {
			t.Errorf("%s: evdev code %d has no X keycode", name, code)
		}
	}
	aliases := map[string]string{"OSLeft": "MetaLeft", "OSRight": "MetaRight", "VolumeUp": "AudioVolumeUp", "VolumeDown": "AudioVolumeDown", "VolumeMute": "AudioVolumeMute"}
	byCode := map[uint16]string{}
	for name, code := range keys {
		if of, alias := aliases[name]; alias {
			if keys[of] != code {
				t.Errorf("%s is %d, but %s is %d", name, code, of, keys[of])
			}
			continue
		}
		if other, taken := byCode[code]; taken {
			t.Errorf("%s and %s share code %d", name, other, code)
		}
		byCode[code] = name
	}
	// A sample of each block against the kernel's own header, where the two names agree.
	header, err := os.ReadFile("/usr/include/linux/input-event-codes.h")
	if err != nil {
		t.Skipf("SKIPPED comparison with the kernel's key codes: %v (install linux-libc-dev)", err)
	}
	for _, m := range regexp.MustCompile(`(?m)^#define KEY_([A-Z0-9]+)\s+(\d+)\b`).FindAllSubmatch(header, -1) {
		code, err := strconv.Atoi(string(m[2]))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range kernelTwins(string(m[1])) {
			if got, listed := keys[name]; listed && int(got) != code {
				t.Errorf("%s is %d, but KEY_%s is %d", name, got, m[1], code)
			}
		}
	}
	if keys["KeyA"] != 30 || keys["ArrowUp"] != 103 || keys["IntlBackslash"] != 86 || len(keys) < 170 {
		t.Errorf("table of %d keys is incomplete", len(keys))
	}
}

// kernelTwins lists the KeyboardEvent.code names that a kernel name may stand for by its spelling alone.
func kernelTwins(kernel string) []string {
	title := kernel[:1] + strings.ToLower(kernel[1:])
	twins := []string{title, "Digit" + kernel, "Arrow" + title}
	if len(kernel) == 1 {
		twins = append(twins, "Key"+kernel)
	}
	if digit, ok := strings.CutPrefix(kernel, "KP"); ok {
		twins = append(twins, "Numpad"+digit)
	}
	for long, side := range map[string]string{"LEFT": "Left", "RIGHT": "Right"} {
		if rest, ok := strings.CutPrefix(kernel, long); ok {
			if full := map[string]string{"SHIFT": "Shift", "CTRL": "Control", "ALT": "Alt", "META": "Meta"}[rest]; full != "" {
				twins = append(twins, full+side)
			}
		}
	}
	return twins
}

func FuzzParse(f *testing.F) {
	g := readGolden(f)
	for _, m := range g.Messages {
		f.Add(uint8(senderNamed(f, m.From)), uint8(channelNamed(f, m.Channel)), unhex(f, m.Hex))
	}
	for _, m := range g.Malformed {
		f.Add(uint8(senderNamed(f, m.From)), uint8(channelNamed(f, m.Channel)), unhex(f, m.Hex))
	}
	f.Fuzz(func(t *testing.T, from, on uint8, b []byte) {
		m, err := Parse(Sender(from), Channel(on), b)
		if err != nil {
			for _, sentinel := range []error{ErrType, ErrRoute, ErrLength, ErrRange, ErrText, ErrNotice} {
				if errors.Is(err, sentinel) {
					return
				}
			}
			t.Fatalf("error without a sentinel: %v", err)
		}
		if len(b) > MaxMessage {
			t.Fatalf("accepted %d octets", len(b))
		}
		if ChannelOf(m) != Channel(on) {
			t.Fatalf("%T accepted on channel %d", m, on)
		}
		if n, ok := m.(*Notice); ok {
			if n.Body == nil {
				return
			}
			// Escapes may lengthen what was near the limit; all else must survive a round trip.
			again, err := Append(nil, n)
			if errors.Is(err, ErrRange) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			back, err := Parse(FromEdge, OnControl, again)
			if err != nil || !reflect.DeepEqual(back, m) {
				t.Fatalf("%+v became %+v, %v", m, back, err)
			}
			return
		}
		again, err := Append(nil, m)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x parsed, but is written as %x, %v", b, again, err)
		}
	})
}

func BenchmarkParseTurn(b *testing.B) {
	wire, err := Append(nil, &Turn{Seq: 1, DX: 160, DY: -16})
	if err != nil {
		b.Fatal(err)
	}
	var p Parser
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Parse(FromPlayer, OnMotion, wire); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendAck(b *testing.B) {
	buffer := make([]byte, 0, 64)
	m := Ack{RTP: 90000, Received: time.Second, Presented: time.Second, Frames: 60}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Append(buffer, &m); err != nil {
			b.Fatal(err)
		}
	}
}
