package admin

import (
	"strings"
	"testing"
)

func TestAFileOfOperatorsIsReadOrRefusedByLine(t *testing.T) {
	token, line, err := NewToken("ada")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(line, token) {
		t.Errorf("the line tells the token: %s", line)
	}
	o, err := ParseOperators([]byte("# operators\n\n" + line + " # first\neve " + strings.Repeat("e", 32) + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	for shown, want := range map[string]string{token: "ada", strings.Repeat("e", 32): "eve", "": "", token[:10]: "", line: "", token + token: ""} {
		if name, ok := o.Name(shown); name != want || ok != (want != "") {
			t.Errorf("%q is %q", shown, name)
		}
	}
	for why, text := range map[string]string{
		"nobody":             "# nobody\n",
		"no token":           "ada\n",
		"a third word":       line + " more\n",
		"a short token":      "ada " + strings.Repeat("x", 31),
		"a long token":       "ada " + strings.Repeat("x", 257),
		"half a digest":      "ada sha256:abcd",
		"a digest and more":  line + "00",
		"no digest":          "ada sha256:" + strings.Repeat("z", 64),
		"a name twice":       line + "\nada " + strings.Repeat("x", 32),
		"a token twice":      "ada " + strings.Repeat("x", 32) + "\neve " + strings.Repeat("x", 32),
		"a name of no ASCII": "adä " + strings.Repeat("x", 32),
		"a very long line":   strings.Repeat("x", MaxFile+1),
	} {
		if o, err := ParseOperators([]byte(text)); err == nil {
			t.Errorf("%s: %v", why, o.names)
		} else if strings.Contains(err.Error(), strings.Repeat("x", 31)) {
			t.Errorf("%s: the error tells the secret: %v", why, err)
		}
	}
}

func FuzzParseOperators(f *testing.F) {
	f.Add([]byte("ada sha256:0000000000000000000000000000000000000000000000000000000000000000\n"))
	f.Add([]byte("eve eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee # e\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := ParseOperators(text)
		if err == nil && (len(o.names) == 0 || len(o.names) != len(o.digests)) {
			t.Errorf("%q: %v", text, o)
		}
	})
}

func FuzzDecodeBan(f *testing.F) {
	f.Add([]byte(`{"edge":"e-1","reason":"a","until":"2030-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"tokenId":"T","reason":""}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if body, err := decode[banBody](text); err == nil {
			_ = reasoned(body.Reason) // refuses or does not, and does not fail
		}
	})
}
