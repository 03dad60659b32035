package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nearlight/edge/display"
	"nearlight/internal/bench"
)

// benchFlags are what every streaming benchmark takes.
type benchFlags struct {
	edgeFlags
	json    bool
	seconds int
	seed    uint64
	source  string
	link    string // a scenario's name, empty for none
	checker bool
	command []string
	log     io.Writer
}

// Sources of a streaming benchmark's picture.
const (
	sourceClock   = "clock"
	sourceScene   = "scene"
	sourceCommand = "command"
)

// benchmarks lists each benchmark of a stream with what it does, and what this machine must have for it; nil for nothing special.
var benchmarks = []struct {
	name, short string
	needs       func() error // what the machine lacks for it, before anything is started
	run         func(context.Context, *benchFlags, *bench.Report) error
}{
	{"glass", "from drawn to shown, in a real browser (headless Chromium)", needsBrowser, benchGlass},
	{"pipeline", "from drawn to decoded, in a player written in Go", needsDecoder, benchPipeline},
}

func newBench() *cobra.Command {
	c := &cobra.Command{
		Use:   "bench NAME [FLAG...] [-- COMMAND ARG...]",
		Short: "Measure: where does each millisecond go?",
		Long: "Each benchmark starts all that it needs and prints percentiles. The picture comes from a clock of our own that draws 59.7\n" +
			"times a second (a rate that is not the screen's, so that phases do not hide), from the scene, or from COMMAND.",
		RunE: func(c *cobra.Command, arguments []string) error {
			if len(arguments) == 0 {
				return c.Help()
			}
			return usage("there is no benchmark %q; `nearlight bench --help` lists them", arguments[0])
		},
	}
	for _, b := range benchmarks {
		c.AddCommand(newBenchmark(b.name, b.short, b.needs, b.run))
	}
	c.AddCommand(newEncoderBench())
	c.AddCommand(newNetBench())
	c.AddCommand(newMatchBench())
	c.AddCommand(newSignalingBench())
	c.AddCommand(newCheckerBench())
	return c
}

func newBenchmark(name, short string, needs func() error, run func(context.Context, *benchFlags, *bench.Report) error) *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use: name + " [FLAG...] [-- COMMAND ARG...]", Short: "Measure " + short,
		RunE: func(c *cobra.Command, arguments []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			if f.seconds < 1 || f.seconds > 3600 {
				return usage("--seconds %d: want 1 to 3600", f.seconds)
			}
			if f.command = arguments; len(arguments) > 0 {
				f.source = sourceCommand
			}
			if f.source != sourceClock && f.source != sourceScene && f.source != sourceCommand {
				return usage("--source %s: want %s or %s, or a command after --", f.source, sourceClock, sourceScene)
			}
			if err := needs(); err != nil {
				return lacks(err)
			}
			f.log = c.ErrOrStderr()
			report := &bench.Report{Bench: name, Machine: bench.ThisMachine(), Params: map[string]any{
				"seconds": f.seconds, "seed": f.seed, "source": f.source, "size": f.size.String(), "fps": f.fps,
				"bitrate": f.bitrate.String(), "encoder": f.encoder, "display": f.display.String(), "scenario": f.link,
				"congestion": f.congestion, "version": version,
			}}
			if f.display.offscreen() && f.source != sourceScene {
				return usage("--display %s shows the scene alone: add --source %s", display.Offscreen, sourceScene)
			}
			var alone floor
			f.progress("running the %s alone", f.source)
			if err := alone.measure(c.Context(), &f); err != nil {
				return err
			}
			if err := run(c.Context(), &f, report); err != nil {
				return err
			}
			f.progress("running the %s alone once more", f.source)
			if err := alone.measure(c.Context(), &f); err != nil {
				return err
			}
			alone.report(report, &f)
			return report.Write(c.OutOrStdout(), f.json)
		},
	}
	f.register(c.Flags())
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object, and nothing else on standard output")
	c.Flags().IntVar(&f.seconds, "seconds", 20, "how long to measure")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "repeats the times of the key presses")
	c.Flags().StringVar(&f.link, "scenario", "", scenarioHelp())
	if name == "glass" {
		c.Flags().BoolVar(&f.checker, "checker", false, "then look at the same edge as a checker does, to compare with the browser")
	}
	c.Flags().StringVar(&f.source, "source", sourceClock, "what is drawn: "+sourceClock+" or "+sourceScene)
	return c
}

// progress tells a person how far a benchmark is.
func (f *benchFlags) progress(format string, arguments ...any) {
	fmt.Fprintf(f.log, format+"\n", arguments...)
}

// drawn is the command of the source.
func (f *benchFlags) drawn() ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	switch f.source {
	case sourceScene:
		return []string{self, "scene", "--measure"}, nil
	case sourceClock:
		return []string{self, "clock"}, nil
	}
	return f.command, nil
}

// benchKey is what the benchmarks press: a key that no game takes for leaving.
const benchKey = "KeyD"

// warmUp is left out of every figure: encoders and browsers find their pace.
const warmUp = 2 * time.Second

// subject is a running `nearlight up` that is measured from outside, as any user's would be.
type subject struct {
	process *benchProcess
	display displayValue
	folder  string
	url     string // of the pages, without the fragment
	token   string
	ready   time.Duration // from its start to its link
	link    *benchLink    // nil for none
}

// startSubject starts `nearlight up` with the benchmark's settings.
func (f *benchFlags) startSubject(ctx context.Context) (_ *subject, err error) {
	command, err := f.drawn()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "nearlight-bench-")
	if err != nil {
		return nil, err
	}
	arguments := []string{
		"up", "--listen", "127.0.0.1:0", "--measure", folder, "--size", f.size.String(), "--fps", fmt.Sprint(f.fps),
		"--bitrate", f.bitrate.String(), "--encoder", f.encoder, "--congestion", f.congestion, "--nvidia-libraries", f.nvidia, "--display", f.display.String(),
		fmt.Sprintf("--audio=%v", f.audio),
	}
	if f.source == sourceCommand {
		arguments = append(arguments, "--stamp") // it does not draw the marker itself
	}
	if f.noSandbox {
		arguments = append(arguments, "--no-sandbox")
	}
	if f.display.offscreen() { // the edge plays the scene itself
		arguments = append(arguments, "--app", sceneName, "--stamp")
	} else {
		arguments = append(append(arguments, "--"), command...)
	}
	s := &subject{display: f.display, folder: folder}
	if f.link != "" {
		if s.link, err = openBenchLink(f.link, f.seed); err != nil {
			return nil, err
		}
		arguments = slices.Insert(arguments, 1, s.link.arguments()...)
	}
	started := time.Now()
	if s.process, err = startProcess(ctx, f.log, self, arguments...); err != nil {
		return nil, errors.Join(err, s.close())
	}
	link, err := s.process.await(ctx, "play: ")
	if err != nil {
		return nil, fmt.Errorf("%w; %w", err, s.close())
	}
	s.ready = time.Since(started)
	s.url, s.token, _ = strings.Cut(link, "/#token=")
	if s.link != nil {
		if err := s.link.begin(); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

func (s *subject) close() error {
	var err error
	if s.process != nil {
		err = s.process.stop()
	}
	if s.link != nil {
		err = errors.Join(err, s.link.close())
	}
	if removed := os.RemoveAll(s.folder); err == nil {
		err = removed
	}
	return err
}

func (s *subject) file(name string) string { return filepath.Join(s.folder, name) }

// milliseconds is a duration as reports give it.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
