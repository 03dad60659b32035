package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"nearlight/internal/bench"
	"nearlight/internal/placement"
	"nearlight/internal/plot"
	"nearlight/signaling"
	"nearlight/signaling/match"
)

const (
	matchQuestions = 20_000 // asked of each size of index
	matchUpdates   = 100_000
)

// matchBench is `bench match`.
type matchBench struct {
	json    bool
	seed    uint64
	edges   []int
	placed  int
	players int
	plots   string

	log    io.Writer
	report *bench.Report
}

func newMatchBench() *cobra.Command {
	var b matchBench
	c := &cobra.Command{
		Use: "match [FLAG...]", Short: "Measure matching: how fast a shortlist is made among so many edges, and how good the edges are that players get",
		Long: "Two parts. Indexes of growing size are asked for ranked shortlists, and changed. Then a simulated world of edges and players who come\n" +
			"and go shows how much longer the way to the edge that a player gets is than that to the best one that was free.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			b.log = c.ErrOrStderr()
			if err := b.run(c.Context()); err != nil {
				return err
			}
			return b.report.Write(c.OutOrStdout(), b.json)
		},
	}
	c.Flags().BoolVar(&b.json, "json", false, "print one JSON object, and nothing else on standard output")
	c.Flags().Uint64Var(&b.seed, "seed", 1, "repeats the world, its players and every draw")
	c.Flags().IntSliceVar(&b.edges, "edges", []int{1_000, 10_000, 100_000, 1_000_000}, "sizes of the indexes; 0 skips this part")
	c.Flags().IntVar(&b.placed, "world", 2_000, "edges of the simulated world")
	c.Flags().IntVar(&b.players, "players", 50_000, "players of the simulated world; 0 skips this part")
	c.Flags().StringVar(&b.plots, "plots", "", "folder for a picture of the simulation (SVG); none if empty")
	return c
}

func (b *matchBench) run(ctx context.Context) error {
	const most = 10_000_000
	if b.players < 0 || b.players > most || b.placed < 1 || b.placed > most {
		return usage("--players %d, --world %d: want up to %d", b.players, b.placed, most)
	}
	for _, n := range b.edges {
		if n < 0 || n > most {
			return usage("--edges %d: want 0 to %d", n, most)
		}
	}
	b.report = &bench.Report{Bench: "match", Machine: bench.ThisMachine(), Params: map[string]any{
		"seed": b.seed, "world": b.placed, "players": b.players, "candidates": match.MaxCandidates, "version": version,
	}}
	b.edges = slices.DeleteFunc(b.edges, func(n int) bool { return n == 0 })
	slices.Sort(b.edges)
	var tails []float64
	for _, n := range b.edges {
		tail, err := b.index(ctx, n)
		if err != nil {
			return err
		}
		tails = append(tails, tail)
	}
	if last := len(tails) - 1; last > 0 && b.edges[last] > b.edges[0] {
		growth := math.Log(tails[last]/tails[0]) / math.Log(float64(b.edges[last])/float64(b.edges[0]))
		b.report.Value("growth_exponent", "1", growth, nil)
	}
	if b.players == 0 {
		return nil
	}
	return b.simulate(ctx)
}

// index measures an index of n edges. It returns the 99th percentile of a ranked shortlist's processor time, in ms.
func (b *matchBench) index(ctx context.Context, n int) (float64, error) {
	fmt.Fprintf(b.log, "an index of %d edges\n", n)
	labels := func(more ...string) bench.Labels {
		l := bench.Labels{"edges": fmt.Sprint(n)}
		for i := 0; i < len(more); i += 2 {
			l[more[i]] = more[i+1]
		}
		return l
	}
	before := heap()
	x := match.NewIndex()
	for e := range placement.Fleet(n, b.seed) {
		x.Upsert(e)
	}
	b.report.Value("memory_per_edge", "bytes", float64(heap()-before)/float64(n), labels())

	random := rand.New(rand.NewPCG(b.seed, 1))
	tail := 0.0
	for i, policy := range match.Policies() {
		a := b.ask(x, policy, random)
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		b.report.Distribution("shortlist", "ms", a.times, labels("policy", policy.Name()))
		b.report.Distribution("shortlist_cpu", "ms", a.processor, labels("policy", policy.Name()))
		if i == 0 {
			tail = percentile(a.processor, 0.99)
			b.report.Value("allocs_per_shortlist", "1", a.allocations, labels())
			fmt.Fprintf(b.log, "  ranked shortlist p50 %.3f p99 %.3f ms; processor time p50 %.3f p99 %.3f max %.3f ms; %d of %d\n",
				percentile(a.times, 0.5), percentile(a.times, 0.99), percentile(a.processor, 0.5), tail, percentile(a.processor, 1), len(a.times), matchQuestions)
		}
	}
	refusals := b.refusals(x, random)
	fmt.Fprintf(b.log, "  refusal p50 %.3f p99 %.3f max %.3f ms\n", percentile(refusals, 0.5), percentile(refusals, 0.99), percentile(refusals, 1))
	b.report.Distribution("refusal_cpu", "ms", refusals, labels())
	b.update(x, n, labels)
	return tail, nil
}

// heap is how much memory is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// answers are what asking an index came to.
type answers struct {
	times       []float64 // ms
	processor   []float64 // ms of it that the processor worked for us: what a busy machine does to the other figure is not the index's
	allocations float64   // mean
}

// ask asks for shortlists and ranks them, as if the player had measured each candidate three times. Requests that no edge meets are not among
// the answers.
func (b *matchBench) ask(x *match.Index, policy match.Policy, random *rand.Rand) (a answers) {
	question := placement.Audience(b.seed)
	requests := make([]match.Request, matchQuestions)
	for i := range requests {
		requests[i] = question()
	}
	a.times, a.processor = make([]float64, 0, len(requests)), make([]float64, 0, len(requests))
	list := make([]match.Measured, match.MaxCandidates)
	link := match.Measure([]float64{12, 14, 13}, 0)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range requests {
		began, worked := time.Now(), threadTime()
		candidates, refused := x.Shortlist(requests[i], random.IntN)
		if refused != nil {
			continue
		}
		for i, c := range candidates {
			list[i] = match.Measured{Candidate: c, Link: link}
		}
		match.Rank(policy, list[:len(candidates)], match.Ranking{Salt: random.Uint64()})
		a.processor = append(a.processor, milliseconds(threadTime()-worked))
		a.times = append(a.times, milliseconds(time.Since(began)))
	}
	runtime.ReadMemStats(&after)
	a.allocations = float64(after.Mallocs-before.Mallocs) / float64(len(requests))
	return a
}

// threadTime is for how long a processor has worked for the calling thread.
func threadTime() time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at); err != nil {
		panic("a thread has a clock: " + err.Error())
	}
	return time.Duration(at.Nano())
}

// refusals asks for what no edge has, each time so that another demand is the first that none meets.
func (b *matchBench) refusals(x *match.Index, random *rand.Rand) (times []float64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	question := placement.Audience(b.seed)
	for i := range matchQuestions / 10 {
		r := question()
		switch i % 4 {
		case 0:
			r.PriceCap = 1
		case 1:
			r.Picture = match.Picture{Size: signaling.Size{Width: 4096, Height: 2160}, FrameRate: 120}
		case 2:
			r.Regions = []string{"mars"}
		case 3: // the dearest ones are never the best ones here
			r.PriceCap, r.MinScore = 8, match.MaxScore
		}
		worked := threadTime()
		if _, refused := x.Shortlist(r, random.IntN); refused != nil {
			times = append(times, milliseconds(threadTime()-worked))
		}
	}
	return times
}

// update measures how many changes of each kind the index takes a second.
func (b *matchBench) update(x *match.Index, n int, labels func(...string) bench.Labels) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var edges []match.Edge
	for e := range placement.Fleet(min(n, matchUpdates), b.seed) {
		edges = append(edges, e)
	}
	for _, kind := range []struct {
		name   string
		change func(match.Edge, int)
	}{
		{"free", func(e match.Edge, i int) { x.SetFree(e.ID, i%2) }}, // from full to not, and back: what costs most
		{"upsert", func(e match.Edge, _ int) { x.Upsert(e) }},
		{"remove", func(e match.Edge, _ int) { x.Remove(e.ID); x.Upsert(e) }},
	} {
		began, worked := time.Now(), threadTime()
		for i := range matchUpdates {
			kind.change(edges[i%len(edges)], i/len(edges))
		}
		b.report.Value("updates_per_second", "1/s", matchUpdates/time.Since(began).Seconds(), labels("kind", kind.name))
		b.report.Value("updates_per_cpu_second", "1/s", matchUpdates/(threadTime()-worked).Seconds(), labels("kind", kind.name))
	}
}

// simulate lets players come and go in a world, once for each policy.
func (b *matchBench) simulate(ctx context.Context) error {
	var series []plot.Series
	colors := map[placement.Policy]string{placement.Balanced: "#0b6e4f", placement.Nearest: "#2a6f97", placement.Cheapest: "#b5651d", placement.Geographic: "#c44536", placement.Random: "#999"}
	for _, policy := range placement.Policies() {
		r, err := b.place(ctx, policy, false)
		if err != nil {
			return err
		}
		series = append(series, plot.Series{Name: string(policy), Color: colors[policy], Points: shares(r.Added)})
	}
	r, err := b.place(ctx, placement.Balanced, true)
	if err != nil {
		return err
	}
	series = append(series, plot.Series{Name: "balanced, nothing remembered", Color: colors[placement.Balanced], Dashed: true, Points: shares(r.Added)})
	if b.plots == "" {
		return nil
	}
	if err := b.draw(series); err != nil {
		return fmt.Errorf("--plots: %w", err)
	}
	return nil
}

// place runs one simulation and reports it. With forget nothing is remembered of networks.
func (b *matchBench) place(ctx context.Context, policy placement.Policy, forget bool) (placement.Result, error) {
	labels := bench.Labels{"edges": fmt.Sprint(b.placed), "policy": string(policy)}
	if forget {
		labels["memory"] = "none"
	}
	fmt.Fprintf(b.log, "a world of %d edges and %d players: %v\n", b.placed, b.players, labels)
	r, err := placement.Run(ctx, placement.Config{Edges: b.placed, Players: b.players, Seed: b.seed, Policy: policy, Forget: forget})
	if err != nil {
		return r, err
	}
	b.report.Distribution("added_rtt", "ms", r.Added, labels)
	b.report.Distribution("round_trip", "ms", r.Trips, labels)
	b.report.Value("mean_price", "1", r.Paid, labels)
	b.report.Value("refused", "1", float64(r.Refused), labels)
	b.report.Value("overfull", "1", float64(r.Overfull), labels)
	b.report.Value("further_shortlists", "1", float64(r.Again), labels)
	b.report.Value("busiest", "ratio", r.Busiest, labels)
	fmt.Fprintf(b.log, "  added round trip p50 %.2f p95 %.2f p99 %.2f ms, %d of %d players refused, %d times an edge over its slots\n",
		percentile(r.Added, 0.5), percentile(r.Added, 0.95), percentile(r.Added, 0.99), r.Refused, b.players, r.Overfull)
	return r, nil
}

// matchPlotted is up to where the picture shows added round trips, in ms.
const matchPlotted = 40

// shares is which part of the samples is at most so long, in percent.
func shares(sorted []float64) (points []plot.Point) {
	for at := 0.0; at <= matchPlotted; at += 0.25 {
		n, _ := slices.BinarySearch(sorted, math.Nextafter(at, math.Inf(1)))
		points = append(points, plot.Point{Seconds: at, Value: 100 * float64(n) / float64(max(len(sorted), 1))})
	}
	return points
}

func (b *matchBench) draw(series []plot.Series) (err error) {
	file, err := os.Create(filepath.Join(b.plots, "placement.svg"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	chart := plot.Chart{
		Title:   fmt.Sprintf("%d players on %d edges: round trip beyond that to the best edge that was free", b.players, b.placed),
		Seconds: matchPlotted, Unit: "ms", Panels: []plot.Panel{{Title: "players with at most so much, %", Most: 100, Series: series}},
	}
	return chart.WriteSVG(file)
}
