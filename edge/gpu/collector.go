package gpu

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nearlight/internal/media"
)

// scrapePatience bounds a scrape. Prometheus gives one ten seconds by default, in which every other figure of the process
// must be told too.
const scrapePatience = 2 * time.Second

// querier is what a collector asks: a Library, in tests something else.
type querier interface {
	Query(context.Context) (Inventory, error)
}

var _ querier = (*Library)(nil)

// Collector tells each card's figures to Prometheus. It asks when it is scraped. What a card does not tell is absent, a
// machine that has lost its cards tells none, and a driver that hangs costs a scrape two seconds, and its own figures.
type Collector struct {
	cards  querier
	failed prometheus.Counter
}

var _ prometheus.Collector = (*Collector)(nil)

// NewCollector makes a collector that asks l, which stays its caller's to close.
func NewCollector(l *Library) *Collector { return newCollector(l) }

func newCollector(cards querier) *Collector {
	return &Collector{cards: cards, failed: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "nearlight_gpu_queries_failed_total", Help: "Times that NVIDIA's driver did not tell of its cards, or not in time.",
	})}
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("nearlight_gpu_"+name, help, append([]string{"gpu"}, labels...), nil)
}

// Label gpu is the card's index; info tells which card that is.
var (
	infoDesc           = describe("info", "1 for each card.", "uuid", "name", "address", "driver", "cuda")
	lostDesc           = describe("lost", "1 when the card does not answer any more.")
	utilisationDesc    = describe("utilisation_ratio", "Share of the last moment in which a part of the card was busy.", "part")
	memoryDesc         = describe("memory_bytes", "The card's memory.", "state")
	temperatureDesc    = describe("temperature_celsius", "Temperature of the card's chip.")
	powerDesc          = describe("power_watts", "Power that the card takes.")
	powerLimitDesc     = describe("power_limit_watts", "Power that the driver lets the card take.")
	clockDesc          = describe("clock_hertz", "Frequency of a part of the card.", "part")
	throttledDesc      = describe("throttled", "1 when the card runs slower for this reason.", "reason")
	linkWidthDesc      = describe("pcie_link_width", "Lanes of the card's PCI Express link that are in use.")
	linkGenerationDesc = describe("pcie_link_generation", "Generation of PCI Express at which the card's link runs.")
	sessionsDesc       = describe("encoder_sessions", "Open encoder sessions of all programs.", "codec")
	frameRateDesc      = describe("encoder_frame_rate_hertz", "Frames per second that an encoder session makes, on average over sessions.", "codec")
	latencyDesc        = describe("encoder_latency_seconds", "Time of a frame in the encoder, on average over sessions.", "codec")
)

// Describe implements prometheus.Collector.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	c.failed.Describe(to)
	for _, desc := range []*prometheus.Desc{
		infoDesc, lostDesc, utilisationDesc, memoryDesc, temperatureDesc, powerDesc, powerLimitDesc, clockDesc, throttledDesc,
		linkWidthDesc, linkGenerationDesc, sessionsDesc, frameRateDesc, latencyDesc,
	} {
		to <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	in, err := c.cards.Query(ctx)
	if err != nil && !errors.Is(err, ErrClosed) { // a last scrape while the program ends is nobody's failure
		c.failed.Inc()
	}
	c.failed.Collect(to)
	for _, g := range in.GPUs {
		gauges := gauges{to, strconv.Itoa(g.Index)}
		gauges.tell(infoDesc, 1, g.UUID, g.Name, string(g.Address), in.Driver, in.CUDA.String())
		gauges.flag(lostDesc, errors.Is(g.Err, ErrLost))
		gauges.card(g)
		if sessions, known := g.Encoder.Sessions.Value(); known {
			gauges.encoder(sessions)
		}
	}
}

// gauges writes the figures of one card.
type gauges struct {
	to    chan<- prometheus.Metric
	index string
}

func (s gauges) tell(desc *prometheus.Desc, value float64, labels ...string) {
	s.to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, append([]string{s.index}, labels...)...)
}

func (s gauges) flag(desc *prometheus.Desc, holds bool, labels ...string) {
	value := 0.0
	if holds {
		value = 1
	}
	s.tell(desc, value, labels...)
}

// reading tells a figure that is there.
func reading[T ~int | ~int64 | ~float64](s gauges, desc *prometheus.Desc, r Reading[T], labels ...string) {
	if value, known := r.Value(); known {
		s.tell(desc, float64(value), labels...)
	}
}

func (s gauges) card(g GPU) {
	reading(s, utilisationDesc, g.Load.Graphics, "graphics")
	reading(s, utilisationDesc, g.Load.Memory, "memory")
	reading(s, utilisationDesc, g.Load.Encoder, "encoder")
	reading(s, utilisationDesc, g.Load.Decoder, "decoder")
	reading(s, memoryDesc, g.Memory.Used, "used")
	reading(s, memoryDesc, g.Memory.Free(), "free")
	reading(s, temperatureDesc, g.Temperature)
	reading(s, powerDesc, g.Power)
	reading(s, powerLimitDesc, g.PowerLimit)
	reading(s, clockDesc, g.Clocks.Graphics, "graphics")
	reading(s, clockDesc, g.Clocks.Memory, "memory")
	reading(s, clockDesc, g.Clocks.Video, "video")
	reading(s, linkWidthDesc, g.Link.Width)
	reading(s, linkGenerationDesc, g.Link.Generation)
	if throttle, known := g.Throttle.Value(); known {
		s.flag(throttledDesc, throttle.Heat(), "heat")
		s.flag(throttledDesc, throttle.PowerShort(), "power")
		s.flag(throttledDesc, throttle&HardSlowdown != 0, "hardware")
	}
}

// encoder tells of sessions by codec; one that we do not know is "other". Averages are told where there is a session.
func (s gauges) encoder(sessions []Session) {
	type sum struct {
		sessions, frames int
		latency          time.Duration
	}
	sums := map[media.Codec]sum{media.H264: {}, media.HEVC: {}, media.AV1: {}}
	for _, session := range sessions {
		codec := session.Codec
		if codec == "" {
			codec = "other"
		}
		before := sums[codec]
		sums[codec] = sum{before.sessions + 1, before.frames + session.FrameRate, before.latency + session.Latency}
	}
	for codec, total := range sums {
		s.tell(sessionsDesc, float64(total.sessions), string(codec))
		if total.sessions > 0 {
			s.tell(frameRateDesc, float64(total.frames)/float64(total.sessions), string(codec))
			s.tell(latencyDesc, total.latency.Seconds()/float64(total.sessions), string(codec))
		}
	}
}
