package netsim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"nearlight/internal/media"
)

// Model makes traces: a rate that wanders about the mean of a mode, and a chain of Markov that goes from mode to mode. LTE,
// FiveG, WiFiStalls and Cable are models. Their parameters are our own choice, made so that a trace has what recordings of
// such links are known for, and not fitted to any recording; Trace.Statistics says what came of it.
type Model struct {
	Modes []Mode // the trace begins in the first
	// Grain is how often a station is served: what has come together in that time passes at once. 1 ms or more.
	Grain time.Duration
	// Memory is how long the rate remembers: after this time a deviation from the mode's mean is down to 1/e.
	Memory time.Duration
}

// Mode is a state of a link.
type Mode struct {
	Mean   media.Bitrate // 0 is an outage
	Spread float64       // standard deviation of the rate's logarithm: 0.1 is about 10 %
	// Stay is how long the mode lasts: exponentially distributed with this mean, or evenly between Stay and StayMost where
	// the latter is given.
	Stay, StayMost time.Duration
	// Next is with which weight each mode follows, in the order of Modes.
	Next []float64
}

func (m Model) check() error {
	if len(m.Modes) == 0 || m.Grain < time.Millisecond || m.Memory <= 0 {
		return fmt.Errorf("model: it needs modes, a grain of 1 ms at least and a memory, and has %d, %v and %v", len(m.Modes), m.Grain, m.Memory)
	}
	for i, mode := range m.Modes {
		sum := 0.0
		for _, weight := range mode.Next {
			sum += weight
		}
		if mode.Mean < 0 || mode.Spread < 0 || mode.Stay <= 0 || len(mode.Next) != len(m.Modes) || !(sum > 0) {
			return fmt.Errorf("model: mode %d needs a stay, and a weight for each of %d modes", i, len(m.Modes))
		}
	}
	return nil
}

// Generate makes a trace of the given length, to the millisecond. The same seed gives the same trace.
func (m Model) Generate(seed uint64, length time.Duration) (*Trace, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if length < time.Millisecond || length > MaxTraceLength {
		return nil, fmt.Errorf("model: a trace of %v: give 1 ms to %v", length, MaxTraceLength)
	}
	const sequence = 1
	random := rand.New(rand.NewPCG(seed, sequence))
	var at []uint32
	mode, deviation, credit, gathered := 0, 0.0, 0.0, 0.0
	left := m.Modes[0].stay(random)
	keep := math.Exp(-float64(time.Millisecond) / float64(m.Memory))
	end, grain := uint32(length.Milliseconds()), uint32(m.Grain.Milliseconds())
	for ms := uint32(1); ms <= end; ms++ {
		for ; left <= 0; left += m.Modes[mode].stay(random) {
			mode = m.Modes[mode].follower(random)
		}
		left -= time.Millisecond
		// The deviation is a normal process with a standard deviation of 1; its exponential has the mode's mean.
		deviation = keep*deviation + math.Sqrt(1-keep*keep)*random.NormFloat64()
		spread := m.Modes[mode].Spread
		gathered += float64(m.Modes[mode].Mean) / 8 / 1000 * math.Exp(spread*deviation-spread*spread/2)
		if ms%grain != 0 && ms != end {
			continue
		}
		credit, gathered = credit+gathered, 0
		for ; credit >= TraceOctets && len(at) < MaxTraceOpportunities; credit -= TraceOctets {
			at = append(at, ms)
		}
	}
	if len(at) == 0 || at[len(at)-1] != end {
		at = append(at, end) // which the format needs to say how long it is
	}
	return NewTrace(at)
}

// Trace is Generate for models and lengths that are known to be right, as those of this package are; it panics otherwise.
func (m Model) Trace(seed uint64, length time.Duration) *Trace {
	t, err := m.Generate(seed, length)
	if err != nil {
		panic(err)
	}
	return t
}

func (m Mode) stay(random *rand.Rand) time.Duration {
	if m.StayMost > m.Stay {
		return m.Stay + time.Duration(random.Float64()*float64(m.StayMost-m.Stay))
	}
	return max(time.Duration(random.ExpFloat64()*float64(m.Stay)), time.Millisecond)
}

func (m Mode) follower(random *rand.Rand) int {
	sum := 0.0
	for _, weight := range m.Next {
		sum += weight
	}
	at := random.Float64() * sum
	for i, weight := range m.Next {
		if at -= weight; at < 0 {
			return i
		}
	}
	return len(m.Next) - 1
}

// LTE is a phone that moves: 1 ms subframes, a rate that changes by an order of magnitude within seconds, and now and then
// nothing for a good part of a second (handover), as in the recordings of Winstein, Sivaraman and Balakrishnan,
// "Stochastic Forecasts Achieve High Throughput and Low Delay over Cellular Networks" (NSDI 2013).
func LTE() Model {
	return Model{Grain: time.Millisecond, Memory: 150 * time.Millisecond, Modes: []Mode{
		{Mean: 24 * media.Mbps, Spread: 0.4, Stay: 4 * time.Second, Next: []float64{0, 0.8, 0.15, 0.05}},
		{Mean: 11 * media.Mbps, Spread: 0.5, Stay: 3 * time.Second, Next: []float64{0.6, 0, 0.3, 0.1}},
		{Mean: 4 * media.Mbps, Spread: 0.6, Stay: 1500 * time.Millisecond, Next: []float64{0.1, 0.75, 0, 0.15}},
		{Stay: 60 * time.Millisecond, StayMost: 400 * time.Millisecond, Next: []float64{0.2, 0.5, 0.3, 0}},
	}}
}

// FiveG is 5G in the mid band: slots of half a millisecond, which the trace's grain of 1 ms hides, a rate far above what a
// stream needs, which something in the way takes down to a twentieth within a moment, and short gaps at handovers.
func FiveG() Model {
	return Model{Grain: time.Millisecond, Memory: 80 * time.Millisecond, Modes: []Mode{
		{Mean: 160 * media.Mbps, Spread: 0.3, Stay: 5 * time.Second, Next: []float64{0, 0.6, 0.3, 0.1}},
		{Mean: 60 * media.Mbps, Spread: 0.5, Stay: 2 * time.Second, Next: []float64{0.7, 0, 0.25, 0.05}},
		{Mean: 8 * media.Mbps, Spread: 0.6, Stay: 700 * time.Millisecond, Next: []float64{0.5, 0.45, 0, 0.05}},
		{Stay: 30 * time.Millisecond, StayMost: 100 * time.Millisecond, Next: []float64{0.6, 0.3, 0.1, 0}},
	}}
}

// WiFiStalls is a station of a busy Wi-Fi: bursts of frames every 4 ms (a transmit opportunity of the video class
// lasts about that long), and every few seconds nothing for 50 to 300 ms, while the radio scans other channels
// or somebody else has the air.
func WiFiStalls() Model {
	return Model{Grain: 4 * time.Millisecond, Memory: 100 * time.Millisecond, Modes: []Mode{
		{Mean: 40 * media.Mbps, Spread: 0.25, Stay: 2500 * time.Millisecond, Next: []float64{0, 0.3, 0.7}},
		{Mean: 15 * media.Mbps, Spread: 0.3, Stay: 800 * time.Millisecond, Next: []float64{0.7, 0, 0.3}},
		{Stay: 50 * time.Millisecond, StayMost: 300 * time.Millisecond, Next: []float64{0.85, 0.15, 0}},
	}}
}

// Cable is a cable modem whose segment is shared: a grant every 2 ms (the usual interval of DOCSIS's MAP messages), a rate
// that goes down for seconds while the neighbours are busy, and no outage. What makes it hard is the queue before it.
func Cable() Model {
	return Model{Grain: 2 * time.Millisecond, Memory: 500 * time.Millisecond, Modes: []Mode{
		{Mean: 25 * media.Mbps, Spread: 0.05, Stay: 8 * time.Second, Next: []float64{0, 1, 0}},
		{Mean: 15 * media.Mbps, Spread: 0.1, Stay: 5 * time.Second, Next: []float64{0.6, 0, 0.4}},
		{Mean: 7 * media.Mbps, Spread: 0.15, Stay: 3 * time.Second, Next: []float64{0.2, 0.8, 0}},
	}}
}
