package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nearlight/encoder"
	"nearlight/internal/bench"
	"nearlight/internal/corpus"
	"nearlight/internal/media"
	"nearlight/internal/netsim/scenario"
	"nearlight/streamer"
)

const (
	netFrameRate = 60
	// netSettle is left out of the figures: the time until the first frames have come and our rate is found.
	netSettle = 2 * time.Second
	// netPictures is how many pictures are shown forwards and backwards.
	netPictures = 60
	// stallLength is the gap between two frames from which it is one that people see as a stop.
	stallLength = 100 * time.Millisecond
)

// matched is our controller held to the mean rate that GCC came to on the same link: what is left to compare is delay.
const matched streamer.Controller = "nearlight-matched"

// The forms of feedback that a player can be asked for.
const (
	feedbackTransportWide = "twcc"
	feedbackCCFB          = "ccfb"
	feedbackUnmarked      = "ccfb-unmarked"
)

var netFeedback = []string{feedbackTransportWide, feedbackCCFB, feedbackUnmarked}

// netControllers are compared on every scenario, in turn.
var netControllers = []streamer.Controller{streamer.Nearlight, streamer.GCC, matched}

// netBench is `bench net`.
type netBench struct {
	json        bool
	seconds     int
	settle      time.Duration
	seed        uint64
	scenarios   []string
	controllers []string
	encoder     string
	bitrate     bitrateValue
	size        string
	content     string
	feedback    string
	verbose     bool
	plots       string

	log      io.Writer
	report   *bench.Report
	pictures []*media.Frame
	outcomes map[streamer.Controller][]netOutcome
}

func newNetBench() *cobra.Command {
	b := netBench{bitrate: bitrateValue(20 * media.Mbps), outcomes: map[streamer.Controller][]netOutcome{}}
	c := &cobra.Command{
		Use: "net [FLAG...]", Short: "Measure a stream on bad networks, which are emulated: delay, stalls, losses, quality",
		Long: "A sender and a player in Go on either side of an emulated link, with each congestion controller in turn. The player decodes and\n" +
			"acknowledges as the page does.\n\n" +
			"A controller that leaves most of a link idle has short frames and no queue, whatever it would do with a full one. Two ways to compare all\n" +
			"the same: the controller " + string(matched) + ", which is ours held to the mean rate that gcc came to on that link, and a --settle\n" +
			"that is long enough for gcc to fill the link.",
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
	c.Flags().IntVar(&b.seconds, "seconds", 0, "how long each run is; 0 takes each scenario's own length")
	c.Flags().DurationVar(&b.settle, "settle", netSettle, "how long from the beginning nothing counts")
	c.Flags().Uint64Var(&b.seed, "seed", 1, "repeats the links and the pictures")
	c.Flags().StringSliceVar(&b.scenarios, "scenario", scenario.Names(), "the links")
	c.Flags().StringSliceVar(&b.controllers, "controller", []string{string(streamer.Nearlight), string(streamer.GCC)}, "the congestion controllers: nearlight, gcc, and "+string(matched)+" after gcc")
	c.Flags().StringVar(&b.encoder, "encoder", "x264", "what encodes: "+strings.Join(ladder("").Names(), ", "))
	c.Flags().Var(&b.bitrate, "bitrate", "upper bound of the rate, in bits per second")
	c.Flags().StringVar(&b.size, "size", "960x540", "of the picture")
	c.Flags().StringVar(&b.content, "content", string(corpus.Film), "what is shown: "+strings.Join(contentNames(), ", "))
	c.Flags().StringVar(&b.feedback, "feedback", feedbackTransportWide,
		"how the player reports on packets: "+feedbackTransportWide+" (transport-wide, as browsers do), "+feedbackCCFB+" (RFC 8888, with ECN marks), "+
			feedbackUnmarked+" (without marks)")
	c.Flags().StringVar(&b.plots, "plots", "", "folder for a picture of each scenario (SVG); none if empty")
	c.Flags().BoolVar(&b.verbose, "verbose", false, "log what the streams do to standard error")
	return c
}

func contentNames() []string {
	var names []string
	for _, content := range corpus.Contents() {
		names = append(names, string(content))
	}
	return names
}

func (b *netBench) run(ctx context.Context) error {
	if b.seconds < 0 || b.seconds > 3600 {
		return usage("--seconds %d: want 0 to 3600", b.seconds)
	}
	size, err := media.ParseSize(b.size)
	if err != nil {
		return usage("--size: %w", err)
	}
	candidates, err := ladder("").Only(b.encoder)
	if err != nil {
		return usage("--encoder: %w", err)
	}
	candidate := candidates[0]
	if err := decodes(candidate.Codec); err != nil {
		return lacks(fmt.Errorf("bench net: %w", err))
	}
	var links []scenario.Scenario
	for _, name := range b.scenarios {
		named, err := scenario.Named(name)
		if err != nil {
			return usage("--scenario: %w", err)
		}
		links = append(links, named...)
	}
	if err := b.checkSettle(links); err != nil {
		return err
	}
	controllers := slices.DeleteFunc(slices.Clone(netControllers), func(c streamer.Controller) bool { return !slices.Contains(b.controllers, string(c)) })
	if len(controllers) != len(b.controllers) {
		return usage("--controller %s: there are %s, %s and %s", strings.Join(b.controllers, ","), streamer.Nearlight, streamer.GCC, matched)
	}
	if slices.Contains(controllers, matched) && !slices.Contains(controllers, streamer.GCC) {
		return usage("--controller %s: %s takes its rate from %s, so take both", strings.Join(b.controllers, ","), matched, streamer.GCC)
	}
	if !slices.Contains(netFeedback, b.feedback) {
		return usage("--feedback %s: there are %s", b.feedback, strings.Join(netFeedback, ", "))
	}
	if !slices.Contains(contentNames(), b.content) {
		return usage("--content %s: there are %s", b.content, strings.Join(contentNames(), ", "))
	}
	fmt.Fprintf(b.log, "drawing %s at %v\n", b.content, size)
	if b.pictures, err = corpus.Render(corpus.Content(b.content), size, netPictures, b.seed); err != nil {
		return lacks(err)
	}
	b.report = &bench.Report{Bench: "net", Machine: bench.ThisMachine(), Params: map[string]any{
		"seconds": b.seconds, "settle": b.settle.String(), "seed": b.seed, "bitrate": b.bitrate.String(), "encoder": candidate.Name, "size": size.String(),
		"content": b.content, "feedback": b.feedback, "version": version,
	}}
	for _, link := range links {
		var runs []netPlot
		most := media.Bitrate(b.bitrate)
		for _, controller := range controllers {
			fmt.Fprintf(b.log, "%s (%s, %v): %s\n", link.Name, link.About, link.RTT, controller)
			if controller == matched {
				most = runs[len(runs)-1].run.aimed()
				fmt.Fprintf(b.log, "  held to %v\n", most)
			}
			run, err := b.measure(ctx, link, controller, most, candidate, size)
			if err != nil {
				return fmt.Errorf("%s with %s: %w", link.Name, controller, err)
			}
			runs = append(runs, run)
		}
		if b.plots == "" {
			continue
		}
		if err := draw(b.plots, link, runs); err != nil {
			return fmt.Errorf("--plots: %w", err)
		}
	}
	b.compare()
	return nil
}

// netOutcome is what one scenario came to with one controller.
type netOutcome struct {
	scenario string
	excess95 float64 // ms
	stalls   float64 // seconds of them
}

// length is how long a scenario's run is.
func (b *netBench) length(link scenario.Scenario) time.Duration {
	if b.seconds > 0 {
		return time.Duration(b.seconds) * time.Second
	}
	return link.Length
}

// checkSettle makes sure that something is left to measure.
func (b *netBench) checkSettle(links []scenario.Scenario) error {
	for _, link := range links {
		// The last second's frames may still be on their way at the end, and do not count.
		if length := b.length(link); b.settle < 0 || b.settle+time.Second >= length {
			return usage("--settle %v: want 0 to less than %v, a second before %s ends", b.settle, length-time.Second, link.Name)
		}
	}
	return nil
}

// measure runs a scenario's flows with one controller, at most at a rate.
func (b *netBench) measure(ctx context.Context, link scenario.Scenario, controller streamer.Controller, most media.Bitrate, candidate encoder.Candidate, size media.Size) (plotted netPlot, err error) {
	logger := slog.New(slog.DiscardHandler)
	if b.verbose {
		logger = slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	config, err := encoder.Config{Size: size, FrameRate: netFrameRate, Bitrate: most, Recovery: encoder.RecoverByReferences}.Resolve()
	if err != nil {
		return plotted, err
	}
	var flows []*netFlow
	defer func() {
		for _, f := range flows {
			if err := f.close(); err != nil {
				fmt.Fprintf(b.log, "close: %v\n", err)
			}
		}
	}()
	for range link.Flows {
		f, err := openNetFlow(candidate, config, b.pictures, driving(controller), b.feedback, logger)
		if err != nil {
			return plotted, err
		}
		flows = append(flows, f)
	}
	down, up := link.Links(b.seed)
	run, err := streamOver(ctx, flows, down, up, b.settle, b.length(link))
	if err != nil {
		return plotted, err
	}
	if late := run.after.Late.Quantile(0.99); run.after.Missed > 0 || late > 2*time.Millisecond {
		fmt.Fprintf(b.log, "  the relay was late by %v (p99) and missed %d packets: this machine is busy\n", late, run.after.Missed)
	}
	for i, f := range flows {
		labels := bench.Labels{"scenario": link.Name, "controller": string(controller), "rtt": link.RTT.String()}
		if b.feedback != feedbackTransportWide {
			labels["feedback"] = b.feedback
		}
		if len(flows) > 1 {
			labels["flow"] = fmt.Sprint(i + 1)
		}
		figures := f.figures(run, link.RTT)
		figures.report(b.report, labels)
		if i == 0 {
			plotted = netPlot{controller, run, figures}
		}
		fmt.Fprintf(b.log, "  %s\n", figures)
		b.outcomes[controller] = append(b.outcomes[controller], netOutcome{link.Name, percentile(figures.excess, 0.95), figures.stalled.Seconds()})
	}
	fmt.Fprintf(b.log, "  %.0f %% of the link used\n", 100*run.utilisation())
	b.report.Value("utilisation", "ratio", run.utilisation(), bench.Labels{"scenario": link.Name, "controller": string(controller), "rtt": link.RTT.String()})
	return plotted, nil
}

// driving is the controller that a row's streams have.
func driving(controller streamer.Controller) streamer.Controller {
	if controller == matched {
		return streamer.Nearlight
	}
	return controller
}

// compare puts ours beside GCC, over all scenarios.
func (b *netBench) compare() {
	for _, ours := range []struct {
		controller streamer.Controller
		suffix     string
	}{{streamer.Nearlight, ""}, {matched, "_at_its_rate"}} {
		delay, stalls, ok := ratios(b.outcomes[ours.controller], b.outcomes[streamer.GCC])
		if !ok {
			continue
		}
		b.report.Value("delay_ratio_to_gcc"+ours.suffix, "ratio", delay, nil)
		if !math.IsNaN(stalls) {
			b.report.Value("stall_ratio_to_gcc"+ours.suffix, "ratio", stalls, nil)
		}
	}
}

// ratios are the geometric mean of the ratios of the p95 of the excess, and the ratio of all stalls, which is not a number when the others
// had none.
func ratios(ours, theirs []netOutcome) (delay, stalls float64, ok bool) {
	if len(ours) == 0 || len(ours) != len(theirs) {
		return 0, 0, false
	}
	const grain = 1 // ms: below it there is nothing to compare
	product, stalled, baseline := 0.0, 0.0, 0.0
	for i := range ours {
		product += math.Log(max(ours[i].excess95, grain) / max(theirs[i].excess95, grain))
		stalled += ours[i].stalls
		baseline += theirs[i].stalls
	}
	if baseline == 0 {
		return math.Exp(product / float64(len(ours))), math.NaN(), true
	}
	return math.Exp(product / float64(len(ours))), stalled / baseline, true
}
