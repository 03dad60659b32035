package beacon

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
)

func FuzzParseInfo(f *testing.F) {
	f.Add([]byte(quicknet))
	f.Add(newLocal(f, 1).Chain().Info())
	f.Add([]byte(`{"period":1e3,"genesis_time":-1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseInfo(text)
		if err != nil {
			if c != nil || !errors.Is(err, ErrForm) && !errors.Is(err, ErrScheme) {
				t.Fatalf("%v, %v", c, err)
			}
			return
		}
		again, err := ParseInfo(c.Info())
		if err != nil || again.Hash() != c.Hash() || !again.TimeOf(MaxRound).Equal(c.TimeOf(MaxRound)) {
			t.Fatalf("%s is not read again: %v", c.Info(), err)
		}
	})
}

func FuzzParseRound(f *testing.F) {
	chain := Quicknet()
	real := make(map[Round]bool)
	for i := range published {
		r := publishedRound(f, i)
		real[r] = true
		f.Add(r.JSON())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseRound(text)
		if err != nil {
			if !errors.Is(err, ErrForm) {
				t.Fatal(err)
			}
			return
		}
		if again, err := ParseRound(r.JSON()); err != nil || again != r {
			t.Fatalf("%s is not read again: %v", r.JSON(), err)
		}
		if chain.Verify(r) == nil && !real[r] {
			t.Fatalf("a signature was forged: %s", r.JSON())
		}
	})
}

func FuzzOrigin(f *testing.F) {
	f.Add([]byte(`{"seed":"` + fmt.Sprintf("%064x", 1) + `","genesis":1692803367,"period":3}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := parseOrigin(text)
		if err != nil {
			if !errors.Is(err, ErrOrigin) {
				t.Fatal(err)
			}
			return
		}
		if _, err := NewLocal(o); err != nil {
			t.Fatalf("%s is a chain that cannot be: %v", text, err)
		}
	})
}

func FuzzHandler(f *testing.F) {
	l := newLocal(f, 1)
	handler := l.Handler()
	f.Add("info")
	f.Add("public/latest")
	f.Add("public/1")
	f.Add("public/00000000000000000001")
	f.Fuzz(func(t *testing.T, path string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = fmt.Sprintf("/%v/%s", l.Chain().Hash(), path)
		handler.ServeHTTP(w, r)
		if w.Code != 200 || path == "info" {
			return
		}
		round, err := ParseRound(w.Body.Bytes())
		if err != nil || l.Chain().Verify(round) != nil {
			t.Fatalf("%q: %q, %v", path, w.Body, err)
		}
	})
}
