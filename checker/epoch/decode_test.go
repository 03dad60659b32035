package epoch

import (
	"bytes"
	"errors"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// agree fails unless a line is read alike by quick, where that reads it, and as JSON.
func agree(t interface {
	Helper()
	Errorf(string, ...any)
}, line []byte) (quickly bool) {
	t.Helper()
	known := make(addresses)
	e, quickly := quick(line, known)
	if again, still := quick(line, known); still != quickly || still && !reflect.DeepEqual(again, e) {
		t.Errorf("%s is read as %+v (%t), and again as %+v (%t)", line, e, quickly, again, still)
	}
	if !quickly {
		return false
	}
	if want, err := decodeJSON(line); err != nil || !reflect.DeepEqual(e, want) {
		t.Errorf("%s is quickly read as %+v; as JSON as %+v, %v", line, e, want, err)
	}
	return true
}

// Nearly all commitments and reports are read quickly, and each as it is read as JSON.
func TestALineIsReadQuicklyAsItIsReadAsJSON(t *testing.T) {
	figures := rapid.OneOf(rapid.Float64(), rapid.Float64Range(-1000, 1000), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1e-6, 9.99e-7, 1e20, 1e21, 5e-324, 1 << 53, 0.1}))
	octets := func(t *rapid.T, to []byte) {
		copy(to, rapid.SliceOfN(rapid.Byte(), len(to), len(to)).Draw(t, "octets"))
	}
	rapid.Check(t, func(t *rapid.T) {
		at := Millis(rapid.Int64().Draw(t, "at"))
		var r Report
		var c Commitment
		for _, field := range [][]byte{r.Task[:], r.Checker[:], r.Proof[:], r.Salt[:], r.Signature[:], c.Task[:], c.Checker[:], c.Commitment[:], c.Signature[:]} {
			octets(t, field)
		}
		r.At, c.At = at, at
		r.RoundTrip = Micros(rapid.SampledFrom([]uint32{0, 1, 81_234, uint32(MostRoundTrip)}).Draw(t, "round trip"))
		r.Address = rapid.SampledFrom([]netip.Addr{
			{}, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:192.0.2.1"), netip.MustParseAddr("fe80::1%eth0"), netip.MustParseAddr(`fe80::1%"\`),
		}).Draw(t, "address")
		for range rapid.IntRange(0, maxQuestions).Draw(t, "answers") {
			r.Answers = append(r.Answers, Answer{Yes: rapid.Bool().Draw(t, "yes"), Figure: figures.Draw(t, "figure"), Vantage: figures.Draw(t, "vantage")})
		}
		for _, e := range []Entry{{Report: &r}, {Commitment: &c}} {
			line, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if !agree(t, line) && e.Commitment != nil {
				t.Errorf("%s is not read quickly", line)
			}
			// Another octet somewhere is another entry, or none.
			line[rapid.IntRange(0, len(line)-1).Draw(t, "changed")] = rapid.SampledFrom([]byte(`00123456789aAfF"{}[],:.-+eE x`)).Draw(t, "octet")
			agree(t, line)
		}
	})
}

func TestWhatPeopleWriteIsReadQuickly(t *testing.T) {
	taken, left := 0, 0
	for line := range strings.Lines(string(varied(t))) {
		e, err := Decode([]byte(strings.TrimSuffix(line, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		if e.Report == nil && e.Commitment == nil {
			continue
		}
		if agree(t, []byte(strings.TrimSuffix(line, "\n"))) {
			taken++
		} else {
			left++
		}
	}
	if taken == 0 || left > 0 {
		t.Errorf("%d commitments and reports are read quickly, %d are not", taken, left)
	}
}

func FuzzDecode(f *testing.F) {
	for line := range strings.Lines(string(varied(f))) {
		f.Add([]byte(strings.TrimSuffix(line, "\n")))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		agree(t, line)
		e, err := Decode(line)
		if err != nil {
			if !errors.Is(err, ErrEntry) {
				t.Fatal(err)
			}
			return
		}
		if again, err := e.Encode(); err != nil || !bytes.Equal(again, line) {
			t.Fatalf("%q, %v", again, err)
		}
		replay := NewReplay()
		_ = replay.Add(e, line) // whatever comes of it
		_, _ = replay.Outcome()
	})
}
