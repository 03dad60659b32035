package streamer

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nearlight/internal/media"
	"nearlight/internal/telemetry"
)

// Stage names a part of a frame's way; the sum is what the player sees.
type Stage string

// The stages in their order, and two figures across them.
const (
	StageCapture Stage = "capture" // damage reported to pixels in our memory
	StageConvert Stage = "convert" // to I420
	StageEncode  Stage = "encode"  // to the last slice leaving the encoder
	StagePace    Stage = "pace"    // to the last packet handed to the socket
	StageNetwork Stage = "network" // to the last packet received
	StageDecode  Stage = "decode"
	StagePresent Stage = "present" // decoded to shown

	StageCaptureConvert Stage = "capture_convert" // grab and conversion: work, without waiting for the damage to end
	StageOverhead       Stage = "edge_overhead"   // damage to last packet sent, less encode
)

var allStages = []Stage{
	StageCapture, StageConvert, StageEncode, StagePace, StageNetwork, StageDecode, StagePresent, StageCaptureConvert, StageOverhead,
}

// AllStages lists the stages in their order.
func AllStages() []Stage { return slices.Clone(allStages) }

// stageWindow is how many frames the current figures look back: five seconds at 60 frames per second.
const stageWindow = 300

// Stages keeps how long each stage of a session's frames took: since ever as histograms, and lately as percentiles.
// It is safe for concurrent use.
type Stages struct {
	histograms map[Stage]prometheus.Observer
	windows    map[Stage]*telemetry.Window
	glass      telemetry.Distribution
	freezes    freezes
}

// NewStageHistogram makes the metric that NewStages feeds; register it once.
func NewStageHistogram() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "nearlight_frame_stage_seconds", Help: "Time each frame spent in each stage of its way.",
		// A quarter of a millisecond to half a second: a stage beyond that is broken, however far.
		Buckets: prometheus.ExponentialBuckets(0.00025, 2, 12),
	}, []string{"stage"})
}

// NewStages keeps one session's stages.
func NewStages(histogram *prometheus.HistogramVec) *Stages {
	s := &Stages{histograms: map[Stage]prometheus.Observer{}, windows: map[Stage]*telemetry.Window{}}
	for _, stage := range allStages {
		s.histograms[stage] = histogram.WithLabelValues(string(stage))
		s.windows[stage] = telemetry.NewWindow(stageWindow)
	}
	return s
}

func (s *Stages) observe(stage Stage, d time.Duration) {
	s.histograms[stage].Observe(d.Seconds())
	s.windows[stage].Add(d)
}

// observeSent records the edge's part of a frame's way.
func (s *Stages) observeSent(t media.StageTimes) {
	s.observe(StageCapture, t.Grabbed.Sub(t.Damaged))
	s.observe(StageConvert, t.Converted.Sub(t.Grabbed))
	s.observe(StageEncode, t.Encoded.Sub(t.Converted))
	s.observe(StagePace, t.Sent.Sub(t.Encoded))
	s.observe(StageCaptureConvert, t.Converted.Sub(t.GrabBegun))
	s.observe(StageOverhead, t.Sent.Sub(t.Damaged)-t.Encoded.Sub(t.Converted))
}

func (s *Stages) observePresented(p Presented) {
	s.observe(StageNetwork, p.Network)
	s.observe(StageDecode, p.Decode)
	s.observe(StagePresent, p.Present)
	shown := p.Times.Sent.Add(p.Network + p.Decode + p.Present)
	s.glass.Add(shown.Sub(p.Times.Damaged))
	s.freezes.shown(p.Times.Damaged, shown)
}

// Glass is the time from drawn to shown that a share of the session's frames are within, from 0 to 1; 0 before any was shown.
func (s *Stages) Glass(share float64) time.Duration { return s.glass.Quantile(share) }

// Freezes is how many frames of the session were shown a tenth of a second or more later after the one before than they were drawn after it:
// a screen on which nothing is drawn does not freeze.
func (s *Stages) Freezes() uint64 { return s.freezes.n.Load() }

// FreezeTime is what a player sees as a standstill.
const FreezeTime = 100 * time.Millisecond

// freezes counts what Freezes says. Connections of a session follow one another; a frame that is older than the newest is left out.
type freezes struct {
	n atomic.Uint64

	mu          sync.Mutex
	drawn, last media.Instant // when the newest frame was drawn, and shown
}

func (f *freezes) shown(drawn, shown media.Instant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if drawn <= f.drawn {
		return
	}
	if f.drawn != 0 && shown.Sub(f.last)-drawn.Sub(f.drawn) >= FreezeTime {
		f.n.Add(1)
	}
	f.drawn, f.last = drawn, shown
}

// Lately summarizes a stage over the newest frames.
func (s *Stages) Lately(stage Stage) telemetry.Summary { return s.windows[stage].Summary() }
