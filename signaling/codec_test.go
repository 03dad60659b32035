package signaling

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

type golden struct {
	Direction string          `json:"direction"`
	Message   json.RawMessage `json:"message"`
	Raw       string          `json:"raw"`
	Refused   string          `json:"refused"`
}

func (g golden) direction(t testing.TB) Direction {
	for _, d := range directions {
		if d.String() == g.Direction {
			return d
		}
	}
	t.Fatalf("unknown direction %q", g.Direction)
	return 0
}

var directions = []Direction{PlayerToSignaling, SignalingToPlayer, EdgeToSignaling, SignalingToEdge}

func readGolden(t testing.TB) map[string]golden {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	all := make(map[string]golden, len(files))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(data, &g); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = g
	}
	return all
}

func TestGoldenMessagesAreReadAndWrittenAlike(t *testing.T) {
	seen := map[string]bool{}
	for name, g := range readGolden(t) {
		if g.Refused != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			d := g.direction(t)
			m, err := Parse(d, g.Message)
			if err != nil {
				t.Fatal(err)
			}
			seen[d.String()+" "+m.kind()] = true
			data, err := Encode(d, m)
			if err != nil {
				t.Fatal(err)
			}
			var want, got map[string]any
			if err := json.Unmarshal(g.Message, &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &got); err != nil {
				t.Fatalf("%v: %s", err, data)
			}
			delete(want, "mood") // a field of a later version is ignored
			if !reflect.DeepEqual(got, want) {
				t.Errorf("written as\n%s\nwant\n%s", data, g.Message)
			}
		})
	}
	for _, d := range directions {
		for _, kind := range kinds {
			if decoder(d, kind) != nil && !seen[d.String()+" "+kind] {
				t.Errorf("no golden file for %s %s", d, kind)
			}
		}
	}
}

var kinds = []string{
	"play", "restart", "unheard", "offer", "answer", "candidate", "check", "install", "leave", "matched", "progress", "checked", "installing",
	"ended", "moved", "queued", "leased", "error", "bound", "login", "challenge", "register", "status", "refuse", "alive", "registered", "start", "probe", "stop",
	"measure", "measured",
	"usage", "counted",
}

func TestGoldenRefusalsAreRefused(t *testing.T) {
	for name, g := range readGolden(t) {
		if g.Refused == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			m, err := Parse(g.direction(t), []byte(g.Raw))
			if !errors.Is(err, &Error{Code: CodeBadMessage}) {
				t.Fatalf("%#v, %v; want it refused: %s", m, err, g.Refused)
			}
			t.Logf("%s -> %v", g.Refused, err)
		})
	}
}

func TestWhatAGoldenFileCannotHoldIsRefused(t *testing.T) {
	for why, raw := range map[string]string{
		"over MaxMessage":                  `{"type":"check"` + strings.Repeat(" ", MaxMessage) + `}`,
		"not UTF-8":                        "{\"type\":\"answer\",\"sdp\":\"\xff\"}",
		"a name of ours in other capitals": `{"type":"answer","SDP":"v=0"}`,
		"the same with a Kelvin sign":      `{"type":"install","to` + "\u212a" + `en":"x","app":"a"}`,
		"a name hidden by an escape":       `{"type":"check","\u0074ype":"leave"}`,
		"deep within the allowed octets":   strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000),
	} {
		if _, err := Parse(PlayerToSignaling, []byte(raw)); !errors.Is(err, &Error{Code: CodeBadMessage}) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestAMessageOfExactlyMaxMessageIsRead(t *testing.T) {
	raw := `{"type":"check"}`
	raw += strings.Repeat(" ", MaxMessage-len(raw))
	if _, err := Parse(PlayerToSignaling, []byte(raw)); err != nil {
		t.Error(err)
	}
}

func TestEncodeRefusesWhatTheOtherEndWould(t *testing.T) {
	for _, step := range []struct {
		why string
		d   Direction
		m   Message
	}{
		{"wrong way", PlayerToSignaling, Offer{SDP: "v=0"}},
		{"no session towards an edge", SignalingToEdge, Answer{SDP: "v=0"}},
		{"too long", PlayerToSignaling, Answer{SDP: strings.Repeat("x", maxSDP+1)}},
		{"not UTF-8", PlayerToSignaling, Answer{SDP: "\xff"}},
		{"no reason", SignalingToPlayer, Ended{}},
		{"a round trip that is no number", PlayerToSignaling, Measured{Round: 1, Edges: List[Trips]{{Edge: "e", RoundTrips: List[float64]{math.NaN()}}}}},
		{"a place that is no number", EdgeToSignaling, Register{
			Token: "t", Slots: 1, Codecs: List[string]{"h264"}, Leases: make([]SlotState, 1), Traits: Traits{Place: &Place{Latitude: math.NaN()}},
		}},
		{"over MaxMessage once escaped", PlayerToSignaling, Answer{SDP: strings.Repeat("\n", maxSDP)}},
	} {
		if data, err := Encode(step.d, step.m); err == nil {
			t.Errorf("%s: %s", step.why, data)
		}
	}
}

func TestWhatIsMissingOfALeaseIsSaid(t *testing.T) {
	register := func(change func(*Register)) Register {
		m := Register{Token: "t", Slots: 2, Codecs: List[string]{"h264"}, Leases: make([]SlotState, 2)}
		change(&m)
		return m
	}
	running := func(r Running) Register { return register(func(m *Register) { m.Running = []Running{r} }) }
	start := func(change func(*Start)) Start {
		m := Start{Session: "s", Token: "t", Codecs: List[string]{"h264"}}
		change(&m)
		return m
	}
	for _, step := range []struct {
		why  string
		d    Direction
		m    Message
		want string // "" for nothing
	}{
		{"of each slot", EdgeToSignaling, register(func(*Register) {}), ""},
		{"of none", EdgeToSignaling, register(func(m *Register) { m.Leases = nil }), "leases are 0, slots 2"},
		{"of more than there are", EdgeToSignaling, register(func(m *Register) { m.Leases = make([]SlotState, 3) }), "leases are 3, slots 2"},
		{"a session in a slot", EdgeToSignaling, running(Running{Session: "s", Token: "t", Slot: 1, Epoch: 1}), ""},
		{"in one that there is not", EdgeToSignaling, running(Running{Session: "s", Token: "t", Slot: 2, Epoch: 1}), "slot is 2, want 0 to 1"},
		{"without an epoch", EdgeToSignaling, running(Running{Session: "s", Token: "t"}), "session s runs without the epoch of a lease"},
		{"a spectator", EdgeToSignaling, running(Running{Session: "s", Token: "t", Watch: "s-1"}), ""},
		{"a spectator in a slot", EdgeToSignaling, running(Running{Session: "s", Token: "t", Watch: "s-1", Epoch: 1}), "session s looks on, and has slot 0 at epoch 1"},
		{"to play", SignalingToEdge, start(func(m *Start) { m.Lease = &Proposal{TTL: 60_000} }), ""},
		{"to play without a slot", SignalingToEdge, start(func(*Start) {}), "lease is missing, and the session neither looks on nor resumes"},
		{"to look on", SignalingToEdge, start(func(m *Start) { m.Watch = "s-1" }), ""},
		{"to go on", SignalingToEdge, start(func(m *Start) { m.Resume = true }), ""},
	} {
		_, err := Encode(step.d, step.m)
		if (err == nil) != (step.want == "") || err != nil && !strings.Contains(err.Error(), step.want) {
			t.Errorf("%s: %v, want %q", step.why, err, step.want)
		}
	}
}

func TestListsAreNeverNull(t *testing.T) {
	for _, m := range []struct {
		d Direction
		m Message
	}{
		{SignalingToPlayer, Matched{Session: "s", Edge: EdgeName{ID: "e"}}},
		{SignalingToPlayer, Ended{Reason: NewError(CodeAppExited)}},
		{EdgeToSignaling, Register{Token: "t", Slots: 1, Codecs: List[string]{"h264"}, Apps: List[App]{{Name: "a", Title: "A"}}, Leases: make([]SlotState, 1)}},
	} {
		data, err := Encode(m.d, m.m)
		if err != nil || strings.Contains(string(data), "null") {
			t.Errorf("%s, %v", data, err)
		}
	}
}

func TestStatusTellsNoAppsFromNoChange(t *testing.T) {
	for _, step := range []struct {
		status Status
		want   string
	}{
		{Status{Free: 1}, `{"type":"status","free":1}`},
		{Status{Free: 1, Apps: []App{}}, `{"type":"status","free":1,"apps":[]}`},
	} {
		data, err := Encode(EdgeToSignaling, step.status)
		if err != nil || string(data) != step.want {
			t.Fatalf("%s, %v; want %s", data, err, step.want)
		}
		m, err := Parse(EdgeToSignaling, data)
		if err != nil || (m.(Status).Apps == nil) != (step.status.Apps == nil) {
			t.Errorf("%s reads as %#v, %v", data, m, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, g := range readGolden(f) {
		data := []byte(g.Raw)
		if g.Refused == "" {
			data = g.Message
		}
		f.Add(uint8(g.direction(f)), data)
	}
	f.Fuzz(func(t *testing.T, way uint8, data []byte) {
		d := Direction(way)
		m, err := Parse(d, data)
		if err != nil {
			e := AsError(err)
			if e.Code != CodeBadMessage {
				t.Fatalf("refused with %v", err)
			}
			if _, err := Encode(SignalingToPlayer, Failed{Error: e}); err != nil {
				t.Fatalf("the refusal cannot be sent: %v", err)
			}
			return
		}
		again, err := Encode(d, m)
		if err != nil {
			if strings.Contains(err.Error(), "octets, the limit is") {
				return // escapes of ours are longer than those that came
			}
			t.Fatalf("%s\nis read but not written: %v", data, err)
		}
		back, err := Parse(d, again)
		if err != nil {
			t.Fatalf("%s\nis written as %s\nwhich is refused: %v", data, again, err)
		}
		if third, err := Encode(d, back); err != nil || string(third) != string(again) {
			t.Fatalf("%s\nis written as %s\nthen as %s, %v", data, again, third, err)
		}
	})
}
