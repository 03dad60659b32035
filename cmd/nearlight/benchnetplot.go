package main

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
	"nearlight/internal/netsim/scenario"
	"nearlight/internal/plot"
	"nearlight/streamer"
)

// netSampling is how often a run is looked at for its plot.
const netSampling = 100 * time.Millisecond

// netSample is what the link had carried, and what the first flow aimed at, at an instant.
type netSample struct {
	at     media.Instant
	down   netsim.Counters
	target media.Bitrate
}

// watch samples a run until ctx ends.
func (r *netRun) watch(ctx context.Context, relay *netsim.Relay, first *netFlow) error {
	for {
		r.samples = append(r.samples, netSample{media.Now(), relay.Stats().Back, first.peer.TargetBitrate()})
		if err := sleep(ctx, netSampling); err != nil {
			return err
		}
	}
}

// netPlot is one run in a scenario's picture.
type netPlot struct {
	controller streamer.Controller
	run        netRun
	frames     netFigures // of the first flow
}

// The colours of the lines.
var (
	netColors = map[streamer.Controller]string{streamer.Nearlight: "#0b6e4f", streamer.GCC: "#c44536", matched: "#3a6ea5"}
	linkColor = "#999"
)

// draw writes a scenario's picture to the folder: rate, delay and loss over time.
func draw(folder string, link scenario.Scenario, runs []netPlot) (err error) {
	rate, delay, loss := plot.Panel{Title: "rate, Mbit/s"}, plot.Panel{Title: "frame delay, ms"}, plot.Panel{Title: "packets lost, %"}
	length := 0.0
	for i, p := range runs {
		length = max(length, p.run.ended.Sub(p.run.opened).Seconds())
		color := netColors[p.controller]
		if i == 0 {
			rate.Series = append(rate.Series, plot.Series{Name: "the link's rate", Color: linkColor, Points: p.run.series(capacity)})
		}
		rate.Series = append(rate.Series,
			plot.Series{Name: string(p.controller), Color: color, Points: p.run.series(carried)},
			plot.Series{Name: string(p.controller) + ", its aim", Color: color, Dashed: true, Points: p.run.aims()})
		delay.Series = append(delay.Series, plot.Series{Name: string(p.controller), Color: color, Points: p.delays()})
		loss.Series = append(loss.Series, plot.Series{Name: string(p.controller), Color: color, Points: p.run.series(lost)})
	}
	name := link.Name + "-" + strings.TrimSuffix(link.RTT.String(), "s") + "s.svg"
	file, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	chart := plot.Chart{
		Title: link.Name + ": " + link.About + ", round trip " + link.RTT.String(), Seconds: length, Panels: []plot.Panel{rate, delay, loss},
	}
	return chart.WriteSVG(file)
}

func carried(before, after netsim.Counters, seconds float64) float64 {
	return float64(after.Carried-before.Carried) * 8 / seconds / 1e6
}

func capacity(before, after netsim.Counters, seconds float64) float64 {
	return float64(after.Capacity-before.Capacity) * 8 / seconds / 1e6
}

func lost(before, after netsim.Counters, _ float64) float64 {
	gone := func(c netsim.Counters) uint64 { return c.LostRandom + c.LostQueue + c.LostAQM }
	sent := after.Sent - before.Sent
	if sent == 0 {
		return math.NaN()
	}
	return 100 * float64(gone(after)-gone(before)) / float64(sent)
}

// series is what a figure came to between one sample and the next.
func (r netRun) series(figure func(before, after netsim.Counters, seconds float64) float64) (points []plot.Point) {
	for i := 1; i < len(r.samples); i++ {
		before, after := r.samples[i-1], r.samples[i]
		value := figure(before.down, after.down, after.at.Sub(before.at).Seconds())
		points = append(points, plot.Point{Seconds: after.at.Sub(r.opened).Seconds(), Value: value})
	}
	return points
}

func (r netRun) aims() (points []plot.Point) {
	for _, s := range r.samples {
		points = append(points, plot.Point{Seconds: s.at.Sub(r.opened).Seconds(), Value: float64(s.target) / 1e6})
	}
	return points
}

// delays are the longest of each while.
func (p netPlot) delays() (points []plot.Point) {
	for _, a := range p.frames.arrivals {
		at := a.captured.Sub(p.run.opened).Seconds()
		delay := milliseconds(a.decodable.Sub(a.captured))
		if n := len(points); n > 0 && at-points[n-1].Seconds < netSampling.Seconds()/2 {
			points[n-1].Value = max(points[n-1].Value, delay)
			continue
		}
		points = append(points, plot.Point{Seconds: at, Value: delay})
	}
	return points
}
