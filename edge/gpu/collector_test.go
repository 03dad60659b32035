package gpu

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nearlight/internal/media"
)

// answer is a querier that says the same each time.
type answer struct {
	in  Inventory
	err error
}

func (a answer) Query(context.Context) (Inventory, error) { return a.in, a.err }

// scraped is what Prometheus reads: each series with its labels, and its value.
func scraped(t *testing.T, c *Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry() // checks each series against what Describe announced
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, pair := range m.GetLabel() {
				labels = append(labels, pair.GetName()+"="+pair.GetValue())
			}
			name := strings.TrimPrefix(family.GetName(), "nearlight_gpu_")
			series[fmt.Sprintf("%s{%s}", name, strings.Join(labels, ","))] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return series
}

func TestAScrapeTellsEachCardsFiguresInBaseUnits(t *testing.T) {
	in := Inventory{Driver: "550.54.15", CUDA: 12040, GPUs: []GPU{
		{
			UUID: "GPU-a", Name: "A", Address: "0000:01:00.0",
			Link:        Link{Generation: Known(4), Width: Known(16)},
			Memory:      Memory{Total: Known(24 * GiB), Used: Known(4 * GiB)},
			Load:        Load{Graphics: Known(0.5), Memory: Known(0.25), Encoder: Known(0.125), Decoder: Known(0.0)},
			Clocks:      Clocks{Graphics: Known(Hertz(2e9)), Memory: Known(Hertz(1e10)), Video: Known(Hertz(1.5e9))},
			Temperature: Known(Celsius(64)), Power: Known(Watts(212.5)), PowerLimit: Known(Watts(450)),
			Throttle: Known(HardThermal | PowerCap),
			Encoder: Encoder{Sessions: Known([]Session{
				{Codec: media.H264, FrameRate: 60, Latency: 2 * time.Millisecond}, {Codec: media.H264, FrameRate: 30, Latency: time.Millisecond}, {FrameRate: 25},
			})},
		},
		{Index: 1, UUID: "GPU-b", Name: "B", Address: "0000:02:00.0"}, // tells nothing
		{Index: 2, UUID: "GPU-c", Name: "C", Address: "0000:03:00.0", Err: fmt.Errorf("%w: off the bus", ErrLost)},
	}}
	want := map[string]float64{
		"queries_failed_total{}": 0,
		"info{address=0000:01:00.0,cuda=12.4,driver=550.54.15,gpu=0,name=A,uuid=GPU-a}": 1,
		"info{address=0000:02:00.0,cuda=12.4,driver=550.54.15,gpu=1,name=B,uuid=GPU-b}": 1,
		"info{address=0000:03:00.0,cuda=12.4,driver=550.54.15,gpu=2,name=C,uuid=GPU-c}": 1,

		"lost{gpu=0}": 0, "lost{gpu=1}": 0, "lost{gpu=2}": 1,
		"utilisation_ratio{gpu=0,part=graphics}": 0.5, "utilisation_ratio{gpu=0,part=memory}": 0.25,
		"utilisation_ratio{gpu=0,part=encoder}": 0.125, "utilisation_ratio{gpu=0,part=decoder}": 0,
		"memory_bytes{gpu=0,state=used}": 4 << 30, "memory_bytes{gpu=0,state=free}": 20 << 30,
		"temperature_celsius{gpu=0}": 64, "power_watts{gpu=0}": 212.5, "power_limit_watts{gpu=0}": 450,
		"clock_hertz{gpu=0,part=graphics}": 2e9, "clock_hertz{gpu=0,part=memory}": 1e10, "clock_hertz{gpu=0,part=video}": 1.5e9,
		"throttled{gpu=0,reason=heat}": 1, "throttled{gpu=0,reason=power}": 1, "throttled{gpu=0,reason=hardware}": 0,
		"pcie_link_width{gpu=0}": 16, "pcie_link_generation{gpu=0}": 4,
		"encoder_sessions{codec=h264,gpu=0}": 2, "encoder_sessions{codec=hevc,gpu=0}": 0,
		"encoder_sessions{codec=av1,gpu=0}": 0, "encoder_sessions{codec=other,gpu=0}": 1,
		"encoder_frame_rate_hertz{codec=h264,gpu=0}": 45, "encoder_frame_rate_hertz{codec=other,gpu=0}": 25,
		"encoder_latency_seconds{codec=h264,gpu=0}": 0.0015, "encoder_latency_seconds{codec=other,gpu=0}": 0,
	}
	if got := scraped(t, newCollector(answer{in: in})); !maps.Equal(got, want) {
		for name, value := range want {
			if v, found := got[name]; !found || v != value {
				t.Errorf("%s is %v (%t), want %v", name, v, found, value)
			}
			delete(got, name)
		}
		for name, value := range got {
			t.Errorf("%s %v is not wanted", name, value)
		}
	}
}

func TestAScrapeWithoutAnAnswerTellsNoCardAndCountsIt(t *testing.T) {
	for _, c := range []struct {
		reason string
		err    error
		failed float64
	}{
		{"the cards are gone", ErrNone, 1},
		{"the driver hangs", ErrUnanswered, 1},
		{"the program ends", ErrClosed, 0},
	} {
		got := scraped(t, newCollector(answer{err: c.err}))
		if want := map[string]float64{"queries_failed_total{}": c.failed}; !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", c.reason, got, want)
		}
	}
}

func TestAHangingDriverHoldsAScrapeForItsPatienceAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slowDriver{delay: time.Hour, t: t}
		l := newLibrary(d)
		c := NewCollector(l)
		for n := 1; n <= 2; n++ {
			started := time.Now()
			got := scraped(t, c)
			if took := time.Since(started); took != scrapePatience || got["queries_failed_total{}"] != float64(n) {
				t.Errorf("scrape %d: %v after %v", n, got, took)
			}
		}
		time.Sleep(time.Hour)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestACollectorOfAClosedLibraryIsSilent(t *testing.T) {
	l := newLibrary(&slowDriver{t: t})
	c := NewCollector(l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := scraped(t, c); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}
