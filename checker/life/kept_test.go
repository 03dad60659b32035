package life

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// A life that was written and read is the same, and whatever happens next comes to the same.
func TestALifeThatWasWrittenGoesOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		check(t, func(t *rapid.T, w *world) {
			l := someLife(t, w)
			text, err := json.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			var read Life
			if err := json.Unmarshal(text, &read); err != nil {
				t.Fatal(err)
			}
			same := func(a, b Life) bool {
				if len(a.Failures) == 0 && len(b.Failures) == 0 {
					a.Failures, b.Failures = nil, nil
				}
				return reflect.DeepEqual(a, b)
			}
			if !same(l, read) {
				t.Fatalf("%+v is read from %s as %+v", l, text, read)
			}
			for range 30 {
				e := w.event(l)
				one, err := l.After(e)
				other, also := read.After(e)
				if !same(one, other) || (err == nil) != (also == nil) {
					t.Fatalf("%+v comes to %+v, %v, and from what was read to %+v, %v", e, one, err, other, also)
				}
				l, read = one, other
			}
		})
	})
}

func TestALifeThatNobodyCanHaveIsRefused(t *testing.T) {
	for _, text := range []string{
		`{"state":12}`, `{"state":1,"before":{"state":200}}`, `{"sessions":-1}`, `{"sessions":1000000000}`, `{"failures":[{"Appeal":3}]}`,
	} {
		var l Life
		if err := json.Unmarshal([]byte(text), &l); !errors.Is(err, ErrEvent) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzLife(f *testing.F) {
	f.Add([]byte(`{"state":2,"failures":[{"Check":"capacity"}],"jail":{"Until":5}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var l, again Life
		if json.Unmarshal(text, &l) != nil {
			return
		}
		written, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(written, &again); err != nil || !reflect.DeepEqual(l, again) && len(l.Failures) > 0 {
			t.Errorf("%+v, then %+v, %v", l, again, err)
		}
	})
}
