package main

import (
	"fmt"
	"slices"
	"time"

	"nearlight/internal/bench"
	"nearlight/internal/media"
	"nearlight/internal/netsim"
	"nearlight/streamer"
)

// netRun is what happened around the flows of a run.
type netRun struct {
	opened        media.Instant // when the links began
	counts        media.Instant // from when on figures count: so long after the last flow's media began
	ended         media.Instant
	before, after netsim.RelayStats // at counts and at ended
	down          netsim.Config
	samples       []netSample
}

// utilisation is the share of what the link could carry to the players that it carried.
func (r netRun) utilisation() float64 {
	could := r.after.Back.Capacity - r.before.Back.Capacity
	if could <= 0 {
		return 0
	}
	return float64(r.after.Back.Carried-r.before.Back.Carried) / float64(could)
}

// aimed is the mean of the first flow's target.
func (r netRun) aimed() media.Bitrate {
	var sum, count media.Bitrate
	for _, s := range r.samples {
		if s.at >= r.counts {
			sum += s.target
			count++
		}
	}
	return sum / max(count, 1)
}

// drops are the instants at which the link's rate falls.
func (r netRun) drops() (at []media.Instant) {
	steps, is := r.down.Rate.(netsim.Steps)
	if !is {
		return nil
	}
	for begin := r.opened; begin < r.ended; begin = begin.Add(steps.Period) {
		for i, step := range steps.Steps[1:] {
			if step.Rate < steps.Steps[i].Rate {
				if drop := begin.Add(step.At); drop > r.counts && drop < r.ended {
					at = append(at, drop)
				}
			}
		}
		if steps.Period == 0 {
			break
		}
	}
	return at
}

// netFigures is what a flow came to.
type netFigures struct {
	delay, excess []float64 // ms, of each frame that came
	worst         float64   // ms
	recovery      []float64 // ms, of each fall of the rate
	sent, shown   int
	stalls        int
	stalled       time.Duration
	length        time.Duration
	ssim          float64
	compared      int
	arrivals      []netArrival
}

// netArrival is a frame that came.
type netArrival struct {
	captured, decodable media.Instant
	excess              time.Duration
}

func (f *netFlow) figures(run netRun, roundTrip time.Duration) netFigures {
	f.mu.Lock()
	defer f.mu.Unlock()
	from := run.counts
	sent := map[uint32]media.StageTimes{}
	figures := netFigures{length: run.ended.Sub(from)}
	for _, times := range f.sent {
		if times.Damaged >= from && times.Damaged < run.ended.Add(-time.Second) { // the last ones are still on their way
			sent[streamer.RTPTimestamp(times.Damaged)] = times
			figures.sent++
		}
	}
	var last media.Instant
	for _, shown := range f.shown {
		if gap := shown.decodable.Sub(last); last >= from && gap > stallLength {
			figures.stalls++
			figures.stalled += gap
		}
		last = shown.decodable
		times, known := sent[shown.rtp]
		if !known {
			continue
		}
		figures.shown++
		delay := shown.decodable.Sub(times.Damaged)
		excess := delay - roundTrip/2 - times.Encoded.Sub(times.Damaged)
		figures.delay = append(figures.delay, milliseconds(delay))
		figures.excess = append(figures.excess, milliseconds(excess))
		figures.worst = max(figures.worst, milliseconds(delay))
		figures.arrivals = append(figures.arrivals, netArrival{times.Damaged, shown.decodable, excess})
	}
	const recovered, lasting = 25 * time.Millisecond, time.Second
	for _, drop := range run.drops() {
		late := drop // when the last frame came that was too late, with none for some time after it
		for _, a := range figures.arrivals {
			if a.captured < drop.Add(-time.Second) || a.decodable.Sub(late) > lasting && late > drop {
				continue
			}
			if a.excess > recovered && a.decodable > drop && a.decodable.Sub(max(late, drop)) < lasting {
				late = a.decodable
			}
		}
		figures.recovery = append(figures.recovery, milliseconds(late.Sub(drop)))
	}
	for _, s := range f.ssim {
		figures.ssim += s
	}
	if figures.compared = len(f.ssim); figures.compared > 0 {
		figures.ssim /= float64(figures.compared)
	}
	return figures
}

func (f netFigures) undecodable() float64 {
	if f.sent == 0 {
		return 1
	}
	return float64(f.sent-f.shown) / float64(f.sent)
}

func (f netFigures) stallsPerMinute() float64 { return float64(f.stalls) / f.length.Minutes() }

func (f netFigures) report(r *bench.Report, labels bench.Labels) {
	r.Distribution("frame_delay", "ms", f.delay, labels)
	r.Distribution("excess_delay", "ms", f.excess, labels)
	if len(f.recovery) > 0 {
		r.Distribution("recovery", "ms", f.recovery, labels)
	}
	r.Value("stalls_per_minute", "1/min", f.stallsPerMinute(), labels)
	r.Value("undecodable_ratio", "ratio", f.undecodable(), labels)
	r.Value("ssim", "", f.ssim, labels)
}

func (f netFigures) String() string {
	return fmt.Sprintf("excess p50 %.1f p95 %.1f p99 %.1f ms, worst frame %.0f ms, %.1f stalls a minute (%v in all), %.2f %% of %d frames undecodable, SSIM %.4f, recovery %.0f",
		percentile(f.excess, 0.5), percentile(f.excess, 0.95), percentile(f.excess, 0.99), f.worst, f.stallsPerMinute(), f.stalled.Round(time.Millisecond),
		100*f.undecodable(), f.sent, f.ssim, f.recovery)
}

// percentile is a quantile of samples, 0 of none.
func percentile(samples []float64, quantile float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[min(int(quantile*float64(len(sorted))), len(sorted)-1)]
}
