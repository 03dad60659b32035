package purse

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"nearlight/internal/openapitest"
	"nearlight/signaling/token"
)

// post is a studio's request.
func (h *house) post(bearer, body string) (int, Stocked, string) {
	h.Helper()
	r := httptest.NewRequest(http.MethodPost, Path, strings.NewReader(body))
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	openapitest.Conforms(h.TB, http.MethodPost, Path, w.Result(), w.Body.String())
	var stocked Stocked
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &stocked); err != nil {
			h.Fatal(err)
		}
	}
	return w.Code, stocked, w.Body.String()
}

func (h *house) body(raws ...string) string {
	h.Helper()
	text, err := json.Marshal(Posted{raws})
	if err != nil {
		h.Fatal(err)
	}
	return string(text)
}

func TestAStudioLeavesTokensByOneThatSaysSo(t *testing.T) {
	h := newHouse(t)
	bearer := h.token("bearer", func(c *token.Claims) { c.Rights, c.Once = []token.Right{token.Stock}, false })
	other := h.tokenOf("umbra", "bearer", func(c *token.Claims) { c.Rights = []token.Right{token.Stock} })
	good := h.body(h.token("a", nil), h.token("b", nil))
	for why, step := range map[string]struct {
		bearer, body string
		status       int
		says         string
	}{
		"nobody":                         {"", good, http.StatusUnauthorized, "right stock"},
		"a player":                       {h.token("player", nil), good, http.StatusUnauthorized, "right stock"},
		"another studio":                 {other, good, http.StatusBadRequest, "not-ordinary"},
		"no JSON":                        {bearer, "{", http.StatusBadRequest, "malformed"},
		"too long a body":                {bearer, strings.Repeat(" ", mostBody+1), http.StatusBadRequest, "malformed"},
		"too many":                       {bearer, h.body(make([]string, mostPosted+1)...), http.StatusTooManyRequests, codeTooMany},
		"one of its own that is no good": {bearer, h.body(bearer), http.StatusBadRequest, "token 0"},
	} {
		if status, _, text := h.post(step.bearer, step.body); status != step.status || !strings.Contains(text, step.says) {
			t.Errorf("%s: %d %s", why, status, text)
		}
	}
	for i, want := range []Stocked{{2, 2}, {0, 2}} {
		if status, got, text := h.post(bearer, good); status != http.StatusOK || got != want {
			t.Errorf("the request %d: %d %s", i, status, text)
		}
	}
	if status, got, _ := h.post(bearer, `{}`); status != http.StatusOK || got != (Stocked{0, 2}) {
		t.Errorf("who leaves nothing is told %+v", got)
	}
	if h.take() != "b" {
		t.Error("what was left is not there")
	}
}

func FuzzLines(f *testing.F) {
	f.Add(`{"token":"a.b.c","owner":"acme"}` + "\n" + `{"used":"x","until":5}` + "\n")
	f.Add(`{"used":""}` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := readLines(strings.NewReader(text))
		if err != nil {
			return
		}
		again, err := encode(lines)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := readLines(strings.NewReader(string(again))); err != nil || len(back) != len(lines) {
			t.Errorf("%q is read as %+v, and written as %q: %v", text, lines, again, err)
		}
	})
}

func FuzzPost(f *testing.F) {
	h := newHouse(f)
	bearer := h.token("bearer", func(c *token.Claims) { c.Rights = []token.Right{token.Stock} })
	f.Add(`{"tokens":["a.b.c"]}`)
	f.Add(`{"tokens":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		here := *h
		here.TB = t
		if status, got, text := here.post(bearer, body); status == http.StatusOK && got.Taken > 0 || status >= http.StatusInternalServerError {
			t.Errorf("%q: %d %s", body, status, text)
		}
	})
}
