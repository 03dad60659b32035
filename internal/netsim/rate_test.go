package netsim_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
)

const ms = time.Millisecond

// arrivals sends a packet of each size at its instant, in milliseconds, and returns the milliseconds at which they come out.
func arrivals(t *testing.T, rate netsim.Rate, packets ...[2]int) []float64 {
	t.Helper()
	link := newLink(t, netsim.Config{Rate: rate})
	for _, p := range packets {
		link.Send(time.Duration(p[0])*ms, netsim.Packet{Size: p[1]})
	}
	var at []float64
	for _, p := range link.Receive(24*time.Hour, nil) {
		at = append(at, float64(p.Arrived)/float64(ms))
	}
	return at
}

func equal(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if d := a[i] - b[i]; d < -1e-5 || d > 1e-5 { // rates round up to the nanosecond
			return false
		}
	}
	return true
}

func TestRatesGovernWhenPacketsHavePassed(t *testing.T) {
	mbit := func(n int) media.Bitrate { return media.Bitrate(n) * media.Mbps }
	for _, step := range []struct {
		name    string
		rate    netsim.Rate
		packets [][2]int // instant in ms, octets
		want    []float64
	}{
		{"one after the other", netsim.Constant(mbit(8)), [][2]int{{0, 1000}, {0, 1000}, {10, 500}}, []float64{1, 2, 10.5}},
		{"a packet goes on at the new rate", netsim.Steps{Steps: []netsim.Step{{Rate: mbit(8)}, {At: 5 * ms, Rate: mbit(1)}}},
			[][2]int{{4, 1000}, {4, 1000}}, []float64{5, 13}},
		{"half before the step, half after it", netsim.Steps{Steps: []netsim.Step{{Rate: mbit(8)}, {At: 5 * ms, Rate: mbit(4)}}},
			[][2]int{{4, 2000}}, []float64{7}},
		{"an outage is waited for", netsim.Steps{Steps: []netsim.Step{{Rate: mbit(8)}, {At: 5 * ms}, {At: 50 * ms, Rate: mbit(8)}}},
			[][2]int{{4, 2000}, {20, 1000}}, []float64{51, 52}},
		{"steps begin anew", netsim.Steps{Steps: []netsim.Step{{Rate: mbit(8)}, {At: 5 * ms}}, Period: 10 * ms},
			[][2]int{{7, 1000}, {14, 2000}, {1007, 1000}}, []float64{11, 21, 1011}},
		{"a last step of 0 lasts for ever", netsim.Steps{Steps: []netsim.Step{{Rate: mbit(8)}, {At: 5 * ms}}},
			[][2]int{{0, 1000}, {5, 1000}}, []float64{1}},
		{"an opportunity is shared by what fits", trace(t, "5\n9\n"), [][2]int{{0, 752}, {0, 752}, {0, 100}}, []float64{5, 5, 9}},
		{"a packet takes several", trace(t, "5\n9\n"), [][2]int{{0, 1505}, {0, 1503}, {0, 1}}, []float64{9, 9, 14}},
		{"what is not used is gone", trace(t, "5\n9\n"), [][2]int{{6, 100}, {9, 100}, {10, 100}}, []float64{9, 9, 14}},
		{"repeated instants", trace(t, "5\n5\n9\n"), [][2]int{{0, 3008}, {0, 1}}, []float64{5, 9}},
		{"the seam: the end is the next beginning", trace(t, "0\n4\n"), [][2]int{{0, 1504}, {0, 1504}, {0, 1504}, {0, 1504}}, []float64{0, 4, 4, 8}},
		{"the seam is found from afar", trace(t, "0\n4\n"), [][2]int{{4000, 1504}, {4000, 1504}, {4000, 1504}}, []float64{4000, 4000, 4004}},
		{"late on a long loop", trace(t, "3\n1000\n"), [][2]int{{3_600_001, 10}, {3_600_500, 10}}, []float64{3_600_003, 3_601_000}},
	} {
		if got := arrivals(t, step.rate, step.packets...); !equal(got, step.want) {
			t.Errorf("%s: out at %v ms, want %v", step.name, got, step.want)
		}
	}
}

func TestUtilisationIsTheShareOfTheRateThatWasThere(t *testing.T) {
	for name, rate := range map[string]netsim.Rate{
		"constant": netsim.Constant(8 * media.Mbps),
		"steps":    netsim.Steps{Steps: []netsim.Step{{Rate: 12 * media.Mbps}, {At: 50 * ms, Rate: 4 * media.Mbps}}, Period: 100 * ms},
		"trace":    trace(t, strings.Repeat("1\n", 1)), // 12.032 Mbit/s
	} {
		link := newLink(t, netsim.Config{Rate: rate})
		for i := range 1000 {
			link.Send(time.Duration(i)*ms, netsim.Packet{Size: 500})
		}
		c := link.Counters(time.Second)
		want := 0.5
		if name == "trace" {
			want = 500.0 / 1504
		}
		if got := c.Utilisation(); got < want-0.01 || got > want+0.01 {
			t.Errorf("%s: utilisation %v, want %v (%d of %d)", name, got, want, c.Carried, c.Capacity)
		}
	}
}

func trace(t testing.TB, text string) *netsim.Trace {
	t.Helper()
	parsed, err := netsim.ParseTrace(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestTracesAreParsedStrictly(t *testing.T) {
	for _, text := range []string{
		"", "\n", "0\n", "0\n0\n", " 1\n", "1 \n", "+1\n", "-1\n", "1\n\n2\n", "01\n", "1\r\n2\r\n", "2\n1\n", "1.5\n", "0x1\n", "# trace\n1\n",
		"3600001\n", "99999999999999999999999\n", "1\n2\n\x00", "１\n",
	} {
		if _, err := netsim.ParseTrace(strings.NewReader(text)); !errors.Is(err, netsim.ErrTrace) {
			t.Errorf("%q: got %v, want netsim.ErrTrace", text, err)
		}
	}
	for _, text := range []string{"1\n", "1", "0\n1\n", "3600000\n", "5\n5\n5"} {
		if _, err := netsim.ParseTrace(strings.NewReader(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	long := strings.NewReader(strings.Repeat("1\n", netsim.MaxTraceOpportunities+1))
	if _, err := netsim.ParseTrace(long); !errors.Is(err, netsim.ErrTrace) {
		t.Errorf("a trace without end: %v", err)
	}
	broken := errors.New("broken disk")
	if _, err := netsim.ParseTrace(failingReader{broken}); !errors.Is(err, broken) || errors.Is(err, netsim.ErrTrace) {
		t.Errorf("a reader that fails: %v", err)
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

func FuzzParseTrace(f *testing.F) {
	f.Add([]byte("0\n1\n1\n20\n"))
	f.Add([]byte("3600000"))
	f.Add([]byte("1\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := netsim.ParseTrace(bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, netsim.ErrTrace) {
				t.Errorf("%v does not wrap ErrTrace", err)
			}
			return
		}
		var written bytes.Buffer
		n, err := parsed.WriteTo(&written)
		if err != nil || n != int64(written.Len()) {
			t.Fatalf("%d octets written, %v", n, err)
		}
		if want := bytes.TrimSuffix(data, []byte("\n")); !bytes.Equal(bytes.TrimSuffix(written.Bytes(), []byte("\n")), want) {
			t.Errorf("%q was written as %q", data, written.Bytes())
		}
		parsed.Statistics()
		link := newLink(t, netsim.Config{Rate: parsed})
		for range 3 {
			link.Send(0, netsim.Packet{Size: 1504})
		}
		// A lap has one opportunity at least.
		if got := link.Receive(4*parsed.Length(), nil); len(got) != 3 {
			t.Errorf("%d of 3 packets in 4 laps", len(got))
		}
		if used := link.Counters(0); used.Carried > used.Capacity {
			t.Errorf("%d octets carried where %d could be", used.Carried, used.Capacity)
		}
	})
}

// The figures are what the generators' documented parameters give with seed 1 over two minutes; who changes a parameter
// sees here what it does to the trace. Benchmarks of different days can be compared only while these hold.
func TestGeneratedTracesHaveTheStatisticsThatTheyHad(t *testing.T) {
	for _, golden := range []struct {
		name          string
		model         netsim.Model
		mean, p5, p95 float64 // Mbit/s
		outage        time.Duration
	}{
		{"LTE", netsim.LTE(), 19.26, 3.97, 37.54, 203 * ms},
		{"5G", netsim.FiveG(), 125.53, 8.30, 224.04, 85 * ms},
		{"Wi-Fi with stalls", netsim.WiFiStalls(), 35.10, 10.83, 54.14, 300 * ms},
		{"cable", netsim.Cable(), 21.17, 13.24, 26.59, 2 * ms},
	} {
		made := golden.model.Trace(1, 2*time.Minute)
		got := made.Statistics()
		near := func(rate media.Bitrate, want float64) bool {
			d := float64(rate)/float64(media.Mbps) - want
			return d > -0.01 && d < 0.01
		}
		if !near(got.Mean, golden.mean) || !near(got.P5, golden.p5) || !near(got.P95, golden.p95) || got.LongestOutage != golden.outage {
			t.Errorf("%s: mean %.2f, p5 %.2f, p95 %.2f Mbit/s, longest outage %v", golden.name,
				float64(got.Mean)/1e6, float64(got.P5)/1e6, float64(got.P95)/1e6, got.LongestOutage)
		}
		if made.Length() != 2*time.Minute {
			t.Errorf("%s lasts %v", golden.name, made.Length())
		}
	}
}

func TestAModelThatCannotBeIsRefused(t *testing.T) {
	broken := netsim.LTE()
	broken.Modes[1].Next = nil
	for name, model := range map[string]netsim.Model{"no modes": {}, "no way on": broken, "a fine grain": {Modes: netsim.LTE().Modes, Grain: 1, Memory: 1}} {
		if _, err := model.Generate(1, time.Second); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := netsim.LTE().Generate(1, 2*netsim.MaxTraceLength); err == nil {
		t.Error("two hours were accepted")
	}
}
