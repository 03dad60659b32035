package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"nearlight/edge/gpu"
	"nearlight/encoder"
	"nearlight/internal/bench"
	"nearlight/internal/media"
)

// verdict is what doctor thinks of one thing.
type verdict string

const (
	works  verdict = "ok"
	doubts verdict = "warn" // an edge runs, with less than it could have
	fails  verdict = "fail" // no edge runs here
)

// finding is one thing that doctor looked at.
type finding struct {
	Verdict verdict `json:"verdict"`
	What    string  `json:"what"`
	Detail  string  `json:"detail"`
	Remedy  string  `json:"remedy,omitempty"` // a command where there is one
}

func (f finding) String() string {
	line := fmt.Sprintf("%-4s  %-17s  %s", f.Verdict, f.What, oneLine(f.Detail))
	if f.Remedy != "" {
		line += "  -> " + oneLine(f.Remedy)
	}
	return line
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// trouble makes a finding of an error. Errors of ours that know what to do say it after a semicolon; remedy is for the others.
func trouble(v verdict, what string, err error, remedy string) finding {
	detail, said, found := strings.Cut(err.Error(), "; ")
	if found {
		remedy = strings.TrimPrefix(said, "run: ")
	}
	return finding{v, what, detail, remedy}
}

// doctor is what to look for: an edge with these settings.
type doctor struct {
	listen    string
	size      sizeValue
	fps       int
	display   displayValue
	noSandbox bool
	json      bool
	nvidia    string
}

func newDoctor() *cobra.Command {
	d := &doctor{size: sizeValue{Width: 1280, Height: 720}}
	c := &cobra.Command{
		Use:   "doctor [FLAG...]",
		Short: "Say what works on this machine, what does not, and the command that mends it",
		Long: "Tries what an edge needs, for real: GPUs, encoders, the cage, a display, capture, input, drawing and sound. Prints a line for each:\n" +
			"ok, warn (an edge runs, with less than it could have) or fail (no edge runs here), and after -> what to do.\n" +
			"Exits with 0 when an edge can run here, with 3 when not.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			if d.fps < 1 || d.fps > encoder.MaxFrameRate {
				return usage("--fps %d: want 1 to %d", d.fps, encoder.MaxFrameRate)
			}
			return report(c.Context(), c.OutOrStdout(), d.json, d.examine)
		},
	}
	c.Flags().StringVar(&d.listen, "listen", "127.0.0.1:8080", "address on which `nearlight up` is to listen")
	c.Flags().Var(&d.size, "size", "size to try encoders and display at")
	c.Flags().IntVar(&d.fps, "fps", encoder.DefaultFrameRate, "frames per second that are wanted")
	registerDisplay(c.Flags(), &d.display)
	c.Flags().BoolVar(&d.noSandbox, "no-sandbox", false, "try everything without the cage")
	registerNVIDIA(c.Flags(), &d.nvidia)
	c.Flags().BoolVar(&d.json, "json", false, "print one JSON object")
	return c
}

// report prints what examine finds, each line as soon as it is known, or all of it as JSON. The error says which checks
// failed.
func report(ctx context.Context, w io.Writer, asJSON bool, examine func(context.Context, func(finding))) error {
	var findings []finding
	var failed []string
	var unwritten error
	examine(ctx, func(f finding) {
		findings = append(findings, f)
		if f.Verdict == fails {
			failed = append(failed, f.What)
		}
		if !asJSON && unwritten == nil {
			_, unwritten = fmt.Fprintln(w, f)
		}
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	if asJSON {
		unwritten = writeDiagnosis(w, findings, len(failed) == 0)
	}
	switch {
	case unwritten != nil:
		return unwritten
	case len(failed) > 0:
		return lacks(fmt.Errorf("no edge can run here, because of: %s", strings.Join(failed, ", ")))
	}
	return nil
}

func writeDiagnosis(w io.Writer, findings []finding, canRun bool) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(struct {
		Version string        `json:"version"`
		Machine bench.Machine `json:"machine"`
		CanRun  bool          `json:"edge_can_run"`
		Checks  []finding     `json:"checks"`
	}{version, bench.ThisMachine(), canRun, findings})
}

// examine makes every check, in the order in which one builds on another.
func (d *doctor) examine(ctx context.Context, tell func(finding)) {
	tell(checkBuild())
	tell(checkPages())
	checkGPUs(ctx, gpu.Open, newCards(d.nvidia).session(media.Size(d.size), d.fps), tell)
	d.checkEncoders(tell)
	cage, found := d.checkSandbox(ctx)
	tell(found)
	tell(checkNamespaces(kernelSetting))
	if !d.display.offscreen() {
		d.checkSession(ctx, cage, tell)
	}
	tell(d.checkOffscreen(ctx))
	d.checkOtherDisplays(ctx, cage, tell)
	tell(d.checkGPUMemory())
	tell(d.checkNvFBC())
	tell(checkPort(ctx, d.listen))
	tell(checkSocketBuffers(kernelSetting))
	tell(checkNetwork())
	tell(checkClock())
	tell(checkBrowser())
	checkApps(tell)
}
