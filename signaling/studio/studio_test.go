package studio

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"nearlight/signaling"
	"nearlight/signaling/token"
)

const roster = `
# what each studio may do
acme:
  origins: [https://Play.acme.example, "http://localhost:8080", self]
  sessions: 200
  requests-per-minute: 6000
  bitrate: 12M
  price: 150
  regions: [eu, de]
other-2: {bitrate: 2500k}
free:
`

func TestARosterIsReadAsItStands(t *testing.T) {
	r, err := Parse([]byte(roster))
	if err != nil {
		t.Fatal(err)
	}
	want := Limits{
		Origins: []string{"https://play.acme.example", "http://localhost:8080", Self}, Sessions: 200, Requests: 6000, Bitrate: 12_000_000, Price: 150,
		Regions: []string{"eu", "de"},
	}
	if got := r.Of("acme"); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := r.Of("other-2"); !reflect.DeepEqual(got, Limits{Bitrate: 2_500_000}) {
		t.Errorf("%+v", got)
	}
	if got := r.Names(); !reflect.DeepEqual(got, []string{"acme", "free", "other-2"}) || !r.Has("free") || r.Has("strange") {
		t.Errorf("%v", got)
	}
	for origin, want := range map[string]bool{"https://play.acme.example": true, "http://localhost:8080": true, Self: false, "https://other.example": false} {
		if r.AnyOrigin(origin) != want {
			t.Errorf("%s: %v", origin, !want)
		}
	}
	for _, empty := range []string{"", "# nothing\n", "\n\n"} {
		if r, err := Parse([]byte(empty)); err != nil || len(r.Names()) != 0 {
			t.Errorf("%q: %v, %v", empty, r, err)
		}
	}
}

func TestAnErrorNamesTheStudioAndTheField(t *testing.T) {
	many := "acme:\n  regions: ["
	for i := range maxRegions + 1 {
		many += fmt.Sprintf("r%d,", i)
	}
	for text, names := range map[string][]string{
		"acme:\n  origins: [play.example]":           {"line 1", "acme", "origins", "play.example", "SCHEME://HOST"},
		"acme:\n  origins: [https://play.example/]":  {"acme", "origins"},
		"acme:\n  origins: [\"https://*.example\"]":  {"acme", "origins"},
		"acme:\n  origins: [ftp://play.example]":     {"acme", "origins"},
		"acme:\n  origins: [https://a@play.example]": {"acme", "origins"},
		"acme:\n  origins: https://play.example":     {"acme", "origins", "list"},
		"acme:\n  origins: []":                       {"acme", "origins", "leave it out"},
		"acme:\n  origins: [self, SELF]":             {"acme", "origins", "twice"},
		"acme:\n  origins: [[self]]":                 {"acme", "origins"},
		"acme:\n  sessions: 0":                       {"acme", "sessions", `"0"`},
		"acme:\n  sessions: many":                    {"acme", "sessions", "many"},
		"acme:\n  sessions: -1":                      {"acme", "sessions"},
		"acme:\n  sessions: 1.5":                     {"acme", "sessions"},
		"acme:\n  sessions: [1]":                     {"acme", "sessions"},
		"acme:\n  sessions: 1\n  sessions: 2":        {"acme", "sessions", "twice"},
		"acme:\n  requests-per-minute: 99999999":     {"acme", "requests-per-minute"},
		"acme:\n  bitrate: 1":                        {"acme", "bitrate", "12M"},
		"acme:\n  bitrate: 12m":                      {"acme", "bitrate"},
		"acme:\n  bitrate: 9223372036854775807M":     {"acme", "bitrate"},
		"acme:\n  price: 9007199254740992":           {"acme", "price"},
		"acme:\n  regions: [EU]":                     {"acme", "regions", "EU"},
		many + "]":                                   {"acme", "regions"},
		"one:\n  sessions: 1\nacme:\n  seats: 4":     {"line 3", "acme", "seats", "line 4", "requests-per-minute"},
		"acme: 5":                                    {"acme", "mapping"},
		"acme: &a\n  sessions: 1\nother: *a":         {"other", "mapping"},
		"acme:\n  sessions: 1\nacme:\n  sessions: 2": {"acme", "twice"},
		"Acme Inc:\n  sessions: 1":                   {"Acme Inc", "small letters"},
		"- acme":                                     {"mapping"},
		"acme:\n  sessions: 1\n---\nother: {}":       {"one document"},
		"acme: [":                                    {"line"},
		strings.Repeat("#", MaxFile+1):               {"octets"},
	} {
		_, err := Parse([]byte(text))
		if err == nil {
			t.Errorf("%.80q is taken", text)
			continue
		}
		for _, name := range names {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%.80q: %v, without %q", text, err, name)
			}
		}
	}
	var crowd strings.Builder
	for i := range maxStudios + 1 {
		fmt.Fprintf(&crowd, "s%d:\n", i)
	}
	if _, err := Parse([]byte(crowd.String())); err == nil {
		t.Error("more studios than the metrics have labels")
	}
}

func TestATokenMaySayNoMoreThanItsStudioMay(t *testing.T) {
	l := Limits{Bitrate: 5_000_000, Price: 10, Regions: []string{"eu", "de"}}
	good := token.Claims{Bitrate: 5_000_000, Price: 10, Regions: []string{"de"}}
	for _, step := range []struct {
		why    string
		change func(*token.Claims)
		claim  string // "" admits
	}{
		{"within all limits", func(*token.Claims) {}, ""},
		{"a higher bitrate", func(c *token.Claims) { c.Bitrate++ }, "bitrate"},
		{"any bitrate", func(c *token.Claims) { c.Bitrate = 0 }, "bitrate"},
		{"a higher price", func(c *token.Claims) { c.Price++ }, "price"},
		{"any price", func(c *token.Claims) { c.Price = 0 }, "price"},
		{"another region as well", func(c *token.Claims) { c.Regions = []string{"de", "us"} }, "regions"},
		{"all regions", func(c *token.Claims) { c.Regions = nil }, "regions"},
	} {
		c := good
		step.change(&c)
		err := l.Admit(c)
		if (err == nil) != (step.claim == "") {
			t.Errorf("%s: %v", step.why, err)
		}
		if err != nil && (!errors.Is(err, &signaling.Error{Code: signaling.CodeBadToken}) || !strings.Contains(err.Message, step.claim) || !strings.Contains(err.Hint, step.claim)) {
			t.Errorf("%s: %v", step.why, err)
		}
	}
	if err := (Limits{}).Admit(token.Claims{}); err != nil {
		t.Error("without limits:", err)
	}
}

func TestATokenIsForTheStudiosPages(t *testing.T) {
	l := Limits{Origins: []string{"https://play.example"}}
	own := Limits{Origins: []string{"https://play.example", Self}}
	for _, step := range []struct {
		limits Limits
		origin string
		own    bool
		want   bool
	}{
		{l, "https://play.example", false, true}, {l, "", false, true}, {l, "https://other.example", false, false}, {l, "https://signaling.example", true, false},
		{own, "https://signaling.example", true, true}, {own, "https://other.example", false, false}, {Limits{}, "https://other.example", false, true},
	} {
		err := step.limits.From(step.origin, step.own)
		if (err == nil) != step.want || err != nil && (err.Code != signaling.CodeWrongOrigin || err.Hint == "") {
			t.Errorf("%+v: %v", step, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(roster))
	f.Add([]byte("acme: {sessions: 1, origins: [self]}"))
	f.Add([]byte("a: &x\n b: *x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		if len(r.Names()) > maxStudios {
			t.Errorf("%d studios", len(r.Names()))
		}
		for _, name := range r.Names() {
			l := r.Of(name)
			if !IsName(name) || l.Sessions < 0 || l.Requests < 0 || l.Bitrate < 0 || len(l.Origins) > maxOrigins || len(l.Regions) > maxRegions {
				t.Errorf("%q: %+v", name, l)
			}
		}
	})
}
