package beacon

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestALocalChainGivesNoRoundBeforeItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := NewLocal(NewOrigin(3 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		for number := uint64(1); number < 5; number++ {
			r, err := l.Round(number)
			if err != nil || l.Chain().Verify(r) != nil {
				t.Errorf("round %d: %v, %v", number, err, l.Chain().Verify(r))
			}
			for _, until := range []time.Duration{0, 3*time.Second - 1} {
				time.Sleep(until)
				if _, err := l.Round(number + 1); !errors.Is(err, ErrEarly) {
					t.Errorf("round %d, %v before its time: %v", number+1, time.Until(l.Chain().TimeOf(number+1)), err)
				}
			}
			time.Sleep(time.Nanosecond)
		}
		for _, none := range []uint64{0, MaxRound + 1} {
			if r, err := l.Round(none); err == nil || errors.Is(err, ErrEarly) {
				t.Errorf("round %d: %v, %v", none, r, err)
			}
		}
	})
}

func TestALocalChainIsTheSameAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "beacon.json")
		first, err := OpenLocal(path, 3*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if about, err := os.Stat(path); err != nil || about.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", about.Mode(), err)
		}
		before, err := first.Round(1)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		second, err := OpenLocal(path, 3*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		after, err := second.Round(1)
		if err != nil || after != before || first.Chain().Hash() != second.Chain().Hash() {
			t.Errorf("round 1 was %v and is %v, %v", before, after, err)
		}
		other, err := OpenLocal(filepath.Join(t.TempDir(), "beacon.json"), 3*time.Second)
		if err != nil || other.Chain().Hash() == first.Chain().Hash() {
			t.Errorf("two files, one chain: %v, %v", other.Chain().Hash(), err)
		}
		if _, err := OpenLocal(path, 4*time.Second); err == nil {
			t.Error("the chain has another period now")
		}
	})
}

func TestFilesOfNoChainAreRefused(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "beacon.json")
	if _, err := OpenLocal(path, time.Second); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
	for cut := range good[:len(good)-2] {
		if err := os.WriteFile(path, good[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenLocal(path, time.Second); !errors.Is(err, ErrOrigin) {
			t.Errorf("cut off after %d octets: %v", cut, err)
		}
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLocal(path, time.Second); !errors.Is(err, ErrReadable) {
		t.Errorf("a file that others can read: %v", err)
	}
	if _, err := OpenLocal(filepath.Join(folder, "none", "beacon.json"), time.Second); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	for _, period := range []time.Duration{0, -time.Second, time.Millisecond, 1500 * time.Millisecond, MaxPeriod + time.Second} {
		path := filepath.Join(folder, "another.json")
		if _, err := OpenLocal(path, period); err == nil {
			t.Errorf("a round every %v", period)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a chain that cannot be has left a file: %v", err)
		}
	}
	if _, err := NewLocal(Origin{Genesis: time.Unix(1, 1), Period: time.Second}); err == nil {
		t.Error("a first round between two seconds")
	}
}

func TestALocalChainIsServedAsDrandServesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := NewLocal(NewOrigin(3 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second) // in round 2
		handler, chain := l.Handler(), l.Chain().Hash()
		get := func(method, path string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
			return w
		}
		if w := get(http.MethodGet, fmt.Sprintf("/%v/info", chain)); w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("info: %d %v", w.Code, w.Header())
		} else if c, err := ParseInfo(w.Body.Bytes()); err != nil || c.Hash() != chain {
			t.Errorf("info: %v, %v", c, err)
		}
		for path, number := range map[string]uint64{"1": 1, "2": 2, "latest": 2} {
			w := get(http.MethodGet, fmt.Sprintf("/%v/public/%s", chain, path))
			r, err := ParseRound(w.Body.Bytes())
			if err != nil || r.Number != number || l.Chain().Verify(r) != nil {
				t.Errorf("%s: %d, %v, %v", path, w.Code, r, err)
			}
			if forever := w.Header().Get("Cache-Control") != "no-cache"; forever != (path != "latest") {
				t.Errorf("%s may be kept: %s", path, w.Header().Get("Cache-Control"))
			}
		}
		for path, code := range map[string]int{
			"public/3": 404, "public/0": 404, "public/18446744073709551615": 404, "public/18446744073709551616": 400, "public/-1": 400, "public/0x1": 400,
			"public/latest/1": 404, "public/": 404, "": 404, "seed": 404,
		} {
			if w := get(http.MethodGet, fmt.Sprintf("/%v/%s", chain, path)); w.Code != code || code == 404 && path == "public/3" && w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d, want %d", path, w.Code, code)
			}
		}
		if w := get(http.MethodGet, fmt.Sprintf("/%v/info", Quicknet().Hash())); w.Code != http.StatusNotFound {
			t.Errorf("another chain's info: %d", w.Code)
		}
		if w := get(http.MethodPost, fmt.Sprintf("/%v/public/1", chain)); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("a POST: %d", w.Code)
		}
	})
}

func TestManyMayAskAtOnce(t *testing.T) {
	l := newLocal(t, 1)
	s := &servers{hosts: map[string]http.Handler{"b": l.Handler()}}
	c, _ := newClient(t, l, s, "a", "b")
	var wait sync.WaitGroup
	for i := range 32 {
		wait.Go(func() {
			number := uint64(i%8 + 1)
			r, err := c.Round(t.Context(), number)
			want(t, r, err, number, l)
		})
	}
	wait.Wait()
}
